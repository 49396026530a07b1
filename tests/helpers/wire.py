"""Bytes on their way: cut in every manner, a leg at each end of a memory wire, and time that passes at once."""

import functools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import trio
import trustme
from hypothesis import strategies as st
from trio.testing import MockClock

from tunnel.http.http1 import Http1Client, Http1Upstream
from tunnel.model.config import Limits
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.tls import dial_tls, serve_tls
from tunnel.net.tls_streams import TlsWire
from tunnel.net.wire import MemoryWire, Wire, memory_wires

ROOMY = Limits()


def feed_every_way(data: bytes) -> Iterator[list[bytes]]:
    """Yield `data` in pieces: whole, byte by byte, and cut once at every place."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


@st.composite
def cuts(draw: st.DrawFn, data: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """Bytes, and the same bytes in pieces, none of them empty."""
    whole = draw(data)
    marks = draw(st.lists(st.integers(0, len(whole)), max_size=8))
    places = sorted({0, len(whole), *marks})
    return whole, [whole[a:b] for a, b in pairwise(places)]


def client_leg(limits: Limits = ROOMY) -> tuple[MemoryWire, Http1Client]:
    """A client's end of a wire, and our leg at the other."""
    client, ours = memory_wires(4096)
    return client, Http1Client(ours, limits, trio.current_time)


def upstream_leg(limits: Limits = ROOMY) -> tuple[MemoryWire, Http1Upstream]:
    """An upstream's end of a wire, and our leg at the other."""
    upstream, ours = memory_wires(4096)
    return upstream, Http1Upstream(ours, limits, trio.current_time, "127.0.0.1:3000")


async def received(wire: MemoryWire) -> bytes:
    """What has arrived at a wire's end and was not yet taken; never waits."""
    pieces = []
    while not wire.left() and wire.pending():
        pieces.append(await wire.receive())
    return b"".join(pieces)


def in_no_time(run: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Run a story in which time passes whenever everybody waits for it."""
    return trio.run(run, *args, clock=MockClock(autojump_threshold=0))


# Wires over real sockets.


@functools.cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for localhost and 127.0.0.1, and a client's that trusts it."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(server)
    server.set_alpn_protocols(["http/1.1"])
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def socket_wires(sweep: Sweep) -> tuple[SocketWire, SocketWire]:
    """Both ends of a connection over real sockets."""
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    return SocketWire(ends[0], sweep), SocketWire(ends[1], sweep)


async def tls_wires(sweep: Sweep, version: ssl.TLSVersion | None = None) -> tuple[TlsWire, TlsWire]:
    """A client's and a server's end of a TLS connection."""
    plain_client, plain_server = socket_wires(sweep)
    server, client = contexts()
    if version is not None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        authority.issue_cert("localhost", key_type=trustme.KeyType.ECDSA).configure_cert(server)
        client = ssl.create_default_context()
        authority.configure_trust(client)
        client.maximum_version = version
    ends: dict[str, TlsWire] = {}

    async def serve() -> None:
        ends["server"] = await serve_tls(plain_server, server)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        ends["client"] = await dial_tls(plain_client, client, "localhost")
    return ends["client"], ends["server"]


@asynccontextmanager
async def open_wires(kind: str, most: float = 10) -> AsyncIterator[tuple[Wire, Wire]]:
    """Both ends of a wire of a kind ("memory", "socket", "tls"), closed behind the test, their deadlines kept.

    The test fails after `most` seconds: a wire that hangs is what it looks for.
    """
    sweep = Sweep()
    with trio.fail_after(most):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            match kind:
                case "memory":
                    ends: tuple[Wire, Wire] = memory_wires()
                case "socket":
                    ends = socket_wires(sweep)
                case _:
                    ends = await tls_wires(sweep)
            try:
                yield ends
            finally:
                for end in ends:
                    end.close()
                nursery.cancel_scope.cancel()


async def all_of(wire: Wire) -> bytes:
    """Everything that comes until the peer's end."""
    pieces = []
    while piece := await wire.receive():
        pieces.append(piece)
    return b"".join(pieces)
