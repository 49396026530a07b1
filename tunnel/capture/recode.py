"""Recode: content codings put on again, over a body from which secrets were taken. Taking them off is for `capture.decode`.

What is stored stays what the recorded head says it is, so whoever reads it back need not know. The levels are the fastest:
few bodies are recoded, and nothing but disk is gained by better ones.
"""

import sys
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

from tunnel.capture.decode import decode

Change = Callable[[bytes], tuple[bytes, int]]


class Encoder(Protocol):
    """One frame of compressed data, made piece by piece."""

    def feed(self, data: bytes, *, last: bool) -> bytes:
        """Return what can be written of it; all that was fed can be read again from what was returned."""
        ...


def recode(body: bytes, codings: Sequence[bytes]) -> bytes:
    """Return a body with content codings.

    Args:
      body: Decoded.
      codings: As `capture.decode.decode` takes them, and as it knows them.
    """
    for coding in codings:
        if coding != b"identity":
            body = encoder(coding).feed(body, last=True)
    return body


def changed(body: bytes, codings: Sequence[bytes], change: Change) -> tuple[bytes, int]:
    """Return a coded body with a change made to what it holds, and what the change counted.

    Args:
      body: As it is stored.
      codings: Of the head that it belongs to, in lower case.
      change: Is given the decoded body; `Vault.reveal`, where the secrets are put back.
    """
    if not codings:
        return change(body)
    decoded = decode(body, codings)
    text, count = change(decoded.body)
    return (body if text == decoded.body or decoded.notes else recode(text, codings)), count


def encoder(coding: bytes) -> Encoder:
    """Return what writes one coding.

    Raises:
      KeyError: It is none that is known here.
      ImportError: The library for it is not there.
    """
    return _ENCODERS[coding]()


class _Zlib:
    def __init__(self, window: int) -> None:
        self._zlib = zlib.compressobj(1, wbits=window)

    def feed(self, data: bytes, *, last: bool) -> bytes:
        return self._zlib.compress(data) + self._zlib.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped, unused-ignore]

        self._brotli = brotli.Compressor(quality=1)

    def feed(self, data: bytes, *, last: bool) -> bytes:
        return bytes(self._brotli.process(data) + (self._brotli.finish() if last else self._brotli.flush()))


class _Zstd:
    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        self._zstd = zstd.ZstdCompressor(level=1)

    def feed(self, data: bytes, *, last: bool) -> bytes:
        return bytes(self._zstd.compress(data, self._zstd.FLUSH_FRAME if last else self._zstd.FLUSH_BLOCK))


_ENCODERS: dict[bytes, Callable[[], Encoder]] = {
    b"gzip": lambda: _Zlib(31),
    b"x-gzip": lambda: _Zlib(31),
    b"deflate": lambda: _Zlib(15),
    b"br": _Brotli,
    b"zstd": _Zstd,
}
