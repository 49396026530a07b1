"""ASGI, websocket: an upgrade request answered by an app in this process: handshake, messages, pings, closing.

wsproto reads and writes the frames. No extension is agreed to. Watching other people's WebSockets is for `http.websocket`.
"""

import base64
import binascii
import enum
from collections.abc import Mapping

import trio
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.events import Event as Frame
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError, generate_accept_token

from tunnel.errors import ClientError, TunnelError, UpstreamError
from tunnel.http.answers import error_answer
from tunnel.http.asgi_words import App, Event, Report, field, header_fields, request_scope
from tunnel.http.leg import ClientLeg
from tunnel.model.headers import Headers
from tunnel.model.message import END, Framing, Request, Response
from tunnel.model.peer import Peer
from tunnel.net.wire import WireError

LARGEST = 16 * 1024 * 1024  # bytes or characters of one message, as most servers have it; more are refused with 1009
CLOSING = 2.0  # seconds for the client to answer our close (RFC 6455 §7.1.1)


async def answer_websocket(
    app: App, leg: ClientLeg, peer: Peer, request: Request, state: Mapping[str, object], report: Report
) -> None:
    """Have the app converse over a WebSocket until either side ends it; the wire is closed then.

    Args and Cancelled: as in `http.asgi.answer_with`.
    """
    wrong = _unacceptable(request)
    if wrong is not None:
        await _refuse(leg, request, wrong)
        return
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        conversation = _Conversation(leg, request, nursery)
        try:  # in the nursery's own task, so that what the app raises is not wrapped in a group
            await app(request_scope(request, peer, state), conversation.receive, conversation.send)
        except Exception as error:
            failure = error
        if failure is not None and not conversation.refused:
            report(failure)
        await conversation.finish(failure)
        nursery.cancel_scope.cancel()


def _unacceptable(request: Request) -> ClientError | None:
    """Say what is wrong with a handshake (RFC 6455 §4.2.1), or None."""
    headers = request.headers
    if request.method != b"GET":
        return ClientError("a WebSocket is asked for with GET")
    if headers.get(b"sec-websocket-version") != b"13":
        return ClientError("only version 13 of the WebSocket protocol is spoken here", status=426)
    try:
        key = base64.b64decode(headers.get(b"sec-websocket-key") or b"", validate=True)
    except binascii.Error:
        key = b""
    return None if len(key) == 16 else ClientError("Sec-WebSocket-Key is not 16 bytes in base64")


async def _refuse(leg: ClientLeg, request: Request, error: TunnelError) -> None:
    response, body = error_answer(error, request, close=True)
    if error.status == 426:
        extra = [(b"Sec-WebSocket-Version", b"13"), (b"Upgrade", b"websocket")]  # RFC 9110 §15.5.22
        response = response._replace(headers=response.headers.plus(extra))
    try:
        await leg.send_response(response, body, END)
    except ClientError:
        pass  # the client left with its error


