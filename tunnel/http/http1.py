"""HTTP/1.1 legs: messages over a wire, one receive and one send where a message is small and whole.

Each leg reads its peer's heads by `http.heads`, bodies by `http.bodies`, and writes anew what it is given. What an exchange
means, and which fields are forwarded, is decided elsewhere (`proxy.forward`, `rules`). Deadlines are set here, on the wire.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

import trio

from tunnel.errors import ClientError, ClientGone, TunnelError, UpstreamError
from tunnel.http.bodies import BodyReader, body_reader, write_chunk, write_last_chunk
from tunnel.http.heads import read_request, read_response, write_request, write_response
from tunnel.model.config import Limits
from tunnel.model.headers import Headers
from tunnel.model.message import End, Framing, Request, Response
from tunnel.net.wire import Wire, WireError

_SMALL = 32 * 1024  # bytes of body that are worth a copy to leave in one send with their head
_BLANK = b"\r\n\r\n"
_FRAMING = 4096  # bytes of a piece that are not body, past which others get their turn


class Http1Leg(ABC):
    """What both ends share: a wire, what was read from it too far, and the framing of the message each way."""

    def __init__(self, wire: Wire, limits: Limits, now: Callable[[], float]) -> None:
        self.wire = wire
        self._limits = limits
        self._now = now  # trio's clock, on which the wire's deadline is
        self._rest = b""  # received, not yet understood
        self._reader = BodyReader()  # of the body that comes in
        self._framing = Framing.NONE  # of the body that goes out
        self._sent = True  # whether that body has gone out to its end

    def ready(self) -> tuple[bytes, End | None]:
        """See `Leg.ready`."""
        reader = self._reader
        if reader.end is not None:
            return b"", reader.end
        return self._understood() if self._rest else b"", reader.end

    async def receive_body(self) -> bytes | End:
        """See `Leg.receive_body`."""
        reader = self._reader
        while reader.end is None:
            if came := len(self._rest):
                body = self._understood()
                if came - len(body) > _FRAMING:
                    await trio.lowlevel.checkpoint()  # a piece of nothing but tiny chunks took 10 ms to read
                if body:
                    return body
                continue
            self._rest = await self._receive()
            if not self._rest and not reader.closed():
                raise self._broken("it closed the connection in the middle of a body")
        return reader.end

    async def send_body(self, piece: bytes | memoryview) -> None:
        """See `Leg.send_body`."""
        await self._send(write_chunk(piece) if self._framing is Framing.CHUNKED else piece)

    async def send_end(self, trailers: Headers) -> None:
        """See `Leg.send_end`."""
        if self._framing is Framing.CHUNKED:
            await self._send(write_last_chunk(trailers))
        self._sent = True

    def still_to_come(self) -> int:
        """Return how many bytes of the incoming body there are yet, all of them body; 0 where that is not known or so."""
        reader = self._reader
        return reader.left if type(reader) is BodyReader and not self._rest else 0

    async def receive_into(self, buffer: memoryview) -> int:
        """Receive the next piece of the body into a buffer, no longer than what is `still_to_come`.

        Returns: Its size in bytes, 0 where the peer has closed.
        """
        try:
            size = await self.wire.receive_into(buffer)
        except WireError as error:
            raise self._wire_failed(error) from error
        self._reader.skip(size)
        return size

    def release(self) -> bytes:
        """See `Leg.release`."""
        rest, self._rest = self._rest, b""
        self.wire.deadline = math.inf
        return rest

    def close(self) -> None:
        """See `Leg.close`."""
        self.wire.close()

    def _understood(self) -> bytes:
        """Return what of the bytes at hand is body; keep what comes behind it. What breaks the framing is not read twice."""
        came, self._rest = self._rest, b""
        body, self._rest = self._reader.read(came)
        return body

    def _send_head(self, head: bytes, framing: Framing, body: bytes, end: End | None) -> list[bytes]:
        """Send a head with the body bytes at hand and, where it is here, the end: in one send if they are small.

        Most messages leave whole, without a wait. Returns what is left, to be awaited (`_send_left`).
        """
        self._framing = framing
        self._sent = False
        if framing is Framing.CHUNKED:
            body = write_chunk(body) if body else b""
            if end is not None:
                body += write_last_chunk(end.trailers)
        left = []
        if len(body) <= _SMALL:
            head += body
        else:
            left.append(body)
        try:
            sent = self.wire.try_send(head, whole=end is not None and not left)
        except WireError as error:
            raise self._wire_failed(error) from error
        if sent < len(head):
            left.insert(0, head[sent:])
        self._sent = end is not None and not left
        return left

    async def _send_left(self, pieces: list[bytes], end: End | None) -> None:
        """Send what `_send_head` could not."""
        for piece in pieces:
            await self._send(piece)
        self._sent = end is not None

    def _whole_head(self, data: bytes) -> bytes | None:
        """Return the head that `data` begins with, blank line included, and keep the rest; None if it is not whole."""
        end = data.find(_BLANK) + len(_BLANK)
        if not len(_BLANK) <= end <= self._limits.head_size:
            return None
        if end == len(data):
            self._rest = b""
            return data
        self._rest = data[end:]
        return data[:end]

    async def _head(self, first: bytes) -> bytes | None:
        """Return the next head with its blank line, or None if the peer closed before its first byte."""
        data = first
        looked = 0
        while (end := data.find(_BLANK, looked)) < 0:
            if data:
                if len(data) > self._limits.head_size or b"\n\n" in data[looked:] or data[:3] == b"\n\r\n":
                    raise self._bad_head(data)
                looked = max(0, len(data) - 3)
            piece = await self._receive()
            if not piece:
                if data.strip(b"\r\n"):
                    raise self._broken("it closed the connection in the middle of a head")
                return None
            data += piece
        if end + len(_BLANK) > self._limits.head_size:
            raise self._bad_head(data[: end + 4])
        self._rest = data[end + 4 :]
        return data[: end + 4] if end + 4 < len(data) else data

    async def _receive(self, *, later: bool = False) -> bytes:
        try:
            return await self.wire.receive(later=later)
        except WireError as error:
            raise self._wire_failed(error) from error

    async def _send(self, data: bytes | memoryview) -> None:
        try:
            await self.wire.send(data)
        except WireError as error:
            raise self._wire_failed(error) from error

    @abstractmethod
    def _broken(self, what: str) -> TunnelError:
        """The peer broke a rule or left, as `what` says."""

    @abstractmethod
    def _bad_head(self, data: bytes) -> TunnelError:
        """Say what is wrong with a head that cannot be read."""

    @abstractmethod
    def _wire_failed(self, error: WireError) -> TunnelError:
        """Say whose fault it is that the wire ended."""


class Http1Client(Http1Leg):
    """The leg towards a client: we are the server."""

    async def receive_request(self) -> Request | None:
        """See `ClientLeg.receive_request`."""
        wire, limits = self.wire, self._limits
        # RFC 9112 §2.2: empty lines before a request are noise.
        first = self._rest.lstrip(b"\r\n") if self._rest else b""
        if not first:
            wire.deadline = self._now() + limits.idle
            while not first:
                try:
                    first = await wire.receive(later=True)
                except WireError:
                    return None  # an idle connection that ends, however it ends, asks for nothing
                if not first:
                    return None
                first = first.lstrip(b"\r\n") if first[0] in b"\r\n" else first
        raw = self._whole_head(first)
        if raw is None:
            wire.deadline = self._now() + limits.head
            raw = await self._head(first)
            if raw is None:
                return None
        wire.deadline = math.inf
        request = read_request(raw, target_size=limits.target_size, header_count=limits.header_count)
        if limits.body_size and request.length > limits.body_size:
            raise ClientError(f"the request's body is larger than {limits.body_size} bytes", status=413)
        self._reader = body_reader(request.framing, request.length, ClientError)
        return request

    def ended(self) -> bool:
        """Whether the request has ended; what of its body is here is dropped. One that cannot be read never ends."""
        try:
            return self.ready()[1] is not None
        except ClientError:
            return False

    async def receive_body(self) -> bytes | End:
        """See `Leg.receive_body`; a client that sends nothing for `limits.stall` seconds is cut off."""
        self.wire.deadline = self._now() + self._limits.stall
        piece = await super().receive_body()
        self.wire.deadline = math.inf
        return piece

    async def receive_into(self, buffer: memoryview) -> int:
        """See `Http1Leg.receive_into`; a client that sends nothing for `limits.stall` seconds is cut off."""
        self.wire.deadline = self._now() + self._limits.stall
        size = await super().receive_into(buffer)
        self.wire.deadline = math.inf
        return size

    async def send_response(self, response: Response, body: bytes, end: End | None) -> bytes:
        """See `ClientLeg.send_response`."""
        head = write_response(response)
        if left := self._send_head(head, response.framing, body, end):
            await self._send_left(left, end)
        return head

    async def _send(self, data: bytes | memoryview) -> None:
        wire = self.wire
        wire.deadline = self._now() + self._limits.stall
        await super()._send(data)
        wire.deadline = math.inf

    def _broken(self, what: str) -> TunnelError:
        return ClientGone(f"the client left: {what}")

    def _bad_head(self, data: bytes) -> TunnelError:
        if len(data) <= self._limits.head_size:
            return ClientError("the request's head has a line that ends in a bare LF")
        line, found, _ = data.partition(b"\r\n")
        if not found or len(line) > self._limits.target_size:
            return ClientError(f"the request target is longer than {self._limits.target_size} bytes", status=414)
        return ClientError(f"the request's head is larger than {self._limits.head_size} bytes", status=431)

    def _wire_failed(self, error: WireError) -> TunnelError:
        if error.expired:
            return ClientError("the client was too slow", status=408)
        return ClientGone(f"the client left: {error}")


class Http1Upstream(Http1Leg):
    """The leg towards an upstream: we are the client. Made by `http.pool`, which reuses it.

    Attributes:
      idle_since: When it was put back, on trio's clock.
    """

    def __init__(self, wire: Wire, limits: Limits, now: Callable[[], float], address: str) -> None:
        super().__init__(wire, limits, now)
        self.address = address
        self.reused = False
        self.idle_since = 0.0
        self.first_byte = 0.0  # when the last answer began, on the clock of time.perf_counter
        self._method = b""
        self._keep_alive = True
        self._answered = False

    async def send_request(self, request: Request, headers: Headers, body: bytes, end: End | None) -> bytes:
        """See `UpstreamLeg.send_request`."""
        self._method = request.method
        self._answered = False
        self._keep_alive = False  # until a whole answer says otherwise
        head = write_request(request, headers)
        if left := self._send_head(head, request.framing, body, end):
            await self._send_left(left, end)
        return head

    async def receive_response(self) -> Response:
        """See `UpstreamLeg.receive_response`; waits at most `limits.first_byte` seconds for it."""
        wire = self.wire
        first = self._rest
        wire.deadline = self._now() + self._limits.first_byte
        if not first:
            first = await self._receive(later=True)
            if not first:
                raise self._broken("it closed the connection without an answer")
        self._answered = True
        self.first_byte = time.perf_counter()
        raw = self._whole_head(first) or await self._head(first)
        if raw is None:  # an empty line, or half of one
            raise self._broken("it closed the connection without an answer")
        wire.deadline = math.inf
        response = read_response(raw, self._method, header_count=self._limits.header_count)
        self._reader = body_reader(response.framing, response.length, UpstreamError)
        self._keep_alive = response.keep_alive and response.status >= 200  # until then the answer is still to come
        return response

    async def _send(self, data: bytes | memoryview) -> None:
        await super()._send(data)
        # Who is still given a body need not answer yet: an answer that is awaited has its time from what was sent last.
        if self.wire.deadline < math.inf:
            self.wire.deadline = self._now() + self._limits.first_byte

    def release(self) -> bytes:
        """See `Leg.release`."""
        self._keep_alive = False
        return super().release()

    def reusable(self) -> bool:
        """Whether the last exchange is whole in both directions, and the upstream keeps the connection open."""
        return self._keep_alive and self._sent and self._reader.end is not None and not self._rest

    def quiet(self) -> bool:
        """Look, without waiting, whether the upstream has neither closed nor said anything since its last answer."""
        return not self.wire.left() and not self.wire.pending()

    def _broken(self, what: str) -> TunnelError:
        return UpstreamError(
            f"the upstream at {self.address} broke off: {what}",
            hint="look at the service's own output for the reason",
            unanswered=not self._answered,
        )

    def _bad_head(self, data: bytes) -> TunnelError:
        if len(data) > self._limits.head_size:
            return UpstreamError(f"the answer's head is larger than {self._limits.head_size} bytes")
        return UpstreamError("the answer's head has a line that ends in a bare LF")

    def _wire_failed(self, error: WireError) -> TunnelError:
        if error.expired:
            return UpstreamError(
                f"the upstream at {self.address} did not answer within {self._limits.first_byte:g} s",
                status=504,
                hint="give it longer with --first-byte SECONDS",
            )
        return self._broken(str(error))
