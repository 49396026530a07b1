"""Splice over real sockets: the bytes arrive in order, at the sink's pace, and ends and errors are told as by a wire."""

import os
import socket
import sys

import pytest
import trio
import trio.testing

from tunnel.net.splice import Pipe, spliceable
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.wire import WireError, memory_wires

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="splice(2) is Linux's"),
]


def pair() -> tuple[SocketWire, socket.socket]:
    """Return a wire and the plain socket at its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = socket.create_connection(listener.getsockname())
        here, _ = listener.accept()
    here.setblocking(False)
    there.setblocking(False)
    return SocketWire(here, Sweep()), there


def stream(there: socket.socket) -> trio.SocketStream:
    return trio.SocketStream(trio.socket.from_stdlib_socket(there))


async def read_all(there: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream(there).receive_some()
    return data


async def test_bytes_arrive_whole_and_in_order_whatever_the_pace():
    source, writer = pair()
    sink, reader = pair()
    sent = os.urandom(3_000_000)
    got = b""

    async def read() -> None:
        nonlocal got
        got = await read_all(reader, len(sent))

    with Pipe() as pipe:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream(writer).send_all, sent)
            nursery.start_soon(read)
            left = len(sent)
            while left:
                left -= await pipe.fill(source, left)
                await pipe.drain(sink)
    assert got == sent
    for end in (source, sink, writer, reader):
        end.close()


async def test_an_end_is_a_zero_and_a_peer_that_left_is_an_error():
    source, writer = pair()
    sink, reader = pair()
    with Pipe() as pipe:
        writer.send(b"last words")
        writer.close()
        assert await pipe.fill(source, 1000) == 10
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        reader.close()
        with pytest.raises(WireError, match="reset"):
            await pipe.drain(sink)
    with Pipe() as pipe:
        assert await pipe.fill(source, 1000) == 0
    source.close()
    sink.close()


async def test_a_wait_ends_when_the_wire_is_broken_off():
    source, writer = pair()
    with Pipe() as pipe:
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(WireError, match="the client left"):
                    await pipe.fill(source, 1000)

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            source.break_off("the client left")
    source.close()
    writer.close()


async def test_only_plain_sockets_with_nothing_read_ahead_are_for_the_kernel():
    source, writer = pair()
    assert spliceable(source)
    writer.send(b"ahead")
    assert not source.left() and not spliceable(source)
    assert not spliceable(memory_wires()[0])
    source.close()
    writer.close()


async def test_what_a_look_for_the_peers_leaving_found_goes_first():
    """The sweep looks while an upload waits for its upstream. What it found was passed over once: the rest never came."""
    source, writer = pair()
    sink, reader = pair()
    with Pipe() as pipe:
        writer.send(b"first ")
        assert await pipe.fill(source, 18) == 6
        writer.send(b"second ")
        assert not source.left()
        writer.send(b"third")
        sent = 6
        while sent < 18:
            await pipe.drain(sink)
            sent += await pipe.fill(source, 18 - sent)
        await pipe.drain(sink)
    assert reader.recv(100) == b"first second third"
    for end in (source, sink, writer, reader):
        end.close()
