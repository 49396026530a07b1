"""A window to ask: the app over plain ASGI, on a store that the test fills, and what it answers."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import trio

from tests.capture.making import until
from tunnel.capture.recorder import Recorder
from tunnel.inspector.app import Inspector
from tunnel.inspector.guard import HEADERS
from tunnel.inspector.parts import Parts
from tunnel.model.config import Keep

HOST = "127.0.0.1:62894"
TOKEN = "the-right-token"


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def guarded(self) -> bool:
        """Whether it carries every header that all answers carry, the policy maybe a stricter one."""
        return all(
            self.headers.get(name.lower()) == value or name == "Content-Security-Policy"
            for name, value in HEADERS.items()
        ) and self.headers["content-security-policy"].startswith("default-src 'none'")


async def ask(
    app: Any,
    target: str,
    *,
    method: str = "GET",
    host: str | None = HOST,
    token: str | None = TOKEN,
    body: object = None,
    scheme: str = "https",
    fields: Mapping[str, str] | None = None,
    heard: Callable[[Answer], None] = lambda answer: None,
    receive: Any = None,
) -> Answer:
    """Ask once. `heard` is called with each piece of the answer; what it raises ends the asking as a client that leaves."""
    path, _, query = target.encode().partition(b"?")
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    content = b""
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers.append((b"content-type", b"application/json"))
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in (fields or {}).items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": unquote_to_bytes(path).decode(errors="replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 62894),
        "state": {},
    }
    answer = Answer()

    async def given() -> Any:
        return {"type": "http.request", "body": content, "more_body": False}

    async def take(event: Any) -> None:
        await trio.lowlevel.checkpoint()
        if event["type"] == "http.response.start":
            answer.status = event["status"]
            answer.headers = {name.decode().lower(): value.decode("latin-1") for name, value in event["headers"]}
        else:
            answer.body += event.get("body", b"")
            answer.whole = not event.get("more_body", False)
        heard(answer)

    await app(scope, receive or given, take)
    return answer


def parts(folder: Path, **more: Any) -> Parts:
    """Return what a window with a front is given."""
    made = Parts(folder=folder, token=TOKEN, scheme="https", port=62894, version="0.1.0", url="https://127.0.0.1:62893")
    return replace(made, **more)


@asynccontextmanager
async def window(parts: Parts, most: float = 20) -> AsyncIterator[Inspector]:
    """Open a window, and close it behind the test."""
    with trio.fail_after(most):
        async with trio.open_nursery() as nursery:
            app = Inspector(parts, nursery)
            try:
                yield app
            finally:
                app.close()
                nursery.cancel_scope.cancel()


def recorded(folder: Path, fill: Callable[[Recorder], object]) -> None:
    """Have a recorder write what `fill` records, and end."""
    recorder = Recorder(folder, Keep())
    recorder.start()
    until(lambda: recorder._queue.ready.is_set())
    try:
        fill(recorder)
    finally:
        recorder.stop(10)
