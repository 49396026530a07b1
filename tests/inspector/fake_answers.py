"""What the fake API answers: the page's files, and each path of the API, out of what a `FakeApi` holds."""

import base64
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.inspector.fake_filter import FIELDS, Refused, terms
from tests.inspector.made_share import steered
from tests.inspector.made_views import compared, overview

if TYPE_CHECKING:
    from tests.inspector.fake_api import FakeApi

Shape = dict[str, Any]
STATIC = Path(__file__).parents[2] / "tunnel" / "inspector" / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self';"
    " frame-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Answers(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    api: "FakeApi"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.api.asked.append(self.path)
        if not url.path.startswith("/api/"):
            self._file("index.html" if url.path == "/" else url.path.removeprefix("/static/"))
        elif url.path == "/api/feed" and not self.api.refuse:
            self._feed(query.get("filter", ""))
        else:
            self._say(lambda: self._got(url.path, query))

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._say(lambda: self._posted(url.path, json.loads(content or b"{}"), query))

    def do_DELETE(self) -> None:
        name = unquote(urlsplit(self.path).path.rpartition("/")[2])
        self.api.saved = [one for one in self.api.saved if one["name"] != name]
        self._say(lambda: self.api.saved)

    def _say(self, make: Any) -> None:
        try:
            if self.api.refuse:
                raise self.api.refuse
            told, status = make(), 200
        except Refused as refused:
            told, status = refused.told, refused.status
        if isinstance(told, bytes):
            self._send(
                status,
                "application/octet-stream",
                told,
                {"Content-Disposition": "attachment", "Content-Security-Policy": "default-src 'none'; sandbox"},
            )
        else:
            self._send(status, "application/json", json.dumps(told).encode())

    def _send(self, status: int, type: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        given = {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        given |= {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"}
        for name, value in {
            **given,
            "Content-Type": type,
            "Content-Length": str(len(content)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _file(self, name: str) -> None:
        path = STATIC / Path(name).name
        if path.is_file():
            self._send(200, TYPES[path.suffix], path.read_bytes())
        else:
            self._send(404, "text/plain", b"no such file\n")

    def _feed(self, filter: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        events = self.api.follow(filter)
        try:
            for piece in events:
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            pass  # the viewer left
        finally:
            events.close()

    def _got(self, path: str, query: dict[str, str]) -> object:
        api = self.api
        match path.removeprefix("/api/").split("/"):
            case ["exchanges"]:
                before = int(query["before"]) if "before" in query else None
                return api.page(query.get("filter", ""), before, int(query.get("limit", 100)))
            case ["exchanges", id]:
                return api.exchange(int(id))
            case ["exchanges", id, "body", side]:
                view, data = api.body(int(id), side)
                return view if query.get("form", "view") == "view" else data
            case ["exchanges", id, "messages"]:
                after = int(query.get("after", -1))
                found = [one for one in api.messages.get(int(id), []) if one["number"] > after]
                limit = int(query.get("limit", 200))
                return {"messages": found[:limit], "next": found[limit - 1]["number"] if len(found) > limit else None}
            case ["exchanges", id, "copy", form]:
                return {"text": f"{form} of {id}: {api.exchange(int(id))['target']}"}
            case ["compare"]:
                return {"rows": compared(api.exchange(int(query["left"])), api.exchange(int(query["right"])))}
            case ["export"]:
                return b"".join(
                    json.dumps(api.line(id)).encode() + b"\n" for id in api.matching(query.get("filter", ""))[:100]
                )
            case ["fields"]:
                return FIELDS
            case ["check"]:
                try:
                    terms(query.get("filter", ""))
                except Refused as refused:
                    return refused.told
                return {"ok": True}
            case ["filters"]:
                return api.saved
            case ["overview"]:
                return overview(empty=api.empty)
            case ["share"]:
                return api.share
            case ["status"]:
                return {
                    "version": "0.1.0",
                    "url": "https://127.0.0.1:62893",
                    "target": "http://localhost:3000",
                    "revealable": True,
                    "recorder": None,
                    "store": {"path": "/home/ada/records.sqlite", "bytes": 1, "exchanges": 1},
                }
        raise Refused(404, f"there is nothing at {path}")

    def _posted(self, path: str, given: Shape, query: dict[str, str]) -> object:
        api = self.api
        match path.removeprefix("/api/").split("/"):
            case ["exchanges", id, "replay"]:
                api.replays.append((int(id), given))
                asked = api.exchange(int(id))
                if given.get("to"):  # elsewhere, so it is not in this record
                    return {"replays": [{"id": None, "status": 204, "error": ""}] * given.get("times", 1)}
                lines = [
                    api.tell(
                        method=given.get("method") or asked["method"],
                        target=given.get("target") or asked["target"],
                        parent=int(id),
                        status=201,
                    )
                    for _ in range(given.get("times", 1))
                ]
                return {"replays": [{"id": line["id"], "status": 201, "error": ""} for line in lines]}
            case ["exchanges", id, "reveal"]:
                text = json.dumps(api.exchange(int(id))).replace("redacted-0123456789abcdef", "the-real-secret")
                shown = json.loads(text)
                view, data = api.body(int(id), "response")
                real = view["text"].replace("redacted-0123456789abcdef", "the-real-secret")
                if shown["upgrade"]:
                    return {"exchange": shown, "missing": 0}
                shown["response"] |= {"view": {**view, "text": real}, "base64": base64.b64encode(data).decode()}
                return {"exchange": shown, "missing": 1}
            case ["exchanges", id, "reveal", "messages"]:
                page = json.dumps(self._got(f"/api/exchanges/{id}/messages", query))
                return json.loads(page.replace("redacted-0123456789abcdef", "the-real-secret")) | {"missing": 0}
            case ["share", *words] if api.share is not None:
                api.orders.append(("/".join(words), given))
                return steered(api.share, words, given)
            case ["filters"]:
                api.saved = [*(one for one in api.saved if one["name"] != given["name"]), given]
                return api.saved
        raise Refused(404, f"there is nothing at {path}")
