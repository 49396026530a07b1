// Knows what can be done with an exchange: copy it, send it again, reveal its secrets. Each says how it went.

import * as api from "./api.js";
import { button, fill, make } from "./dom.js";
import { go } from "./route.js";
import { say, sayError, sentence } from "./say.js";

export const COPIES = [["curl", "curl"], ["fetch", "fetch"], ["requests", "Python requests"], ["har", "HAR"]];

/** Copy an exchange in one of the forms, and say so. */
export async function copyAs(id, form) {
  const words = COPIES.find(([name]) => name === form)[1];
  let text;
  try {
    text = await api.copy(id, form);
  } catch (error) {
    sayError(error);
    return;
  }
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied exchange ${id} as ${words}.`);
  } catch {
    showText(`Exchange ${id} as ${words}`, text); // a browser may refuse the clipboard: then by hand
  }
}

/** Show text to be copied by hand. */
function showText(title, text) {
  const area = make("textarea", { class: "by-hand", readonly: true, rows: 12, "aria-label": title });
  area.value = text;
  const dialog = make("dialog", { class: "dialog", "aria-label": title },
    make("h2", {}, title), make("p", {}, "This browser does not let the page use the clipboard. Copy it from here:"), area,
    button("Close", () => dialog.close()));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  area.select();
}

/** Send an exchange again, edited or not, and go to what came of it. Return whether it was sent. */
export async function sendAgain(id, edits = {}) {
  say(`Sending ${id} again…`);
  let replays;
  try {
    replays = await api.replay(id, edits);
  } catch (error) {
    sayError(error);
    return false;
  }
  const failed = replays.filter(({ error }) => error);
  const sent = replays.find((one) => one.id !== null && one.id !== undefined);
  if (sent && replays.length === 1) {
    say(`Sent again as exchange ${sent.id}: ${sentence(outcome(sent))}`);
    go({ view: "list", id: sent.id });
  } else if (failed.length === replays.length) sayError({ message: failed[0].error });
  else {
    say(`Sent again${edits.to ? ` to ${edits.to}` : ""}: ${outcomes(replays)}`);
    if (sent) go({ view: "list", filter: `replay = ${id}` });
  }
  return Boolean(sent) || !failed.length;
}

const outcome = ({ status, error }) => [status, error].filter(Boolean).join(", ") || "no answer";

/** What came of several: "3 × 200, 1 × the upstream is not there". Pure. */
export function outcomes(replays) {
  const counts = new Map();
  for (const replay of replays) counts.set(outcome(replay), (counts.get(outcome(replay)) ?? 0) + 1);
  return [...counts].map(([words, count]) => (replays.length === 1 ? words : `${count} × ${words}`)).join(", ");
}

/** A button that opens a small menu of buttons. */
export function menu(words, choices, attributes = {}) {
  const list = make("div", { class: "menu-list", role: "menu", hidden: true });
  const opener = button(words, () => (list.hidden ? open() : close()), { "aria-haspopup": "menu", "aria-expanded": "false", ...attributes });
  const place = make("span", { class: "menu" }, opener, list);
  const items = choices.map(([label, act, keys]) => make("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => { close(); opener.focus(); act(); } },
    make("span", {}, label), keys ? make("kbd", {}, keys) : null));
  fill(list, items);
  const away = (event) => { if (!place.contains(event.target)) close(); };
  function open() {
    list.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", away);
    items[0].focus();
  }
  function close() {
    list.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", away);
  }
  place.addEventListener("focusout", (event) => { if (event.relatedTarget && !place.contains(event.relatedTarget)) close(); });
  place.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const at = items.indexOf(document.activeElement);
    if (event.key === "ArrowDown") items[(at + 1) % items.length].focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length].focus();
    else if (event.key === "Escape") { close(); opener.focus(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return place;
}
