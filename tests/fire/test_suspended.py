"""tunnel is suspended (Ctrl-Z, a frozen container) for longer than its limits, and goes on: nobody is blamed for the time.

What is right was a decision: while we do not run nobody can be served, so that time counts against nobody. A wait goes on
with what was left of it. A client that stays silent afterwards is cut off as ever.
"""

import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fire.origin import Origin, origin
from tests.helpers.fronts import Front
from tests.helpers.servers import within

pytestmark = pytest.mark.fire

LIMIT = 2.0  # seconds, of every wait
SUSPENDED = 2.5 * LIMIT
LIMITS = [word for name in ("handshake", "head", "idle", "stall", "first-byte") for word in (f"--{name}", f"{LIMIT}s")]
HOST = b" HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def behind() -> Iterator[Origin]:
    with origin() as running:
        yield running


def until(sock: socket.socket, mark: bytes) -> bytes:
    heard = b""
    while mark not in heard:
        piece = sock.recv(65536)
        assert piece, f"it ended after {heard!r}"
        heard += piece
    return heard


def suspend(front: Front) -> None:
    """Stop it for a while; the waiting is the fault itself."""
    front.program.process.send_signal(signal.SIGSTOP)
    threading.Event().wait(SUSPENDED)
    front.program.process.send_signal(signal.SIGCONT)


def test_after_a_suspension_longer_than_every_limit_all_that_was_under_way_goes_on(
    tmp_path: Path, behind: Origin
) -> None:
    with within(60), Front(behind.port, tmp_path / "folder", "--both", *LIMITS) as front, ExitStack() as stack:
        context = front.context()

        def connect() -> ssl.SSLSocket:
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 30))
            return stack.enter_context(context.wrap_socket(raw, server_hostname="127.0.0.1"))

        head, body, idle, waiting, half, asked = (connect() for _ in range(6))
        head.sendall(b"GET /head HT")
        body.sendall(b"POST /body" + HOST + b"Content-Length: 10\r\n\r\nhello")
        behind.wait_for("POST /body")
        waiting.sendall(b"GET /gate" + HOST + b"\r\n")
        behind.wait_for("GET /gate")
        half.sendall(b"GET /half" + HOST + b"\r\n")
        until(half, b"hello")
        shaking = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 30))
        idle.sendall(b"GET /idle" + HOST + b"\r\n")
        until(idle, b"hello")

        front.program.process.send_signal(signal.SIGSTOP)
        asked.sendall(b"GET /asked" + HOST + b"\r\n")  # the kernel takes it
        late = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 30))
        late.sendall(b"GET /late" + HOST + b"\r\n")
        suspend(front)

        assert b" 200 " in until(late, b"hello")
        assert b" 200 " in until(asked, b"hello")
        idle.sendall(b"GET /idle/again" + HOST + b"\r\n")
        assert b" 200 " in until(idle, b"hello")
        head.sendall(b"TP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in until(head, b"hello")
        body.sendall(b"world")
        assert b" 200 " in until(body, b"\r\n\r\n")
        behind.gate.set()
        assert b" 200 " in until(waiting, b"hello")
        until(half, b"world")
        secured = stack.enter_context(context.wrap_socket(shaking, server_hostname="127.0.0.1"))
        secured.sendall(b"GET /shaking" + HOST + b"\r\n")
        assert b" 200 " in until(secured, b"hello")
        rows = front.recorded(count=9)

    assert {(row["status"], row["fault"]) for row in rows} == {(200, "")}


def test_who_stays_silent_after_a_suspension_is_cut_off_as_ever(tmp_path: Path, behind: Origin) -> None:
    with within(60), Front(behind.port, tmp_path / "folder", "--plain", *LIMITS) as front, ExitStack() as stack:
        head = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 30))
        head.sendall(b"GET /head HT")
        idle = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), 30))
        idle.sendall(b"GET /idle" + HOST + b"\r\n")
        until(idle, b"hello")
        suspend(front)

        assert b" 408 " in until(head, b"\r\n\r\n")
        assert idle.recv(1) == b""
