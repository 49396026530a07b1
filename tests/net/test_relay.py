"""Relay: bytes both ways, half-closes kept apart, over memory, sockets and TLS."""

import pytest
import trio
import trio.testing

from tests.helpers.wire import all_of, open_wires
from tunnel.net.relay import relay
from tunnel.net.wire import PIECE, Wire

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("kind", ["memory", "socket", "tls"])]

LONG = bytes(range(256)) * 8_000  # 2 MB


class Seen:
    """What a relay told of."""

    def __init__(self) -> None:
        self.bytes = {True: b"", False: b""}

    def __call__(self, forth: bool, piece: bytes) -> None:
        self.bytes[forth] += piece


async def between(client: Wire, upstream: Wire, seen: Seen, result: list[str]) -> None:
    result.append(await relay(client, upstream, seen))


@pytest.mark.parametrize("first", ["client", "upstream"])
async def test_the_side_that_ends_first_still_hears_the_other_out(kind: str, first: str) -> None:
    seen, result = Seen(), []
    async with open_wires(kind) as (client, near), open_wires(kind) as (far, upstream), trio.open_nursery() as nursery:
        nursery.start_soon(between, near, far, seen, result)
        ending, other = (client, upstream) if first == "client" else (upstream, client)

        await ending.send(b"question")
        await ending.send_end()
        assert await all_of(other) == b"question"
        await other.send(b"late ")
        await trio.testing.wait_all_tasks_blocked(0.01)
        await other.send(b"answer")
        await other.send_end()
        assert await all_of(ending) == b"late answer"

    assert result == [""]
    assert seen.bytes == {first == "client": b"question", first != "client": b"late answer"}


async def test_long_streams_cross_whole(kind: str) -> None:
    seen, result, got = Seen(), [], {}

    async def talk(end: Wire) -> None:
        async def send() -> None:
            for at in range(0, len(LONG), PIECE):
                await end.send(LONG[at : at + PIECE])
            await end.send_end()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            got[end] = await all_of(end)

    async with open_wires(kind) as (client, near), open_wires(kind) as (far, upstream):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(between, near, far, seen, result)
            nursery.start_soon(talk, client)
            nursery.start_soon(talk, upstream)

        assert got == {client: LONG, upstream: LONG}
    assert result == [""]
    assert seen.bytes == {True: LONG, False: LONG}


async def test_an_end_in_the_middle_of_the_others_stream_is_passed_on_and_loses_nothing(kind: str) -> None:
    """The upstream goes on until it hears the client's end, and then says goodbye."""
    result: list[str] = []

    async def stream(upstream: Wire) -> None:
        heard = trio.Event()

        async def listen() -> None:
            await all_of(upstream)
            heard.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            while not heard.is_set():
                await upstream.send(b"." * 1000)
                await trio.lowlevel.checkpoint()
        await upstream.send(b"goodbye")
        await upstream.send_end()

    async with open_wires(kind) as (client, near), open_wires(kind) as (far, upstream), trio.open_nursery() as nursery:
        nursery.start_soon(between, near, far, Seen(), result)
        nursery.start_soon(stream, upstream)
        assert await client.receive()
        await client.send_end()

        assert (await all_of(client)).endswith(b".goodbye")

    assert result == [""]


async def test_each_piece_is_told_after_it_went_on(kind: str) -> None:
    order: list[str] = []
    async with open_wires(kind) as (client, near), open_wires(kind) as (far, upstream), trio.open_nursery() as nursery:
        send = far.send

        async def sent(data: bytes) -> None:
            await send(data)
            order.append("sent")

        far.send = sent  # type: ignore[method-assign]
        nursery.start_soon(relay, near, far, lambda forth, piece: order.append("seen"))
        await client.send(b"x")
        assert await upstream.receive() == b"x"
        await trio.testing.wait_all_tasks_blocked(0.01)
        nursery.cancel_scope.cancel()

    assert order == ["sent", "seen"]


@pytest.mark.parametrize("side", [0, 1])
async def test_a_broken_wire_ends_both_directions_and_the_reason_is_told(kind: str, side: int) -> None:
    result: list[str] = []
    async with open_wires(kind) as (client, near), open_wires(kind) as (far, upstream), trio.open_nursery() as nursery:
        nursery.start_soon(between, near, far, Seen(), result)
        await trio.testing.wait_all_tasks_blocked(0.01)
        (near, far)[side].break_off("the tunnel was stopped")
        while not result:
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert not client.left()
        assert not upstream.left()

    assert result == ["the tunnel was stopped"]
