// Knows one row of the list: its cells, and what they say of an exchange. Where it stands is for list.js.

import { make } from "./dom.js";
import * as words from "./words.js";

export const COLUMNS = [
  ["number", "No."], ["time", "Time"], ["method", "Method"], ["path", "Path"], ["status", "Status"], ["type", "Type"],
  ["size", "Size"], ["duration", "Duration"], ["client", "Client"],
];

/** Make the row of headings. */
export function headings() {
  return make("div", { role: "row", class: "row headings", "aria-rowindex": 1 },
    COLUMNS.map(([name, words], at) =>
      make("div", { role: "columnheader", class: `cell ${name}`, "aria-colindex": at + 1 }, words)));
}

/** Make an empty row; `fillRow` says what it shows. */
export function emptyRow(id) {
  const row = make("div", { role: "row", class: "row", id });
  row.cells = {};
  COLUMNS.forEach(([name], at) => {
    row.cells[name] = make("div", { role: "gridcell", class: `cell ${name}`, "aria-colindex": at + 1 });
    row.append(row.cells[name]);
  });
  row.shape = make("span", { class: "shape" });
  row.code = make("span", { class: "code" });
  row.whose = make("span", { class: "whose" });
  row.unseen = make("span", { class: "unseen" });
  row.cells.status.append(row.shape, row.code, row.whose, row.unseen);
  row.host = make("span", { class: "host" });
  row.target = make("span", { class: "target" });
  row.flag = make("span", { class: "flag" });
  row.cells.path.append(row.flag, row.host, row.target);
  return row;
}

/** Show an exchange in a row; without one, that it is on its way. */
export function fillRow(row, summary, { host, marked, active }) {
  const { cells } = row;
  if (!summary) {
    row.className = "row waiting";
    for (const name of ["number", "time", "method", "type", "size", "duration", "client"]) cells[name].textContent = "";
    row.code.textContent = row.whose.textContent = row.unseen.textContent = row.host.textContent = row.flag.textContent = "";
    row.target.textContent = "…";
    row.removeAttribute("aria-selected");
    return;
  }
  const outcome = words.outcome(summary);
  row.className = `row is-${outcome}`;
  row.classList.toggle("active", active);
  row.classList.toggle("is-live", summary.state === "running");
  row.classList.toggle("marked-row", marked);
  row.setAttribute("aria-selected", active ? "true" : "false");
  cells.number.textContent = summary.id;
  cells.time.textContent = words.clock(summary.started);
  cells.time.title = words.moment(summary.started);
  cells.method.textContent = summary.method;
  row.flag.textContent = `${marked ? "◆ " : ""}${summary.parent ? "↻ " : ""}${summary.source ? "⇣ " : ""}`;
  row.flag.title = flagWords(summary, marked);
  row.host.textContent = host ? summary.host : "";
  row.target.textContent = summary.target;
  cells.path.title = `${summary.host}${summary.target}`;
  row.code.textContent = summary.status ?? (outcome === "running" ? "…" : "–");
  row.whose.textContent = words.whose(summary);
  row.unseen.textContent = `, ${words.outcomeWords(summary)}${summary.state === "running" && outcome !== "running" ? ", still running" : ""}`;
  cells.status.title = summary.error || words.outcomeWords(summary);
  cells.type.textContent = words.kind(summary);
  cells.type.title = summary.type;
  cells.size.textContent = words.size(summary.response_size);
  cells.size.title = `request ${words.size(summary.request_size)}, response ${words.size(summary.response_size)}`;
  cells.client.textContent = summary.device ? summary.device : summary.caller ? `${summary.caller} ${summary.caller_pid || ""}`.trim() : "";
  cells.client.title = summary.device ? `${summary.device}, let in by ${summary.rule}` : "";
  tick(row, summary);
}

/** Say how long it took; of one that runs, how long it has been running. */
export function tick(row, summary) {
  const running = summary.state === "running";
  const micros = running ? Math.max(0, Date.now() * 1000 - summary.started) : summary.ended;
  row.cells.duration.textContent = running ? `${words.duration(Math.floor(micros / 1e5) * 1e5)} …` : words.duration(micros);
}

function flagWords(summary, marked) {
  const said = [];
  if (marked) said.push("marked to compare");
  if (summary.parent) said.push(`repeats ${summary.parent}`);
  if (summary.source) said.push(`imported from ${summary.source}`);
  return said.join(", ");
}
