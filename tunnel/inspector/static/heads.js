// Knows a message's head: its fields as they came and as they were forwarded, and what became of each between the two.

import { button, fill, make } from "./dom.js";

const SIGNS = { removed: "−", added: "+", changed: "~" };

/**
 * Lay both heads of a message into one list, in the order in which they came. Pure.
 *
 * `fields` came, some of them removed; `sent` went on, some of them added or changed. A changed field stands once, with
 * both its values.
 */
export function merge(fields, sent) {
  const key = ({ name }) => name.toLowerCase();
  const changed = sent.filter(({ change }) => change === "changed");
  const rows = fields.map((came) => {
    const at = came.change === "removed" ? changed.findIndex((went) => key(went) === key(came)) : -1;
    if (at < 0) return { name: came.name, change: came.change, value: came.value };
    const [went] = changed.splice(at, 1);
    return { name: went.name, change: "changed", before: came.value, value: went.value };
  });
  const added = [...changed, ...sent.filter(({ change }) => change === "added")];
  return [...rows, ...added.map(({ name, value }) => ({ name, change: "added", value }))];
}

/** Show a head. `came` and `went` say from whom and to whom, for the three ways of looking at it. */
export function headView(message, { came, went }) {
  const table = make("table", { class: "fields", "aria-label": "Fields" });
  const line = make("p", { class: "first-line" });
  const forwarded = Boolean(message.sent_line);
  const ways = [["merged", "What changed"], ["came", `From the ${came}`], ["sent", `To the ${went}`]];
  const buttons = ways.map(([way, words]) => button(words, () => show(way), { "aria-pressed": "false", disabled: way !== "came" && !forwarded }));
  const show = (way) => {
    buttons.forEach((one, at) => one.setAttribute("aria-pressed", ways[at][0] === way ? "true" : "false"));
    showLine(line, message, way);
    const rows = way === "merged" ? merge(message.fields, message.sent)
      : (way === "came" ? message.fields : message.sent).map(({ name, value }) => ({ name, value, change: "" }));
    fill(table, make("tbody", {}, rows.map(fieldRow)));
  };
  show(forwarded ? "merged" : "came");
  return make("div", { class: "head" }, line,
    make("div", { class: "ways", role: "group", "aria-label": "Which head is shown" }, buttons), table,
    forwarded ? null : make("p", { class: "muted" }, `It did not go on to the ${went}.`),
    message.trailers?.length ? trailers(message.trailers) : null);
}

function showLine(line, message, way) {
  const differs = way === "merged" && message.sent_line && message.sent_line !== message.line;
  if (!differs) fill(line, way === "sent" ? message.sent_line : message.line);
  else fill(line, make("del", {}, message.line), make("span", { class: "unseen" }, " went on as "), make("ins", {}, message.sent_line));
}

function fieldRow({ name, value, change, before }) {
  return make("tr", { class: change || null },
    make("td", { class: "sign" }, SIGNS[change] ? make("span", { "aria-hidden": "true" }, SIGNS[change]) : null,
      change ? make("span", { class: "unseen" }, change) : null),
    make("th", { scope: "row" }, name),
    make("td", { class: "value" },
      before === undefined ? (change === "removed" ? make("del", {}, value) : value)
        : [make("del", {}, before), make("span", { class: "unseen" }, " became "), make("ins", {}, value)]));
}

function trailers(fields) {
  return make("div", { class: "trailers" }, make("h4", {}, "Trailers"),
    make("table", { class: "fields" }, make("tbody", {}, fields.map((one) =>
      fieldRow(typeof one === "string" ? { name: one.split(":")[0], value: one.slice(one.indexOf(":") + 1).trim(), change: "" } : { change: "", ...one })))));
}
