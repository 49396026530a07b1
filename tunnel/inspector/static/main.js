// Knows the whole page: which parts there are, what each is told, and what the keys and the address mean for them.

import { copyAs, menu, sendAgain } from "./actions.js";
import * as api from "./api.js";
import { CompareView } from "./compare.js";
import { byId, fill, make } from "./dom.js";
import { ExchangeView } from "./exchange.js";
import { Feed } from "./feed.js";
import { FilterBox } from "./filter.js";
import { help, listen } from "./keys.js";
import { List } from "./list.js";
import { Overview } from "./overview.js";
import { Reel } from "./reel.js";
import { address, go, onwhere, where } from "./route.js";
import { SavedFilters } from "./saved.js";
import { say, trouble, troubleBox } from "./say.js";
import { ShareView } from "./share.js";
import { many, number } from "./words.js";

const WAITING = 500; // summaries kept while paused; beyond that the list is read anew

const CATCH_UP = 1000; // milliseconds between two readings of what was missed

const now = {
  filter: null, paused: false, marked: null, revealable: false, fields: [], waiting: new Map(), overflowed: false, error: null, told: null,
  missed: 0, missedSince: 0,
};

const reel = new Reel((before, limit) => api.exchanges(now.filter, before, limit), () => changed(), failed);
const list = new List(byId("list"), reel, {
  open: (id, { byKey }) => { opening = byKey; go({ id }); },
  moved: (id) => { if (view.id !== null) { clearTimeout(following); following = setTimeout(() => go({ id }, { quietly: true }), 90); } },
  scrolled: () => showNewer(),
});
const view = new ExchangeView(byId("one"), { revealable: () => now.revealable, replayable: () => now.told?.replayable !== false, marked: () => now.marked, mark, close: closeExchange });
const compareView = new CompareView(byId("view-compare"));
const overview = new Overview(byId("view-overview"), { paused: () => now.paused, live: () => Boolean(now.told?.url) });
const shareView = new ShareView(byId("view-share"), byId("asking"), { changed: entitle });
const box = new FilterBox({
  applied: (filter) => go({ view: "list", filter, id: filter === now.filter ? where().id : null }),
  left: () => list.focus(),
});
const feed = new Feed({ onexchange, onmissed, onback, onstate });
new SavedFilters({ current: () => box.text, apply: (filter) => { box.show(filter); go({ view: "list", filter, id: null }); } });
let opening = false; // by a key: then the focus goes along
let following = 0;
let catching = 0;
let fresh = 0; // how many came above what is looked at

/** Make the page what the address says. */
async function arrive() {
  const to = where();
  for (const name of ["list", "overview", "compare", "share"]) byId(`view-${name}`).hidden = to.view !== name;
  byId("go-list").setAttribute("aria-current", to.view === "list" ? "page" : "false");
  byId("go-overview").setAttribute("aria-current", to.view === "overview" ? "page" : "false");
  byId("go-share").setAttribute("aria-current", to.view === "share" ? "page" : "false");
  byId("go-list").href = address({ view: "list", left: null, right: null, minutes: null });
  byId("go-overview").href = address({ view: "overview", id: null, left: null, right: null });
  byId("go-share").href = address({ view: "share", id: null, left: null, right: null });
  entitle();
  if (to.view === "overview") overview.show(to);
  else overview.hide();
  if (to.view === "compare") compareView.show(to);
  if (to.view === "share") shareView.show();
  if (to.filter !== now.filter) {
    now.filter = to.filter;
    box.show(to.filter);
    begin();
  }
  byId("split").classList.toggle("open", to.id !== null);
  if (to.view === "list") {
    const focus = opening;
    opening = false;
    if (to.id !== null) list.activate(to.id);
    await view.show(to.id);
    if (focus) view.focus();
    list.draw();
  }
}

/** Name the page by its view; and say there how many want into what is shared, for whoever looks at another tab. */
function entitle() {
  const { view: name } = where();
  document.title = `${shareView.waiting ? `(${shareView.waiting}) ` : ""}${{ overview: "Overview · ", compare: "Compare · ", share: "Share · " }[name] ?? ""}tunnel`;
  byId("go-share").hidden = !shareView.any && name !== "share";
}

