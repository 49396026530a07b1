// Knows what the address after the # says: which view, which filter, which exchange. So that everything can be bookmarked.

const NAMES = ["view", "filter", "id", "left", "right", "minutes"];

/** Read the address. Unknown names are left out; numbers are numbers. */
export function where() {
  const given = new URLSearchParams(location.hash.slice(1));
  const whole = (name) => (/^\d{1,15}$/.test(given.get(name) ?? "") ? Number(given.get(name)) : null);
  const view = given.get("view");
  return {
    view: ["overview", "compare", "share"].includes(view) ? view : "list",
    filter: given.get("filter") ?? "",
    id: whole("id"),
    left: whole("left"),
    right: whole("right"),
    minutes: whole("minutes"),
  };
}

/** Write an address that differs from this one by the changes; null takes a name away. */
export function address(changes) {
  const now = { ...where(), ...changes };
  if (now.view === "list") now.view = null;
  const given = NAMES.filter((name) => now[name] !== null && now[name] !== undefined && now[name] !== "");
  return `#${given.map((name) => `${name}=${encodeURIComponent(now[name])}`).join("&")}`;
}

/** Go there. With `quietly` the step back is not kept: for the many exchanges one passes by key. */
export function go(changes, { quietly = false } = {}) {
  const next = address(changes);
  if (next === location.hash || (next === "#" && !location.hash)) return;
  if (quietly) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  dispatchEvent(new Event("wherechange"));
}

/** Call back whenever the address has changed, by us or by the browser. */
export function onwhere(changed) {
  addEventListener("wherechange", changed);
  addEventListener("popstate", changed); // a typed address and a link are told by popstate too
}
