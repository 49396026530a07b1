"""WebSocket frames, read: both directions' bytes after a 101 become messages, for the record. Nothing is ever written.

wsproto finds the frames; joining, inflating and cutting are here, because a watcher needs what an endpoint does not: a
message of any size in bounded memory, with its true size. Answering a WebSocket is for `http.asgi_websocket`.

Facts:
- A message may come in fragments, with control frames between them (RFC 6455 §5.4).
- With permessage-deflate a message's bytes are one deflate stream less its last four bytes (RFC 7692 §7.2.2). The agreed
  window sizes and context takeovers bind the one who deflates: an inflater with the largest window reads all of them.
- wsproto 1.3's own `PerMessageDeflate` forgets that a message is compressed when a control frame comes between its
  fragments, and inflates without a bound: 64 KiB of zeros deflated make 64 MiB.
"""

import zlib
from collections.abc import Iterator

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from tunnel.model.stream import Message, Watch

CAP = 64 * 1024  # bytes kept of one message: what a person will scroll through
STEP = 64 * 1024  # most bytes inflated at once
TAIL = b"\x00\x00\xff\xff"  # what the sender left out: the empty block of a sync flush (RFC 7692 §7.2.2)


def watch_upgrade(protocol: bytes, extensions: bytes, cap: int = CAP) -> Watch:
    """Return what reads an upgraded connection.

    Args:
      protocol: What was agreed to in `Upgrade`, lower case: b"websocket" is read, everything else passes as pieces.
      extensions: The `Sec-WebSocket-Extensions` that the server accepted, empty where it sent none.
      cap: Bytes kept of each message.
    """
    return WebSocketWatch(extensions, cap) if protocol == b"websocket" else OpaqueWatch(cap)


class OpaqueWatch:
    """Watches a protocol that nobody here reads: each piece is a message of kind "bytes"."""

    def __init__(self, cap: int = CAP) -> None:
        self._cap = cap

    def feed(self, from_client: bool, at: float, data: bytes) -> list[Message]:
        """See `Watch.feed`."""
        return [Message(from_client, "bytes", at, len(data), data[: self._cap])] if data else []


class WebSocketWatch:
    """Watches a WebSocket connection, both directions.

    A direction that breaks the framing is read no further: one empty message of kind "bytes" marks the place. A message
    that has not ended yet is not told.
    """

    def __init__(self, extensions: bytes = b"", cap: int = CAP) -> None:
        """`extensions` is the `Sec-WebSocket-Extensions` that the server accepted (RFC 6455 §9.1)."""
        names = [member.partition(b";")[0].strip().lower() for member in extensions.split(b",")]
        deflate = b"permessage-deflate" in names
        self._client = _Direction(True, deflate, cap)
        self._server = _Direction(False, deflate, cap)

    def feed(self, from_client: bool, at: float, data: bytes) -> list[Message]:
        """See `Watch.feed`."""
        return (self._client if from_client else self._server).feed(at, data)


class _Direction:
    """The frames of one direction, and the one data message that may be open in it."""

    def __init__(self, from_client: bool, deflate: bool, cap: int) -> None:
        self._from_client = from_client
        self._cap = cap
        self._flag = _DeflateFlag()
        # A client's frames are masked, so they are decoded as a server does it (RFC 6455 §5.1).
        self._decoder = FrameDecoder(client=not from_client, extensions=[self._flag] if deflate else [])
        self._inflate = _Inflate()
        self._opcode: Opcode | None = None  # of the open message
        self._payload = bytearray()
        self._size = 0
        self._broken = False

    def feed(self, at: float, data: bytes) -> list[Message]:
        """Return the messages that end in `data`."""
        messages: list[Message] = []
        if self._broken:
            return messages
        try:
            self._decoder.receive_bytes(data)
            while (frame := self._decoder.process_buffer()) is not None:
                # The decoder hands out bytes; text and close reasons are made by the parts of wsproto not used here.
                payload = frame.payload if isinstance(frame.payload, bytes) else b""
                if frame.opcode.iscontrol():
                    kind = frame.opcode.name.lower()
                    messages.append(Message(self._from_client, kind, at, len(payload), payload[: self._cap]))
                    continue
                self._join(frame.opcode, payload)
                if frame.frame_finished and frame.message_finished:
                    messages.append(self._end(at))
        except (ParseFailed, zlib.error):
            self._broken = True
            self._payload = bytearray()
            self._decoder = FrameDecoder(client=not self._from_client)  # lets go of the bytes it held
            messages.append(Message(self._from_client, "bytes", at, 0, b""))
        return messages

    def _join(self, opcode: Opcode, payload: bytes) -> None:
        """Add a piece to the open message. The decoder calls each piece after a frame's first a continuation too."""
        if (opcode is Opcode.CONTINUATION) == (self._opcode is None):
            raise ParseFailed("a continuation of nothing, or a message within a message")
        self._opcode = self._opcode or opcode
        if self._flag.compressed:
            for piece in self._inflate.pieces(payload):
                self._keep(piece)
        else:
            self._keep(payload)

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        self._payload += piece[: self._cap - len(self._payload)]

    def _end(self, at: float) -> Message:
        assert self._opcode is not None
        if self._flag.compressed:
            for piece in self._inflate.rest():
                self._keep(piece)
        message = Message(self._from_client, self._opcode.name.lower(), at, self._size, bytes(self._payload))
        self._opcode, self._payload, self._size = None, bytearray(), 0
        return message


class _DeflateFlag(Extension):
    """Lets RSV1 pass where it may stand, on the first frame of a data message, and notes it (RFC 7692 §6)."""

    name = "permessage-deflate"

    def __init__(self) -> None:
        self.compressed = False  # of the newest data message

    def offer(self) -> bool:
        """Nothing is negotiated here: the two ends have done it."""
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Judge and note one frame's head; the decoder may ask twice about the same one."""
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            self.compressed = rsv.rsv1
        elif rsv.rsv1:
            return CloseReason.PROTOCOL_ERROR
        return RsvBits(True, False, False)


class _Inflate:
    """One direction's inflater, whose window outlives the messages."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` inflates to, at most `STEP` bytes a piece.

        Raises:
          zlib.error: It is not deflated.
        """
        while True:
            if self._inflater.eof:  # after a block marked final the next begins anew (RFC 7692 §7.2.3.4)
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            piece = self._inflater.decompress(data, STEP)
            if piece:
                yield piece
            data = self._inflater.unused_data or self._inflater.unconsumed_tail
            if not data and len(piece) < STEP:
                return

    def rest(self) -> Iterator[bytes]:
        """Yield what comes out at the end of a message."""
        if not self._inflater.eof:
            yield from self.pieces(TAIL)
