"""Origin: an upstream in the test's own process, which says and does what a test needs at the moment it needs it."""

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIZE = 100_000  # bytes of a large body: more than is kept of one for another try
LARGE = bytes(range(256)) * (SIZE // 256) + b"." * (SIZE % 256)
PATIENCE = 30


class Origin(ThreadingHTTPServer):
    """Answers GET with "hello", LARGE or as its gate says; and what comes with a body with that body's digest.

    Attributes:
      heard: Method and target of each request, when its head had come.
      gate: Opened by the test. `/gate` is answered after it; `/half` and `/events` go on after it.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.context = context
        self.heard: list[str] = []
        self.gate = threading.Event()
        self.changed = threading.Condition()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def note(self, what: str) -> None:
        with self.changed:
            self.heard.append(what)
            self.changed.notify_all()

    def wait_for(self, what: str, times: int = 1) -> None:
        """Wait until something was heard so many times."""
        with self.changed:
            heard = self.changed.wait_for(lambda: self.heard.count(what) >= times, PATIENCE)
        assert heard, f"not heard {times} times: {what}; what was: {self.heard}"

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            request = self.context.wrap_socket(request, server_side=True)
        try:
            super().finish_request(request, client_address)  # type: ignore[arg-type]
        finally:
            request.close()

    def handle_error(self, *_: object) -> None:
        pass  # connections break here all the time


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Origin

    def do_GET(self) -> None:
        origin = self.server
        origin.note(f"GET {self.path}")
        match self.path:
            case "/gate":
                origin.gate.wait(PATIENCE)
                self._answer(b"hello")
            case "/large":
                self._answer(LARGE)
            case "/half":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
                origin.gate.wait(PATIENCE)
                self.wfile.write(b"world")
            case "/events":
                self.wfile.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                self.wfile.write(b"9\r\ndata: 1\n\n\r\n")
                origin.gate.wait(PATIENCE)
                self.wfile.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")
            case _:
                self._answer(b"hello")

    def do_POST(self) -> None:
        self.server.note(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(hashlib.sha256(body).hexdigest().encode())

    do_PUT = do_POST

    def _answer(self, body: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def origin(context: ssl.SSLContext | None = None) -> Iterator[Origin]:
    """Run an origin until the block ends."""
    server = Origin(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="origin")
    thread.start()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


def digest(body: bytes) -> bytes:
    """Return what the origin answers to a body."""
    return hashlib.sha256(body).hexdigest().encode()
