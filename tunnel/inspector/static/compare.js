// Knows two exchanges beside each other: which rows differ, which of these are noise, and what of them is shown.

import * as api from "./api.js";
import { button, fill, make } from "./dom.js";
import { address, go } from "./route.js";
import { troubleBox } from "./say.js";
import { many } from "./words.js";

const TITLES = { request: "Request", response: "Response", head: "head", body: "body", line: "line", timing: "time", messages: "messages" };

/** What two texts begin and end with alike; what differs lies between. Pure. */
export function differing(left, right) {
  const most = Math.min(left.length, right.length);
  let from = 0, to = 0;
  while (from < most && left[from] === right[from]) from += 1;
  while (to < most - from && left[left.length - 1 - to] === right[right.length - 1 - to]) to += 1;
  return [left, right].map((text) => [text.slice(0, from), text.slice(from, text.length - to), text.slice(text.length - to)]);
}

export class CompareView {
  constructor(place) {
    this._place = place;
    this._hideNoise = true;
    this._onlyDifferences = false;
    this._rows = [];
    this._shown = "";
  }

  async show({ left, right }) {
    const wanted = `${left} ${right}`;
    if (this._shown === wanted) return;
    this._shown = wanted;
    this._table = make("div", { class: "compare-rows" });
    fill(this._place, this._bar(left, right), this._table);
    if (left === null || right === null) {
      fill(this._table, make("div", { class: "empty" }, make("h2", {}, "Choose two exchanges"),
        make("p", {}, "Type their numbers above. Or go to the list, press ", make("kbd", {}, "m"), " on one, and ", make("kbd", {}, "m"), " on another.")));
      return;
    }
    try {
      const rows = await api.compare(left, right);
      if (this._shown !== wanted) return;
      this._rows = rows;
      this._draw();
    } catch (error) {
      this._shown = "";
      fill(this._table, troubleBox(error));
    }
  }

  _bar(left, right) {
    const box = (id, words, value) => {
      const made = make("input", { id, type: "text", inputmode: "numeric", pattern: "[0-9]+", size: 7, required: true, autocomplete: "off" });
      made.value = value ?? "";
      return [make("label", { for: id }, words), made];
    };
    const submit = (event) => {
      event.preventDefault();
      go({ view: "compare", left: Number(this._place.querySelector("#compare-left").value), right: Number(this._place.querySelector("#compare-right").value) });
    };
    const toggle = (name, words) => {
      const made = make("input", { type: "checkbox", id: `compare${name}` });
      made.checked = this[name];
      made.addEventListener("change", () => { this[name] = made.checked; this._draw(); });
      return make("label", { class: "toggle", for: `compare${name}` }, made, words);
    };
    return make("form", { class: "compare-bar", onsubmit: submit },
      make("h2", { tabindex: -1 }, "Compare"), box("compare-left", "Exchange", left), box("compare-right", "with", right),
      make("button", { type: "submit" }, "Compare"), button("Swap", () => go({ view: "compare", left: right, right: left })),
      toggle("_hideNoise", "Hide noise"), toggle("_onlyDifferences", "Only differences"));
  }

  _draw() {
    const { left, right } = Object.fromEntries(["left", "right"].map((side, at) => [side, this._shown.split(" ")[at]]));
    const shown = this._rows.filter((row) => !(this._hideNoise && row.noise && !row.same) && !(this._onlyDifferences && row.same));
    const differ = this._rows.filter((row) => !row.same && !row.noise).length;
    const noise = this._rows.filter((row) => !row.same && row.noise).length;
    const groups = new Map();
    for (const row of shown) groups.set(row.where, [...(groups.get(row.where) ?? []), row]);
    const link = (id) => make("a", { href: address({ view: "list", id, left: null, right: null }) }, `Exchange ${id}`);
    fill(this._table,
      make("p", { class: "compare-sum", role: "status" }, differ ? `${many(differ, "thing differs", "things differ")}` : "Nothing differs",
        noise ? `, and ${many(noise, "more is noise", "more are noise")} (dates, ids)${this._hideNoise ? ", hidden" : ""}.` : "."),
      shown.length ? make("div", { class: "scroll-x", tabindex: 0, role: "group", "aria-label": "What differs" }, make("table", { class: "compare-table" },
        make("thead", {}, make("tr", {}, make("td", {}), make("th", { scope: "col" }, "Name"), make("th", { scope: "col" }, link(left)), make("th", { scope: "col" }, link(right)))),
        [...groups].map(([where, rows]) => make("tbody", {},
          make("tr", { class: "group" }, make("th", { scope: "rowgroup", colspan: 4 }, titleOf(where))), rows.map(rowView))))) : null);
  }
}

const titleOf = (where) => where.split(".").map((word) => TITLES[word] ?? word).join(" ");

function rowView({ name, left, right, same, noise }) {
  const texts = [left, right].map((value) => (value === null || value === undefined ? null : String(value)));
  const cells = same || texts.includes(null) ? texts.map((text) => (text === null ? make("span", { class: "absent" }, "not there") : text))
    : differing(...texts).map(([begins, middle, ends]) => [shorten(begins, true), middle ? make("mark", {}, middle) : make("mark", { class: "nothing" }), shorten(ends, false)]);
  return make("tr", { class: same ? "same" : noise ? "noise" : "differs" },
    make("td", { class: "sign" }, same ? "" : make("span", { "aria-hidden": "true" }, noise ? "≈" : "≠"), same ? "" : make("span", { class: "unseen" }, noise ? "differs, noise" : "differs")),
    make("th", { scope: "row" }, name), cells.map((cell) => make("td", { class: "value" }, cell)));
}

/** Of a long text that is alike on both sides only the edge next to the difference is of interest. */
function shorten(text, before) {
  const most = 400;
  if (text.length <= most) return text;
  return before ? `… ${text.slice(-most)}` : `${text.slice(0, most)} …`;
}
