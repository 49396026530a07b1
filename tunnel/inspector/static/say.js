// Knows how the page speaks: one short sentence at a time, shown and read aloud; and how troubles are told.

import { byId, fill, make } from "./dom.js";

let forgetting = 0;

/** Say a sentence, for some seconds. */
export function say(sentence) {
  const said = byId("said");
  fill(said, sentence);
  said.classList.add("shown");
  clearTimeout(forgetting);
  forgetting = setTimeout(() => said.classList.remove("shown"), 4000);
}

/** Say an error as a sentence of its own, hint included. */
export function sayError(error) {
  say(error.hint ? `${sentence(error.message)} ${sentence(error.hint)}` : sentence(error.message));
}

/** Begin with a capital, unless with a name that is written otherwise (iPhone); end with a full stop. */
export function sentence(words) {
  const text = String(words).trim();
  if (!text) return "";
  const begun = /^[a-z][A-Z]/.test(text) ? text : text[0].toUpperCase() + text.slice(1);
  return /[.!?:…]$/.test(begun) ? begun : `${begun}.`;
}

/** Tell an error where its answer would have stood: what, and what to do. */
export function troubleBox(error) {
  return make("div", { class: "trouble-box", role: "alert" },
    make("p", { class: "trouble-what" }, sentence(heading(error))), make("p", {}, advice(error)));
}

function heading(error) {
  if (error.status === 403) return "this page may not look";
  if (error.status === 0) return "tunnel does not answer";
  if (error.status === 501) return "this tunnel cannot do that yet";
  return error.message;
}

function advice(error) {
  if (error.status === 403) {
    return ["Its link carries a token, and this one is not known to the running tunnel. Type ", make("code", {}, "tunnel"),
      " or ", make("code", {}, "tunnel inspect"), " again, and open the link that it prints."];
  }
  if (error.status === 0) return "It has stopped, or is being started again. This page keeps trying.";
  if (error.status === 501) return sentence(error.message);
  return error.hint ? sentence(error.hint) : "";
}

/** Tell that the page as a whole is in trouble, or (with null) that it no longer is. */
export function trouble(error) {
  const place = byId("trouble");
  place.hidden = !error;
  if (error) fill(place, make("strong", {}, sentence(heading(error))), " ", advice(error));
  else fill(place);
}
