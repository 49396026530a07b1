"""Made exchanges of each special kind: every sort of body, failures, a socket, what strangers send to break the page."""

import json
import struct
import time
import zlib
from typing import Any

from tests.inspector.made_exchanges import HOSTILE, PLAIN, Shape, body, fields, message, summary, view, whole


def png(width: int = 48, height: int = 32) -> bytes:
    """Return a small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes(channel for x in range(width) for channel in (x * 5, y * 7, 160)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


JSON = {
    "id": 7, "name": "lamp", "price": 12.5, "tags": ["warm", "small"],
    "seller": {"name": "Ada", "rating": None, "verified": True},
    "big": 12345678901234567890, "items": [{"n": n, "title": f"item {n}"} for n in range(250)],
}  # fmt: skip
GRAPHQL = "query Item($id: ID!) {\n  item(id: $id) {\n    name\n    price\n  }\n}"
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10" onload="window.broken=1">'
    "<script>window.broken=1</script></svg>"
)
HTML = (
    "<!doctype html><html><head><title>Shop</title><style>body { color: red }</style>"
    "<script>window.top.broken = 1</script></head>"
    '<body onload="window.broken=1"><h1 style="color: green">Lamps</h1><p>Three of them.</p>'
    '<img src="http://other.invalid/x.png" onerror="window.top.broken=1">'
    '<a href="javascript:window.top.broken=1">buy</a></body></html>'
)


def special() -> dict[str, tuple[Shape, dict[str, tuple[Shape, bytes]]]]:
    """Return the special ones by name: the exchange whole, and of each body its view and its bytes."""
    made: dict[str, tuple[Shape, dict[str, tuple[Shape, bytes]]]] = {}

    def add(
        name: str,
        line: Shape,
        *,
        request: tuple[str, Shape, bytes] | None = None,
        response: tuple[str, Shape, bytes] | None = None,
        **given: Any,
    ) -> None:
        id = PLAIN + 1 + len(made)
        line = summary(id, **line)
        bodies, sides = {}, {}
        for side, told in (("request", request), ("response", response)):
            if told:
                type, shown, data = told
                bodies[side] = shown, data
                line[f"{side}_size"] = len(data)
                sides[side] = {"body": body(data, type, given.get(f"{side}_coding", ""))}
        given = {key: value for key, value in given.items() if not key.endswith("_coding")}
        for side in ("request", "response"):
            sides[side] = {**sides.get(side, {}), **given.pop(f"{side}_head", {})}
        made[name] = whole(line, sides["request"], sides["response"], **given), bodies

    def text_of(value: object) -> str:
        return json.dumps(value, indent=2)

    data = json.dumps(JSON).encode()
    add("json", {"method": "POST", "target": "/api/items", "status": 201, "ended": 48_200},
        request=("application/json", view("json", text_of({"name": "lamp"})), b'{"name": "lamp"}'),
        response=("application/json", view("json", text_of(JSON)), data), response_coding="gzip",
        repairs=["Location named http://localhost:3000/api/items/7, and was made to name https://127.0.0.1:62893"],
        informational=["HTTP/1.1 103 Early Hints"])  # fmt: skip
    add("form", {"method": "POST", "target": "/login", "status": 303},
        request=("application/x-www-form-urlencoded", view("form", "name     = ada\nremember = yes\nempty    = \n"),
                 b"name=ada&remember=yes&empty="))  # fmt: skip
    parts = [
        {"name": "title", "filename": None, "type": "", "size": 4, "text": "lamp", "hex": None},
        {
            "name": "file",
            "filename": "lamp.bin",
            "type": "application/octet-stream",
            "size": 3,
            "text": None,
            "hex": "00000000  00 01 02",
        },
    ]
    add("multipart", {"method": "POST", "target": "/upload", "status": 201},
        request=("multipart/form-data; boundary=x", view("multipart", parts=parts), b"--x\r\n"))  # fmt: skip
    variables = {"name": "variables", "filename": None, "type": "", "size": 11, "text": '{\n  "id": 7\n}', "hex": None}
    add("graphql", {"method": "POST", "target": "/graphql"},
        request=("application/json", view("graphql", GRAPHQL, parts=[variables]),
                 json.dumps({"query": GRAPHQL, "variables": {"id": 7}}).encode()),
        response=("application/json", view("json", text_of({"data": {"item": {"name": "lamp"}}})),
                  b'{"data": {"item": {"name": "lamp"}}}'))  # fmt: skip
    add("image", {"target": "/img/logo.png"}, response=("image/png", view("image"), png()))
    add(
        "svg",
        {"target": "/img/logo.svg"},
        response=(
            "image/svg+xml",
            view("text", DRAWING),
            DRAWING.encode(),
        ),
    )
    add("html", {"target": "/shop"}, response=("text/html", view("html", HTML), HTML.encode()))
    events = [
        {
            "id": str(n),
            "event": "tick" if n else "message",
            "data": json.dumps({"n": n}),
            "at": 100_000 * n if n else None,
        }
        for n in range(4)
    ]
    add("events", {"target": "/events", "ended": 4_000_000},
        response=("text/event-stream", view("events", "data: {}\n\n", events=events), b"data: {}\n\n"))  # fmt: skip
    add(
        "text",
        {"target": "/robots.txt"},
        response=(
            "text/plain",
            view("text", "User-agent: *\nDisallow:\n", notes=["not all of it is valid utf-8"]),
            b"User-agent: *\nDisallow:\n",
        ),
    )
    add("hex", {"target": "/file.bin"}, response=("application/octet-stream", view("hex", ""), bytes(range(256)) * 3))
    add(
        "failed",
        {
            "method": "PUT",
            "target": "/api/items/3",
            "status": 502,
            "state": "failed",
            "error": "nobody listens on localhost:3000",
            "fault": "upstream",
            "ended": 2_000_400,
        },
    )
    add("interrupted", {"target": "/slow", "status": None, "state": "interrupted", "ended": None})
    add("secret", {"target": "/me"}, redacted=2,
        request_head={"fields": fields(("Authorization", "Bearer redacted-0123456789abcdef"))},
        response=("text/plain", view("text", "token redacted-0123456789abcdef\n"),
                  b"token redacted-0123456789abcdef\n"))  # fmt: skip
    add(
        "parent",
        {"method": "POST", "target": "/api/items", "status": 500, "parent": PLAIN + 1},
        request=("application/json", view("json", '{"name": "sun"}'), b'{"name": "sun"}'),
    )
    hostile_json = json.dumps({HOSTILE: HOSTILE})
    broken = {"method": "POST", "status": 502, "state": "failed", "fault": "upstream"}
    add("hostile", {"target": f"/{HOSTILE}", "host": HOSTILE, "caller": HOSTILE, "error": HOSTILE} | broken,
        request_head={"fields": fields((HOSTILE, HOSTILE))}, repairs=[HOSTILE], informational=[HOSTILE],
        request=("application/json", view("json", hostile_json, notes=[HOSTILE]), hostile_json.encode()),
        response=("text/html", view("html", HOSTILE), HOSTILE.encode()))  # fmt: skip
    add("imported", {"target": "/from-elsewhere", "source": "recording.har"})
    add("other host", {"target": "/", "host": "app.localhost:62893"})
    add(
        "socket",
        {"target": "/ws", "status": 101, "upgrade": "websocket", "state": "running", "ended": None, "messages": 4},
    )
    add(
        "running",
        {
            "target": "/events/live",
            "status": 200,
            "state": "running",
            "ended": None,
            "started": time.time_ns() // 1000,
            "caller": "curl",
            "caller_pid": 99,
        },
    )
    return made


def talk(started: int) -> list[Shape]:
    """Return the first messages of the socket."""
    return [
        message(0, '{"hello": "world", "list": [1, 2]}', from_client=True, at=started + 120_000),
        message(1, "plain words", from_client=False, at=started + 140_000),
        message(2, b"\x00\x01\x02\xff", from_client=True, at=started + 1_240_000),
        message(3, HOSTILE, from_client=False, at=started + 2_500_000),
    ]
