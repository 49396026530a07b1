// The example page: asks the paths it lists and shows what came back. No library, nothing from another host.

const at = (id) => document.getElementById(id);
const LONGEST = 4000; // characters of an answer that are shown
at("scheme").textContent = location.protocol === "https:" ? "HTTPS" : "HTTP";

// Paths

let asked = 0;
at("paths").addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-path]");
  if (!button) return;
  const { path, method = "GET", body } = button.dataset;
  const turn = ++asked;
  const show = (status, text) => {
    if (turn !== asked) return; // a later click has its own answer
    at("status").textContent = `${method} ${path}: ${status}`;
    at("answer").textContent = text.length > LONGEST ? text.slice(0, LONGEST) + "\n…" : text;
  };
  show("waiting …", "");
  const began = performance.now();
  let status = "";
  try {
    const headers = body ? { "Content-Type": "application/json" } : {};
    const answer = await fetch(path, { method, body, headers });
    status = `${answer.status} ${answer.statusText}`.trim();
    const text = await answer.text();
    show(`${status}, ${text.length} characters in ${Math.round(performance.now() - began)} ms`, pretty(text));
  } catch (error) {
    show(status ? `${status}, then the answer broke off` : "no answer", String(error));
  }
});

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// Event stream

let events = null;
const pause = at("clock-switch");
pause.addEventListener("click", () => (events ? rest() : tick()));
addEventListener("pagehide", () => events?.close());

function tick() {
  events = new EventSource("/events");
  pause.textContent = "Pause";
  pause.setAttribute("aria-pressed", "false");
  events.addEventListener("tick", (event) => {
    const { number, time } = JSON.parse(event.data);
    at("clock").textContent = time;
    at("tick").textContent = `event ${number}`;
  });
  events.addEventListener("error", () => (at("tick").textContent = "connecting …"));
}

function rest() {
  events.close();
  events = null;
  pause.textContent = "Go on";
  pause.setAttribute("aria-pressed", "true");
  at("tick").textContent = "paused";
}
tick();

// WebSocket, opened by the first message

let socket = null;
at("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = at("words").value;
  at("words").value = "";
  if (!socket || socket.readyState > WebSocket.OPEN) {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    at("socket").textContent = "Connecting …";
    socket.addEventListener("open", () => (at("socket").textContent = "Connected."));
    socket.addEventListener("close", (end) => (at("socket").textContent = `Closed (${end.code}).`));
    socket.addEventListener("message", (message) => said(message.data, "back"));
  }
  const send = () => {
    socket.send(words);
    said(words, "there");
  };
  if (socket.readyState === WebSocket.OPEN) send();
  else socket.addEventListener("open", send, { once: true });
});

function said(words, way) {
  const line = document.createElement("li");
  line.className = way;
  line.textContent = words;
  at("talk").append(line);
  while (at("talk").children.length > 100) at("talk").firstChild.remove();
  line.scrollIntoView({ block: "nearest" });
}

// Upload

at("send").addEventListener("submit", async (event) => {
  event.preventDefault();
  const file = at("file").files[0];
  at("measured").textContent = `Sending ${file.size} bytes …`;
  try {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    const { size, sha256 } = await (await fetch("/upload", { method: "POST", body: file, headers })).json();
    at("measured").textContent = `${size} bytes arrived, SHA-256 ${sha256}`;
  } catch (error) {
    at("measured").textContent = `It did not arrive: ${error.message}`;
  }
});
