// Knows how numbers, times and outcomes are said: sizes, durations, times of day, status classes, whose fault.

const SIZES = ["B", "kB", "MB", "GB", "TB"];

/** Say a number of bytes: "212 B", "4.1 kB". */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  let value = bytes, at = 0;
  while (value >= 999.5 && at < SIZES.length - 1) { value /= 1000; at += 1; }
  return `${at && value < 99.95 ? value.toFixed(1) : Math.round(value)} ${SIZES[at]}`;
}

/** Say a length of time given in microseconds: "0.9 ms", "1.24 s", "2 min 05 s". */
export function duration(micros) {
  if (micros === null || micros === undefined) return "";
  if (!micros) return "0 ms";
  const ms = micros / 1000;
  if (ms < 99.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.995) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

const pad = (number, width = 2) => String(number).padStart(width, "0");

/** Say the time of day of a moment given in microseconds since the epoch: "12:03:04.512". */
export function clock(micros, millis = true) {
  const date = new Date(micros / 1000);
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return millis ? `${time}.${pad(date.getMilliseconds(), 3)}` : time;
}

/** Say day and time of a moment. */
export function moment(micros) {
  const date = new Date(micros / 1000);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clock(micros)}`;
}

/** Say a whole number with groups: "12,345". */
export const number = (value) => Number(value).toLocaleString("en");

/** Say how many of something: "1 exchange", "3 exchanges". */
export const many = (count, one, more = `${one}s`) => `${number(count)} ${count === 1 ? one : more}`;

/** The class of an outcome: "failed", "running", "1" to "5", or "none". Looks and shapes hang on it. */
export function outcome(exchange) {
  if (exchange.state === "failed" || exchange.state === "interrupted" || exchange.fault) return "failed";
  if (exchange.status) return String(Math.min(5, Math.floor(exchange.status / 100)));
  return exchange.state === "running" ? "running" : "none";
}

const OUTCOMES = {
  failed: "failed", running: "running", 1: "switched protocols", 2: "succeeded", 3: "redirected or not modified",
  4: "refused: the client's side", 5: "error: the upstream's side", none: "no answer",
};

/** Say the class of an outcome for those who do not see its shape. */
export const outcomeWords = (exchange) => OUTCOMES[outcome(exchange)];

/** Say whose fault a failure was, short: "upstream", or "interrupted". */
export const whose = (exchange) => exchange.fault || (exchange.state === "interrupted" ? "interrupted" : "");

const SHORT = { "text/javascript": "js", "application/javascript": "js", "text/event-stream": "events", "text/plain": "text", "image/svg+xml": "svg", "application/octet-stream": "binary", "application/x-www-form-urlencoded": "form" };

/** Say what kind of thing passed, short: the protocol it was upgraded to, or the answer's media type by what tells it apart. */
export function kind(exchange) {
  if (exchange.upgrade) return exchange.upgrade === "websocket" ? "ws" : exchange.upgrade;
  return SHORT[exchange.type] ?? exchange.type.slice(exchange.type.indexOf("/") + 1).replace(/^(x-|vnd\.)/, "");
}

/** Microseconds relative to an exchange's start, of a time that may be told since the epoch. */
export const since = (at, started) => (at > 1e14 ? at - started : at);
