"""An ASGI app behind a client leg: what it sends is whole on the wire, and what it breaks is seen to be broken."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import h11
import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import FrameProtocol

from tunnel.errors import TunnelError
from tunnel.http import asgi_websocket
from tunnel.http.asgi import answer_with
from tunnel.http.asgi_lifespan import lifespan
from tunnel.http.asgi_words import App, Receive, Scope, Send
from tunnel.http.http1 import Http1Client
from tunnel.model.config import Limits
from tunnel.model.peer import Peer, Tls
from tunnel.net.wire import Wire, WireError, memory_wires

pytestmark = pytest.mark.anyio

PEER = Peer("127.0.0.1", 50000, "127.0.0.2", 62893, Tls("TLSv1.3", "c", "app.localhost", ""), 0.0, 0.0)


class Visitor:
    """A client on a wire: h11 asks, and judges what comes back."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.judge = h11.Connection(h11.CLIENT)
        self.failures: list[Exception] = []
        self.ended = trio.Event()  # answer_with has returned

    async def ask(
        self, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> tuple[h11.Response, bytes]:
        fields = [("Host", "app.test"), *headers]
        if body is not None:
            fields.append(("Content-Length", str(len(body))))
        sent = self.judge.send(h11.Request(method=method, target=target, headers=fields)) or b""
        if body:
            sent += self.judge.send(h11.Data(data=body)) or b""
        await self.wire.send(sent + (self.judge.send(h11.EndOfMessage()) or b""))
        return await self.answer()

    async def answer(self) -> tuple[h11.Response, bytes]:
        head, body = None, b""
        while True:
            event = await self.event()
            match event:
                case h11.Response():
                    head = event
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    assert head is not None
                    if self.judge.states[h11.CLIENT] is h11.DONE and self.judge.states[h11.SERVER] is h11.DONE:
                        self.judge.start_next_cycle()
                    return head, body

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self.judge.next_event()) is h11.NEED_DATA:
            self.judge.receive_data(await self.wire.receive())
        assert not isinstance(event, type(h11.NEED_DATA)) or event is h11.PAUSED
        return event


@asynccontextmanager
async def visiting(app: App, *, state: dict[str, object] | None = None) -> AsyncIterator[Visitor]:
    client, server = memory_wires()
    visitor = Visitor(client)

    async def serve() -> None:
        leg = Http1Client(server, Limits(), trio.current_time)
        await answer_with(app, leg, PEER, state=state, report=visitor.failures.append)
        server.close()
        visitor.ended.set()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            yield visitor
            nursery.cancel_scope.cancel()


def app_of(endpoint: object, *methods: str) -> App:
    assert callable(endpoint)
    return Starlette(routes=[Route("/{path:path}", endpoint, methods=list(methods) or ["GET", "POST"])])


