"""Recorded, exported, judged by others, imported: the same exchanges at the end as at the beginning."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from websockets.sync.client import connect

from tests.helpers import har_spec
from tests.helpers.browsers import Browsers, home_that_trusts
from tests.helpers.fronts import Front, Row, tunnel
from tests.helpers.servers import PATIENCE

pytestmark = pytest.mark.real
SCHEMA = """
const Ajv = require("ajv");
const schemas = require("har-schema");
const ajv = new Ajv({ unknownFormats: "ignore" });
ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-06.json"));
ajv.addSchema(Object.values(schemas));
const valid = ajv.getSchema("har.json#");
const log = JSON.parse(require("fs").readFileSync(process.argv[2], "utf-8"));
if (!valid(log)) { console.error(JSON.stringify(valid.errors, null, 1)); process.exit(1); }
"""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A front of the example service with something of everything recorded, still running."""
    with Front(None, tmp_path_factory.mktemp("front") / "folder") as front:
        with front.client() as client:
            client.get("/")
            client.get("/gzip")
            client.post("/api/items", json={"name": "lämp"}, headers={"X-Odd": "it's"})
            client.get("/api/items?x=1&y=%20a&y")
            client.get("/cookies")
            client.post("/upload", content=bytes(range(256)) * 100)
            client.get("/large?mb=2")  # of which a mebibyte is kept
            client.get("/fail/500")
            with pytest.raises(httpx.TransportError):
                client.get("/fail/cut")
        with connect(front.url.replace("https", "wss") + "/ws", ssl=front.context()) as socket:
            for message in ("hello grüße", b"\0\xff"):
                socket.send(message)
                assert socket.recv() == message
        front.recorded(count=10)
        yield front


@pytest.fixture(scope="module")
def file(front: Front, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "ours.har"
    export(front.folder, path)
    return path


def export(folder: Path, path: Path, *words: str) -> None:
    argv = tunnel("export", "-o", str(path), "--folder", str(folder), *words)
    done = subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr.decode()


def asked(folder: Path, *words: str) -> str:
    argv = tunnel(*words, "--folder", str(folder))
    return subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=True).stdout.decode()


def test_what_is_exported_is_valid_by_the_published_schema(
    file: Path, node: str, node_modules: Path, tmp_path: Path
) -> None:
    har_spec.check(json.loads(file.read_text(encoding="utf-8")))
    script = tmp_path / "check.cjs"
    script.write_text(SCHEMA)

    argv = [node, str(script), str(file)]
    done = subprocess.run(
        argv, capture_output=True, timeout=PATIENCE, check=False, env={"NODE_PATH": str(node_modules), "PATH": ""}
    )

    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.long
def test_what_is_imported_elsewhere_is_told_the_same(front: Front, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    said = asked(folder, "import", str(file))

    assert said.startswith("10 exchanges from ours.har: 1 to 10; ")
    assert asked(folder, "log") == front.run("log")
    for row in front.recorded():
        ours, theirs = front.shown(row["id"]), json.loads(asked(folder, "show", str(row["id"]), "--json"))
        assert (ours.pop("source"), theirs.pop("source")) == ("", "ours.har")
        assert theirs == ours
        shown = asked(folder, "show", str(row["id"])).splitlines()
        assert [line for line in shown if "imported  from ours.har" not in line] == front.run(
            "show", str(row["id"])
        ).splitlines()


def test_what_is_exported_again_is_the_same_file(file: Path, tmp_path: Path) -> None:
    asked(tmp_path / "other", "import", str(file))
    export(tmp_path / "other", tmp_path / "again.har")

    ours, again = (json.loads(path.read_text(encoding="utf-8")) for path in (file, tmp_path / "again.har"))
    for entry in again["log"]["entries"]:
        assert entry["_tunnel"].pop("source") == "ours.har"
    for entry in ours["log"]["entries"]:
        assert entry["_tunnel"].pop("source") == ""
    assert again == ours


def test_chromium_replays_a_page_from_it(
    front: Front, certutil: str, browsers: Browsers, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A page is recorded; then, with the front out of reach, the browser gets all of it from the export."""
    context = browsers.start(home_that_trusts(front.root, tmp_path_factory.mktemp("home")))
    page = context.new_page()
    before = len(front.recorded())
    page.goto(front.url)
    expect(page.locator("h1")).to_have_text("It works. This is the example service.")
    styled = colours(page)
    page.close()
    front.recorded(lambda row: row["target"] in ("/", "/page.css", "/page.js"), count=4)
    path = tmp_path / "page.har"
    ids = sorted(row["id"] for row in front.log() if row["target"] in ("/", "/page.css", "/page.js"))[-3:]
    export(front.folder, path, "--ids", ",".join(map(str, ids)))
    assert before

    served: list[str] = []
    replayed = context.new_page()
    context.route_from_har(path, not_found="abort")
    replayed.on("response", lambda response: served.append(f"{response.status} {response.url}"))
    replayed.goto(front.url)

    expect(replayed.locator("h1")).to_have_text("It works. This is the example service.")
    assert colours(replayed) == styled
    assert {said.rpartition("/")[2] for said in served if said.startswith("200 ")} >= {"", "page.css", "page.js"}
    context.close()
    counts = [row["target"] for row in front.log()].count("/page.css")
    assert counts == 1  # nothing was asked of the front again


def colours(page: Page) -> Any:
    return page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).fontFamily]"
    )


# Developer tools

IMPORT = """async (text) => {
  const har = await import("./models/har/har.js");
  const root = new har.HARFormat.HARRoot(JSON.parse(text));
  const requests = har.Importer.Importer.requestsFromHARLog(root.log);
  return Promise.all(requests.map(async (request) => {
    const content = await request.requestContentData();
    return {
      method: request.requestMethod, url: request.url(), status: request.statusCode, type: request.resourceType().name(),
      start: request.startTime, duration: request.duration,
      asked: request.requestHeaders().map(({ name, value }) => `${name}: ${value}`),
      answered: request.responseHeaders.map(({ name, value }) => `${name}: ${value}`),
      post: await request.requestFormData(),
      text: content.isTextContent && content.text !== undefined ? content.text : null,
      frames: request.frames().map(({ type, text, opCode, time }) => ({ type, text, opCode, time })),
    };
  }));
}"""


@pytest.fixture(scope="module")
def devtools(browsers: Browsers, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Chromium's developer tools, opened as a page."""
    page = browsers.start(tmp_path_factory.mktemp("home")).new_page()
    page.goto("devtools://devtools/bundled/devtools_app.html")
    return page


def test_chromiums_developer_tools_open_it(front: Front, file: Path, devtools: Page) -> None:
    shown = devtools.evaluate(IMPORT, file.read_text(encoding="utf-8"))

    rows: list[Row] = front.recorded()[:10]
    assert [(one["method"], one["status"]) for one in shown] == [(row["method"], row["status"]) for row in rows]
    for one, row in zip(shown, rows, strict=True):
        assert one["url"].endswith(row["target"])
    by_target = {row["target"]: one for one, row in zip(shown, rows, strict=True)}
    assert "It works." in by_target["/"]["text"]
    assert "the same words again" in by_target["/gzip"]["text"]
    assert by_target["/api/items"]["post"] == '{"name":"lämp"}'
    socket = by_target["/ws"]
    assert socket["type"] == "websocket"
    assert [(frame["type"], frame["text"]) for frame in socket["frames"]][:4] == [
        ("send", "hello grüße"), ("receive", "hello grüße"), ("send", "AP8="), ("receive", "AP8="),
    ]  # fmt: skip
