"""Client: one connection to a front, by trio's TLS and h11, neither of which the front uses to read. Sends what it is told.

Each answer has a judge of its own, so that requests may be sent ahead of their answers.
"""

import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11
import trio

_RESET = struct.pack("ii", 1, 0)  # struct linger: on, 0 s


class Cut(Exception):
    """The front ended or broke the connection before the answer was whole."""


@dataclass(frozen=True)
class Place:
    """Where a front is, and what a client needs to trust it: for TLS 1.3, and for 1.2 at most."""

    port: int
    trusting: ssl.SSLContext
    older: ssl.SSLContext

    @property
    def host(self) -> str:
        """The Host to ask for, with the port."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Answer:
    """One answer, whole."""

    status: int
    body: bytes
    trailers: list[tuple[bytes, bytes]]
    informational: list[int]


class Client:
    """A connection. It is closed by whoever opened it, in order or not."""

    def __init__(self, plain: trio.SocketStream, stream: trio.abc.Stream) -> None:
        self.plain = plain
        self.stream = stream
        self._rest = b""
        self._judge = h11.Connection(h11.CLIENT)
        self._informational: list[int] = []
        self.trailers: list[tuple[bytes, bytes]] = []
        self.continued = trio.Event()  # a 1xx has come

    async def send(self, data: bytes) -> None:
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError as error:
            raise Cut("while sending") from error

    async def receive(self) -> bytes:
        """Return the bytes that come next; none at an end."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        try:
            return bytes(await self.stream.receive_some(256 * 1024))
        except trio.BrokenResourceError as error:
            raise Cut("while receiving") from error

    async def begin(self, method: str = "GET") -> int:
        """Read the head of the answer to a request of this method; return its status. `piece` reads on."""
        self._judge = h11.Connection(h11.CLIENT)
        self._judge.send(h11.Request(method=method, target="/", headers=[("Host", "of no matter")]))
        self._judge.send(h11.EndOfMessage())
        self._informational = []
        while isinstance(event := await self._event(), h11.InformationalResponse):
            self._informational.append(event.status_code)
            self.continued.set()
        assert isinstance(event, h11.Response), event
        return event.status_code

    async def piece(self) -> bytes:
        """Return the next piece of the answer's body; none at its end."""
        match await self._event():
            case h11.Data(data=data):
                return bytes(data)
            case h11.EndOfMessage(headers=trailers):
                self.trailers = list(trailers)
                self._rest, _ = self._judge.trailing_data
                return b""
            case event:
                raise AssertionError(event)

    async def answer(self, method: str = "GET") -> Answer:
        """Read a whole answer."""
        status = await self.begin(method)
        body = []
        while piece := await self.piece():
            body.append(piece)
        return Answer(status, b"".join(body), self.trailers, self._informational)

    async def end(self) -> None:
        """Wait for the front's end of the connection. Anything else that comes is an error."""
        assert not (came := await self.receive()), came

    async def close(self) -> None:
        """Leave in order: under TLS with a `close_notify`."""
        await self.stream.aclose()

    async def drop(self) -> None:
        """Leave without a word of TLS; TCP still ends in order, or with a reset where bytes were not read."""
        await self.plain.aclose()

    async def reset(self) -> None:
        """Leave with a reset."""
        self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        await self.plain.aclose()

    async def _event(self) -> h11.Event:
        try:
            while (event := self._judge.next_event()) is h11.NEED_DATA:
                self._judge.receive_data(await self.receive())
        except h11.RemoteProtocolError as error:
            raise Cut(str(error)) from error
        assert not isinstance(event, type), event
        return event


@asynccontextmanager
async def connected(
    place: Place, *, tls: bool = True, name: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> AsyncIterator[Client]:
    """Connect, over TLS or plain; on leaving the block what is still open is dropped."""
    plain = await trio.open_tcp_stream("127.0.0.1", place.port)
    try:
        stream: trio.abc.Stream = plain
        if tls:
            secured = trio.SSLStream(plain, context or place.trusting, server_hostname=name, https_compatible=True)
            await secured.do_handshake()
            stream = secured
        yield Client(plain, stream)
    finally:
        await trio.aclose_forcefully(plain)


def head(method: str, target: str, place: Place, *fields: str) -> bytes:
    """Write the head of a request."""
    host = () if any(field.startswith("Host:") for field in fields) else (f"Host: {place.host}",)
    return "\r\n".join([f"{method} {target} HTTP/1.1", *host, *fields, "", ""]).encode()
