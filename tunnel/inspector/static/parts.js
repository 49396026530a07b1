// Knows the views of bodies that have parts: forms, multipart, GraphQL, and events with their times.

import { make } from "./dom.js";
import { indented, readJson } from "./json.js";
import { treeView } from "./tree.js";
import { duration, since, size } from "./words.js";

/** A table of names and values: a form. Its parts if the API told them, else the lines that it wrote. */
export function formView(view) {
  const pairs = view.parts?.length ? view.parts.map((one) => (Array.isArray(one) ? one : [one.name, one.value ?? one.text]))
    : view.text.split("\n").filter(Boolean).map((line) => {
      const at = line.indexOf(" = ");
      return at < 0 ? [line.trimEnd().replace(/ =$/, ""), ""] : [line.slice(0, at).trimEnd(), line.slice(at + 3)];
    });
  return make("table", { class: "fields form-fields", "aria-label": "Fields of the form" }, make("tbody", {}, pairs.map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "value" }, value)))));
}

/** The parts of a multipart body, each with what it says of itself. */
export function multipartView(view) {
  return make("div", { class: "parts" }, (view.parts ?? []).map((part, at) =>
    make("section", { class: "part", "aria-label": `Part ${at + 1}` },
      make("h4", {}, part.name ?? `part ${at + 1}`,
        make("span", { class: "muted" }, [part.filename && `file ${part.filename}`, part.type, part.size !== undefined && part.size !== null && size(part.size)]
          .filter(Boolean).map((words) => ` · ${words}`))),
      ...(part.notes ?? []).map((note) => make("p", { class: "muted" }, note)),
      make("pre", { class: "text", tabindex: 0, role: "group", "aria-label": `Part ${at + 1}` }, part.text ?? part.hex ?? ""))));
}

/** A GraphQL request: its query as text, its variables as a tree. */
export function graphqlView(view) {
  const found = graphqlParts(view);
  return make("div", { class: "parts" }, found.map(([name, text]) => {
    let shown = make("pre", { class: "text", tabindex: 0, role: "group", "aria-label": name }, text);
    if (name !== "query") try { shown = treeView(readJson(text), name); } catch { /* text, then */ }
    return make("section", { class: "part", "aria-label": name }, make("h4", {}, name), shown);
  }));
}

const graphqlParts = (view) => [["query", view.text], ...(view.parts ?? []).map(({ name, text }) => [name, text ?? ""])];

/** A stream of events: each with its time, its name, its id and its data. */
export function eventsView(view, started) {
  const events = view.events ?? [];
  const timed = events.some(({ at }) => at !== null && at !== undefined);
  const named = events.some(({ event, id }) => event || id); // lines of JSON have neither
  if (!events.length) return make("p", { class: "muted" }, "No event has come yet.");
  return make("div", { class: "scroll-x", tabindex: 0, role: "group", "aria-label": "Events" }, make("table", { class: "events" },
    make("thead", {}, make("tr", {}, [timed ? "Time" : [], named ? ["Event", "Id"] : [], "Data"].flat().map((words) => make("th", { scope: "col" }, words)))),
    make("tbody", {}, events.map((one) => make("tr", {},
      timed ? make("td", { class: "event-time" }, one.at === null || one.at === undefined ? "" : `+${duration(since(one.at, started))}`) : null,
      named ? [make("td", {}, one.event || "message"), make("td", {}, one.id ?? "")] : null,
      make("td", { class: "value" }, make("pre", {}, (one.data.length < 20_000 && /^\s*[[{]/.test(one.data) && indented(one.data)) || one.data)))))));
}
