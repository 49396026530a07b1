// Knows how elements are made: from names, attributes and text. Text is text: nothing here reads markup, and no caller can make it.

const REFUSED = new Set(["style", "srcdoc", "innerHTML", "outerHTML"]); // what could smuggle markup or inline styles in

/** Make an element. Attributes that are functions listen (`onclick`), true stands alone, null and false are left out. */
export function make(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** Make an element of SVG. */
export function draw(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (REFUSED.has(name) || name.startsWith("on")) throw new TypeError(`no element is made with ${name}`);
    else if (name === "href" && /^\s*javascript:/i.test(value)) throw new TypeError("no link is made that runs something");
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, children);
  return element;
}

/** Put children behind what is there: elements as they are, everything else as text, nothing for null and false. */
export function put(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replace all that is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  put(element, children);
}

/** Find an element of the page that is known to be there. */
export const byId = (id) => document.getElementById(id);

/** A button with words on it. */
export function button(words, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, words);
}

/** Whether a key pressed there is meant as text. */
export function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
