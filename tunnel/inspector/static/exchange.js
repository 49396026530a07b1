// Knows the view of one exchange: what stands where, what is drawn anew when the feed tells more, and the buttons above it.

import { COPIES, copyAs, menu, sendAgain } from "./actions.js";
import * as api from "./api.js";
import { bodyView } from "./body.js";
import { button, fill, make } from "./dom.js";
import { editForm } from "./edit.js";
import { headView } from "./heads.js";
import { Messages } from "./messages.js";
import { address, go } from "./route.js";
import { say, sayError, sentence, troubleBox } from "./say.js";
import { timingView } from "./timing.js";
import * as words from "./words.js";

const AGAIN = 700; // milliseconds between two readings of one that runs

export class ExchangeView {
  /** `place` is the article; `about` tells what the page knows: `revealable()`, `replayable()`, `marked()`, and does `mark(id)`, `close()`. */
  constructor(place, about) {
    this._place = place;
    this._about = about;
    this.id = null;
    this.exchange = null;
    this._clear();
  }

  _clear() {
    this._messages?.close();
    this._messages = null;
    this._parts = {};
    this._revealed = null;
    this._timer = 0;
  }

  /** Show an exchange; null for none. */
  async show(id) {
    if (id === this.id) return;
    this._asking?.abort();
    clearTimeout(this._timer);
    this._clear();
    this.id = id;
    this.exchange = null;
    this._place.hidden = id === null;
    if (id === null) { fill(this._place); return; }
    this._place.setAttribute("aria-busy", "true");
    await this._read();
  }

  /** The feed told that it changed: read it again, not more often than can be seen. */
  told(summary) {
    if (summary.id !== this.id || !this.exchange || summary.revision <= this.exchange.revision) return;
    this._messages?.told(summary.messages);
    this._timer ||= setTimeout(() => { this._timer = 0; this._read(); }, summary.state === "running" ? AGAIN : 0);
  }

  focus() { this._place.querySelector("h2")?.focus(); }

  async _read() {
    const { id } = this;
    this._asking = new AbortController();
    try {
      const exchange = await api.exchange(id, this._asking.signal);
      if (id !== this.id) return;
      this.exchange = exchange;
      this._draw();
    } catch (error) {
      if (error.name === "AbortError" || id !== this.id || this.exchange) return; // what is shown stays, older than it could be
      fill(this._place, make("div", { class: "one-bar" }, make("h2", { tabindex: -1 }, `Exchange ${id}`), this._closer()), troubleBox(error));
    } finally {
      this._place.removeAttribute("aria-busy");
    }
  }

  /** Draw what differs from what is drawn: an open tree, a scrolled text, the focus stay where they are. */
  _draw() {
    const one = this.exchange;
    if (!this._rooms) this._rooms = ["bar", "failure", "repairs", "facts", "timing", "messages", "request", "response", "request-body", "response-body"];
    if (!this._parts.bar) {
      const parts = Object.fromEntries(this._rooms.map((name) => [name, make("div", { class: name === "bar" ? "one-bar" : `part-${name}` })]));
      this._parts = parts;
      fill(this._place, parts.bar, make("div", { class: "one-body" }, parts.failure, parts.repairs,
        make("div", { class: "one-top" }, parts.facts, parts.timing), parts.messages,
        make("div", { class: "sides" }, ["request", "response"].map((side) => make("section", { class: `side one-${side}`, "aria-label": side }, parts[side], parts[`${side}-body`])))));
      this._place.scrollTop = 0;
    }
    this._part("bar", [one.id, one.method, one.target, one.status, one.state, one.redacted, Boolean(this._revealed), this._about.revealable(), this._about.replayable(), this._about.marked()], () => this._bar(one));
    this._part("failure", [one.failure, one.state], () => failureView(one));
    this._part("repairs", one.repairs, () => repairsView(one));
    this._part("facts", [one.host, one.informational, one.parent, one.source, one.redacted, one.upstream, one.device, one.rule], () => factsView(one));
    this._part("timing", [one.timings, one.state, one.reused], () => timingView(one));
    this._side(one, "request", { came: "client", went: "upstream" });
    this._side(one, "response", { came: "upstream", went: "client" });
    if (one.upgrade && this._messages?.revealed !== Boolean(this._revealed)) {
      this._messages?.close();
      this._messages = new Messages(one, Boolean(this._revealed));
      fill(this._parts.messages, this._messages.element);
    } else this._messages?.told(one.messages);
  }

  _part(name, depends, make) {
    const key = JSON.stringify(depends);
    if (this._parts[name].key === key) return;
    this._parts[name].key = key;
    fill(this._parts[name], make());
  }

  _closer() {
    return button("Close", () => this._about.close(), { class: "close", "aria-keyshortcuts": "Escape" });
  }

  _bar(one) {
    const shape = make("span", { class: `shape is-${words.outcome(one)}` });
    return [
      make("div", { class: "one-title" },
        make("h2", { tabindex: -1 }, make("span", { class: "one-id" }, `${one.id} `), make("span", { class: "one-method" }, `${one.method} `), make("span", { class: "one-target" }, one.target)),
        this._closer()),
      make("div", { class: "one-tools" },
        make("span", { class: `one-status is-${words.outcome(one)}` }, shape, one.status ?? "", " ", words.whose(one) || (one.state === "running" ? "running" : "")),
        make("span", { class: "one-buttons" },
          button("Replay", () => sendAgain(one.id), { "aria-keyshortcuts": "r", class: "primary", ...this._sending() }),
          button("Edit and send", () => this.edit(), { "aria-keyshortcuts": "e", ...this._sending() }),
          menu("Copy as", COPIES.map(([form, label]) => [label, () => copyAs(one.id, form), form === "curl" ? "c" : ""])),
          button(this._compareWords(), () => this._about.mark(one.id), { "aria-keyshortcuts": "m" }),
          this._about.revealable() && one.redacted && !this._revealed ? button("Reveal secrets", () => this._reveal()) : null)),
    ];
  }

