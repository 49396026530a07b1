// Knows how JSON is read without losing anything: numbers as they are written, keys that stand twice. Pure.

const DEEPEST = 200; // levels; what lies deeper is shown as text
const SPACE = /[ \t\r\n]*/y;
const SCALAR = /"(?:[^"\\\u0000-\u001f]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * Read JSON into nodes: { kind, text } for what stands alone, { kind: "object" | "array", items: [{ key, node }] } else.
 *
 * Throws a SyntaxError on what is no JSON, or is deeper than anybody reads.
 */
export function readJson(text) {
  const state = { text, at: 0 };
  const node = value(state, 0);
  space(state);
  if (state.at < text.length) throw new SyntaxError(`more text after the JSON, at ${state.at}`);
  return node;
}

function space(state) {
  SPACE.lastIndex = state.at;
  SPACE.exec(state.text);
  state.at = SPACE.lastIndex;
}

function value(state, depth) {
  if (depth > DEEPEST) throw new SyntaxError("deeper than is shown as a tree");
  space(state);
  const opening = state.text[state.at];
  if (opening === "{") return items(state, depth, "object", "}");
  if (opening === "[") return items(state, depth, "array", "]");
  return scalar(state);
}

function scalar(state) {
  SCALAR.lastIndex = state.at;
  const found = SCALAR.exec(state.text)?.[0];
  if (found === undefined) throw new SyntaxError(`no JSON at ${state.at}`);
  state.at += found.length;
  if (found[0] === '"') return { kind: "string", text: JSON.parse(found) };
  return { kind: found === "null" ? "null" : /^[tf]/.test(found) ? "boolean" : "number", text: found };
}

function items(state, depth, kind, closing) {
  const found = [];
  state.at += 1;
  space(state);
  if (state.text[state.at] === closing) { state.at += 1; return { kind, items: found }; }
  for (;;) {
    let key = found.length;
    if (kind === "object") {
      space(state);
      const name = scalar(state);
      if (name.kind !== "string") throw new SyntaxError(`no key at ${state.at}`);
      space(state);
      if (state.text[state.at] !== ":") throw new SyntaxError(`no colon at ${state.at}`);
      state.at += 1;
      key = name.text;
    }
    found.push({ key, node: value(state, depth + 1) });
    space(state);
    const next = state.text[state.at];
    state.at += 1;
    if (next === closing) return { kind, items: found };
    if (next !== ",") throw new SyntaxError(`neither a comma nor an end at ${state.at - 1}`);
  }
}

/** Indent JSON for reading, or return null for what is none. */
export function indented(text) {
  try {
    return write(readJson(text), "");
  } catch {
    return null;
  }
}

function write(node, margin) {
  if (node.kind === "string") return JSON.stringify(node.text);
  if (!node.items) return node.text;
  const [open, close] = node.kind === "object" ? "{}" : "[]";
  if (!node.items.length) return open + close;
  const deeper = `${margin}  `;
  const lines = node.items.map(({ key, node: child }) =>
    `${deeper}${node.kind === "object" ? `${JSON.stringify(key)}: ` : ""}${write(child, deeper)}`);
  return `${open}\n${lines.join(",\n")}\n${margin}${close}`;
}
