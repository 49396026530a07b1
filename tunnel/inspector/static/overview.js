// Knows the overview: how much passes, how it ends, how long it takes, and which paths are slow. The plots are plot.js.

import * as api from "./api.js";
import { fill, make } from "./dom.js";
import { plot } from "./plot.js";
import { address, go } from "./route.js";
import { troubleBox } from "./say.js";
import { clock, duration, number } from "./words.js";

const SPANS = [[5, "5 minutes"], [15, "15 minutes"], [60, "1 hour"], [240, "4 hours"], [1440, "1 day"]];
const EVERY = 5000; // milliseconds
const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"];

export class Overview {
  constructor(place, { paused, live }) {
    this._place = place;
    this._paused = paused;
    this._live = live;
    this._timer = 0;
    this._wanted = "";
    this._told = null;
    new ResizeObserver(() => { if (this._told && !place.hidden && this._wide !== place.clientWidth) this._draw(); }).observe(place);
  }

  show({ filter, minutes }) {
    clearTimeout(this._timer);
    const span = minutes ?? 15;
    this._minutes = span;
    if (this._wanted !== `${span} ${filter}`) {
      this._wanted = `${span} ${filter}`;
      this._told = null;
      this._plots = make("div", { class: "plots" });
      fill(this._place, this._bar(span, filter), this._plots);
    }
    this._read(filter, span);
  }

  hide() { clearTimeout(this._timer); }

  async _read(filter, span) {
    const wanted = this._wanted;
    try {
      if (document.hidden && this._told) return;
      const told = await api.overview(filter, span);
      if (wanted !== this._wanted || this._place.hidden) return;
      if (!this._told || !this._paused()) { this._told = told; this._draw(); }
    } catch (error) {
      if (wanted !== this._wanted) return;
      if (!this._told) fill(this._plots, troubleBox(error));
    } finally {
      if (wanted === this._wanted) {
        clearTimeout(this._timer);
        if (!this._place.hidden) this._timer = setTimeout(() => this._read(filter, span), EVERY);
      }
    }
  }

  _bar(span, filter) {
    const choice = make("select", { id: "overview-span" }, SPANS.map(([minutes, words]) => make("option", { value: minutes, selected: minutes === span }, words)));
    choice.addEventListener("change", () => go({ view: "overview", minutes: Number(choice.value) }));
    return make("div", { class: "overview-bar" }, make("h2", { tabindex: -1 }, "Overview"),
      make("label", { for: "overview-span" }, "of the last"), choice,
      filter ? make("p", {}, "for ", make("code", {}, filter), " ", make("a", { href: address({ view: "overview", filter: null }) }, "all instead")) : null);
  }

  _draw() {
    const { seconds, slowest } = this._told;
    const buckets = filled(this._told.buckets, seconds, this._minutes, this._live());
    this._wide = this._place.clientWidth;
    const open = [...this._plots.querySelectorAll("details")].map((one) => one.open);
    const sum = (name) => buckets.reduce((all, one) => all + (one[name] ?? 0), 0);
    if (!sum("requests")) {
      fill(this._plots, make("div", { class: "empty" }, make("h2", {}, "Nothing passed in this time"), make("p", {}, "As soon as something does, it shows here.")));
      return;
    }
    const wide = this._wide > 1150 ? (this._wide - 80) / 2 : this._wide - 48;
    const rate = (one) => one.requests / seconds;
    fill(this._plots,
      make("dl", { class: "sums" }, [["Exchanges", number(sum("requests"))], ["Failed", number(sum("failed"))], ["4xx", number(sum("4xx"))], ["5xx", number(sum("5xx"))]]
        .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
      make("div", { class: "plot-grid" },
        this._block(plot({ title: "Requests a second", buckets, wide, stacked: true, say: rateWords, series: [{ name: "all", words: "requests/s", of: rate }] }),
          tableOf(buckets, [["Requests a second", (one) => rateWords(rate(one))]]), open[0]),
        this._block(plot({ title: "Status classes", buckets, wide, stacked: true, say: number, series: CLASSES.map((name) => ({ name: name[0], words: name, of: (one) => one[name] })) }),
          tableOf(buckets, [...CLASSES, "failed"].map((name) => [name, (one) => number(one[name] ?? 0)])), open[1]),
        this._block(plot({ title: "Latency", buckets, wide, stacked: false, say: duration, series: ["p50", "p95", "p99"].map((name) => ({ name, words: name, of: (one) => one[name] ?? null })) }),
          tableOf(buckets, ["p50", "p95", "p99"].map((name) => [name, (one) => duration(one[name] ?? null) || "–"])), open[2]),
        slowestView(slowest)));
  }

  _block(figure, table, open) {
    return make("div", { class: "plot-block" }, figure, make("details", { open: Boolean(open) }, make("summary", {}, "As a table"), table));
  }
}

/** The API tells of the moments in which anything began; between them there is nothing, which is a value too. Pure. */
export function filled(buckets, seconds, minutes, live) {
  if (!buckets.length) return [];
  const step = seconds * 1e6;
  const last = live ? Math.max(buckets.at(-1).at, Math.floor((Date.now() * 1000) / step) * step) : buckets.at(-1).at;
  const known = new Map(buckets.map((one) => [one.at, one]));
  const found = [];
  const begin = last - minutes * 60e6;
  for (let at = buckets[0].at <= begin ? begin : begin + step; at <= last && found.length < 2000; at += step) {
    found.push(known.get(at) ?? { at, requests: 0, failed: 0, p50: null, p95: null, p99: null });
  }
  return found;
}

const rateWords = (value) => (value === 0 || value >= 10 ? number(Math.round(value)) : value.toPrecision(2).replace(/\.?0+$/, ""));

function tableOf(buckets, columns) {
  return make("div", { class: "scroll-y", tabindex: 0, role: "group", "aria-label": "Numbers of the plot" }, make("table", { class: "numbers" },
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Time"), columns.map(([words]) => make("th", { scope: "col" }, words)))),
    make("tbody", {}, buckets.map((one) => make("tr", {}, make("th", { scope: "row" }, clock(one.at, false)), columns.map(([, say]) => make("td", {}, say(one))))))));
}

function slowestView(slowest) {
  return make("section", { class: "plot-block slowest", "aria-labelledby": "slowest-title" }, make("h3", { id: "slowest-title" }, "Slowest paths"),
    make("div", { class: "scroll-x", tabindex: 0, role: "group", "aria-labelledby": "slowest-title" }, make("table", { class: "numbers" },
      make("thead", {}, make("tr", {}, ["Path", "Count", "p50", "p95", "Longest"].map((words) => make("th", { scope: "col" }, words)))),
      make("tbody", {}, slowest.map((one) => make("tr", {},
        make("th", { scope: "row" }, make("a", { href: address({ view: "list", minutes: null, filter: `method = ${one.method} and path = ${JSON.stringify(one.path)}` }) }, `${one.method} ${one.path}`)),
        make("td", {}, number(one.count)), [one.p50, one.p95, one.max].map((value) => make("td", {}, duration(value)))))))));
}
