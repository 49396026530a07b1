"""Accepting, looking after and winding down, over real sockets on loopback."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from certs.contexts import ServerContexts, trusting
from tests.helpers.waiting import until
from tests.helpers.way import Notes
from tunnel.errors import Fault, TunnelError
from tunnel.http.http1 import Http1Upstream
from tunnel.http.pool import Pool
from tunnel.model.address import Listen, Target
from tunnel.model.config import Limits, Mode
from tunnel.net.counts import Count
from tunnel.net.dial import Dialler
from tunnel.net.listen import bind
from tunnel.net.sweep import Sweep
from tunnel.proxy.server import Server
from tunnel.proxy.way import Way
from tunnel.rules.access import HostRule
from tunnel.rules.forwarding import Forwarding
from tunnel.rules.repair import Repair

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Running:
    """A server that runs, and what it told."""

    def __init__(
        self, server: Server, port: int, notes: Notes, notices: list[TunnelError], stopping: trio.Event
    ) -> None:
        self.server, self.port, self.notes, self.notices, self.stopping = server, port, notes, notices, stopping
        self.ended = trio.Event()
        self.clients: list[trio.SocketStream] = []

    async def connect(self) -> trio.SocketStream:
        client = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.clients.append(client)
        return client


@asynccontextmanager
async def running(
    upstream: Callable[[trio.SocketStream], Awaitable[None]],
    *,
    limits: Limits | None = None,
    mode: Mode = Mode.BOTH,
    authority: Path | None = None,
) -> AsyncIterator[Running]:
    limits = limits or Limits()
    async with trio.open_nursery() as nursery:
        origin = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, upstream, origin)
        target = Target("http", "127.0.0.1", origin[0].socket.getsockname()[1])
        sweep = Sweep()
        dialler = Dialler(target, sweep, connect=1, wait=0, context=None)

        async def dial() -> Http1Upstream:
            wire, address = await dialler.dial()
            return Http1Upstream(wire, limits, trio.current_time, address)

        def busy(host: str, port: int, error: OSError) -> TunnelError:
            return TunnelError(str(error))

        listeners = bind(Listen(("127.0.0.1",), 0, named=True), busy)
        hosts, notes, notices = HostRule(()), Notes(), list[TunnelError]()
        contexts = ServerContexts(authority, serves=hosts.serves) if authority else None
        way = Way(
            mode=mode,
            limits=limits,
            hosts=hosts,
            forwarding=Forwarding(target, "", "test"),
            repair=Repair(target),
            pool=Pool(dial, size=limits.pool_size, idle=limits.pool_idle, wait=1),
            recorder=notes,  # type: ignore[arg-type]
            sweep=sweep,
            tls=contexts.at if contexts else None,
            ask=lambda peer: None,
            notice=notices.append,
        )
        crowded = TunnelError("one too many")
        server = Server(way, listeners, Count(), crowded)
        here = Running(server, listeners[0].getsockname()[1], notes, notices, trio.Event())

        async def run() -> None:
            await here.server.run(here.stopping)
            here.ended.set()

        nursery.start_soon(run)
        try:
            with trio.fail_after(20):
                yield here
        finally:
            for client in here.clients:
                client.socket.close()
        nursery.cancel_scope.cancel()


async def say_ok(stream: trio.SocketStream) -> None:
    while await stream.receive_some():
        await stream.send_all(OK)


async def test_a_request_over_real_sockets_and_tls_is_answered_and_recorded(tmp_path):
    async with running(say_ok, mode=Mode.HTTPS, authority=tmp_path) as here:
        raw = await here.connect()
        tls = trio.SSLStream(raw, trusting(tmp_path), server_hostname="localhost")
        await tls.send_all(GET)

        assert await tls.receive_some() == OK
        await raw.aclose()
        await until(lambda: here.notes.records)
        facts = here.notes.records[0].peer.tls
        assert facts is not None and (facts.sni, facts.alpn, facts.version) == ("localhost", "", "TLSv1.3")


async def test_a_client_that_refuses_our_certificate_is_noticed_with_the_cure(tmp_path):
    async with running(say_ok, mode=Mode.HTTPS, authority=tmp_path) as here:

        def shake_hands() -> None:  # with a real socket: trio's stream keeps the alert to itself
            with socket.create_connection(("127.0.0.1", here.port)) as raw, pytest.raises(ssl.SSLCertVerificationError):
                ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")

        await trio.to_thread.run_sync(shake_hands)
        await until(lambda: here.notices)

        assert "tunnel trust" in here.notices[0].hint


async def test_a_client_that_leaves_early_frees_the_upstream():
    freed = trio.Event()

    async def never_answers(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        assert await stream.receive_some() == b""
        freed.set()

    async with running(never_answers) as here:
        client = await here.connect()
        await client.send_all(GET)
        await until(lambda: here.server.running)
        await client.aclose()

        await freed.wait()
        await until(lambda: here.notes.records)
        error = here.notes.records[0].error
        assert error is not None and error.fault is Fault.CLIENT


async def test_all_of_many_clients_that_leave_early_free_the_upstream(monkeypatch):
    monkeypatch.setattr("tunnel.proxy.server._LOOKED", 2)  # as of thousands: a few at a time
    freed = []

    async def never_answers(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        assert await stream.receive_some() == b""
        freed.append(stream)

    async with running(never_answers) as here:
        for _ in range(7):
            await (await here.connect()).send_all(GET)
        await until(lambda: here.server.running == 7)
        for client in here.clients:
            await client.aclose()

        await until(lambda: len(freed) == 7)


async def test_a_client_that_only_ended_its_direction_still_gets_its_answer():
    async with running(say_ok) as here:
        client = await here.connect()
        await client.send_all(b"GET / HTTP/1.0\r\n\r\n")
        await client.send_eof()

        answer = b"".join([piece async for piece in client])
        assert answer.endswith(b"hello")


async def test_a_long_exchange_is_shown_while_it_runs():
    async def never_answers(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.receive_some()

    async with running(never_answers) as here:
        client = await here.connect()
        await client.send_all(GET)
        await until(lambda: here.notes.shown)

        assert not here.notes.records


async def test_what_few_exchanges_need_is_imported_after_the_start_once_none_runs(monkeypatch):
    monkeypatch.setattr("tunnel.proxy.server._SETTLED", 0.01)
    prepared: list[int] = []
    go_on = trio.Event()

    async def waits(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await go_on.wait()
        await stream.send_all(OK)

    async with running(waits) as here:
        monkeypatch.setattr("tunnel.http.heads.prepare", lambda: prepared.append(here.server.running))
        client = await here.connect()
        await client.send_all(GET)
        await until(lambda: here.server.running)
        go_on.set()
        await until(lambda: prepared)
        assert prepared == [0]


async def test_stopping_lets_a_running_exchange_end_and_closes_idle_connections():
    answer = trio.Event()

    async def slow(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await answer.wait()
        await stream.send_all(OK)

    async with running(slow) as here:
        idle = await here.connect()
        busy = await here.connect()
        await busy.send_all(GET)
        await until(lambda: here.server.running and len(here.server.callers) == 2)
        here.stopping.set()

        assert await idle.receive_some() == b""
        with pytest.raises(OSError, match="all attempts"):
            await here.connect()
        answer.set()
        told = b"".join([piece async for piece in busy])
        assert told.endswith(b"hello") and b"Connection: close" in told
        await here.ended.wait()


async def test_stopping_does_not_wait_for_an_upgraded_connection():
    async def switches(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        await stream.receive_some()

    async with running(switches, limits=Limits(shutdown=1000)) as here:
        client = await here.connect()
        await client.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        assert (await client.receive_some()).startswith(b"HTTP/1.1 101")
        here.stopping.set()

        await here.ended.wait()
        assert here.notes.records[0].error is None


async def test_an_exchange_that_does_not_end_is_stopped_at_the_deadline():
    async def never_answers(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await trio.sleep_forever()

    async with running(never_answers, limits=Limits(shutdown=0.01)) as here:
        client = await here.connect()
        await client.send_all(GET)
        await until(lambda: here.server.running)
        here.stopping.set()

        await here.ended.wait()
        error = here.notes.records[0].error
        assert error is not None and error.fault is Fault.TUNNEL


async def test_clients_beyond_the_limit_wait_and_are_noticed_with_what_to_do():
    async with running(say_ok, limits=Limits(connections=1)) as here:
        first, second = await here.connect(), await here.connect()
        for client in (first, second):
            await client.send_all(GET)
        assert await first.receive_some() == OK
        await until(lambda: here.notices)
        assert [notice.what for notice in here.notices[:1]] == ["one too many"]

        await first.aclose()
        assert await second.receive_some() == OK


async def test_no_connection_starves_the_others():
    """A client that pipelines without pause does not keep another one from its answer."""

    async with running(say_ok) as here:
        greedy = await here.connect()
        modest = await here.connect()
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                while True:
                    await greedy.send_all(GET * 100)

            async def take() -> None:
                while await greedy.receive_some():
                    pass

            nursery.start_soon(ask)
            nursery.start_soon(take)
            for _ in range(10):
                await modest.send_all(GET)
                assert await modest.receive_some() == OK
            nursery.cancel_scope.cancel()
