"""The upstream of a soak: answers in every manner that a front must carry, by path, and knows which requests arrived.

Its HTTP is h11's and its WebSockets are wsproto's: what they refuse, tunnel should not have sent.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import h11
import trio
import wsproto
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.events import Request as Handshake

from tests.fire.soak.bodies import Sum, pieces

_EVENT = b"data: an event\n\n"
_PAUSE = 0.02  # seconds between two events
_TRAILERS = [(b"X-Sum", b"of no matter")]


class Line:
    """One connection of the front to us.

    Attributes:
      query: What the running request's target says behind its question mark.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.http = h11.Connection(h11.SERVER)
        self.query: dict[str, str] = {}

    async def next(self) -> h11.Event:
        """Return what comes next of a request."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.stream.receive_some())
        assert not isinstance(event, type)
        return event

    async def body(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Return the running request's body and trailers."""
        whole = []
        while not isinstance(event := await self.next(), h11.EndOfMessage):
            assert isinstance(event, h11.Data)
            whole.append(event.data)
        return b"".join(whole), list(event.headers)

    async def send(self, *events: h11.Event) -> None:
        """Send events, all of them in one piece."""
        await self.stream.send_all(b"".join([self.http.send(event) or b"" for event in events]))

    async def answer(self, body: bytes, status: int = 200, *fields: tuple[bytes, bytes]) -> None:
        """Send a whole small answer."""
        head = h11.Response(status_code=status, headers=[(b"Content-Length", b"%d" % len(body)), *fields])
        await self.send(head, h11.Data(data=body), h11.EndOfMessage())


class Upstream:
    """Serves any number of connections, until cancelled.

    Attributes:
      arrived: How often each target has come, since `forget`. More than once is a second try.
    """

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self._awaited: dict[str, trio.Event] = {}

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer a connection's requests, for `trio.serve_tcp`."""
        line = Line(stream)
        try:
            while isinstance(request := await line.next(), h11.Request):
                target = request.target.decode()
                self.arrived[target] += 1
                if target in self._awaited:
                    self._awaited.pop(target).set()
                line.query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
                await ANSWERS[urlsplit(target).path](line, request)
                if line.http.our_state is not h11.DONE or line.http.their_state is not h11.DONE:
                    break
                line.http.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            pass  # the front let go of it, since its client did: the clients' side says whether it was right to
        finally:
            await trio.aclose_forcefully(stream)

    async def has(self, target: str) -> None:
        """Wait until a request has arrived. Only one may wait for each."""
        if target not in self.arrived:
            await self._awaited.setdefault(target, trio.Event()).wait()

    def forget(self) -> None:
        """Forget what has arrived."""
        self.arrived.clear()


async def _small(line: Line, request: h11.Request) -> None:
    await line.body()
    await line.answer(b"" if request.method == b"HEAD" else line.query["n"].encode())


async def _status(line: Line, request: h11.Request) -> None:
    """Any status; 204 and 304 have no body."""
    await line.body()
    status = int(line.query["status"])
    if status in (204, 304):
        await line.send(h11.Response(status_code=status, headers=[]), h11.EndOfMessage())
    else:
        await line.answer(b"as asked", status)


async def _echo(line: Line, request: h11.Request) -> None:
    """The same bytes back: with their length, in chunks with the same trailers, or until we close."""
    body, trailers = await line.body()
    match line.query["as"]:
        case "length":
            await line.answer(body)
        case "chunks":
            await line.send(h11.Response(status_code=200, headers=[(b"Transfer-Encoding", b"chunked")]))
            for at in range(0, len(body), 5000):
                await line.send(h11.Data(data=body[at : at + 5000]))
            await line.send(h11.EndOfMessage(headers=trailers))
        case _:
            await line.stream.send_all(b"HTTP/1.0 200 OK\r\n\r\n" + body)
            await line.stream.send_eof()
            line.http.send_failed()


async def _upload(line: Line, request: h11.Request) -> None:
    sum = Sum()
    while not isinstance(event := await line.next(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        sum.add(event.data)
    await line.answer(str(sum).encode())


async def _download(line: Line, request: h11.Request) -> None:
    """Many bytes, with their length or in chunks."""
    await line.body()
    size = int(line.query["bytes"])
    framing = (b"Transfer-Encoding", b"chunked") if "chunks" in line.query else (b"Content-Length", b"%d" % size)
    await line.send(h11.Response(status_code=200, headers=[framing]))
    for piece in pieces(size):
        await line.send(h11.Data(data=piece))
    await line.send(h11.EndOfMessage())


async def _events(line: Line, request: h11.Request) -> None:
    """Events without end: the client has enough at some time, and the next send fails."""
    await line.body()
    kind = [(b"Content-Type", b"text/event-stream"), (b"Transfer-Encoding", b"chunked")]
    await line.send(h11.Response(status_code=200, headers=kind))
    while True:
        await line.send(h11.Data(data=_EVENT))
        await trio.sleep(_PAUSE)


async def _wait(line: Line, request: h11.Request) -> None:
    """No answer: only until the front lets go."""
    await line.body()
    while await line.stream.receive_some():
        pass


async def _hints(line: Line, request: h11.Request) -> None:
    await line.body()
    await line.send(h11.InformationalResponse(status_code=103, headers=[(b"Link", b"</style.css>; rel=preload")]))
    await line.answer(b"hinted")


async def _refuse(line: Line, request: h11.Request) -> None:
    """An answer before the body has come, and an end."""
    await line.answer(b"too much", 413, (b"Connection", b"close"))


async def _die(line: Line, request: h11.Request) -> None:
    """An end in the wrong place."""
    await line.body()
    match line.query["at"]:
        case "head":
            await line.stream.send_all(b"HTTP/1.1 200 OK\r\nContent-")
        case "length":
            await line.stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun")
        case "chunk":
            await line.stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nbegun")
        case "nonsense":
            await line.stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    line.http.send_failed()


async def _socket(line: Line, request: h11.Request) -> None:
    """A WebSocket that says everything back, and closes when told to."""
    socket = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    socket.initiate_upgrade_connection([(name, value) for name, value in request.headers], request.target.decode())
    line.http.send_failed()  # the connection is wsproto's from here on
    data, _ = line.http.trailing_data
    while True:
        socket.receive_data(data)
        for event in socket.events():
            match event:
                case Handshake():
                    await line.stream.send_all(socket.send(AcceptConnection()))
                case TextMessage(data="close"):
                    await line.stream.send_all(socket.send(CloseConnection(code=1000)))
                case TextMessage() | BytesMessage():
                    await line.stream.send_all(
                        socket.send(type(event)(event.data, message_finished=event.message_finished))
                    )
                case Ping() | CloseConnection():
                    if socket.state is not wsproto.connection.ConnectionState.CLOSED:
                        await line.stream.send_all(socket.send(event.response()))
        if socket.state is wsproto.connection.ConnectionState.CLOSED:
            return
        if not (data := await line.stream.receive_some()):
            return


Answer = Callable[[Line, h11.Request], Awaitable[None]]
ANSWERS: dict[str, Answer] = {
    "/small": _small,
    "/status": _status,
    "/echo": _echo,
    "/upload": _upload,
    "/download": _download,
    "/events": _events,
    "/wait": _wait,
    "/hints": _hints,
    "/refuse": _refuse,
    "/die": _die,
    "/socket": _socket,
}
