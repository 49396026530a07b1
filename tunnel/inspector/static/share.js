// Knows the share: how long it goes on, which devices were let in, what happened, and who wants in, which is asked on every view.

import * as api from "./api.js";
import { button, fill, make } from "./dom.js";
import { address } from "./route.js";
import { say, sayError, sentence } from "./say.js";
import { clock, many, moment, number } from "./words.js";

const EVERY = 1500, UNSEEN = 5000; // milliseconds between two readings, while the page is seen and while it is not
const TOO_SOON = 600; // milliseconds in which nobody has read what has just moved under the pointer
const SURE = 4000; // milliseconds in which a second press means it
const MOST_HEARD = 50;

const RULES = {
  pairing: "by pairing: each device is asked about", password: "by password", token: "by token", certificate: "by client certificate",
  open: "OPEN: everybody who can reach it",
};

export class ShareView {
  /** `place` is the view, `asking` the strip for questions; `changed()` is told that there is a share or none, or other questions. */
  constructor(place, asking, { changed }) {
    this._place = place;
    this._asking = asking;
    this._changed = changed;
    this._read = false;
    this._timer = 0;
    this._share = null;
    this._devices = new Map();
    this._keys = {};
    this._settling = 0;
  }

  /** Whether anything is shared. */
  get any() { return Boolean(this._share); }

  /** How many want in. */
  get waiting() { return this._share?.questions.length ?? 0; }

  /** Read it, and go on reading where there is one. */
  async begin() {
    clearTimeout(this._timer);
    try {
      this._take(await api.share());
    } catch (error) {
      if (error.status === 0) this._gone(); // the feed tells that tunnel has gone, and when it is back
    }
    if (this._share) this._timer = setTimeout(() => this.begin(), document.hidden ? UNSEEN : EVERY);
  }

  /** Nobody answers: what is shown is how it stood last, and nothing can be done about it. */
  _gone() {
    if (!this._share || this._place.classList.contains("gone")) return;
    this._ask([]);
    this._place.classList.add("gone");
    for (const one of this._place.querySelectorAll("button")) one.disabled = true;
    if (this._time) fill(this._time, make("strong", {}, "Not shared any more"), " · this is how it stood last");
    if (this._bar) this._bar.hidden = true;
  }

  show() {
    if (this._share) this._draw();
    else if (this._read) fill(this._place, make("div", { class: "empty" }, make("h2", {}, "Nothing is shared"), make("p", {}, "To open a service to the local network for a while, type:"), make("pre", { class: "command" }, "tunnel share 3000")));
  }

  _take(share) {
    const before = this._share;
    this._share = share;
    const first = !this._read;
    this._read = true;
    if (this._place.classList.contains("gone")) { // it is back, or another in its place: drawn from the start
      this._place.classList.remove("gone");
      this._keys = {};
      this._devices.clear();
      fill(this._place);
    }
    if (first || Boolean(before) !== Boolean(share)) {
      this._keys = {};
      this._devices.clear();
      fill(this._place);
      if (!this._place.hidden) this.show();
    } else if (share && !this._place.hidden) this._draw();
    this._ask(share?.questions ?? []);
    this._changed();
  }

  /** Do one thing, and show what came of it. */
  async _do(order, words) {
    try {
      this._take(await order());
      say(words);
    } catch (error) {
      sayError(error);
      this.begin();
    }
  }

  /** Ask about everybody who wants in. */
  _ask(questions) {
    const key = JSON.stringify(questions);
    if (this._asking.key === key) return;
    this._asking.key = key;
    this._asking.classList.add("moving");
    clearTimeout(this._settling);
    this._settling = setTimeout(() => this._asking.classList.remove("moving"), TOO_SOON);
    const held = this._asking.contains(document.activeElement) ? document.activeElement.dataset.key : "";
    fill(this._asking, questions.map((one) => make("div", { class: "question" },
      make("p", {}, make("strong", {}, who(one)), ` at ${one.address} wants in. It shows `, make("b", { class: "code-shown" }, one.code), "."),
      make("div", { class: "question-buttons" }, this._choice(one, true), this._choice(one, false)))));
    this._asking.hidden = !questions.length;
    if (held) this._asking.querySelector(`[data-key="${held}"]`)?.focus();
  }

  _choice(one, allow) {
    const answer = () => {
      if (this._asking.classList.contains("moving")) say("The questions have just moved. Read them again.");
      else this._do(() => api.answerQuestion(one.number, allow), `${who(one)} is ${allow ? "let in" : "not let in"}.`);
    };
    return button(allow ? "Let in" : "Do not", answer, { class: allow ? "primary" : "", "data-key": `${one.number}-${allow}`, "aria-label": `${allow ? "Let in" : "Do not let in"}: ${who(one)}, ${one.address}, code ${one.code}` });
  }

