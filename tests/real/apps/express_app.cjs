// An Express app that trusts the proxy before it.  Usage: NODE_PATH=… node express_app.cjs PORT FOLDER
const express = require("express");

const [port, folder] = process.argv.slice(2);
const app = express();
app.set("trust proxy", "loopback");
app.use("/files", express.static(folder));
app.use(express.json({ limit: "2mb" }));

app.get("/me", (request, response) => {
  const { protocol, secure, host, ip } = request;
  response.json({ protocol, secure, host, ip });
});

app.post("/items", (request, response) => {
  response.cookie("last", request.body.name, { secure: true, httpOnly: true });
  response.location(`${request.protocol}://${request.host}/items/1`).status(201).json(request.body);
});

app.get("/large", (request, response) => response.type("text").send("line\n".repeat(200_000)));

app.get("/old", (request, response) => response.redirect(301, `http://localhost:${port}/me`));

app.listen(Number(port), "127.0.0.1");
