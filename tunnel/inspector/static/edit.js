// Knows the form that edits a request before it is sent again: method, target, headers, body, where it goes, and how often.

import * as api from "./api.js";
import { button, fill, make } from "./dom.js";
import { toBase64 } from "./hex.js";
import { size } from "./words.js";

const LARGEST = 2_000_000; // bytes of a body that is edited here
const MOST_TIMES = 100; // as the API has it
const FRAMING = /^(content-length|transfer-encoding)$/i; // written anew by whoever sends it

/** Read lines of "Name: value" into pairs. Throws with the line that is none. Pure. */
export function readFields(text) {
  return text.split(/\r?\n/).filter((line) => line.trim()).map((line) => {
    const at = line.indexOf(":");
    const name = line.slice(0, Math.max(0, at)).trim();
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw new SyntaxError(`This is no header: ${line.slice(0, 60)}`);
    return [name, line.slice(at + 1).trim()];
  });
}

/** Open the form; `send(edits)` sends and returns whether that went well. */
export async function editForm(exchange, send) {
  const body = await bodyOf(exchange);
  const fields = exchange.request.fields.filter(({ name }) => !FRAMING.test(name) && !(body.text !== null && /^content-encoding$/i.test(name)));
  const input = (id, value) => { const made = make("input", { id, type: "text", required: true, autocomplete: "off", spellcheck: "false" }); made.value = value; return made; };
  const area = (id, rows, value) => { const made = make("textarea", { id, rows, spellcheck: "false" }); made.value = value; return made; };
  const method = input("edit-method", exchange.method);
  const target = input("edit-target", exchange.target);
  const headers = area("edit-headers", Math.min(14, fields.length + 1), fields.map(({ name, value }) => `${name}: ${value}`).join("\n"));
  const content = area("edit-body", 8, body.text ?? "");
  const to = make("input", { id: "edit-to", type: "text", autocomplete: "off", spellcheck: "false", placeholder: "this tunnel", "aria-describedby": "edit-to-note" });
  const times = make("input", { id: "edit-times", type: "number", min: 1, max: MOST_TIMES, required: true });
  times.value = "1";
  const wrong = make("p", { class: "edit-wrong", role: "alert" });
  const note = make("p", { class: "muted", id: "edit-note" }, body.note);
  content.disabled = body.text === null;
  content.setAttribute("aria-describedby", "edit-note");
  content.addEventListener("input", () => { note.textContent = jsonNote(headers.value, content.value); });

  const dialog = make("dialog", { class: "dialog edit", "aria-labelledby": "edit-title" },
    make("form", { method: "dialog", onsubmit: submit },
      make("h2", { id: "edit-title" }, `Edit and send ${exchange.id}`),
      make("div", { class: "edit-line" },
        make("div", {}, make("label", { for: "edit-method" }, "Method"), method),
        make("div", { class: "wide" }, make("label", { for: "edit-target" }, "Target"), target)),
      make("label", { for: "edit-headers" }, "Headers, one a line"), headers,
      make("label", { for: "edit-body" }, "Body"), content, note,
      make("div", { class: "edit-line" },
        make("div", { class: "wide" }, make("label", { for: "edit-to" }, "Send to"), to),
        make("div", {}, make("label", { for: "edit-times" }, "Times"), times)),
      make("p", { class: "muted", id: "edit-to-note" }, "Empty: through this tunnel, and recorded. Or another target, which is not: 3000, app.test:8080, https://…"), wrong,
      make("div", { class: "dialog-buttons" }, make("button", { type: "submit", class: "primary" }, "Send"), button("Cancel", () => dialog.close()))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  method.focus();

  async function submit(event) {
    event.preventDefault();
    fill(wrong);
    const edits = { method: method.value.trim(), target: target.value.trim(), to: to.value.trim(), times: Number(times.value) };
    try {
      edits.headers = readFields(headers.value);
    } catch (error) {
      fill(wrong, error.message);
      headers.focus();
      return;
    }
    if (body.text !== null) edits.body_base64 = toBase64(new TextEncoder().encode(content.value));
    if (await send(edits)) dialog.close();
  }
}

/** The body as text to edit; null with a note where it is none. */
async function bodyOf(exchange) {
  const { body } = exchange.request;
  if (!body.size) return { text: "", note: "" };
  if (body.kept < body.size) return { text: null, note: `Only ${size(body.kept)} of ${size(body.size)} were kept: what is kept is sent as it is.` };
  if (body.size > LARGEST) return { text: null, note: `${size(body.size)}: too large to edit here; it is sent as it is.` };
  const bytes = await api.bytes(exchange.id, "request", 8 * LARGEST);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), note: "" };
  } catch {
    return { text: null, note: `${size(body.size)} of bytes that are no text: sent as they are.` };
  }
}

function jsonNote(headers, text) {
  if (!/^content-type:.*json/im.test(headers) || !text.trim()) return "";
  try { JSON.parse(text); return ""; } catch { return "The headers say JSON; this is none, and is sent all the same."; }
}
