// Knows how the time of an exchange is shown: a bar for each part of it, one below the other, each with its number.

import { make } from "./dom.js";
import { duration } from "./words.js";

/** The parts of an exchange: where each begins and how long it took, in microseconds. Pure. */
export function parts({ connected, first, ended }, now) {
  const end = ended ?? now;
  const found = [];
  if (connected !== null) found.push({ name: "connect", words: "Connect", from: 0, to: connected });
  if (first !== null) {
    found.push({ name: "wait", words: "Wait", from: connected ?? 0, to: first });
    found.push({ name: "receive", words: "Receive", from: first, to: Math.max(first, end) });
  } else found.push({ name: "wait", words: "Wait", from: connected ?? 0, to: Math.max(connected ?? 0, end) });
  return found;
}

/** Show the parts as bars. */
export function timingView(exchange) {
  const { timings } = exchange;
  const now = Math.max(0, Date.now() * 1000 - exchange.started);
  const rows = parts(timings, exchange.state === "running" ? now : timings.ended ?? 0);
  const whole = Math.max(1, ...rows.map(({ to }) => to));
  const notes = [];
  if (exchange.tls && timings.ready - timings.accepted > 0) notes.push(`TLS handshake ${duration(timings.ready - timings.accepted)}, before it`);
  if (exchange.reused) notes.push("over an upstream connection that had served before");
  return make("section", { class: "timing", "aria-label": "Time" },
    make("dl", { class: "bars" }, rows.map(({ name, words, from, to }) => {
      const bar = make("span", { class: `bar-part ${name}` });
      bar.style.setProperty("--from", `${(100 * from) / whole}%`);
      bar.style.setProperty("--wide", `${(100 * (to - from)) / whole}%`);
      return make("div", { class: "bar-row" }, make("dt", {}, words), make("dd", {},
        make("span", { class: "bar-room", "aria-hidden": "true" }, bar), make("span", { class: "bar-number" }, duration(to - from))));
    })),
    notes.length ? make("p", { class: "muted" }, notes.join(" · ")) : null);
}
