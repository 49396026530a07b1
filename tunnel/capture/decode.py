"""Decode: a recorded body without its content codings (RFC 9110 §8.4), for people. How it is then shown is for `present`.

What was recorded may be cut short, damaged or hostile. So each decoder works through the input in small pieces, keeps
what it could read, stops at `MOST` bytes of output, and says in a sentence what it did not do. Nothing here raises.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

MOST = 16 * 1024 * 1024  # bytes of output: a gzip of 16 KiB can claim that much
PIECE = 1024  # bytes of input at a time: what a damaged piece held is lost
MOST_MEMBERS = 10_000  # one behind the other: a log that is gzipped line by line; empty ones cost time and give nothing
MOST_CODINGS = 8  # one on top of the other; nobody sends more than two

_ENDS_EARLY = "the {coding} data ends early: what is shown is what had come"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out.

    Attributes:
      body: The decoded bytes, or the body as it was where nothing could be done.
      notes: What was not done, a sentence each; empty if all went well.
    """

    body: bytes
    notes: tuple[str, ...] = ()


class Decoder(Protocol):
    """One frame or member of compressed data."""

    @property
    def eof(self) -> bool:
        """Whether its end was seen."""
        ...

    @property
    def unused(self) -> bytes:
        """What was fed beyond its end."""
        ...

    def feed(self, data: bytes, room: int) -> bytes:
        """Take input and return at most about `room` bytes; call again with no input for the rest.

        Raises: ValueError, the data is damaged.
        """
        ...


def decode(body: bytes, codings: Sequence[bytes], *, most: int = MOST) -> Decoded:
    """Undo content codings.

    Args:
      body: As it passed, or its first part.
      codings: The members of Content-Encoding in lower case, in the order in which they were applied.
      most: Bytes of output, for each coding.
    """
    notes: list[str] = []
    if len(codings) > MOST_CODINGS:
        return Decoded(body, (f"{len(codings)} codings on top of each other are too many: shown as it passed",))
    for coding in reversed(codings):
        name = coding.decode("latin-1")
        if name == "identity" or not body:
            continue
        if name not in _DECODERS:
            notes.append(f"the coding {name!r} is not known here: shown as it passed")
            break
        try:
            body, note = _decode(body, _DECODERS[name], name, most)
        except ImportError as error:
            notes.append(f"the coding {name!r} needs a library that is not there ({error.name}): shown as it passed")
            break
        if note:
            notes.append(note)
    return Decoded(body, tuple(notes))


def decoder(coding: bytes, first: bytes) -> Decoder:
    """Return what undoes one coding, for a body that comes in pieces; it reads the first frame or member alone.

    Raises:
      KeyError: It is none that is known here.
      ImportError: The library for it is not there.
    """
    return _DECODERS[coding.decode("latin-1")](first)


def _decode(body: bytes, start: Callable[[bytes], Decoder], name: str, most: int) -> tuple[bytes, str]:
    """Decode one coding; members may follow one another (RFC 1952 §2.2, RFC 8878 §3)."""
    found: list[bytes] = []
    size = 0
    at = 0
    members = 1
    decoder = start(body[:PIECE])
    while True:
        piece = body[at : at + PIECE]
        at += len(piece)
        try:
            while True:
                out = decoder.feed(piece, most - size + 1)
                found.append(out)
                size += len(out)
                if size > most:
                    return b"".join(found)[:most], f"only the first {most} bytes were decoded: there is more, or a trap"
                piece = b""
                if not out:
                    break
        except ValueError as error:
            return b"".join(found), f"the {name} data is damaged after {size} bytes of output ({error})"
        if decoder.eof:
            at -= len(decoder.unused)
            if at >= len(body):
                return b"".join(found), ""
            if not body[at : at + PIECE].strip(b"\0") and not body[at:].strip(b"\0"):  # some writers pad
                return b"".join(found), ""
            members += 1
            if members > MOST_MEMBERS:
                return b"".join(found), f"only the first {MOST_MEMBERS} members were decoded: there are more, or a trap"
            decoder = start(body[at : at + PIECE])
        elif at >= len(body):
            return b"".join(found), _ENDS_EARLY.format(coding=name)


class _Zlib:
    """gzip and deflate."""

    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused(self) -> bytes:
        return self._zlib.unused_data

    def feed(self, data: bytes, room: int) -> bytes:
        try:
            return self._zlib.decompress(self._zlib.unconsumed_tail + data, room)
        except zlib.error as error:
            raise ValueError(str(error)) from error


def _gzip(data: bytes) -> Decoder:
    return _Zlib(16 + zlib.MAX_WBITS)


def _deflate(data: bytes) -> Decoder:
    """RFC 9110 §8.4.1.2: "deflate" is the zlib format, but some send it raw. The first bytes tell."""
    try:
        zlib.decompressobj().decompress(data[:PIECE], 1)
    except zlib.error:
        return _Zlib(-zlib.MAX_WBITS)
    return _Zlib(zlib.MAX_WBITS)


class _Brotli:
    """br (RFC 7932): one stream, nothing behind it."""

    unused = b""

    def __init__(self, data: bytes) -> None:
        import brotli  # type: ignore[import-untyped, unused-ignore]

        self._brotli = brotli.Decompressor()
        self._error = brotli.error

    @property
    def eof(self) -> bool:
        return bool(self._brotli.is_finished())

    def feed(self, data: bytes, room: int) -> bytes:
        if self.eof:
            return b""
        try:
            return bytes(self._brotli.process(data, output_buffer_limit=room))
        except self._error as error:
            raise ValueError(str(error)) from error


class _Zstd:
    """zstd (RFC 8878), with the window that RFC 9659 allows: 8 MiB."""

    def __init__(self, data: bytes) -> None:
        import sys

        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        self._zstd = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
        self._error = zstd.ZstdError

    @property
    def eof(self) -> bool:
        return bool(self._zstd.eof)

    @property
    def unused(self) -> bytes:
        return bytes(self._zstd.unused_data)

    def feed(self, data: bytes, room: int) -> bytes:
        if self.eof:
            return b""
        try:
            return bytes(self._zstd.decompress(data, room))
        except self._error as error:
            raise ValueError(str(error)) from error


_DECODERS: dict[str, Callable[[bytes], Decoder]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
