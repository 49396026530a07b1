// Knows what can be typed next in the filter language: fields, then operators, then values, then how to go on. Pure.

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"?|!~|!=|<=|>=|[=<>~()]|[^\s"()=<>~!]+|!/gy;
const TEXT = ["=", "!=", "contains", "~", "!~", "in"];
const AMOUNT = [">", ">=", "<", "<=", "=", "!=", "in"];
const FLAG = ["=", "!="];
const OPERATORS = {
  "=": "is", "!=": "is not", "~": "matches the pattern", "!~": "does not match", contains: "has in it",
  in: "is one of a list: in (a, b)",
  "<": "below", "<=": "at most", ">": "above", ">=": "at least",
};
const JOINERS = { and: "both hold", or: "one of them holds" };

/** Take a filter apart: tokens with where they stand, blanks left out. */
export function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  for (let match; (match = TOKEN.exec(text)); ) {
    if (match[0].trim()) found.push({ text: match[0], from: match.index, to: match.index + match[0].length });
  }
  return found;
}

/**
 * Say what could stand at the caret.
 *
 * `fields` is what /api/fields told. The answer says which part of the text a choice replaces, and the choices: what is
 * typed, what is shown, and a few words of help.
 */
export function complete(text, caret, fields) {
  const before = tokens(text.slice(0, caret));
  const last = before.at(-1);
  const unfinished = last && last.to === caret && !/^[=<>~!()]+$/.test(last.text) && !/^".*"$/s.test(last.text) ? before.pop() : null;
  const typed = unfinished?.text ?? "";
  const { expects, field } = expected(before, fields);
  const choices = match(choicesFor(expects, field, fields), typed);
  return { from: unfinished?.from ?? caret, to: caret, typed, expects, choices };
}

/** Walk over what stands there; return what is expected next, and the field that it is about. */
function expected(before, fields) {
  let expects = "term", field = null;
  for (const { text } of before) {
    const word = text.toLowerCase();
    const named = fieldOf(word, fields);
    if (word === "and" || word === "or" || word === "not" || word === "(") [expects, field] = ["term", null];
    else if (word === ")") [expects, field] = ["joiner", null];
    else if (expects !== "value" && word in OPERATORS) expects = "value"; // behind a word that is no field here: an alias, perhaps
    else if (expects === "value") [expects, field] = ["joiner", null];
    else if (named) [expects, field] = ["operator", named];
    else [expects, field] = ["joiner", null];
  }
  return { expects, field };
}

/** The field of a word; one that is listed as "header.NAME" stands for every name. */
const fieldOf = (word, fields) => fields.find(({ name }) =>
  name === word || (name.endsWith(".NAME") && word.startsWith(name.slice(0, -4)) && word.length > name.length - 4));

function choicesFor(expects, field, fields) {
  if (expects === "operator") {
    return operatorsOf(field).map((one) => ({ text: one, label: one, help: OPERATORS[one] ?? "" }));
  }
  if (expects === "value") {
    if (!field) return [];
    const values = field.values?.length ? field.values : field.type === "flag" ? ["yes", "no"] : [];
    const given = values.map((value) => ({ text: quoted(value), label: String(value), help: "" }));
    return given.length ? given : exampleOf(field);
  }
  if (expects === "joiner") return Object.entries(JOINERS).map(([text, help]) => ({ text, label: text, help }));
  const named = fields.map((one) => ({ text: one.name.replace(/NAME$/, ""), label: one.name, help: one.help ?? "", unit: one.unit ?? "" }));
  return [...named, { text: "not", label: "not", help: "the next does not hold" }];
}

/** The operators of a field: those the API names, else what its type allows. */
export function operatorsOf(field) {
  if (field.operators?.length) return field.operators;
  if (field.type === "flag") return FLAG;
  return field.type === "text" || field.type === "choice" ? TEXT : AMOUNT;
}

/** The value in a field's example, where it lists none: it shows how one is written. */
function exampleOf(field) {
  const written = tokens(field.example ?? "");
  const at = written.findIndex(({ text }) => text in OPERATORS);
  const value = at >= 0 ? written[at + 1]?.text : undefined;
  return value ? [{ text: value, label: value, help: "for example" }] : [];
}

const quoted = (value) => (/^[^\s"()=<>~!]+$/.test(String(value)) ? String(value) : JSON.stringify(String(value)));

/** Those that begin with what was typed, then those that have it in them. */
function match(choices, typed) {
  const wanted = typed.replace(/^"/, "").toLowerCase();
  if (!wanted) return choices;
  const placed = choices.map((choice) => [choice.text.replace(/^"/, "").toLowerCase(), choice]);
  const begins = placed.filter(([text]) => text.startsWith(wanted) && text !== wanted);
  const has = placed.filter(([text]) => text.indexOf(wanted) > 0);
  return [...begins, ...has].map(([, choice]) => choice);
}

/** Put a choice into the text; return the new text and where the caret stands then. */
export function accept(text, { from, to }, choice) {
  const after = text.slice(to);
  const space = after.startsWith(" ") || choice.text.endsWith(".") ? "" : " "; // "header." wants a name first
  const caret = from + choice.text.length + (choice.text.endsWith(".") ? 0 : 1);
  return { text: text.slice(0, from) + choice.text + space + after, caret };
}

/** The word that an error points at: from its column to the end of that word. */
export function wordAt(text, column) {
  const found = tokens(text).find(({ from, to }) => from <= column && column < to);
  return found ?? { text: "", from: Math.min(column, text.length), to: Math.min(column, text.length) };
}