  /** Draw what differs from what is drawn, so that what is focused or pressed stays. */
  _draw() {
    const share = this._share;
    if (!this._parts) this._parts = Object.fromEntries(["head", "time", "link", "devices", "heard"].map((name) => [name, make("section", { class: `share-${name}` })]));
    const parts = this._parts;
    if (!parts.head.isConnected) {
      this._time = make("p", { class: "share-left" });
      this._bar = make("progress", { "aria-label": "Time that is left" });
      const more = (seconds, words) => button(`+ ${words}`, () => this._do(() => api.extendShare(seconds), `It goes on for ${words} longer.`), { "aria-label": `Go on for ${words} longer` });
      this._more = make("div", { class: "share-buttons" }, more(900, "15 min"), more(3600, "1 hour"));
      this._list = make("ul", { class: "devices" });
      this._none = make("p", { class: "muted" }, "No device is in.");
      fill(parts.time, this._time, this._bar, make("div", { class: "share-buttons" }, this._more,
        twice("Stop sharing", "Really stop?", () => this._do(api.stopShare, "The share is ending, and this page with it."))));
      fill(parts.devices, make("h3", {}, "Devices"), this._none, this._list);
      fill(this._place, make("div", { class: "share-sheet" }, parts.head, parts.time, parts.link, parts.devices, parts.heard));
    }
    this._part("head", [share.url, share.target, share.access, share.rules], () => headView(share));
    this._part("link", [share.link], () => linkView(share));
    this._part("heard", [share.heard.length, share.heard.at(-1)], () => heardView(share.heard));
    fill(this._time, make("strong", {}, share.left === null ? "No end" : `${span(share.left)} left`), share.ends === null ? " · until somebody stops it" : ` · until ${clock(share.ends, false)}`);
    this._more.hidden = this._bar.hidden = share.left === null;
    if (share.left !== null) {
      this._bar.max = Math.max(share.ends - share.began, 1);
      this._bar.value = Math.max(share.left, 0);
    }
    this._drawDevices(share.devices);
  }

  _part(name, depends, make) {
    const key = JSON.stringify(depends);
    if (this._keys[name] === key) return;
    this._keys[name] = key;
    fill(this._parts[name], make());
  }

  _drawDevices(devices) {
    this._none.hidden = devices.length > 0;
    const there = new Set(devices.map((one) => one.number));
    for (const [known, item] of this._devices) {
      if (there.has(known)) continue;
      item.element.remove();
      this._devices.delete(known);
    }
    for (const one of devices) {
      let item = this._devices.get(one.number);
      if (!item) {
        item = this._item(one);
        this._devices.set(one.number, item);
        this._list.append(item.element);
      }
      const words = `${one.browser ? `${one.browser} · ` : ""}${one.address} · let in ${clock(one.since, false)} ${RULES[one.rule] ? `by ${one.rule}` : ""} · last seen ${ago(one.seen)} · ${many(one.requests, "request")}`;
      if (item.facts.textContent !== words) item.facts.textContent = words;
      item.facts.title = `let in ${moment(one.since)}, last seen ${moment(one.seen)}`;
    }
  }

  _item(one) {
    const facts = make("p", { class: "muted" });
    const element = make("li", { class: "device" },
      make("div", { class: "device-words" }, make("p", { class: "device-name" }, make("span", { class: "muted" }, `${one.number} `), one.name), facts),
      make("div", { class: "share-buttons" },
        make("a", { class: "download", href: address({ view: "list", id: null, minutes: null, filter: `device = ${JSON.stringify(one.name)}` }), "aria-label": `Exchanges of ${one.name}` }, "Exchanges"),
        twice("Revoke", "Really revoke?", () => this._do(() => api.revokeDevice(one.number), `${one.name} is out.`), `Revoke ${one.name}`)));
    return { element, facts };
  }
}

/** A device and its browser, where somebody decides about it. */
function who(one) { return one.browser ? `${one.name}, ${one.browser}` : one.name; }

/** A button that acts when it is pressed twice: what it does cannot be undone. */
function twice(words, sure, act, label = words) {
  let until = 0;
  let timer = 0;
  const calm = () => { until = 0; made.textContent = words; made.setAttribute("aria-label", label); made.classList.remove("sure"); };
  const made = button(words, () => {
    clearTimeout(timer);
    if (performance.now() < until) { calm(); act(); return; }
    until = performance.now() + SURE;
    made.textContent = sure;
    made.setAttribute("aria-label", `${sure} ${label}`);
    made.classList.add("sure");
    timer = setTimeout(calm, SURE);
  }, { "aria-label": label, class: "twice" });
  return made;
}

function headView(share) {
  return [make("h2", { tabindex: -1 }, "Shared with the local network"),
    make("p", { class: "share-way" }, make("a", { href: share.url, rel: "noreferrer" }, share.url), ` → ${share.target}`),
    make("ul", { class: "share-rules", "aria-label": "Rules" }, make("li", { class: share.access === "open" ? "loud" : "" }, RULES[share.access]), share.rules.map((rule) => make("li", {}, rule)))];
}

function linkView({ link }) {
  if (!link) return null;
  const field = make("input", { type: "text", id: "share-link", readonly: true, onfocus: () => field.select() });
  field.value = link;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      say("Copied the link. Whoever opens it may ask, once.");
    } catch {
      field.focus();
      say("This browser does not let the page use the clipboard. The link is selected: copy it by hand.");
    }
  };
  return [make("label", { for: "share-link" }, "One more device may ask with this link, once"), make("div", { class: "share-link-line" }, field, button("Copy", copy, { "aria-label": "Copy the link" }))];
}

function heardView(heard) {
  return [make("h3", {}, "What happened"),
    heard.length ? make("ol", { class: "heard", "aria-label": "What happened, the latest first" }, heard.slice(-MOST_HEARD).reverse().map((one) =>
      make("li", { class: `heard-${one.what.replace(/\W+/g, "-")}` }, make("time", { class: "muted", title: moment(one.at) }, clock(one.at, false)), make("span", {}, sentence(one.sentence)))))
      : make("p", { class: "muted" }, "Nothing yet.")];
}

/** Say a length of time in microseconds as people do: "40 s", "9 min", "1 h 05 min". */
export function span(micros) {
  const seconds = Math.max(0, Math.round(micros / 1e6));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  const hours = Math.round(minutes / 60);
  return `${number(Math.floor(hours / 24))} d ${hours % 24} h`;
}

function ago(micros) {
  const passed = Date.now() * 1000 - micros;
  return passed < 10e6 ? "just now" : `${span(Math.floor(passed / 10e6) * 10e6)} ago`;
}
