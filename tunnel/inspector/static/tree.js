// Knows a tree of JSON on the screen: what is open, what is drawn only once it is opened, and the keys that walk it.

import { make } from "./dom.js";

const AT_ONCE = 100; // items of one branch drawn at once
const OPEN_LEVELS = 2; // levels that are open at first
const OPEN_ITEMS = 60; // a branch with more stays closed at first
const LONGEST = 600; // characters of a string that are shown at once

/** Show what readJson read. */
export function treeView(root, label) {
  const top = item(null, root, 0);
  const tree = make("ul", { role: "tree", class: "tree", "aria-label": label, onkeydown: walk, onclick: clicked }, top);
  top.tabIndex = 0;
  return tree;
}

function item(key, node, level) {
  const branch = Boolean(node.items?.length);
  const line = make("span", { class: "tree-line" },
    make("span", { class: branch ? "twist" : "twist leaf", "aria-hidden": "true" }),
    key === null ? null : [make("span", { class: typeof key === "number" ? "tree-index" : "tree-key" }, key), make("span", { class: "tree-colon" }, ": ")],
    node.items ? make("span", { class: "tree-count" }, count(node)) : scalarView(node));
  const element = make("li", { role: "treeitem", tabindex: -1, class: "tree-item", "aria-level": level + 1 }, line);
  if (branch) {
    element.branch = { node, level };
    element.setAttribute("aria-expanded", "false");
    if (level < OPEN_LEVELS && node.items.length <= OPEN_ITEMS) setOpen(element, true);
  }
  return element;
}

function count({ kind, items }) {
  const [open, close] = kind === "object" ? "{}" : "[]";
  if (!items.length) return open + close;
  return `${open} ${items.length} ${kind === "object" ? (items.length === 1 ? "key" : "keys") : (items.length === 1 ? "item" : "items")} ${close}`;
}

function scalarView({ kind, text }) {
  const shown = kind === "string" ? JSON.stringify(text) : text;
  const view = make("span", { class: `json-${kind}` }, shown.slice(0, LONGEST));
  if (shown.length > LONGEST) {
    const more = make("button", { type: "button", class: "more", tabindex: -1 }, `show ${shown.length - LONGEST} more characters`);
    more.addEventListener("click", (event) => { event.stopPropagation(); view.textContent = shown; more.remove(); });
    return [view, more];
  }
  return view;
}

function setOpen(element, open) {
  if (!element.branch) return;
  element.setAttribute("aria-expanded", open ? "true" : "false");
  element.querySelector(":scope > ul")?.remove();
  if (!open) return;
  const group = make("ul", { role: "group" });
  element.append(group);
  drawMore(group, element.branch, 0);
}

/** Draw the next items of a branch, and a way to the rest: a list of a million items opens as fast as one of ten. */
function drawMore(group, branch, from) {
  const { node, level } = branch;
  for (const { key, node: child } of node.items.slice(from, from + AT_ONCE)) group.append(item(key, child, level + 1));
  const left = node.items.length - from - AT_ONCE;
  if (left <= 0) return;
  const more = make("li", { role: "treeitem", tabindex: -1, class: "tree-item tree-more", "aria-level": level + 2 }, `show more: ${left} are left`);
  more.showMore = () => {
    const had = more === document.activeElement;
    more.remove();
    drawMore(group, branch, from + AT_ONCE);
    if (had) focusOn(group.children[from + AT_ONCE]);
  };
  group.append(more);
}

function clicked(event) {
  const element = event.target.closest("[role=treeitem]");
  if (!element || getSelection().toString()) return;
  focusOn(element);
  act(element);
}

function act(element) {
  if (element.showMore) element.showMore();
  else setOpen(element, element.getAttribute("aria-expanded") === "false");
}

function focusOn(element) {
  const tree = element.closest("[role=tree]");
  for (const one of tree.querySelectorAll("[tabindex='0']")) one.tabIndex = -1;
  element.tabIndex = 0;
  element.focus();
}

function walk(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const element = event.target.closest("[role=treeitem]");
  const seen = [...event.currentTarget.querySelectorAll("[role=treeitem]")];
  const at = seen.indexOf(element);
  const open = element.getAttribute("aria-expanded");
  const to = (place) => { if (seen[place]) focusOn(seen[place]); };
  switch (event.key) {
    case "ArrowDown": to(at + 1); break;
    case "ArrowUp": to(at - 1); break;
    case "Home": to(0); break;
    case "End": to(seen.length - 1); break;
    case "ArrowRight":
      if (open === "false") setOpen(element, true);
      else if (open === "true") to(at + 1);
      break;
    case "ArrowLeft":
      if (open === "true") setOpen(element, false);
      else { const above = element.parentElement.closest("[role=treeitem]"); if (above) focusOn(above); }
      break;
    case "Enter": case " ": act(element); break;
    default: return;
  }
  event.preventDefault();
  event.stopPropagation();
}
