// Knows how a body is shown: which views there are of it, which is chosen, and what a reader should know beside it.

import * as api from "./api.js";
import { button, fill, make } from "./dom.js";
import { hexLines } from "./hex.js";
import { readJson } from "./json.js";
import { eventsView, formView, graphqlView, multipartView } from "./parts.js";
import { previewView } from "./preview.js";
import { sentence, troubleBox } from "./say.js";
import { treeView } from "./tree.js";
import { number, size } from "./words.js";

const HEX_MOST = 16 * 1024; // bytes
const TEXT_MOST = 200_000; // characters shown at once
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)$/;
// A program where it is a page, and only a picture in an <img>: nothing in it runs or loads there (SVG 2, "secure static mode").
const DRAWING = "image/svg+xml";
const chosen = {}; // the view one last chose for a kind of body, kept for the next

/** Show one body of an exchange; returns an element, filled once the API has answered: then its `ready` is done. */
export function bodyView(exchange, side, given = null) {
  const { body } = exchange[side];
  const place = make("div", { class: "body" });
  if (!body || (!body.size && !given)) {
    fill(place, make("p", { class: "muted" }, "No body."));
    return place;
  }
  place.setAttribute("aria-busy", "true");
  place.ready = (given ? Promise.resolve(given) : api.view(exchange.id, side)).then((view) => show(place, exchange, side, view), (error) => fill(place, troubleBox(error)))
    .finally(() => place.removeAttribute("aria-busy"));
  return place;
}

/** What is said of a body beside its bytes. */
function facts(body, view) {
  const said = [size(body.size)];
  if (body.type) said.push(body.type);
  if (body.coding) said.push(`${body.coding}, shown decoded`);
  const notes = [...(view.notes ?? [])];
  if (view.truncated && !notes.length) notes.push("only the first part is shown");
  return { said, notes };
}

function show(place, exchange, side, view) {
  const { body } = exchange[side];
  const { said, notes } = facts(body, view);
  const views = viewsOf(exchange, side, view);
  const room = make("div", { class: "body-view" });
  const buttons = views.map(([name, words]) => button(words, () => choose(name), { "aria-pressed": "false" }));
  const choose = async (name, remember = true) => {
    if (remember) chosen[view.kind] = name;
    buttons.forEach((one, at) => one.setAttribute("aria-pressed", views[at][0] === name ? "true" : "false"));
    try {
      fill(room, await views.find(([one]) => one === name)[2]());
    } catch (error) { fill(room, troubleBox(error)); }
  };
  fill(place,
    make("p", { class: "body-facts" }, said.join(" · ")),
    notes.map((note) => make("p", { class: "note" }, sentence(note))),
    make("div", { class: "ways" },
      make("span", { class: "ways-group", role: "group", "aria-label": `How the body of the ${side} is shown` }, buttons),
      make("a", { class: "download", href: api.bodyPath(exchange.id, side), download: `${exchange.id}-${side}` }, "Download"),
      body.coding ? make("a", { class: "download", href: api.bodyPath(exchange.id, side, "raw"), download: `${exchange.id}-${side}-as-it-passed` }, "as it passed") : null),
    room);
  return choose(views.some(([name]) => name === chosen[view.kind]) ? chosen[view.kind] : views[0][0], false);
}

/** The views of a body: name, words, and what makes it. The first is the one for its kind. */
function viewsOf(exchange, side, view) {
  const label = `Body of the ${side}`;
  const text = ["text", "Text", () => textView(view.text, label)];
  const hex = ["hex", "Hex", async () => textView(...await hexOf(exchange, side, label))];
  switch (view.kind) {
    case "json": return [["tree", "Tree", () => jsonView(view.text, label)], text, hex];
    case "form": return [["form", "Form", () => formView(view)], text, hex];
    case "multipart": return [["parts", "Parts", () => multipartView(view)], text, hex];
    case "graphql": return [["graphql", "GraphQL", () => graphqlView(view)], text, hex];
    case "events": return [["events", "Events", () => eventsView(view, exchange.started)], text, hex];
    case "html": return [["text", "Source", () => textView(view.text, label)], ["preview", "Preview", () => previewView(view.text)], hex];
    case "image": return pictureViews(exchange, side, view, hex);
    case "hex": return [hex];
    case "empty": return [["empty", "Nothing", () => make("p", { class: "muted" }, "No body.")]];
    default: return typeOf(exchange, side) === DRAWING ? [text, ["image", "Picture", () => pictureView(exchange, side, DRAWING)], hex] : [text, hex];
  }
}

function jsonView(text, label) {
  try {
    return treeView(readJson(text), label);
  } catch (error) {
    return [make("p", { class: "note" }, `Shown as text: ${error.message}.`), textView(text, label)];
  }
}

function textView(text, label) {
  const shown = make("pre", { class: "text", tabindex: 0, role: "group", "aria-label": label }, text.slice(0, TEXT_MOST));
  if (text.length <= TEXT_MOST) return shown;
  const more = button(`Show all ${number(text.length)} characters`, () => { shown.textContent = text; more.remove(); }, { class: "more" });
  return [shown, more];
}

async function hexOf(exchange, side, label) {
  const bytes = await api.bytes(exchange.id, side, HEX_MOST + 1);
  const rest = bytes.length > HEX_MOST ? `\n… only the first ${size(HEX_MOST)} are shown` : "";
  return [hexLines(bytes.subarray(0, HEX_MOST)) + rest, label];
}

const typeOf = (exchange, side) => (exchange[side].body.type ?? "").split(";")[0].trim().toLowerCase();

function pictureViews(exchange, side, view, hex) {
  const type = typeOf(exchange, side);
  if (!PICTURES.test(type)) return view.text ? [["text", "Text", () => textView(view.text, "Source of the picture")], hex] : [hex];
  return [["image", "Picture", () => pictureView(exchange, side, type)], hex];
}

async function pictureView(exchange, side, type) {
  const bytes = await api.bytes(exchange.id, side, 32 * 1024 * 1024);
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const facts = make("p", { class: "muted" });
  const picture = make("img", { class: "picture", alt: `The picture in the body of the ${side}`, src: url });
  picture.addEventListener("load", () => { facts.textContent = `${picture.naturalWidth} × ${picture.naturalHeight}`; URL.revokeObjectURL(url); });
  picture.addEventListener("error", () => { facts.textContent = "This picture cannot be read."; URL.revokeObjectURL(url); });
  return [picture, facts];
}
