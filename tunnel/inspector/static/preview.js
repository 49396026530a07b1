// Knows how a stranger's page is previewed: written anew from tags that only show, in a frame that may do nothing at all.
// The frame is the wall (a sandbox without a single permission, under this page's policy). That nothing is left in it which
// acts or loads keeps the browser from ever having to refuse anything.

import { make } from "./dom.js";

const SHOWING = new Set((
  "html head body main header footer nav section article aside address h1 h2 h3 h4 h5 h6 hgroup p div span br hr pre blockquote ol ul li dl dt dd " +
  "figure figcaption a b strong i em u s small mark sub sup code kbd samp var q cite abbr time del ins bdi bdo wbr ruby rt rp center font " +
  "table caption colgroup col thead tbody tfoot tr th td form fieldset legend label button input select option optgroup textarea output progress meter details summary"
).split(" "));
const KEPT = new Set("colspan rowspan span start type value placeholder checked selected disabled open dir lang title align".split(" "));
const SKIPPED = new Set("script style title noscript template iframe object embed svg math xmp noembed noframes audio video canvas".split(" "));

/** Write HTML anew: its text, and of its tags those that only show, with attributes that only show. Pure, and linear in time. */
export function cleaned(html) {
  const lower = html.toLowerCase();
  const pieces = ["<!doctype html>"];
  let at = 0;
  while (at < html.length) {
    const opening = html.indexOf("<", at);
    pieces.push(escaped(html.slice(at, opening < 0 ? html.length : opening)));
    if (opening < 0) break;
    if (html.startsWith("<!--", opening)) {
      const end = html.indexOf("-->", opening);
      if (end < 0) break;
      at = end + 3;
    } else if (/[a-z/!?]/i.test(html[opening + 1] ?? "")) {
      const end = tagEnd(html, opening);
      if (end < 0) break;
      const name = /^<\/?([a-z][a-z0-9]*)/i.exec(html.slice(opening, opening + 30))?.[1].toLowerCase() ?? "";
      at = end + 1;
      if (SKIPPED.has(name) && html[opening + 1] !== "/") {
        const closing = lower.indexOf(`</${name}`, at);
        if (closing < 0) break;
        at = closing;
      } else pieces.push(tag(name, html.slice(opening, end)));
    } else {
      pieces.push("&lt;");
      at = opening + 1;
    }
  }
  return pieces.join("");
}

/** Where a tag ends: the first > that is not inside quotes; -1 where it never does. */
function tagEnd(html, from) {
  let quote = "";
  for (let at = from + 1; at < html.length; at += 1) {
    const character = html[at];
    if (quote) { if (character === quote) quote = ""; }
    else if (character === ">") return at;
    else if ((character === '"' || character === "'") && html[at - 1] === "=") quote = character;
  }
  return -1;
}

function tag(name, source) {
  if (name === "img") return escaped(`[picture: ${/\salt=(?:"([^"]*)"|'([^']*)')/i.exec(source)?.slice(1).find(Boolean) ?? "without words"}]`);
  if (!SHOWING.has(name)) return "";
  if (source[1] === "/") return `</${name}>`;
  const kept = [...source.slice(0, 2000).matchAll(/\s([a-z]+)=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi)]
    .filter(([, attribute]) => KEPT.has(attribute.toLowerCase()))
    .map(([, attribute, ...values]) => ` ${attribute.toLowerCase()}="${escaped(values.find((value) => value !== undefined)).replaceAll('"', "&quot;")}"`);
  return `<${name}${kept.join("")}>`;
}

/** Text keeps its character references; only what could begin a tag is taken from it. */
const escaped = (text) => text.replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Show a page in a frame of its own. */
export function previewView(html) {
  const frame = make("iframe", { class: "preview", sandbox: "", title: "Preview of the page, without its scripts, styles and pictures", referrerpolicy: "no-referrer" });
  frame.srcdoc = cleaned(html);
  return make("div", {}, frame, make("p", { class: "muted" }, "Shown without its scripts, styles and pictures: nothing of it runs, and nothing is loaded."));
}
