"""Bodies: which of the bytes that come belong to the body, and when it has ended. Pure; no parser sees the content.

A reader is fed whatever was received and says what of it is body and what comes after the message. `http.http1` does the
receiving, `http.framing` has decided which reader it is.
"""

import re
from collections.abc import Callable

from tunnel.errors import TunnelError
from tunnel.http.heads import read_trailers
from tunnel.model.headers import Headers
from tunnel.model.message import END, End, Framing

_MOST_LINE = 1024  # bytes of a chunk-size line with its extensions: generous, and bounded
_MOST_TRAILERS = 16 * 1024  # bytes
# chunk-size [chunk-ext] CRLF (RFC 9112 §7.1); 15 hex digits fit 64 bits. Extensions are understood as noise and dropped.
# Spaces behind a size are forgiven, as h11 does, but not before an extension.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*|;[\t -~\x80-\xff]*)\r\n")


class BodyReader:
    """Reads a body that is `length` bytes long; zero for none.

    Attributes:
      end: Set once the body has ended, with its trailers.
    """

    __slots__ = ("end", "left")

    def __init__(self, length: int = 0) -> None:
        self.left = length
        self.end: End | None = None if length else END

    def read(self, data: bytes) -> tuple[bytes, bytes]:
        """Split what was received into body and rest; the rest is empty until the body has ended.

        Raises:
          TunnelError: The framing is broken; the reader's own error.
        """
        if len(data) < self.left:
            self.left -= len(data)
            return data, b""
        body, rest = data[: self.left], data[self.left :]
        self.left = 0
        self.end = END
        return body, rest

    def skip(self, size: int) -> None:
        """Say that so many bytes of the body, at most `left`, have gone by unread."""
        self.left -= size
        if not self.left:
            self.end = END

    def closed(self) -> bool:
        """Say that the sender closed. Returns whether the body may end so."""
        return self.end is not None


class CloseReader(BodyReader):
    """Reads a body that ends with the connection."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self.end = None

    def read(self, data: bytes) -> tuple[bytes, bytes]:
        """See `BodyReader.read`."""
        return data, b""

    def closed(self) -> bool:
        """See `BodyReader.closed`."""
        self.end = END
        return True


class ChunkedReader(BodyReader):
    """Reads the chunked coding (RFC 9112 §7.1), in the strict grammar: CRLF line ends, sizes of hex digits only.

    `left` is what of the current chunk is still to come, its CRLF included; between chunks it is zero.
    """

    __slots__ = ("_ask_error", "_last", "_line")

    def __init__(self, error: Callable[[str], TunnelError]) -> None:
        super().__init__()
        self.end = None
        self._ask_error = error
        self._line = b""  # an unfinished line, or the trailer section so far
        self._last = False  # the last chunk was seen: trailers follow

    def read(self, data: bytes) -> tuple[bytes, bytes]:
        """See `BodyReader.read`."""
        if self._line:
            data, self._line = self._line + data, b""
        pieces: list[bytes] = []
        at = 0
        while at < len(data):
            if self._last:
                return b"".join(pieces), self._trailers(data[at:])
            if not self.left:
                match = _SIZE_LINE.match(data, at)
                if not match:
                    self._line = self._unfinished(data[at:])
                    break
                if match.end() - at > _MOST_LINE:
                    raise self._too_long()
                at = match.end()
                size = int(match[1], 16)
                self._last = size == 0
                self.left = size + 2 if size else 0
                continue
            piece = data[at : at + self.left]
            at += len(piece)
            self.left -= len(piece)
            if self.left >= 2:
                pieces.append(piece)
            else:  # the chunk's CRLF has come, whole or its first half
                pieces.append(self._without_crlf(piece))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), b""

    def closed(self) -> bool:
        """See `BodyReader.closed`."""
        return self.end is not None

    def _without_crlf(self, piece: bytes) -> bytes:
        """Take the CRLF, or the half of it that came, off the end of a chunk."""
        crlf = b"\r\n"[: 2 - self.left]
        expected = crlf[-len(piece) :]
        if not piece.endswith(expected):
            raise self._ask_error("a chunk is longer than its size")
        return piece[: len(piece) - len(expected)]

    def _unfinished(self, line: bytes) -> bytes:
        """Return a size line that has not come whole; refuse what cannot become one."""
        if b"\n" in line:
            raise self._ask_error("a chunk's size is not a hexadecimal number on a line of its own")
        if len(line) > _MOST_LINE:
            raise self._too_long()
        return line

    def _too_long(self) -> TunnelError:
        return self._ask_error(f"a chunk's size line is longer than {_MOST_LINE} bytes")

    def _trailers(self, data: bytes) -> bytes:
        """Read the trailer section and return what comes after it."""
        if data.startswith(b"\r\n"):
            self.end = END
            return data[2:]
        end = data.find(b"\r\n\r\n")
        if (len(data) if end < 0 else end + 4) > _MOST_TRAILERS:
            raise self._ask_error(f"the trailers are longer than {_MOST_TRAILERS} bytes")
        if end < 0:
            self._line = data
            return b""
        self.end = End(read_trailers(data[: end + 2], self._ask_error("a trailer field is malformed")))
        return data[end + 4 :]


NO_BODY = BodyReader()  # reads nothing and so never changes: one serves all


def body_reader(framing: Framing, length: int, error: Callable[[str], TunnelError]) -> BodyReader:
    """Return the reader for a framing; `error` makes the error to raise from what is wrong."""
    match framing:
        case Framing.NONE:
            return NO_BODY
        case Framing.LENGTH:
            return BodyReader(length)
        case Framing.CHUNKED:
            return ChunkedReader(error)
        case Framing.CLOSE:
            return CloseReader()


def write_chunk(piece: bytes | memoryview) -> bytes:
    """Return a piece as one chunk."""
    return b"".join((b"%x\r\n" % len(piece), piece, b"\r\n"))


def write_last_chunk(trailers: Headers) -> bytes:
    """Return the end of a chunked body."""
    if not trailers:
        return b"0\r\n\r\n"
    return b"0\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % field for field in trailers)
