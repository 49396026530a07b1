"""Half-open connections: a peer has vanished without a word, and its connection, with all that hangs on it, is freed.

Where something is awaited from it a deadline does that. A stream may be silent for as long as it likes, so the system asks
there (TCP keep-alive), which a vanished peer does not answer, and a restarted one answers with a reset.
"""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fire.bad_network import BadNetwork, Weather
from tests.fire.origin import Origin, origin
from tests.helpers.fronts import Front
from tests.helpers.servers import within
from tunnel.net.probes import probed

LIMITS = [f"--{name}=500ms" for name in ("handshake", "head", "idle", "stall")]
HOST = b" HTTP/1.1\r\nHost: localhost\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
TCP_REPAIR = 19  # linux/tcp.h; Python does not name it


@pytest.fixture
def behind() -> Iterator[Origin]:
    with origin() as running:
        yield running


def vanish(sock: socket.socket) -> None:
    """Have a connection's end disappear as if its machine had lost its power: no FIN, no RST."""
    if sys.platform != "linux":
        pytest.skip("only Linux lets a socket vanish")
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    except PermissionError:
        pytest.skip("only root may let a socket vanish")
    sock.close()


def until(sock: socket.socket, mark: bytes) -> bytes:
    heard = b""
    while mark not in heard:
        piece = sock.recv(65536)
        assert piece, f"it ended after {heard!r}"
        heard += piece
    return heard


@pytest.mark.parametrize(
    ("said", "arrives"),
    [
        (b"", 0),  # a connection that asks for nothing
        (b"GET /cut" + HOST + b"\r\n", 12),  # in its head
        (b"POST /cut" + HOST + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000, 500),  # in its body
    ],
    ids=["idle", "head", "body"],
)
def test_a_client_that_has_vanished_is_freed_and_its_upstream_too(
    said: bytes, arrives: int, tmp_path: Path, behind: Origin
) -> None:
    with (
        within(60),
        BadNetwork(behind.port) as there,
        Front(there.port, tmp_path / "folder", "--plain", *LIMITS) as front,
        BadNetwork(front.port, up=Weather(swallow_at=arrives)) as here,
        socket.create_connection(("127.0.0.1", here.port), 30) as client,
    ):
        client.sendall(said)
        here.wait_for_ends(1)
        if said:
            assert b" 408 " in until(client, b"\r\n\r\n")
            assert front.recorded(lambda row: row["fault"] == "client")[0]["status"] == 408
        there.wait_for_ends(there.opened)


def test_a_client_that_has_vanished_from_a_silent_stream_frees_its_upstream(tmp_path: Path, behind: Origin) -> None:
    with (
        within(60),
        BadNetwork(behind.port) as there,
        Front(there.port, tmp_path / "folder", "--plain", "--probe", "1s") as front,
    ):
        client = socket.create_connection(("127.0.0.1", front.port), 30)
        client.sendall(b"GET /events" + HOST + b"\r\n")
        until(client, b"data: 1")
        vanish(client)

        there.wait_for_ends(1)
        row = front.exchange("/events")
    assert row["response_bytes"] == 9


def test_an_upstream_that_has_vanished_from_a_silent_stream_is_told_of(tmp_path: Path) -> None:
    with (
        within(60),
        socket.create_server(("127.0.0.1", 0)) as listener,
        Front(listener.getsockname()[1], tmp_path / "folder", "--plain", "--probe", "1s") as front,
        socket.create_connection(("127.0.0.1", front.port), 30) as client,
    ):
        client.sendall(b"GET /events" + HOST + b"\r\n")
        upstream, _ = listener.accept()
        until(upstream, b"\r\n\r\n")
        upstream.sendall(EVENTS)
        until(client, b"data: 1")
        vanish(upstream)

        assert client.recv(1) == b""  # no last chunk: the client sees that the stream did not end by itself
        row = front.exchange("/events")
    assert row["fault"] == "upstream" and "broke off" in row["error"]


def test_a_websocket_whose_upstream_has_vanished_ends(tmp_path: Path) -> None:
    with (
        within(60),
        socket.create_server(("127.0.0.1", 0)) as listener,
        Front(listener.getsockname()[1], tmp_path / "folder", "--plain", "--probe", "1s") as front,
        socket.create_connection(("127.0.0.1", front.port), 30) as client,
    ):
        client.sendall(b"GET /up" + HOST + b"Connection: Upgrade\r\nUpgrade: made-up\r\n\r\n")
        upstream, _ = listener.accept()
        until(upstream, b"\r\n\r\n")
        upstream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: made-up\r\n\r\n")
        until(client, b"\r\n\r\n")
        vanish(upstream)

        assert client.recv(1) == b""
        assert front.exchange("/up")["status"] == 101


def test_an_idle_connection_whose_upstream_has_vanished_costs_no_request(tmp_path: Path) -> None:
    """A dev machine that was rebooted behind a kept connection: the first byte towards it is answered with a reset."""
    with (
        within(60),
        socket.create_server(("127.0.0.1", 0)) as listener,
        Front(listener.getsockname()[1], tmp_path / "folder", "--plain") as front,
        socket.create_connection(("127.0.0.1", front.port), 30) as client,
    ):
        for number in range(2):
            client.sendall(b"GET /%d" % number + HOST + b"\r\n")
            upstream, _ = listener.accept()
            until(upstream, b"\r\n\r\n")
            upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            until(client, b"hello")
            front.exchange(f"/{number}")  # it is in the pool again
            vanish(upstream)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux was told")
def test_the_system_asks_a_silent_peer_as_often_as_was_said_and_a_listener_hands_it_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        probed(listener, 60.0)
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 15
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 4
    ours, theirs = socket.socketpair()
    with ours, theirs:
        probed(ours, 60.0)  # a unix socket's peer cannot vanish