/** Read the list from its newest end, and follow what comes. */
async function begin() {
  now.error = null;
  now.waiting.clear();
  now.overflowed = false;
  now.missed = now.missedSince = fresh = 0;
  feed.stop();
  reel.clear();
  list.toTop();
  const page = await reel.begin({ filtered: Boolean(now.filter) });
  if (!page) return;
  trouble(null);
  feed.follow(now.filter, page.revision);
}

/** Something of the list changed: draw it, and say how many there are. */
function changed() {
  list.changed();
  const { total, loaded } = reel;
  fill(byId("count"), loaded ? (total >= 100_000 ? `${number(total)} or more` : many(total, "exchange")) : "",
    now.missed ? make("span", { class: "missed", title: "More passed than the feed tells. The list was read anew." }, ` · you missed ${number(now.missed)}`) : null);
  const empty = byId("empty");
  empty.hidden = !(loaded && total === 0) && !now.error;
  if (!empty.hidden) fill(empty, now.error ? troubleBox(now.error) : now.filter ? noMatch() : nothingYet());
}

function nothingYet() {
  const url = now.told?.url;
  return [make("h2", {}, "Nothing is recorded yet"),
    url ? make("p", {}, "Whatever passes through ", make("a", { href: url, rel: "noreferrer" }, url), " shows here as it happens. To try it, type:")
      : make("p", {}, "This store is empty. To record something, type:"),
    make("pre", { class: "command" }, url ? `curl ${url}/` : "tunnel 3000")];
}

function noMatch() {
  return [make("h2", {}, "No exchange matches this filter"),
    make("p", {}, make("code", {}, now.filter)), make("p", {}, "What matches will show here as it happens."),
    make("button", { type: "button", onclick: () => { box.show(""); go({ filter: null, id: null }); } }, "Clear the filter")];
}

function failed(error) {
  now.error = reel.loaded ? null : error;
  if (error.status === 400 || Number.isInteger(error.column)) box.showError({ error: error.message, hint: error.hint, column: error.column });
  else trouble(error);
  changed();
  if (error.status === 0 && !reel.loaded) setTimeout(begin, 2000);
}

function onexchange(summary) {
  view.told(summary);
  if (now.paused) {
    if (now.waiting.size < WAITING || now.waiting.has(summary.id)) now.waiting.set(summary.id, summary);
    else now.overflowed = true;
    showPaused();
    return;
  }
  if (reel.take(summary) === "new" && !list.followsNewest) fresh += 1;
  changed();
}

function onmissed(count) {
  if (count && !now.missed) say(`You missed ${number(count)}: more passes than this page is told of. The list is read anew.`);
  now.missed += count;
  now.missedSince += count;
  if (now.paused) now.overflowed = true;
  else catching ||= setTimeout(catchUp, CATCH_UP);
  changed();
}

/** Read anew what is in sight, now and then while more passes than the feed tells. */
async function catchUp() {
  const count = now.missedSince;
  now.missedSince = 0;
  if (list.followsNewest) await reel.begin({ filtered: Boolean(now.filter) });
  else {
    reel.missed(count);
    fresh += count;
    changed();
    await reel.refresh(...list.inSight);
  }
  catching = 0;
  if (now.missedSince) catching = setTimeout(catchUp, CATCH_UP);
}

function onback() {
  trouble(null);
  say("tunnel is back.");
  learn();
  shareView.begin();
  if (!reel.loaded) begin();
  else list.draw();
}

function onstate(state, error) {
  byId("feed").className = `feed ${now.paused ? "paused" : state}`;
  byId("feed-words").textContent = state === "lost" ? "lost" : now.paused ? "paused" : "live";
  now.state = state;
  if (state === "lost" && error) trouble(error);
}

