// Knows the messages of a WebSocket on the screen: both ways, the latest while it runs, a bounded number of them.

import * as api from "./api.js";
import { button, fill, make } from "./dom.js";
import { fromBase64, hexLines } from "./hex.js";
import { indented } from "./json.js";
import { sayError } from "./say.js";
import { duration, many, since, size } from "./words.js";

const PAGE = 200; // messages asked for at once
const MOST = 600; // messages held on the screen

export class Messages {
  /** `revealed`: with the secrets put back. */
  constructor(exchange, revealed = false) {
    this._exchange = exchange;
    this.revealed = revealed;
    this._page = revealed ? api.revealedMessages : api.messages;
    this._next = exchange.messages > PAGE ? exchange.messages - PAGE - 1 : null; // the number behind which we read on; null for the first
    this._lowest = this._next === null ? null : 0; // no message has a lower number; null until the first has come
    this._count = exchange.messages;
    this._list = make("ol", { class: "messages", "aria-label": "Messages" });
    this._earlier = button("Show earlier messages", () => this._readEarlier(), { hidden: true });
    this._facts = make("p", { class: "muted" });
    this._reading = null;
    this._gone = false;
    this.element = make("section", { class: "talk", "aria-label": "Messages" },
      make("h3", {}, "Messages"), this._facts, this._earlier, this._list);
    this._say();
    this.readOn();
  }

  /** The feed told of more. */
  told(count) {
    this._count = count;
    this._say();
    this.readOn();
  }

  close() { this._gone = true; }

  readOn() {
    this._reading ??= this._read().catch(sayError).finally(() => { this._reading = null; });
    return this._reading;
  }

  async _read() {
    while (!this._gone) {
      const page = await this._page(this._exchange.id, this._next, PAGE);
      if (this._gone || !page.messages.length) break;
      const numbers = page.messages.map(({ number }) => number);
      this._lowest ??= numbers[0];
      this._next = numbers.at(-1);
      const atEnd = nearEnd(this._list);
      this._list.append(...page.messages.map((one) => messageView(one, this._exchange.started)));
      while (this._list.children.length > MOST) { this._list.firstChild.remove(); }
      if (atEnd) this._list.scrollTop = this._list.scrollHeight;
      this._say();
      if (page.next === null) break;
    }
  }

  async _readEarlier() {
    const first = this._firstShown();
    const from = first - PAGE - 1;
    try {
      const page = await this._page(this._exchange.id, from < 0 ? null : from, PAGE);
      const earlier = page.messages.filter(({ number }) => number < first);
      if (from < 0) this._lowest = earlier[0]?.number ?? first;
      const height = this._list.scrollHeight;
      this._list.prepend(...earlier.map((one) => messageView(one, this._exchange.started)));
      this._list.scrollTop += this._list.scrollHeight - height;
    } catch (error) { sayError(error); }
    this._say();
  }

  _firstShown() { return Number(this._list.firstChild?.dataset.number ?? 0); }

  _say() {
    const shown = this._list.children.length;
    fill(this._facts, this._count === 0 ? "No message has passed yet." : many(this._count, "message"), shown && shown < this._count ? `, of which ${shown} are shown` : "");
    this._earlier.hidden = !shown || this._lowest === null || this._firstShown() <= this._lowest;
  }
}

const nearEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 40;

function messageView(message, started) {
  const ours = message.from_client;
  const text = message.text ?? (message.base64 ? null : "");
  const line = text === null ? `${size(message.size)} of bytes` : text.slice(0, 300).replace(/\s+/g, " ");
  const rest = make("div", { class: "message-rest" });
  const details = make("details", { class: `message ${ours ? "from-client" : "from-upstream"} kind-${/^[a-z]+$/.test(message.kind) ? message.kind : "other"}` },
    make("summary", {},
      make("span", { class: "arrow", "aria-hidden": "true" }, ours ? "↑" : "↓"),
      make("span", { class: "unseen" }, ours ? "from the client" : "from the upstream"),
      make("span", { class: "message-time" }, `+${duration(since(message.at, started))}`),
      make("span", { class: "opcode" }, message.kind),
      make("span", { class: "message-size" }, size(message.size)),
      make("span", { class: "message-line" }, line)),
    rest);
  details.addEventListener("toggle", () => { if (details.open && !rest.firstChild) fill(rest, wholeView(message, text)); });
  return make("li", { "data-number": message.number }, details);
}

function wholeView(message, text) {
  const shown = text === null ? hexLines(fromBase64(message.base64)) : (/^\s*[[{]/.test(text) && indented(text)) || text;
  const kept = text === null ? fromBase64(message.base64).length : new TextEncoder().encode(text).length;
  return [make("pre", { class: "text", tabindex: 0, role: "group", "aria-label": `Message ${message.number}` }, shown),
    kept < message.size ? make("p", { class: "note" }, `Only the first ${size(kept)} of ${size(message.size)} were kept.`) : null];
}
