// Knows the API: its paths, its one shape of errors. Everything the page learns comes through here or through the feed.

/** What the API refused, or that nobody answered (status 0). */
export class ApiError extends Error {
  constructor(status, error, hint = "", column = null) {
    super(error);
    this.status = status;
    this.hint = hint;
    this.column = column;
  }
}

async function answer(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "tunnel does not answer", "It has probably stopped. Start it again, and this page goes on.");
  }
  if (response.ok) return response;
  let told = {};
  try { told = await response.json(); } catch { /* not JSON: the status says it */ }
  throw new ApiError(response.status, told.error || `the API answered ${response.status}`, told.hint || "", told.column ?? null);
}

const json = async (path, options) => (await answer(path, options)).json();
const post = (path, body) =>
  json(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });

/** Write a query string of what is neither null nor empty. */
function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

export const exchanges = (filter, before, limit = 100) => json(`/api/exchanges${query({ filter, before, limit })}`);
export const exchange = (id, signal) => json(`/api/exchanges/${id}`, { signal });
export const view = (id, side) => json(`/api/exchanges/${id}/body/${side}?form=view`);
export const bodyPath = (id, side, form = "decoded") => `/api/exchanges/${id}/body/${side}?form=${form}`;
export const messages = (id, after, limit = 200) => json(`/api/exchanges/${id}/messages${query({ after, limit })}`);
export const revealedMessages = (id, after, limit = 200) => post(`/api/exchanges/${id}/reveal/messages${query({ after, limit })}`);
export const copy = async (id, form) => (await json(`/api/exchanges/${id}/copy/${form}`)).text;
export const compare = async (left, right) => (await json(`/api/compare${query({ left, right })}`)).rows;
export const replay = async (id, edits = {}) => (await post(`/api/exchanges/${id}/replay`, edits)).replays;
export const reveal = (id) => post(`/api/exchanges/${id}/reveal`);
export const fields = () => json("/api/fields");
export const check = (filter, signal) => json(`/api/check${query({ filter })}`, { signal });
export const status = () => json("/api/status");
export const overview = (filter, minutes) => json(`/api/overview${query({ filter, minutes })}`);
export const share = () => json("/api/share");
export const answerQuestion = (number, allow) => post(`/api/share/questions/${number}`, { allow });
export const revokeDevice = (number) => post(`/api/share/devices/${number}/revoke`);
export const extendShare = (seconds) => post("/api/share/extend", { seconds });
export const stopShare = () => post("/api/share/stop");
export const feedPath = (filter, after) => `/api/feed${query({ filter, after })}`;
export const exportPath = (filter, format) => `/api/export${query({ filter, format })}`;

export async function filters() {
  const told = await json("/api/filters");
  return Array.isArray(told) ? told : told.filters;
}
export const saveFilter = (name, filter) => post("/api/filters", { name, filter });
export const deleteFilter = (name) => answer(`/api/filters/${encodeURIComponent(name)}`, { method: "DELETE" });

/** The first bytes of a body, decoded; never more than `most` of them are read. */
export async function bytes(id, side, most) {
  const response = await answer(bodyPath(id, side));
  const reader = response.body.getReader();
  const pieces = [];
  let length = 0;
  while (length < most) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    length += value.length;
  }
  await reader.cancel();
  const whole = new Uint8Array(Math.min(length, most));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece.subarray(0, whole.length - at), at);
    at += Math.min(piece.length, whole.length - at);
  }
  return whole;
}
