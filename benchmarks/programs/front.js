// Node's http-proxy as a front, plain and TLS. `node front.js PLAINPORT TLSPORT ORIGINPORT PEM`
const fs = require("fs"), http = require("http"), https = require("https"), httpProxy = require("http-proxy");
const [plain, tls, origin, pem] = process.argv.slice(2);
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${origin}`,
  agent: new http.Agent({ keepAlive: true, maxSockets: Infinity }),
  xfwd: true,
});
proxy.on("error", (error, request, response) => { if (response.writeHead) { response.writeHead(502); } response.end(); });
const forward = (request, response) => proxy.web(request, response);
const key = fs.readFileSync(pem);
for (const [server, port] of [[http.createServer(forward), plain], [https.createServer({ key, cert: key }, forward), tls]]) {
  server.keepAliveTimeout = 600e3;
  server.listen(Number(port), "127.0.0.1");
}
