"""Sending again, over real sockets: what leaves, what is read of the answer, and what is said when none comes."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from tests.helpers.wire import contexts
from tunnel.errors import TunnelError, one_error
from tunnel.model.address import parse_target
from tunnel.model.headers import Headers
from tunnel.model.replay import NOT_SENT, Draft, Replayed, ReplayPlan
from tunnel.net.sweep import Sweep
from tunnel.proxy import replay as module
from tunnel.proxy.replay import Unreachable, replay
from tunnel.rules.replaying import planned

pytestmark = pytest.mark.anyio

Answering = Callable[[trio.SocketStream], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@asynccontextmanager
async def serving(answer: Answering) -> AsyncIterator[int]:
    """Run a server that answers each connection in its own way; gives its port."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def handle(stream: trio.SocketStream) -> None:
            try:
                await answer(stream)
            except trio.BrokenResourceError:
                pass  # the other end has what it wanted
            await stream.aclose()

        nursery.start_soon(trio.serve_listeners, handle, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def plan(
    port: int, *, body: bytes = b"", method: bytes = b"POST", patience: float = 20, scheme: str = "http"
) -> ReplayPlan:
    draft = Draft(method, b"/x", Headers([(b"Host", b"localhost:62893"), (b"X-A", b"b")]), body)
    place = parse_target(f"{scheme}://127.0.0.1:{port}")
    return planned(draft, parent=12, place=place, front=True, patience=patience)


async def sent(plan: ReplayPlan, context: ssl.SSLContext | None = None) -> Replayed:
    sweep = Sweep()
    with trio.fail_after(30), one_error():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            try:
                return await replay(plan, sweep=sweep, context=lambda plan: context or contexts()[1])
            finally:
                assert not sweep.wires, "the connection is closed, whatever happened"
                nursery.cancel_scope.cancel()
    raise AssertionError


async def failed(plan: ReplayPlan, context: ssl.SSLContext | None = None) -> TunnelError:
    with pytest.raises(TunnelError) as caught:
        await sent(plan, context)
    assert caught.value.exit_code == NOT_SENT
    return caught.value


async def test_it_arrives_once_as_planned_and_the_answer_comes_whole() -> None:
    heard = bytearray()
    ports = []

    async def answer(stream: trio.SocketStream) -> None:
        ports.append(stream.socket.getpeername()[1])
        while not heard.endswith(b"abc"):
            heard.extend(await stream.receive_some())
        await stream.send_all(
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 No\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await stream.send_all(b"2\r\nhe\r\n")
        await stream.send_all(b"3\r\nllo\r\n0\r\n\r\n")

    async with serving(answer) as port:
        came = await sent(plan(port, body=b"abc"))

    assert heard == (
        b"POST /x HTTP/1.1\r\nHost: localhost:62893\r\nX-A: b\r\nContent-Length: 3\r\nTunnel-Replay: 12\r\n\r\nabc"
    )
    assert (came.status, came.body, came.size, came.cut) == (404, b"hello", 5, "")
    assert came.head == b"HTTP/1.1 404 No\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert ports == [came.port]
    assert 0 <= came.first <= came.took


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    asked = []

    async def answer(stream: trio.SocketStream) -> None:
        asked.append(await stream.receive_some())
        await stream.send_all(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    async with serving(answer) as port:
        assert (await sent(plan(port))).status == 302
    assert len(asked) == 1


async def test_an_answer_before_the_end_of_a_long_body_is_read() -> None:
    """A 413 comes, and the connection ends, while most of the body is still here."""

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some(1)
        await stream.send_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        while await stream.receive_some():
            pass

    async with serving(answer) as port:
        came = await sent(plan(port, body=bytes(50_000_000)))

    assert (came.status, came.body, came.cut) == (413, b"no", "")


async def test_an_answer_to_head_has_no_body() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")

    async with serving(answer) as port:
        came = await sent(plan(port, method=b"HEAD"))

    assert (came.status, came.size, came.cut) == (200, 0, "")


async def test_of_a_huge_answer_the_first_part_is_kept_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BODY", 100_000)

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(3_000_000))

    async with serving(answer) as port:
        came = await sent(plan(port))

    assert (len(came.body), came.size, came.cut) == (100_000, 3_000_000, "")


async def test_an_answer_that_never_ends_is_left_in_time_and_said_to_be_cut() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await trio.sleep_forever()

    async with serving(answer) as port:
        came = await sent(plan(port, patience=0.5))

    assert (came.status, came.body) == (200, b"data: 1\n\n")
    assert came.cut == "it had not ended within 0.5 s"


async def test_an_answer_that_breaks_off_is_said_to_be_cut() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(OK[:-2])

    async with serving(answer) as port:
        came = await sent(plan(port))

    assert came.body == b"hel"
    assert came.cut.startswith(f"the tunnel at 127.0.0.1:{port} broke off")


async def test_no_answer_in_time_is_told_with_what_to_type() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with serving(answer) as port:
        error = await failed(plan(port, patience=0.3))

    assert error.what == f"no answer came from http://127.0.0.1:{port} within 0.3 s"
    assert "--timeout" in error.hint


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (b"", "broke off: it closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "malformed"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "nobody had asked for"),
    ],
)
async def test_what_is_no_answer_is_told(said: bytes, what: str) -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        if said:
            await stream.send_all(said)

    async with serving(answer) as port:
        error = await failed(plan(port))

    assert what in error.what
    assert "upstream at" not in error.what
    assert not isinstance(error, Unreachable)


async def test_a_front_that_is_not_there_is_told_with_how_to_start_it() -> None:
    async with serving(trio.SocketStream.aclose) as port:
        pass
    error = await failed(plan(port))

    assert isinstance(error, Unreachable)
    assert error.what == f"no tunnel can be reached at http://127.0.0.1:{port}: nothing listens on 127.0.0.1:{port}"
    assert "tunnel PORT" in error.hint


async def test_who_shows_another_certificate_is_not_the_tunnel_and_gets_nothing() -> None:
    heard = []

    async def answer(stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, contexts()[0], server_side=True)
        try:
            await secured.do_handshake()
            heard.append(await secured.receive_some())
        except trio.BrokenResourceError:
            pass

    strict = ssl.create_default_context()
    async with serving(answer) as port:
        error = await failed(plan(port, scheme="https"), strict)

    assert isinstance(error, Unreachable)
    assert f"what answers at https://127.0.0.1:{port} is not the tunnel of this folder" in error.what
    assert heard in ([], [b""])


async def test_a_certificate_of_the_authority_is_trusted() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, contexts()[0], server_side=True)
        await secured.receive_some()
        await secured.send_all(OK)

    async with serving(answer) as port:
        assert (await sent(plan(port, scheme="https"))).body == b"hello"