class _Conversation:
    """One WebSocket. The app's task sends and takes messages; a second one reads frames and answers pings."""

    def __init__(self, leg: ClientLeg, request: Request, nursery: trio.Nursery) -> None:
        self._leg = leg
        self._request = request
        self._nursery = nursery  # where the reader runs, once the app accepts
        self._frames = Connection(ConnectionType.SERVER)
        self._sending = trio.Lock()  # the app's messages and the reader's pongs share the wire
        # Nothing waits in between: a slow app slows its client down.
        self._deliver, self._delivered = trio.open_memory_channel[Event](0)
        self._stage = _Stage.NEW
        self._read = trio.Event()  # the reader has ended
        self._end: Event = {"type": "websocket.disconnect", "code": CloseReason.ABNORMAL_CLOSURE, "reason": ""}
        self.refused = False  # the app was told by OSError that nobody listens

    async def receive(self) -> Event:
        """Give the app its next event."""
        if self._stage is _Stage.NEW:
            self._stage = _Stage.ASKED
            return {"type": "websocket.connect"}
        if self._stage is _Stage.ASKED:
            raise RuntimeError("the app must accept or close a WebSocket before it receives")
        try:
            return await self._delivered.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            return dict(self._end)

    async def send(self, event: Event) -> None:
        """Take the app's next event."""
        fresh = self._stage in (_Stage.NEW, _Stage.ASKED)
        match event["type"]:
            case "websocket.accept" if fresh:
                await self._accept(event)
            case "websocket.close" if fresh:
                self._stage = _Stage.ENDED
                await _refuse(self._leg, self._request, ClientError("the service refused this WebSocket", status=403))
            case "websocket.close" if not fresh:
                await self._close(field(event, "code", int, 1000), field(event, "reason", str, ""))
            case "websocket.send" if not fresh:
                text = event.get("text")
                frame = BytesMessage(field(event, "bytes", bytes, b"")) if text is None else TextMessage(str(text))
                if not await self._write(frame):
                    self.refused = True
                    raise ConnectionResetError("nobody is left to listen")
            case kind:
                raise RuntimeError(f"the app sent {kind!r} out of its order")

    async def finish(self, failure: Exception | None) -> None:
        """End what the app has left open when it returned or raised, and close the wire."""
        if self._stage in (_Stage.NEW, _Stage.ASKED):
            kind = "nothing" if failure is None else type(failure).__name__
            what = f"the service failed before it took the WebSocket: {kind}"
            await _refuse(self._leg, self._request, UpstreamError(what, status=500))
        elif self._stage is not _Stage.ENDED:
            await self._close(CloseReason.NORMAL_CLOSURE if failure is None else CloseReason.INTERNAL_ERROR, "")
            with trio.move_on_after(CLOSING):
                await self._read.wait()
            self._leg.wire.close()

    async def _accept(self, event: Event) -> None:
        key = self._request.headers.get(b"sec-websocket-key") or b""
        extra = [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", generate_accept_token(key)),
        ]
        protocol = field(event, "subprotocol", str, "")
        if protocol:
            extra.append((b"sec-websocket-protocol", protocol.encode("ascii")))
        headers = Headers([*extra, *header_fields(event)])
        response = Response(101, b"Switching Protocols", headers, 1, Framing.NONE, 0, True, b"")
        self._stage = _Stage.OPEN
        try:
            await self._leg.send_response(response, b"", None)
        except ClientError:
            self._deliver.close()  # the app hears of it when it next receives
            self._read.set()
        else:
            self._nursery.start_soon(self._read_frames, self._leg.release())

    async def _close(self, code: int, reason: str) -> None:
        """Say that we are done, unless that was said. What still comes is nobody's."""
        self._stage = _Stage.CLOSING
        self._delivered.close()
        await self._write(CloseConnection(code, reason))

    async def _write(self, frame: Frame) -> bool:
        """Send a frame; returns whether it could be, which it cannot where either side has closed."""
        async with self._sending:
            try:
                await self._leg.wire.send(self._frames.send(frame))
            except (LocalProtocolError, WireError):
                return False
        return True

    async def _read_frames(self, data: bytes) -> None:
        """Read until the client closes or is gone. `data` came with the handshake."""
        message = _Message()
        try:
            while data or (data := await self._leg.wire.receive()):
                self._frames.receive_data(data)
                data = b""
                for frame in self._frames.events():
                    if not await self._take(frame, message):
                        return
        except RemoteProtocolError as error:
            await self._break_off(CloseReason.PROTOCOL_ERROR, error.event_hint)
        except WireError:
            pass  # the app is told that the connection ended without a close
        finally:
            self._deliver.close()
            self._read.set()

    async def _take(self, frame: Frame, message: "_Message") -> bool:
        """Do what a frame asks for. Returns whether there may be another."""
        match frame:
            case Ping():
                await self._write(frame.response())
            case CloseConnection():
                self._end["code"], self._end["reason"] = frame.code, frame.reason or ""
                await self._write(frame.response())
                return False
            case TextMessage() | BytesMessage():
                if not message.add(frame.data):
                    await self._break_off(CloseReason.MESSAGE_TOO_BIG, None)
                    return False
                if frame.message_finished and self._stage is _Stage.OPEN:
                    try:
                        await self._deliver.send(message.take())
                    except trio.BrokenResourceError:
                        pass  # the app closed meanwhile
        return True

    async def _break_off(self, code: CloseReason, hint: Frame | None) -> None:
        frame = hint if isinstance(hint, CloseConnection) else CloseConnection(code)
        self._end["code"] = frame.code
        await self._write(frame)


class _Stage(enum.Enum):
    """How far a conversation has come."""

    NEW = "new"
    ASKED = "asked"  # the app has heard of it
    OPEN = "open"
    CLOSING = "closing"  # the app is done
    ENDED = "ended"  # refused


class _Message:
    """A message coming in, in pieces."""

    def __init__(self) -> None:
        self._parts: list[str | bytes] = []
        self._size = 0

    def add(self, part: str | bytes | bytearray) -> bool:
        """Add a piece; returns whether the message is still small enough."""
        self._parts.append(part if isinstance(part, str) else bytes(part))
        self._size += len(part)
        return self._size <= LARGEST

    def take(self) -> Event:
        """Return the whole message as the app's event, and begin anew."""
        parts, self._parts, self._size = self._parts, [], 0
        text = "".join(part for part in parts if isinstance(part, str))
        data = b"".join(part for part in parts if isinstance(part, bytes))
        return {"type": "websocket.receive"} | ({"bytes": data} if isinstance(parts[0], bytes) else {"text": text})
