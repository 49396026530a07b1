"""The long rest of a body by the kernel: the same bytes, the true size on record, and an end that came too early seen."""

import os
import sys
from functools import partial

import pytest
import trio

from tests.helpers.way import Talk, front
from tests.helpers.wire import socket_wires
from tunnel.errors import Fault
from tunnel.model.config import MIB
from tunnel.net.splice import Pipe
from tunnel.net.sweep import Sweep
from tunnel.net.wire import Wire, memory_wires

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform != "linux", reason="splice(2) is Linux's")]

BODY = os.urandom(3 * MIB)
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)
sockets = partial(socket_wires, Sweep())


@pytest.fixture
def spliced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the pieces that went through a pipe."""
    sizes: list[int] = []
    fill = Pipe.fill

    async def counted(self: Pipe, source: Wire, most: int) -> int:
        sizes.append(await fill(self, source, most))
        return sizes[-1]

    monkeypatch.setattr(Pipe, "fill", counted)
    return sizes


async def download(talk: Talk) -> None:
    while await talk.hear_head():
        await talk.say(b"HTTP/1.1 200 OK\r\n" + LENGTH)
        await talk.say(BODY)


async def test_a_long_answer_is_whole_and_another_follows_on_the_same_connections(spliced: list[int]) -> None:
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
    assert sum(spliced) >= MIB


async def test_a_long_upload_is_whole(spliced: list[int]) -> None:
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
    assert sum(spliced) >= MIB


async def test_an_answer_cut_short_in_the_pipe_is_no_whole_answer(spliced: list[int]) -> None:
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
    assert spliced[-1] == 0


@pytest.mark.parametrize("coding", ["memory", "chunked"])
async def test_what_the_kernel_cannot_carry_goes_the_ordinary_way(spliced: list[int], coding: str) -> None:
    async def chunks(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        )

    serve, wires = (download, memory_wires) if coding == "memory" else (chunks, sockets)
    async with front(serve, wires=wires) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await client.hear_head()
        assert len(await client.hear_all()) >= len(BODY)
    assert not spliced
