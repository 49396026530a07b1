// Knows the keys: which does what, and the dialog that says so.

import { button, isTyping, make } from "./dom.js";

const HELP = [
  ["j k ↓ ↑", "next and previous exchange"], ["Enter", "open the exchange"], ["Escape", "close it; in the filter: clear"],
  ["/", "type a filter"], ["p", "pause, and go on"], ["r", "replay: send it again"], ["e", "edit and send"],
  ["c", "copy as curl"], ["m", "mark one; on another: compare the two"], ["g", "overview, and back"], ["?", "this help"],
];

/** Call what belongs to a key, unless it is meant as text or a dialog is open. `acts` has a function for each key. */
export function listen(acts) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const act = acts[event.key];
    if (!act) return;
    if (event.key === "Enter" && event.target !== document.body) return; // a button or a link is pressed
    event.preventDefault();
    act();
  });
}

/** Show the keys, and what the filter language knows. */
export function help(fields) {
  const dialog = make("dialog", { class: "dialog help", "aria-labelledby": "help-title" },
    make("h2", { id: "help-title" }, "Keys"),
    make("dl", { class: "keys" }, HELP.map(([keys, words]) => make("div", {}, make("dt", {}, keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, words)))),
    fields.length ? [make("h2", {}, "Filters"),
      make("p", {}, "Fields with ", make("code", {}, "and"), ", ", make("code", {}, "or"), ", ", make("code", {}, "not"), " and parentheses; a bare word searches everything."),
      make("div", { class: "scroll-y", tabindex: 0, role: "group", "aria-label": "Fields" }, make("table", { class: "field-help" }, make("tbody", {}, fields.map((one) =>
        make("tr", {}, make("th", { scope: "row" }, one.name), make("td", {}, one.help), make("td", {}, make("code", {}, one.example)))))))] : null,
    button("Close", () => dialog.close(), { autofocus: true }));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
