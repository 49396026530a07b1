"""Fairness: however much one connection has to do, the others get their turn. Nothing here looks at a clock.

What is counted is how far the greedy connection gets in one step of its task, which is as long as nobody else can run, and
how far it gets from the moment another client asks for one small thing to its answer. A greedy peer here is the worst that
there can be: a socket that always has more to say, and takes at once whatever it is given.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.helpers.waiting import until
from tests.helpers.way import Front, Talk, Wires, answering, front
from tests.helpers.wire import socket_wires
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.wire import PIECE, Wire, memory_wires

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET / HTTP/1.1\r\nHost: localhost:62893\r\n\r\n"
MANY = 10_000  # requests of one client
STREAK = 16  # pieces that one connection may move before others get their turn (net/streams.py)
TURNS = 20  # of the greedy connection while another client asks, is connected to the upstream, and has its answer


class Steps(trio.abc.Instrument):
    """Counts how far something gets within one step of a task: between two moments in which others can run."""

    def __init__(self, progress: Callable[[], int]) -> None:
        self.progress = progress
        self.most = 0
        self._before = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._before = self.progress()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.most = max(self.most, self.progress() - self._before)


@contextmanager
def counting(progress: Callable[[], int]) -> Iterator[Steps]:
    steps = Steps(progress)
    trio.lowlevel.add_instrument(steps)
    try:
        yield steps
    finally:
        trio.lowlevel.remove_instrument(steps)


class Bottomless:
    """A socket whose peer always has more to say, `first` and then `again` without end, and takes all it is given."""

    def __init__(self, first: bytes, again: bytes) -> None:
        self._first, self._again = first, again
        self._real, self._far = socket.socketpair()  # what is waited on: readable while there is something to say
        self._real.setblocking(False)
        self._far.send(b"x" if first or again else b"")

    def recv(self, most: int) -> bytes:
        piece, self._first = self._first[:most] or self._again[:most], self._first[most:]
        if not piece:
            raise BlockingIOError
        if not self._first and not self._again:
            self._real.recv(1)
        return piece

    def recv_into(self, buffer: memoryview) -> int:
        """As much as it is asked for, of which the content does not matter."""
        assert self._again and not self._first
        return len(buffer)

    def send(self, data: bytes) -> int:
        return len(data)

    def fileno(self) -> int:
        return self._real.fileno()

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        self._real.close()
        self._far.close()


def bottomless(first: bytes = b"", again: bytes = b"") -> Wire:
    """Our end of a connection with such a peer."""
    return SocketWire(Bottomless(first, again), Sweep())  # type: ignore[arg-type]


def idle() -> Wire:
    """A far end at which nothing ever comes: the peer is played by its socket."""
    return memory_wires()[0]


def first_of(*pairs: tuple[Wire, Wire]) -> Wires:
    """Give these wires to whoever connects first, and wires in memory to all others."""
    waiting = list(pairs)
    return lambda: waiting.pop(0) if waiting else memory_wires()


async def drain(talk: Talk) -> None:
    while await talk.wire.receive():
        pass


async def is_served(here: Front, progress: Callable[[], int]) -> int:
    """Ask for one small thing and have it; return how far the greedy connection got meanwhile."""
    modest = here.connect()
    before = progress()
    await modest.say(GET)
    assert await modest.hear_until(b"hello") == OK
    return progress() - before


REQUESTS = {"forwarded": GET, "refused by us": b"GET / HTTP/1.1\r\nHost: stranger.example\r\n\r\n"}


@pytest.mark.parametrize("wires", [memory_wires, partial(socket_wires, Sweep())], ids=["memory", "socket"])
@pytest.mark.parametrize("asked", REQUESTS)
async def test_a_client_that_pipelines_requests_gives_a_turn_with_each(asked: str, wires: Wires) -> None:
    async with front(answering(OK), wires=wires) as here, trio.open_nursery() as nursery:

        def answered() -> int:
            return len(here.notes.records)

        greedy = here.connect()
        nursery.start_soon(drain, greedy)
        with counting(answered) as steps:
            nursery.start_soon(greedy.say, REQUESTS[asked] * MANY)
            await until(lambda: answered() > 100)
            assert await is_served(here, answered) <= TURNS
            await until(lambda: answered() > 3000)
        assert steps.most == 1
        nursery.cancel_scope.cancel()


CHUNK = b"fff0\r\n" + bytes(0xFFF0) + b"\r\n"  # just below a piece
CROWDED = b"1\r\nx\r\n" * (PIECE // 6)  # as many chunks as fit a piece
LENGTH = b"Content-Length: %d\r\n\r\n" % (1 << 50)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = ASK + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
FRAME = b"\x82\x7e\xff\xfc" + bytes(0xFFFC)
# What the client says once and then without end, and what the upstream does.
BULK = {
    "download": ((ASK + b"\r\n", b""), (ANSWER + LENGTH, bytes(PIECE))),
    "download in chunks": ((ASK + b"\r\n", b""), (ANSWER + CHUNKED, CHUNK)),
    "upload": ((POST + LENGTH, bytes(PIECE)), (b"", b"")),
    "upload in chunks": ((POST + CHUNKED, CHUNK), (b"", b"")),
    "upload in tiny chunks": ((POST + CHUNKED, CROWDED), (b"", b"")),
    "WebSocket, from the client": ((UPGRADE, FRAME), (SWITCH, b"")),
    "WebSocket, from the upstream": ((UPGRADE, b""), (SWITCH, FRAME)),
    "WebSocket, both ways": ((UPGRADE, FRAME), (SWITCH, FRAME)),
}


@pytest.mark.parametrize("kind", BULK)
async def test_bytes_without_end_give_a_turn_after_a_few_pieces(kind: str) -> None:
    said, answered = BULK[kind]
    size = len(CROWDED) // 6 if "tiny" in kind else len(CHUNK) - 8  # bytes of body in a piece
    wires = first_of((idle(), bottomless(*said)), (bottomless(*answered), idle()))
    async with front(answering(OK), wires=wires) as here:
        here.connect()
        await until(lambda: here.callers[0].record)

        def moved() -> int:
            record = here.callers[0].record
            assert record is not None, "it goes on without end"
            return (record.request_body.size + record.response_body.size) // size

        with counting(moved) as steps:
            await until(lambda: moved() > 100)
            assert await is_served(here, moved) <= TURNS * STREAK
            await until(lambda: moved() > 200)
        # One step may begin and end in the middle of a piece. Tiny chunks take long to read: a turn with each piece.
        assert 1 <= steps.most <= (1 if "tiny" in kind else STREAK) + 1


async def test_interim_answers_without_end_give_a_turn_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel.proxy.forward._MOST_INFORMATIONAL", 1_000_000)  # they are counted by the record
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    wires = first_of((idle(), bottomless(ASK + b"\r\n")), (bottomless(again=hints * 1000), idle()))
    async with front(answering(OK), wires=wires) as here:
        here.connect()
        await until(lambda: here.callers[0].record)

        def passed() -> int:
            record = here.callers[0].record
            assert record is not None, "it goes on without end"
            return len(record.informational)

        with counting(passed) as steps:
            await until(lambda: passed() > 100)
            assert await is_served(here, passed) <= TURNS
        assert steps.most <= 1


async def test_a_slow_client_holds_up_nobody() -> None:
    """One that takes nothing of a large answer waits by itself."""

    async def serve(talk: Talk) -> None:
        while head := await talk.hear_head():
            await talk.say(OK if b"GET / " in head else ANSWER + LENGTH)
            while b"GET / " not in head:
                await talk.say(bytes(PIECE))

    async with front(serve) as here:
        slow = here.connect()
        await slow.say(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await wait_all_tasks_blocked()
        record = here.callers[0].record
        assert record is not None

        assert await is_served(here, lambda: record.response_body.size) == 0
