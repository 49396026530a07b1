// Node as a client.  Usage: node node_client.cjs URL MANNER, with NODE_EXTRA_CA_CERTS set; prints what it saw as JSON.
const https = require("node:https");

const [url, manner] = process.argv.slice(2);

function ask(path, options, body) {
  return new Promise((resolve, reject) => {
    const told = { informational: [], continued: false };
    const request = https.request(url + path, options, async (response) => {
      const pieces = [];
      for await (const piece of response) pieces.push(piece);
      told.status = response.statusCode;
      told.body = Buffer.concat(pieces).toString();
      told.trailers = response.trailers;
      resolve(told);
    });
    request.on("information", (response) => told.informational.push([response.statusCode, response.headers.link ?? null]));
    request.on("continue", () => {
      told.continued = true;
      request.end(body);
    });
    request.on("error", reject);
    if (options.headers?.Expect) request.flushHeaders();
    else if (options.trailers) {
      request.write(body);
      request.addTrailers(options.trailers);
      request.end();
    } else request.end(body);
  });
}

const manners = {
  fetch: async () => {
    const posted = await fetch(`${url}/echo`, { method: "POST", body: "by fetch" });
    const streamed = await fetch(`${url}/echo`, {
      method: "POST",
      duplex: "half",
      body: new ReadableStream({
        start(controller) {
          for (const word of ["piece ", "by ", "piece"]) controller.enqueue(new TextEncoder().encode(word));
          controller.close();
        },
      }),
    });
    const many = await Promise.all(Array.from({ length: 50 }, (_, number) => fetch(`${url}/plain?nr=${number}`)));
    const texts = await Promise.all(many.map((answer) => answer.text()));
    return { posted: await posted.text(), streamed: await streamed.text(), plain: texts.filter((text) => text === "plain").length };
  },

  trailers: () =>
    ask(
      "/trailers",
      { method: "POST", headers: { TE: "trailers", Trailer: "X-Check", "Transfer-Encoding": "chunked" }, trailers: { "X-Check": "of the client" } },
      "body",
    ),

  hints: () => ask("/hints", {}),

  continue: () => ask("/echo", { method: "POST", headers: { Expect: "100-continue", "Content-Length": 5 } }, "asked"),

  refused: () => ask("/echo", { method: "POST", headers: { Expect: "100-continue", "Content-Length": 5, "X-Refuse": "1" } }, "asked"),
};

manners[manner]().then(
  (told) => {
    console.log(JSON.stringify(told));
    process.exit(0);
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
