"""The long rest of a body by one buffer: the same bytes, the true size on record, and an end that came too early seen."""

import os
from functools import partial

import pytest
import trio
import trio.testing

from tests.helpers.way import Talk, front
from tests.helpers.wire import socket_wires
from tunnel.errors import Fault
from tunnel.http import direct
from tunnel.http.http1 import Http1Leg
from tunnel.model.config import MIB
from tunnel.net.sweep import Sweep

pytestmark = pytest.mark.anyio

BODY = os.urandom(3 * MIB)
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
sockets = partial(socket_wires, Sweep())


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the pieces that went through a buffer."""
    sizes: list[int] = []
    receive_into = Http1Leg.receive_into

    async def counted(self: Http1Leg, buffer: memoryview) -> int:
        sizes.append(await receive_into(self, buffer))
        return sizes[-1]

    monkeypatch.setattr(Http1Leg, "receive_into", counted)
    return sizes


async def download(talk: Talk) -> None:
    while await talk.hear_head():
        await talk.say(b"HTTP/1.1 200 OK\r\n" + LENGTH)
        await talk.say(BODY)


async def test_a_long_answer_is_whole_and_another_follows_on_the_same_connections(pieces: list[int]) -> None:
    async with front(download, wires=sockets) as here:
        client = here.connect()
        for _ in range(2):
            await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert LENGTH in await client.hear_head()
            assert await client.hear(len(BODY)) == BODY
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await client.hear_head()

        first, second = here.notes.records[:2]
        assert (first.response_body.size, first.response_body.kept) == (len(BODY), MIB)
        assert second.reused
    assert sum(pieces) >= MIB


async def test_a_long_upload_is_whole(pieces: list[int]) -> None:
    got = b""

    async def upload(talk: Talk) -> None:
        nonlocal got
        await talk.hear_head()
        got = await talk.hear(len(BODY))
        await talk.say(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with front(upload, wires=sockets) as here:
        client = here.connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.say, b"POST / HTTP/1.1\r\nHost: localhost\r\n" + LENGTH + BODY)
            assert b" 204 " in await client.hear_head()

        assert here.notes.records[0].request_body.size == len(BODY)
    assert got == BODY
    assert sum(pieces) >= MIB


async def test_an_answer_cut_short_in_the_buffer_is_no_whole_answer(pieces: list[int]) -> None:
    async def half(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(b"HTTP/1.1 200 OK\r\n" + LENGTH)
        await talk.say(BODY[: 2 * MIB])

    async with front(half, wires=sockets) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await client.hear_head()
        assert await client.hear_all() == BODY[: 2 * MIB]

        record = here.notes.records[0]
        assert record.error is not None and record.error.fault is Fault.UPSTREAM
        assert record.response_body.size == 2 * MIB
    assert pieces[-1] == 0


async def test_what_has_no_known_length_goes_the_ordinary_way(pieces: list[int]) -> None:
    async def chunks(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        )

    async with front(chunks, wires=sockets) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await client.hear_head()
        assert len(await client.hear_all()) >= len(BODY)
    assert not pieces


async def test_a_transfer_beyond_those_that_have_a_buffer_goes_the_ordinary_way_until_one_is_free(
    pieces: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of slow clients may each ask for something long: what waits for them in memory is bounded."""
    monkeypatch.setattr(direct, "MOST_LENT", 1)
    async with front(download, wires=sockets) as here:
        slow, other = here.connect(), here.connect()
        await slow.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await slow.hear_head()
        heard = await slow.hear(MIB + MIB // 2)
        await trio.testing.wait_all_tasks_blocked(0.01)
        begun = len(pieces)
        assert begun
        await other.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await other.hear_head()
        assert await other.hear(len(BODY)) == BODY
        assert len(pieces) == begun
        assert heard + await slow.hear(len(BODY) - len(heard)) == BODY
