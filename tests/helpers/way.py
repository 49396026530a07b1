"""A front in memory: a client's wire at one end, a scripted upstream at the other, the real way between them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from tunnel.capture.tap import Budget, Record
from tunnel.http.http1 import Http1Client, Http1Upstream
from tunnel.http.pool import Pool
from tunnel.model.address import Target
from tunnel.model.config import MIB, Limits, Mode
from tunnel.model.message import Request
from tunnel.model.peer import Peer, Tls
from tunnel.model.share import Access
from tunnel.net.sweep import Sweep
from tunnel.net.wire import Wire, WireError, memory_wires
from tunnel.proxy.connection import answer_requests
from tunnel.proxy.forward import Caller
from tunnel.proxy.way import Gate, Guard, Way
from tunnel.rules.access import HostRule
from tunnel.rules.forwarding import Forwarding
from tunnel.rules.repair import Repair

TLS = Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "localhost", "http/1.1")
Serve = Callable[["Talk"], Awaitable[None]]
Wires = Callable[[], tuple[Wire, Wire]]


class Notes:
    """Stands for the recorder: keeps every record as it was left."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.shown: list[Record] = []

    def open(self, peer: Peer, request: Request, started: float) -> Record:
        return Record(len(self.records) + 1, peer, request, started, MIB, Budget(MIB))

    def show(self, record: Record) -> None:
        self.shown.append(record)

    def close(self, record: Record) -> None:
        self.records.append(record)


@dataclass
class Talk:
    """One end of a wire, for tests that speak bytes."""

    wire: Wire
    rest: bytes = b""
    sends: list[bytes] = field(default_factory=list)

    async def say(self, data: bytes) -> None:
        await self.wire.send(data)

    async def hear(self, size: int) -> bytes:
        """Return exactly so many bytes, or fewer if the peer ends."""
        while len(self.rest) < size and (piece := await self.wire.receive()):
            self.rest += piece
        heard, self.rest = self.rest[:size], self.rest[size:]
        return heard

    async def hear_until(self, mark: bytes) -> bytes:
        """Return what comes up to and with a mark; less if the peer ends before it."""
        while mark not in self.rest and (piece := await self.wire.receive()):
            self.rest += piece
        at = self.rest.find(mark)
        at = len(self.rest) if at < 0 else at + len(mark)
        heard, self.rest = self.rest[:at], self.rest[at:]
        return heard

    async def hear_head(self) -> bytes:
        return await self.hear_until(b"\r\n\r\n")

    async def hear_all(self) -> bytes:
        """Return what comes until the peer ends or breaks."""
        try:
            while piece := await self.wire.receive():
                self.rest += piece
        except WireError:
            pass
        heard, self.rest = self.rest, b""
        return heard


class Front:
    """What a test holds: connect to it, and look at what was recorded."""

    def __init__(self, way: Way, notes: Notes, nursery: trio.Nursery, wires: Wires) -> None:
        self.way = way
        self._wires = wires
        self.notes = notes
        self.callers: list[Caller] = []
        self._nursery = nursery

    def connect(self, *, tls: bool = True) -> Talk:
        ours, theirs = self._wires()
        peer = Peer("127.0.0.1", 50000, "127.0.0.1", 62893, TLS if tls else None, 0.0, 0.0)
        caller = Caller(Http1Client(theirs, self.way.limits, trio.current_time), peer)
        self.callers.append(caller)
        self._nursery.start_soon(self._serve, caller)
        return Talk(ours)

    async def _serve(self, caller: Caller) -> None:
        try:
            await answer_requests(caller, self.way)
        finally:
            caller.client.close()


@asynccontextmanager
async def front(
    serve: Serve,
    *,
    limits: Limits | None = None,
    mode: Mode = Mode.HTTPS,
    target: Target | None = None,
    host_header: str = "",
    wires: Wires = memory_wires,
    gate: Gate | None = None,
    pages: Serve | None = None,
) -> AsyncIterator[Front]:
    """Run a front whose upstream is `serve`, called with each connection that is dialled.

    `wires` makes both ends of each connection: for a client theirs and ours, for an upstream ours and theirs.
    With a `gate` it is a share, whose own pages are `pages`, served as the upstream is.
    """
    limits = limits or Limits()
    target = target or Target("http", "localhost", 3000)
    notes = Notes()
    async with trio.open_nursery() as nursery:

        async def dial(answering: Serve = serve, name: str = "127.0.0.1:3000") -> Http1Upstream:
            ours, theirs = wires()
            nursery.start_soon(run, answering, Talk(theirs))
            return Http1Upstream(ours, limits, trio.current_time, name)

        async def run(answering: Serve, talk: Talk) -> None:
            try:
                await answering(talk)
            except WireError:
                pass  # the front let go of it
            finally:
                talk.wire.close()

        guard = None
        if gate is not None:
            own = Pool(lambda: dial(pages or serve, "pages"), size=8, idle=limits.pool_idle, wait=limits.first_byte)
            guard = Guard(gate, Access.PAIRING, own, Forwarding(target, "", "test", ours=True))
        way = Way(
            mode=mode,
            limits=limits,
            hosts=HostRule(()),
            forwarding=Forwarding(target, host_header, "test"),
            repair=Repair(target),
            pool=Pool(dial, size=limits.pool_size, idle=limits.pool_idle, wait=limits.first_byte),
            recorder=notes,  # type: ignore[arg-type]
            sweep=Sweep(),
            tls=None,
            ask=lambda peer: None,
            notice=lambda error: None,
            guard=guard,
        )
        try:
            yield Front(way, notes, nursery, wires)
        finally:
            nursery.cancel_scope.cancel()
            way.pool.close()


def answering(answer: bytes, heads: list[bytes] | None = None) -> Serve:
    """Return an upstream that gives every request, bodiless, the same answer, and notes the heads that it heard."""

    async def serve(talk: Talk) -> None:
        while head := await talk.hear_head():
            if heads is not None:
                heads.append(head)
            await talk.say(answer)

    return serve
