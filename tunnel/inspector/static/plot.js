// Knows how a plot is drawn as SVG: axes with round numbers, stacked columns, lines, and the value under the pointer.

import { draw, make } from "./dom.js";
import { clock } from "./words.js";

const HIGH = 180, LEFT = 56, RIGHT = 12, TOP = 10, BELOW = 22;

/** Round numbers from 0 to at least `most`, about `count` of them. Pure. */
export function ticks(most, count = 4) {
  const rough = (most || 1) / count;
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * scale).find((one) => one >= rough);
  const found = [];
  for (let value = 0; found.length < 12; value += step) {
    found.push(Number(value.toPrecision(12)));
    if (value >= most) break;
  }
  return found;
}

/**
 * Draw a plot.
 *
 * `buckets` are the moments, `series` say how to read each: { name, words, of(bucket) }. `stacked` puts one on the other as
 * columns; else they are lines. `say(value)` writes a value, for the axis and the words under the pointer.
 */
export function plot({ title, buckets, series, stacked, say, wide }) {
  const width = Math.max(280, wide);
  const tops = buckets.map((one) => (stacked ? series.reduce((sum, { of }) => sum + (of(one) ?? 0), 0) : Math.max(0, ...series.map(({ of }) => of(one) ?? 0))));
  const marks = ticks(Math.max(...tops, 0));
  const most = marks.at(-1);
  const x = (at) => LEFT + ((width - LEFT - RIGHT) * at) / Math.max(1, buckets.length);
  const y = (value) => TOP + (HIGH - TOP - BELOW) * (1 - value / most);
  const picture = draw("svg", { viewBox: `0 0 ${width} ${HIGH}`, width, height: HIGH, role: "img", "aria-label": `${title}. The table below has the numbers.`, class: "plot" },
    stacked && series.length > 1 ? patterns() : null, axes({ marks, say, buckets, x, y, width }),
    stacked ? columns({ buckets, series, x, y }) : lines({ buckets, series, x, y }));
  const cursor = draw("line", { class: "cursor", y1: TOP, y2: HIGH - BELOW, visibility: "hidden" });
  picture.append(cursor);
  const words = make("p", { class: "under-pointer", "aria-hidden": "true" });
  picture.addEventListener("pointermove", (event) => {
    const at = Math.floor(((event.offsetX - LEFT) / (width - LEFT - RIGHT)) * buckets.length);
    const one = buckets[at];
    cursor.setAttribute("visibility", one ? "visible" : "hidden");
    if (!one) { words.textContent = ""; return; }
    cursor.setAttribute("x1", x(at + 0.5));
    cursor.setAttribute("x2", x(at + 0.5));
    words.textContent = `${clock(one.at, false)}  ${series.map(({ words: named, of }) => `${named} ${of(one) === null ? "–" : say(of(one))}`).join("  ")}`;
  });
  picture.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); words.textContent = ""; });
  return make("figure", { class: "plot-figure" }, make("figcaption", {}, make("h3", {}, title), legend(series, stacked)), picture, words);
}

function axes({ marks, say, buckets, x, y, width }) {
  const group = draw("g", { class: "axes" });
  for (const value of marks) {
    group.append(draw("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: value ? "grid" : "zero" }),
      draw("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, say(value)));
  }
  const each = Math.max(1, Math.ceil(buckets.length / Math.max(2, Math.floor((width - LEFT) / 90))));
  for (let at = 0; at < buckets.length; at += each) {
    group.append(draw("text", { x: x(at), y: HIGH - 6, "text-anchor": at ? "middle" : "start" }, clock(buckets[at].at, false)));
  }
  return group;
}

function columns({ buckets, series, x, y }) {
  const group = draw("g", {});
  const wide = Math.max(1, x(1) - x(0) - (buckets.length > 120 ? 0.5 : 2));
  buckets.forEach((one, at) => {
    let below = 0;
    for (const { name, of } of series) {
      const value = of(one) ?? 0;
      if (value) group.append(draw("rect", { x: x(at), width: wide, y: y(below + value), height: Math.max(0.5, y(below) - y(below + value)), class: `fill-${name}` }));
      below += value;
    }
  });
  return group;
}

/** Lines break where there is no value: nothing happened then, which is not the same as 0. */
function lines({ buckets, series, x, y }) {
  return draw("g", {}, series.map(({ name, of }) => {
    let path = "", drawing = false;
    const alone = [];
    buckets.forEach((one, at) => {
      const value = of(one);
      if (value === null || value === undefined) { drawing = false; return; }
      const next = buckets[at + 1], follows = next && of(next) !== null && of(next) !== undefined;
      if (!drawing && !follows) alone.push(draw("circle", { cx: x(at + 0.5), cy: y(value), r: 2, class: `dot-${name}` }));
      path += `${drawing ? "L" : "M"}${x(at + 0.5).toFixed(1)} ${y(value).toFixed(1)}`;
      drawing = true;
    });
    return [draw("path", { d: path || "M0 0", class: `line-${name}` }), alone];
  }));
}

/** Stripes and dots, so that a class is known without its colour. */
function patterns() {
  const pattern = (id, ...marks) => draw("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, marks);
  return draw("defs", {},
    pattern("hatch-4", draw("rect", { width: 6, height: 6, class: "ground-4" }), draw("path", { d: "M0 6L6 0M-1 1L1 -1M5 7L7 5", class: "stroke-4" })),
    pattern("hatch-5", draw("rect", { width: 6, height: 6, class: "ground-5" }), draw("path", { d: "M0 0L6 6M0 6L6 0", class: "stroke-5" })),
    pattern("hatch-3", draw("rect", { width: 6, height: 6, class: "ground-3" }), draw("path", { d: "M0 3H6", class: "stroke-3" })));
}

function legend(series, stacked) {
  if (series.length < 2) return null;
  return make("ul", { class: "legend" }, series.map(({ name, words }) => make("li", {},
    draw("svg", { width: 22, height: 12, "aria-hidden": "true" }, stacked
      ? draw("rect", { width: 14, height: 12, x: 4, class: `fill-${name}` }) : draw("path", { d: "M1 6H21", class: `line-${name}` })), words)));
}
