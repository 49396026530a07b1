"""Made exchanges: 100,000 plain ones, made from their number whenever they are asked for, and one of each special kind.

The shapes are those of the API. Nothing is random: the same number is always the same exchange.
"""

import base64
import time
from typing import Any

Shape = dict[str, Any]
PLAIN = 100_000
BEGAN = time.time_ns() // 1000 - (PLAIN + 30) * 250_000  # µs since the epoch: the newest began a few seconds ago
HOSTILE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'
PATHS = (
    "/api/items",
    "/",
    "/assets/app.js",
    "/assets/style.css",
    "/api/items/7",
    "/login",
    "/api/search?q=lamp&page=2",
    "/img/logo.png",
)
METHODS = ("GET", "GET", "GET", "GET", "PUT", "POST", "GET", "GET")


def plain(id: int) -> Shape:
    """Return the summary of a plain exchange."""
    status: int | None = 200
    error = fault = ""
    if id % 97 == 0:
        status, error, fault = 502, "127.0.0.1:3000 broke off before its answer", "upstream"
    elif id % 41 == 0:
        status = 500
    elif id % 17 == 0:
        status = 404
    elif id % 7 == 0:
        status = 304
    return summary(
        id,
        method=METHODS[id % 8],
        target=f"{PATHS[id % 8]}{'&' if '?' in PATHS[id % 8] else '?'}n={id}" if id % 3 else PATHS[id % 8],
        status=status,
        ended=900 + (id * 7919) % 90_000,
        response_size=(id * 104729) % 60_000,
        error=error,
        fault=fault,
        state="failed" if fault else "done",
    )


def summary(id: int, **given: Any) -> Shape:
    """Return a summary with what is given."""
    return {
        "id": id,
        "revision": id,
        "state": "done",
        "started": BEGAN + id * 250_000,
        "ended": 3100,
        "method": "GET",
        "host": "127.0.0.1:62893",
        "target": "/",
        "status": 200,
        "upgrade": "",
        "type": "",
        "request_size": 0,
        "response_size": 0,
        "messages": 0,
        "caller": "chromium",
        "caller_pid": 4711,
        "error": "",
        "fault": "",
        "parent": 0,
        "source": "",
        "device": "",
        "rule": "",
        **given,
    }


def fields(*pairs: tuple[str, str], change: str = "") -> list[Shape]:
    return [{"name": name, "value": value, "change": change} for name, value in pairs]


def body(data: bytes = b"", type: str = "", coding: str = "", size: int | None = None) -> Shape:
    return {
        "size": len(data) if size is None else size,
        "kept": len(data),
        "lost": False,
        "type": type,
        "coding": coding,
    }


def whole(line: Shape, request: Shape | None = None, response: Shape | None = None, **given: Any) -> Shape:
    """Return an exchange whole, of its summary; request and response say what is special about them."""
    running = line["state"] == "running"
    ended = line["ended"]
    came = fields(("Host", line["host"]), ("Accept", "*/*"), ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"))
    gone = fields(("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"), change="removed")
    sent = [
        *fields(("Host", "localhost:3000"), change="changed"),
        *fields(("Accept", "*/*"), ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")),
        *fields(
            ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https"), ("Via", "1.1 tunnel"), change="added"
        ),
    ]
    came[0] = {**came[0], "change": "removed"}
    first = f"{line['method']} {line['target']} HTTP/1.1"
    status = f"HTTP/1.1 {line['status']} {REASONS.get(line['status'], '')}".strip()
    answered = fields(("Content-Type", "text/plain"), ("Date", "Sat, 21 Nov 2026 09:00:00 GMT"))
    failed = bool(line["fault"])
    return {
        **line,
        "timings": {
            "accepted": -9000,
            "ready": -6100,
            "connected": 400 if not failed else None,
            "first": None if running or failed or ended is None else ended * 2 // 3,
            "ended": ended,
        },
        "address": "127.0.0.1",
        "port": 51234,
        "listener": "127.0.0.1",
        "listener_port": 62893,
        "upstream": "" if failed else "127.0.0.1:3000",
        "reused": line["id"] % 2 == 0,
        "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "sni": "localhost", "alpn": "http/1.1"},
        "failure": {
            "what": line["error"],
            "hint": "see what the upstream printed when it ended",
            "fault": line["fault"],
        }
        if failed
        else None,
        "repairs": [],
        "redacted": 0,
        "http_version": "1.1",
        "informational": [],
        "request": {
            "line": first,
            "fields": [*came, *gone],
            "sent_line": first,
            "sent": sent,
            "body": body(),
            "trailers": None,
            **(request or {}),
        },
        "response": None
        if line["status"] is None
        else {
            "line": status,
            "fields": answered,
            "sent_line": status,
            "sent": answered,
            "body": body(),
            "trailers": None,
            **(response or {}),
        },
        **given,
    }


REASONS = {
    101: "Switching Protocols",
    200: "OK",
    201: "Created",
    304: "Not Modified",
    404: "Not Found",
    500: "Internal Server Error",
    502: "Bad Gateway",
}
EMPTY: Shape = {"kind": "empty", "text": "", "notes": [], "parts": [], "events": [], "truncated": False}


def view(kind: str, text: str = "", **given: Any) -> Shape:
    return {**EMPTY, "kind": kind, "text": text, **given}


def message(number: int, text: str | bytes, *, from_client: bool, at: int, kind: str = "") -> Shape:
    """Return a message of the socket."""
    binary = isinstance(text, bytes)
    return {
        "number": number,
        "from_client": from_client,
        "kind": kind or ("binary" if binary else "text"),
        "at": at,
        "size": len(text),
        "text": None if binary else text,
        "base64": base64.b64encode(text).decode() if isinstance(text, bytes) else None,
    }
