// Knows the filter box: typing, completion, the error under the word it means. What a filter selects is for the API.

import * as api from "./api.js";
import { accept, complete, wordAt } from "./complete.js";
import { button, byId, fill, make } from "./dom.js";
import { sentence } from "./say.js";

const PAUSE = 180; // milliseconds after a key before the filter is checked

export class FilterBox {
  /** `applied(text)` is called with a filter that the API takes, `left()` once the box is done with. */
  constructor({ applied, left }) {
    this._applied = applied;
    this._left = left;
    this._box = byId("filter");
    this._list = byId("choices");
    this._mark = byId("filter-mark");
    this._error = byId("filter-error");
    this._fields = [];
    this._offer = null;
    this._at = -1;
    this._checking = null;
    this._timer = 0;
    this._box.addEventListener("input", () => this._typed());
    this._box.addEventListener("keydown", (event) => this._key(event));
    this._box.addEventListener("scroll", () => this._placeMark());
    this._box.addEventListener("blur", () => this._close());
    this._list.addEventListener("pointerdown", (event) => this._pressed(event));
    byId("filter-form").addEventListener("submit", (event) => { event.preventDefault(); this._submit(); });
  }

  get text() { return this._box.value.trim(); }

  knows(fields) { this._fields = fields; }

  /** Show a filter that is applied already. */
  show(text) {
    if (this.text !== text) this._box.value = text;
    this._clearError();
  }

  focus() {
    this._box.focus();
    this._box.select();
  }

  /** Apply what is typed, unless the API says what is wrong with it; return whether it is applied. */
  async apply() {
    this._close();
    clearTimeout(this._timer);
    const fine = await this._check();
    if (fine) this._applied(this.text);
    return fine;
  }

  async _submit() {
    if (await this.apply()) this._left();
  }

  /** Point at what is wrong; the error has a column where one place is meant. */
  showError({ error, hint, column, nearest }) {
    this._box.setAttribute("aria-invalid", "true");
    this._box.setAttribute("aria-describedby", "filter-error");
    this._wrong = Number.isInteger(column) ? wordAt(this._box.value, column) : null;
    const proposed = nearest ?? this._proposed(hint);
    fill(this._error, make("span", {}, sentence(error), " ", hint ? sentence(hint) : ""),
      proposed && this._wrong ? button(`Use ${proposed}`, () => this._use(proposed), { class: "propose" }) : null);
    this._error.hidden = false;
    this._placeMark();
  }

  /** What a hint proposes: the API asks "did you mean …?". */
  _proposed(hint) {
    return /did you mean (\S+)\?/i.exec(hint ?? "")?.[1].replace(/^["'`]|["'`]$/g, "") ?? null;
  }

  _use(word) {
    const { from, to } = this._wrong;
    this._box.value = this._box.value.slice(0, from) + word + this._box.value.slice(to);
    this._box.focus();
    this._box.setSelectionRange(from + word.length, from + word.length);
    this._check();
  }

  _clearError() {
    this._box.removeAttribute("aria-invalid");
    this._box.removeAttribute("aria-describedby");
    this._error.hidden = this._mark.hidden = true;
    this._wrong = null;
    fill(this._error);
  }

  /** The box is monospaced: a column is so many characters from its left edge. */
  _placeMark() {
    this._mark.hidden = !this._wrong;
    if (!this._wrong) return;
    const { from, to } = this._wrong;
    this._mark.style.setProperty("--from", from);
    this._mark.style.setProperty("--wide", Math.max(1, to - from));
    this._mark.style.setProperty("--scrolled", `${this._box.scrollLeft}px`);
  }

  _typed() {
    this._suggest(false);
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._check({ typing: true }), PAUSE);
  }

  /** Ask the API; return whether it takes the filter. */
  async _check({ typing = false } = {}) {
    this._checking?.abort();
    this._checking = new AbortController();
    const asked = this._box.value;
    if (!this.text) { this._clearError(); return true; }
    try {
      const told = await api.check(asked, this._checking.signal);
      if (this._box.value !== asked) return false;
      if (told.ok) { this._clearError(); return true; }
      // What is still being typed at the end is not wrong, only unfinished.
      if (typing && document.activeElement === this._box && (told.column ?? 0) >= asked.trimEnd().length - 1) this._clearError();
      else this.showError(told);
      return false;
    } catch (error) {
      if (error.name === "AbortError") return false;
      this._clearError();
      return true; // the API itself will say what it makes of it
    }
  }

  _suggest(asked) {
    this._offer = complete(this._box.value, this._box.selectionStart, this._fields);
    const nothingTyped = !this._offer.typed && (this._offer.expects === "term" || this._offer.expects === "joiner");
    if (!this._offer.choices.length || (!asked && nothingTyped)) return this._close();
    this._at = -1;
    fill(this._list, this._offer.choices.slice(0, 60).map((choice, at) =>
      make("li", { role: "option", id: `choice-${at}`, "aria-selected": "false", class: "choice" },
        make("span", { class: "choice-word" }, choice.label),
        make("span", { class: "choice-help" }, choice.help.replaceAll("`", ""), choice.unit ? ` (${choice.unit})` : ""))));
    this._list.hidden = false;
    this._box.setAttribute("aria-expanded", "true");
    this._box.removeAttribute("aria-activedescendant");
    return undefined;
  }

  _close() {
    this._list.hidden = true;
    this._at = -1;
    this._box.setAttribute("aria-expanded", "false");
    this._box.removeAttribute("aria-activedescendant");
  }

  _highlight(at) {
    const items = [...this._list.children];
    this._at = (at + items.length) % items.length;
    items.forEach((item, place) => item.setAttribute("aria-selected", place === this._at ? "true" : "false"));
    this._box.setAttribute("aria-activedescendant", items[this._at].id);
    items[this._at].scrollIntoView({ block: "nearest" });
  }

  _accept(at) {
    const { text, caret } = accept(this._box.value, this._offer, this._offer.choices[at]);
    this._box.value = text;
    this._box.setSelectionRange(caret, caret);
    this._typed();
  }

  _pressed(event) {
    const item = event.target.closest("[role=option]");
    event.preventDefault(); // the box keeps the focus
    if (item) this._accept([...this._list.children].indexOf(item));
  }

  _key(event) {
    const open = !this._list.hidden;
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp" || (key === " " && event.ctrlKey)) {
      if (!open) this._suggest(true);
      if (!this._list.hidden && key !== " ") this._highlight(key === "ArrowDown" ? this._at + 1 : Math.max(this._at, 0) - 1);
    } else if (open && this._at >= 0 && (key === "Enter" || key === "Tab")) this._accept(this._at);
    else if (key === "Escape" && open) this._close();
    else if (key === "Escape" && !this._box.value) this._left();
    else if (key === "Escape") { this._box.value = ""; this.apply(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
