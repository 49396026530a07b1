// Knows the menu of saved filters: apply one, save the one that is typed, delete one.

import * as api from "./api.js";
import { button, byId, fill, make } from "./dom.js";
import { say, sayError } from "./say.js";

export class SavedFilters {
  /** `current()` gives the filter that is typed, `apply(text)` takes another. */
  constructor({ current, apply }) {
    this._current = current;
    this._apply = apply;
    this._button = byId("saved-button");
    this._menu = byId("saved");
    this._button.addEventListener("click", () => (this._menu.hidden ? this._open() : this._close()));
    document.addEventListener("pointerdown", (event) => {
      if (!this._menu.hidden && !this._menu.contains(event.target) && event.target !== this._button) this._close();
    });
    this._menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this._close();
      this._button.focus();
    });
  }

  async _open() {
    this._menu.hidden = false;
    this._button.setAttribute("aria-expanded", "true");
    await this._draw();
    this._menu.querySelector("button, input")?.focus();
  }

  _close() {
    this._menu.hidden = true;
    this._button.setAttribute("aria-expanded", "false");
  }

  async _draw() {
    let filters;
    try {
      filters = await api.filters();
    } catch (error) {
      fill(this._menu, make("p", {}, error.message));
      return;
    }
    const rows = filters.map((one) => make("li", {},
      button([make("span", { class: "saved-name" }, one.name), make("code", {}, one.filter)],
        () => { this._close(); this._apply(one.filter); }, { class: "saved-apply" }),
      button("Delete", () => this._delete(one.name), { "aria-label": `Delete ${one.name}` })));
    fill(this._menu,
      rows.length ? make("ul", {}, rows) : make("p", { class: "muted" }, "No filter is saved yet. Type one, and give it a name here."),
      this._saveForm());
  }

  _saveForm() {
    const filter = this._current();
    if (!filter) return null;
    const name = make("input", { type: "text", id: "saved-as", required: true, maxlength: 60, autocomplete: "off" });
    const save = async (event) => {
      event.preventDefault();
      try {
        await api.saveFilter(name.value.trim(), filter);
        say(`Saved as ${name.value.trim()}.`);
        await this._draw();
      } catch (error) { sayError(error); }
    };
    return make("form", { class: "save-form", onsubmit: save },
      make("label", { for: "saved-as" }, "Save ", make("code", {}, filter), " as"), name,
      make("button", { type: "submit" }, "Save"));
  }

  async _delete(name) {
    try {
      await api.deleteFilter(name);
      say(`Deleted ${name}.`);
    } catch (error) { sayError(error); }
    await this._draw();
    this._menu.querySelector("button, input")?.focus();
  }
}