function pause() {
  now.paused = !now.paused;
  const pausing = byId("pause");
  pausing.textContent = now.paused ? "Go on" : "Pause";
  onstate(now.state ?? "live", null);
  if (now.paused) { say("Paused. The recording goes on."); return; }
  const { waiting, overflowed } = now;
  now.waiting = new Map();
  now.overflowed = false;
  if (overflowed) reel.begin({ filtered: Boolean(now.filter) }).then(() => list.toTop());
  else for (const summary of waiting.values()) onexchange(summary);
  say("Following again.");
}

function showPaused() {
  const count = now.waiting.size;
  byId("feed-words").textContent = `paused, ${number(count)}${now.overflowed ? " or more" : ""} waiting`;
}

/** Offer the way to what came above, while one looks further down. */
function showNewer() {
  if (list.followsNewest) fresh = 0;
  const newer = byId("newer");
  newer.hidden = !fresh;
  if (fresh) newer.textContent = `↑ ${many(fresh, "newer", "newer")}`;
}

function mark(id) {
  if (now.marked !== null && now.marked !== id) {
    go({ view: "compare", left: Math.min(now.marked, id), right: Math.max(now.marked, id) });
    now.marked = null;
  } else now.marked = now.marked === id ? null : id;
  list.marked = now.marked;
  list.draw();
  view.refresh();
  const shown = byId("marked");
  shown.hidden = now.marked === null;
  shown.textContent = now.marked === null ? "" : `${now.marked} marked`;
  if (now.marked !== null) say(`Marked ${now.marked}. Go to another and press m to compare.`);
}

function closeExchange() {
  go({ id: null });
  list.focus();
}

/** The exchange that a key means: the one that is open, else the active one. */
const meant = () => (where().view === "list" ? view.id ?? list.active : null);
const withMeant = (act) => () => { const id = meant(); if (id === null) say("Choose an exchange first: j and k move."); else act(id); };

async function learn() {
  try {
    const told = await api.status();
    now.told = told;
    now.revealable = Boolean(told.revealable);
    fill(byId("front"), told.url ? [make("a", { href: told.url, rel: "noreferrer" }, told.url), told.target ? ` → ${told.target}` : ""] : `store ${told.store?.path ?? ""}`);
    changed();
    view.refresh();
  } catch (error) { trouble(error); }
}

async function learnFields() {
  try {
    now.fields = await api.fields();
    box.knows(now.fields);
  } catch { /* the box works without completion */ }
}

listen({
  j: () => list.move(1), k: () => list.move(-1), ArrowDown: () => list.move(1), ArrowUp: () => list.move(-1),
  Enter: () => { if (list.active !== null) { opening = true; go({ id: list.active }); } },
  "/": () => { if (where().view !== "list") go({ view: "list" }); box.focus(); },
  p: pause, r: withMeant((id) => sendAgain(id)), c: withMeant((id) => copyAs(id, "curl")), m: withMeant(mark), e: () => view.edit(),
  g: () => go({ view: where().view === "overview" ? "list" : "overview" }),
  "?": () => help(now.fields),
  Escape: () => { if (where().view !== "list") go({ view: "list", left: null, right: null }); else if (view.id !== null) closeExchange(); },
});
/** Download what the filter matches. */
function download(format) {
  make("a", { href: api.exportPath(now.filter, format), download: `exchanges.${format}` }).click();
  say(`Exporting ${now.filter ? "what the filter matches" : "all exchanges"} as ${format}.`);
}

byId("export").replaceWith(menu("Export", ["har", "json", "jsonl"].map((format) => [format, () => download(format)])));
byId("pause").addEventListener("click", pause);
byId("help").addEventListener("click", () => help(now.fields));
byId("skip").addEventListener("click", () => list.focus());
byId("newer").addEventListener("click", () => { list.toTop(); list.focus(); });
export { reel, list }; // for the tests: what is held

// A browser has six connections to a host, and a feed takes one: a tab that nobody sees gives its back.
document.addEventListener("visibilitychange", () => (document.hidden ? feed.stop() : feed.goOn()));
onwhere(arrive);
learn();
learnFields();
shareView.begin();
arrive();