  _sending() {
    return this._about.replayable() ? {} : { disabled: true, title: "Nothing can be sent without a front: open the inspector that tunnel itself prints" };
  }

  /** What `m` does with this one now. */
  _compareWords() {
    const marked = this._about.marked();
    if (marked === null) return "Mark to compare";
    return marked === this.id ? "Take the mark away" : `Compare with ${marked}`;
  }

  /** What the page knows changed: another one is marked, or secrets can be revealed. */
  refresh() { if (this.exchange) this._draw(); }

  /** Put the secrets back that the process which saw them still has; for this view only. */
  async _reveal() {
    const { id } = this;
    try {
      const told = await api.reveal(id);
      if (id !== this.id) return;
      this._revealed = told;
      this.exchange = told.exchange;
      this._draw();
      say(told.missing ? `Shown with secrets; ${words.many(told.missing, "secret is", "secrets are")} gone.` : "Shown with secrets.");
    } catch (error) { sayError(error); }
  }

  /** Open the form that edits it before it is sent again. */
  async edit() {
    if (!this.exchange) return;
    try {
      await editForm(this.exchange, (edits) => sendAgain(this.id, edits));
    } catch (error) { sayError(error); }
  }

  /** One of the two messages: its head, and apart from it its body, which goes on growing while it runs. */
  _side(one, side, names) {
    const title = make("h3", {}, side === "request" ? "Request" : "Response");
    const message = one[side];
    if (!message) {
      this._part(side, [one.state], () => [title, make("p", { class: "muted" }, one.state === "running" ? "No answer yet." : "There was no answer.")]);
      return;
    }
    const { body, view, base64, ...head } = message;
    const fromTunnel = side === "response" && !one.upstream && one.state !== "running";
    this._part(side, [head, fromTunnel], () => [title, headView(message, fromTunnel ? { came: "tunnel", went: "client" } : names)]);
    if (!one.upgrade) this._bodyOf(one, side, [body, Boolean(view)]);
  }

  /** Draw a body; in place of an older one only once it is here, and as far down as one had read. */
  async _bodyOf(one, side, depends) {
    const place = this._parts[`${side}-body`];
    const key = JSON.stringify(depends);
    if (place.key === key) return;
    const first = place.key === undefined;
    place.key = key;
    const body = bodyView(one, side, one[side].view ?? null);
    const drawn = [make("h4", { class: "body-title" }, "Body"), body];
    if (!first) await body.ready;
    if (place.key !== key) return;
    const read = place.querySelector(".text, .tree")?.scrollTop ?? 0;
    fill(place, drawn);
    const shown = place.querySelector(".text, .tree");
    if (shown) shown.scrollTop = read;
  }
}

function failureView(one) {
  if (one.state === "interrupted" && !one.failure) {
    return make("div", { class: "failure", role: "note" }, make("strong", {}, "Interrupted."), " The tunnel that carried it ended before it did.");
  }
  if (!one.failure) return null;
  return make("div", { class: "failure", role: "note" },
    make("p", {}, make("strong", {}, `The ${one.failure.fault}’s fault: `), sentence(one.failure.what)),
    one.failure.hint ? make("p", { class: "hint" }, sentence(one.failure.hint)) : null);
}

function repairsView({ repairs }) {
  if (!repairs.length) return null;
  return make("ul", { class: "repairs", "aria-label": "Repairs" }, repairs.map((repair) =>
    make("li", {}, make("span", { class: "repair-sign" }, "Repaired"), " ", sentence(repair))));
}

function factsView(one) {
  const facts = [
    ["Began", words.moment(one.started)],
    ["Client", [`${one.caller || "unknown program"}${one.caller_pid ? ` ${one.caller_pid}` : ""}`, ` from ${one.address}${one.port ? `:${one.port}` : ""}`]],
    ...(one.device || one.rule ? [["Device", [one.device || "none", one.rule ? ` · ${one.rule}` : ""]]] : []),
    ["Host", one.host || "none"],
    ["Upstream", one.upstream || "none was reached"],
    ["TLS", one.tls ? [one.tls.version, one.tls.cipher, one.tls.alpn].filter(Boolean).join(" · ") : "none: plain"],
  ];
  if (one.parent) {
    facts.push(["Repeats", [make("a", { href: address({ view: "list", id: one.parent }) }, `exchange ${one.parent}`), " · ",
      make("a", { href: address({ view: "compare", left: one.parent, right: one.id }) }, "compare with the original")]]);
  }
  if (one.source) facts.push(["Imported from", one.source]);
  if (one.redacted) facts.push(["Redacted", `${words.many(one.redacted, "secret was", "secrets were")} replaced before it was written`]);
  if (one.informational?.length) facts.push(["Before it", one.informational.map((line) => make("code", { class: "informational" }, line))]);
  return make("dl", { class: "facts" }, facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

/** Go to an exchange in the list. */
export const openExchange = (id, options) => go({ view: "list", id }, options);
