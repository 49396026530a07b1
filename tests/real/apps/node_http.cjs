// Node's http, one path a manner.  Usage: node node_http.cjs PORT [KEEP_ALIVE_MS]
// Prints "closed NUMBER" when a connection has ended, where NUMBER counts connections from 1.
const http = require("node:http");

const [port, keepAlive] = process.argv.slice(2).map(Number);
const seen = {}; // how often each "METHOD path" reached this server

async function whole(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

function json(response, value) {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(value));
}

const paths = {
  "/plain": (request, response) => response.end("plain"),

  "/headers": (request, response) => json(response, { version: request.httpVersion, raw: request.rawHeaders }),

  "/chunked": (request, response) => {
    response.write("one ");
    response.write("two ");
    response.end("three");
  },

  // Each piece is written when the request before it has been answered: nothing is sent ahead.
  "/pieces": (request, response) => {
    let number = 0;
    const more = () => (number < 5 ? response.write(`piece ${++number}\n`, () => setTimeout(more, 20)) : response.end());
    more();
  },

  "/trailers": async (request, response) => {
    const body = await whole(request);
    response.writeHead(200, { Trailer: "X-Sum, X-Also", "Content-Type": "application/json" });
    response.write(JSON.stringify({ body: body.toString(), trailers: request.rawTrailers, te: request.headers.te ?? null }));
    response.addTrailers({ "X-Sum": String(body.length), "X-Also": "this" });
    response.end();
  },

  "/echo": (request, response) => request.pipe(response),

  "/hints": (request, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" }, () => response.end("after the hints"));
  },

  "/204": (request, response) => response.writeHead(204, { "X-Kind": "nothing" }).end(),

  "/304": (request, response) => response.writeHead(304, { ETag: '"one"' }).end(),

  "/dies": (request, response) => {
    response.writeHead(200, { "Content-Length": "1000" });
    response.write("x".repeat(100), () => response.socket.destroy());
  },

  "/dies-chunked": (request, response) => {
    response.write("y".repeat(100), () => response.socket.destroy());
  },

  "/dies-silent": (request, response) => response.socket.destroy(),

  // Answers when the head is there, whatever of a body follows, and goes on reading.
  "/early": (request, response) => {
    request.resume();
    response.writeHead(403).end("not you");
  },

  // As /early, and closes at once, with what the client still sends unread.
  "/early-close": (request, response) => {
    response.writeHead(413, { Connection: "close" }).end("too much");
  },

  // The second request of a connection finds that it has closed: a server that stops being patient just then.
  "/stale": (request, response) => {
    if (request.socket.asked > 1) return request.socket.destroy();
    // Only once all of it is here: an answer that overtakes its request's body leaves a connection that nobody reuses.
    request.resume().on("end", () => response.end("fresh"));
  },

  "/seen": (request, response) => json(response, seen),
};

function answer(request, response) {
  const path = request.url.split("?")[0];
  request.socket.asked = (request.socket.asked ?? 0) + 1;
  const key = `${request.method} ${path}`;
  seen[key] = (seen[key] ?? 0) + 1;
  const answered = paths[path];
  if (answered) answered(request, response);
  else response.writeHead(404).end();
}

const server = http.createServer(answer);
if (keepAlive) {
  // Node's own keepAliveTimeout is patient for a second more than it says; this one is not.
  server.on("request", ({ socket }, response) => {
    clearTimeout(socket.patience);
    response.on("finish", () => (socket.patience = setTimeout(() => socket.destroy(), keepAlive)));
  });
}

server.on("checkContinue", (request, response) => {
  if (request.headers["x-refuse"]) return response.writeHead(417, { Connection: "close" }).end("kept out");
  response.writeContinue();
  answer(request, response);
});

// Two made-up protocols.  `shout`: says back in capitals what it hears, and when the client has ended its direction says how
// much that was.  `farewell`: says its word, ends its own direction, and goes on listening.
server.on("upgrade", (request, socket, head) => {
  const protocol = request.headers.upgrade;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n\r\n`);
  let count = head.length;
  if (protocol === "shout") {
    if (head.length) socket.write(head.toString().toUpperCase());
    socket.on("data", (piece) => {
      count += piece.length;
      socket.write(piece.toString().toUpperCase());
    });
    socket.on("end", () => socket.end(`heard ${count} bytes`));
  } else {
    let heard = head.toString();
    socket.end("farewell");
    socket.on("data", (piece) => (heard += piece));
    socket.on("end", () => console.log(`heard all: ${heard}`));
  }
  socket.on("error", () => {});
});

let connections = 0;
server.on("connection", (socket) => {
  const number = ++connections;
  socket.on("close", () => console.log(`closed ${number}`));
});

server.listen(port, "127.0.0.1");
