"""What the tests of this room record: requests, answers and whole records, small and by hand."""

import time
from collections.abc import Callable

from tunnel.capture.heads import fields_of
from tunnel.capture.recorder import Recorder
from tunnel.capture.tap import Record
from tunnel.model.headers import Headers
from tunnel.model.message import Framing, Request, Response
from tunnel.model.peer import Peer, Tls

PEER = Peer(
    "127.0.0.1", 50_123, "127.0.0.1", 62893, Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "app.test", ""), 0.0, 0.01
)


def request(target: bytes = b"/", *, method: bytes = b"GET", upgrade: bytes = b"") -> Request:
    """Return a request's head."""
    raw = method + b" " + target + b" HTTP/1.1\r\nHost: app.test\r\n\r\n"
    return Request(method, target, Headers([(b"Host", b"app.test")]), 1, Framing.NONE, 0, True, upgrade, raw)


def response(status: int = 200, fields: bytes = b"Content-Type: text/plain\r\n") -> Response:
    """Return an answer's head."""
    raw = b"HTTP/1.1 %d OK\r\n%b\r\n" % (status, fields)
    return Response(status, b"OK", fields_of(raw), 1, Framing.CLOSE, 0, True, raw)


def begun(recorder: Recorder, target: bytes = b"/", **how: bytes) -> Record:
    """Return a record of an exchange that has not been answered yet."""
    return recorder.open(PEER, request(target, **how), time.perf_counter())


def ended(recorder: Recorder, target: bytes = b"/", body: bytes = b"hello", *, status: int = 200) -> Record:
    """Record one exchange whole, and hand it over."""
    record = begun(recorder, target)
    record.sent, record.upstream = record.request.raw, "127.0.0.1:3000"
    record.connected = record.first = record.started + 0.001
    record.response = response(status)
    record.returned = record.response.raw
    if body:
        record.response_body.add(body)
    record.ended = record.started + 0.002
    recorder.close(record)
    return record


def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is true; fail when it has not become so in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)
