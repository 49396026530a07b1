"""Origins: an upstream in this process that keeps what it heard and answers as a test says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it came to an upstream; fields in order."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for known, value in self.fields if known.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Says:
    """An answer."""

    status: int = 200
    body: bytes = b"hello"
    fields: dict[str, str] = field(default_factory=dict)


Answering = Callable[[Heard], Says]


class Origin:
    """A server on a port of its own.

    Attributes:
      heard: Every request, in the order in which they came.
      answer: Makes the answer; may be set at any time.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[Heard] = []
        self.answer: Answering = lambda heard: Says()


@contextmanager
def origin() -> Iterator[Origin]:
    """Run one until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            heard = Heard(self.command, self.path, list(self.headers.items()), self.rfile.read(length))
            found.heard.append(heard)
            says = found.answer(heard)
            self.send_response(says.status)
            for name, value in says.fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(says.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(says.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Origin(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