def sends(*events: dict[str, object]) -> App:
    """An app that sends just this."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for event in events:
            await send(event)

    return app


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    while True:
        await send(piece(b"tick", more=True))
        await trio.lowlevel.checkpoint()


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, object]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def piece(body: bytes, *, more: bool = False) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def test_the_scope_says_what_was_asked() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await sends(start(), piece(b""))(scope, receive, send)

    async with visiting(app, state={"key": "value"}) as visitor:
        await visitor.ask("GET", "/caf%C3%A9/a%2Fb?q=%20", [("X-Two", "1"), ("X-Two", "2")])

    (scope,) = seen
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/café/a/b",
        "raw_path": b"/caf%C3%A9/a%2Fb",
        "query_string": b"q=%20",
        "root_path": "",
        "headers": [(b"host", b"app.test"), (b"x-two", b"1"), (b"x-two", b"2")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.2", 62893),
        "state": {"key": "value"},
        "extensions": {},
    }


async def test_a_small_answer_leaves_in_one_send_with_its_head() -> None:
    async with visiting(sends(start(), piece(b"hello"))) as visitor:
        await visitor.wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        data = await visitor.wire.receive()

    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert data.endswith(b"\r\n\r\nhello")
    assert b"content-length: 5\r\n" in data
    assert b"date: " in data


async def test_one_connection_serves_many_requests() -> None:
    async def echo(request: StarletteRequest) -> Response:
        return PlainTextResponse(await request.body())

    async with visiting(app_of(echo)) as visitor:
        bodies = [(await visitor.ask("POST", "/", body=b"%d" % number))[1] for number in range(3)]

    assert bodies == [b"0", b"1", b"2"]


async def test_a_body_left_unread_does_not_become_the_next_request() -> None:
    async with visiting(sends(start(), piece(b"no, thanks"))) as visitor:
        first = await visitor.ask("POST", "/", body=b"GET /evil HTTP/1.1\r\n\r\n")
        second = await visitor.ask("GET", "/")

    assert [first[1], second[1]] == [b"no, thanks", b"no, thanks"]


async def test_a_body_that_is_still_coming_when_the_answer_is_whole_ends_the_connection() -> None:
    async with visiting(sends(start(), piece(b"enough"))) as visitor:
        await visitor.wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
        data = await visitor.wire.receive()
        await visitor.wire.send(b"56789")
        await visitor.ended.wait()

    assert b"connection: close\r\n" in data
    assert await visitor.wire.receive() == b""


async def test_pieces_are_chunked_and_leave_as_they_come() -> None:
    go_on = trio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(piece(b"one", more=True))
        await go_on.wait()
        await send(piece(b"", more=True))
        await send(piece(b"two", more=True))
        await send(piece(b""))

    async with visiting(app) as visitor:
        await visitor.wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        first = await visitor.wire.receive()
        go_on.set()
        second = await visitor.wire.receive() + await visitor.wire.receive()

    assert first.endswith(b"\r\n\r\n3\r\none\r\n")
    assert second == b"3\r\ntwo\r\n0\r\n\r\n"


async def test_an_old_client_gets_pieces_until_the_connection_closes() -> None:
    async with visiting(sends(start(), piece(b"one", more=True), piece(b"two"))) as visitor:
        await visitor.wire.send(b"GET / HTTP/1.0\r\n\r\n")
        data = b""
        while more := await visitor.wire.receive():
            data += more

    assert b"transfer-encoding" not in data
    assert b"connection: close\r\n" in data
    assert data.endswith(b"\r\n\r\nonetwo")


@pytest.mark.parametrize(
    ("method", "status", "length"), [("HEAD", 200, b"5"), ("GET", 204, None), ("GET", 304, b"5"), ("HEAD", 304, b"5")]
)
async def test_answers_without_a_body_have_none(method: str, status: int, length: bytes | None) -> None:
    async with visiting(sends(start(status, (b"content-length", b"5")), piece(b"hello"))) as visitor:
        head, body = await visitor.ask(method, "/")
        again, _ = await visitor.ask(method, "/")

    assert (head.status_code, body) == (status, b"")
    assert dict(head.headers).get(b"content-length") == length
    assert again.status_code == status


async def test_a_stream_asked_for_by_head_does_not_go_on_for_ever() -> None:
    async with visiting(endless) as visitor:
        first, _ = await visitor.ask("HEAD", "/")
        second, _ = await visitor.ask("HEAD", "/")

    assert [first.status_code, second.status_code] == [200, 200]
    assert visitor.failures == []


async def test_a_request_body_is_streamed_to_the_app() -> None:
    sizes: list[int] = []

    async def count(request: StarletteRequest) -> Response:
        sizes.extend([len(part) async for part in request.stream()])
        return PlainTextResponse(str(sum(sizes)))

    async with visiting(app_of(count)) as visitor:
        _, body = await visitor.ask("POST", "/", body=bytes(500_000))

    assert body == b"500000"
    assert max(sizes) <= 64 * 1024 + 1024


async def test_a_client_that_expects_100_continue_gets_it_when_the_app_reads() -> None:
    async def echo(request: StarletteRequest) -> Response:
        return PlainTextResponse(await request.body())

    async with visiting(app_of(echo)) as visitor:
        await visitor.wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        word = await visitor.wire.receive()
        await visitor.wire.send(b"hi")
        answer = await visitor.wire.receive()

    assert word == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.endswith(b"\r\n\r\nhi")


async def test_an_app_that_answers_without_reading_never_asks_for_the_body() -> None:
    async with visiting(sends(start(413), piece(b""))) as visitor:
        await visitor.wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        answer = await visitor.wire.receive()
        await visitor.ended.wait()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close\r\n" in answer


async def test_an_error_before_the_head_is_a_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("secret")

    async with visiting(app) as visitor:
        head, body = await visitor.ask("GET", "/")

    assert head.status_code == 500
    assert b"secret" not in body
    assert [str(error) for error in visitor.failures] == ["secret"]


async def test_an_app_that_says_nothing_is_a_500() -> None:
    async with visiting(sends(start())) as visitor:
        head, _ = await visitor.ask("GET", "/")

    assert head.status_code == 500
    assert len(visitor.failures) == 1


@pytest.mark.parametrize("headers", [(), ((b"content-length", b"100"),)])
async def test_an_error_in_the_middle_of_an_answer_breaks_the_connection(
    headers: tuple[tuple[bytes, bytes], ...],
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, *headers))
        await send(piece(b"begun", more=True))
        raise ValueError("oh")

    async with visiting(app) as visitor:
        with pytest.raises((h11.RemoteProtocolError, WireError)):
            await visitor.ask("GET", "/")

    assert [str(error) for error in visitor.failures] == ["oh"]


@pytest.mark.parametrize("body", [b"1234", b"123456"])
async def test_a_body_of_another_length_than_promised_is_never_taken_for_whole(body: bytes) -> None:
    async with visiting(sends(start(200, (b"content-length", b"5")), piece(b"", more=True), piece(body))) as visitor:
        with pytest.raises((h11.RemoteProtocolError, WireError)):
            await visitor.ask("GET", "/")

    assert len(visitor.failures) == 1


@pytest.mark.parametrize("header", [(b"x", b"a\r\nSet-Cookie: b"), (b"x\n", b"a"), (b"x", "text")])
async def test_a_header_that_would_write_its_own_fields_is_refused(header: tuple[bytes, bytes]) -> None:
    async with visiting(sends(start(200, header), piece(b""))) as visitor:
        head, _ = await visitor.ask("GET", "/")

    assert head.status_code == 500


async def test_a_broken_request_is_told_so() -> None:
    async with visiting(sends(start(), piece(b""))) as visitor:
        await visitor.wire.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        data = await visitor.wire.receive()

    assert data.startswith(b"HTTP/1.1 400 ")


async def test_a_broken_body_is_told_so() -> None:
    async def echo(request: StarletteRequest) -> Response:
        return PlainTextResponse(await request.body())

    async with visiting(app_of(echo)) as visitor:
        await visitor.wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        data = await visitor.wire.receive()

    assert data.startswith(b"HTTP/1.1 400 ")


async def test_an_app_that_listens_hears_that_the_client_left() -> None:
    heard: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        heard.append((await receive())["type"])

    async with visiting(app) as visitor:
        await visitor.wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        visitor.wire.close()
        await visitor.ended.wait()

    assert heard == ["http.request", "http.disconnect"]


async def test_a_stream_ends_when_the_client_leaves() -> None:
    async with visiting(endless) as visitor:
        await visitor.wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await visitor.wire.receive()
        visitor.wire.close()
        await visitor.ended.wait()

    assert visitor.failures == []


# Lifespan


async def test_state_reaches_requests_and_shutdown_comes_last() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[dict[str, str]]:
        told.append("up")
        yield {"word": "from startup"}
        told.append("down")

    async def endpoint(request: StarletteRequest) -> Response:
        told.append("request")
        return PlainTextResponse(request.state.word)

    app = Starlette(routes=[Route("/", endpoint)], lifespan=life)
    async with lifespan(app) as state, visiting(app, state=state) as visitor:
        _, body = await visitor.ask("GET", "/")

    assert body == b"from startup"
    assert told == ["up", "request", "down"]


async def test_an_app_that_cannot_start_says_so_and_runs_nothing() -> None:
    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    with pytest.raises(TunnelError, match="cannot start"):
        async with lifespan(Starlette(lifespan=life)):
            raise AssertionError("never reached")


async def test_an_app_without_lifespan_runs() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"

    async with lifespan(app) as state:
        assert state == {}


async def test_what_is_raised_inside_leaves_alone_and_the_app_still_ends() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        told.append("down")

    with pytest.raises(KeyError):
        async with lifespan(Starlette(lifespan=life)):
            raise KeyError("mine")

    assert told == ["down"]


# WebSocket


class Talker:
    """A WebSocket client on a wire."""

    def __init__(self, visitor: Visitor) -> None:
        self.wire = visitor.wire
        self.visitor = visitor
        self.side = WSConnection(ConnectionType.CLIENT)

    async def open(self, *subprotocols: str) -> Event:
        await self.send(Request(host="app.test", target="/ws", subprotocols=list(subprotocols)))
        return await self.event()

    async def send(self, event: Event) -> None:
        await self.wire.send(self.side.send(event))

    async def event(self) -> Event:
        while True:
            for event in self.side.events():
                return event
            data = await self.wire.receive()
            self.side.receive_data(data or None)


@asynccontextmanager
async def talking(endpoint: object) -> AsyncIterator[Talker]:
    assert callable(endpoint)
    async with visiting(Starlette(routes=[WebSocketRoute("/ws", endpoint)])) as visitor:
        yield Talker(visitor)


async def echo(socket: WebSocket) -> None:
    await socket.accept(subprotocol=(socket.scope["subprotocols"] or [None])[0])
    while (event := await socket.receive())["type"] == "websocket.receive":
        await socket.send({**event, "type": "websocket.send"})


async def test_text_and_bytes_go_both_ways_and_the_subprotocol_is_agreed() -> None:
    async with talking(echo) as talker:
        accepted = await talker.open("chat", "other")
        await talker.send(TextMessage("grüß"))
        text = await talker.event()
        await talker.send(BytesMessage(b"\x00\xff"))
        data = await talker.event()

    assert isinstance(accepted, AcceptConnection)
    assert accepted.subprotocol == "chat"
    assert (text, data) == (TextMessage("grüß"), BytesMessage(bytearray(b"\x00\xff")))


async def test_a_message_in_fragments_reaches_the_app_as_one() -> None:
    async with talking(echo) as talker:
        await talker.open()
        frames = FrameProtocol(client=True, extensions=[])
        for part, fin in (("a", False), ("b", False), ("c", True)):
            await talker.wire.send(bytes(frames.send_data(part, fin)))
            if not fin:
                await talker.wire.send(bytes(frames.ping(b"?")))

        events = [await talker.event() for _ in range(3)]

    assert events == [Pong(bytearray(b"?")), Pong(bytearray(b"?")), TextMessage("abc")]


async def test_pings_are_answered_while_the_app_is_busy() -> None:
    async def busy(socket: WebSocket) -> None:
        await socket.accept()
        await trio.sleep_forever()

    async with talking(busy) as talker:
        await talker.open()
        await talker.send(Ping(b"there?"))
        answer = await talker.event()

    assert answer == Pong(bytearray(b"there?"))


async def test_the_app_hears_how_the_client_closed() -> None:
    heard: list[object] = []

    async def listen(socket: WebSocket) -> None:
        await socket.accept()
        heard.append(await socket.receive())

    async with talking(listen) as talker:
        await talker.open()
        await talker.send(CloseConnection(4321, "enough"))
        answer = await talker.event()
        await talker.visitor.ended.wait()

    assert heard == [{"type": "websocket.disconnect", "code": 4321, "reason": "enough"}]
    assert answer == CloseConnection(4321, "enough")


async def test_a_client_that_vanishes_closed_with_1006() -> None:
    heard: list[object] = []

    async def listen(socket: WebSocket) -> None:
        await socket.accept()
        heard.append((await socket.receive())["code"])

    async with talking(listen) as talker:
        await talker.open()
        talker.wire.close()
        await talker.visitor.ended.wait()

    assert heard == [1006]


@pytest.mark.parametrize(("fails", "code"), [(False, 1000), (True, 1011)])
async def test_an_app_that_ends_closes_and_says_whether_it_failed(fails: bool, code: int) -> None:
    async def short(socket: WebSocket) -> None:
        await socket.accept()
        if fails:
            raise ValueError("oh")

    async with talking(short) as talker:
        await talker.open()
        closed = await talker.event()
        assert isinstance(closed, CloseConnection)
        await talker.send(closed.response())
        await talker.visitor.ended.wait()

    assert closed.code == code
    assert [str(error) for error in talker.visitor.failures] == (["oh"] if fails else [])


async def test_the_app_closes_with_its_own_code() -> None:
    async def short(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(4000, "go away")

    async with talking(short) as talker:
        await talker.open()
        closed = await talker.event()

    assert closed == CloseConnection(4000, "go away")


async def test_closing_before_accepting_refuses_with_403() -> None:
    async def refuse(socket: WebSocket) -> None:
        await socket.close()

    async with talking(refuse) as talker:
        refused = await talker.open()
        await talker.visitor.ended.wait()

    assert isinstance(refused, RejectConnection)
    assert refused.status_code == 403


async def test_an_error_before_accepting_is_a_500() -> None:
    async def broken(socket: WebSocket) -> None:
        raise ValueError("oh")

    async with talking(broken) as talker:
        refused = await talker.open()
        await talker.visitor.ended.wait()

    assert isinstance(refused, RejectConnection)
    assert refused.status_code == 500
    assert len(talker.visitor.failures) == 1


async def test_a_broken_frame_closes_with_a_protocol_error() -> None:
    async with talking(echo) as talker:
        await talker.open()
        await talker.wire.send(b"\x83\x80\0\0\0\0")
        closed = await talker.event()

    assert isinstance(closed, CloseConnection)
    assert closed.code == 1002


async def test_a_message_too_big_is_refused_with_1009(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_websocket, "LARGEST", 10)
    async with talking(echo) as talker:
        await talker.open()
        await talker.send(TextMessage("x" * 11))
        closed = await talker.event()

    assert isinstance(closed, CloseConnection)
    assert closed.code == 1009


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"426"),
        (b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", b"400"),
        (b"Sec-WebSocket-Version: 13\r\n", b"400"),
    ],
)
async def test_a_handshake_that_is_none_is_refused(fields: bytes, status: bytes) -> None:
    async with talking(echo) as talker:
        await talker.wire.send(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + fields + b"\r\n"
        )
        data = await talker.wire.receive()

    assert data.split(b" ")[1] == status
    assert (b"Sec-WebSocket-Version: 13\r\n" in data) is (status == b"426")


async def test_frames_sent_with_the_handshake_are_not_lost() -> None:
    async with talking(echo) as talker:
        hello = talker.side.send(Request(host="app.test", target="/ws"))
        await talker.wire.send(hello + bytes(FrameProtocol(client=True, extensions=[]).send_data("early")))
        accepted, text = await talker.event(), await talker.event()

    assert isinstance(accepted, AcceptConnection)
    assert text == TextMessage("early")
