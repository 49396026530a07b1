"""Bodies of any size that both ends know without sending them twice: one block, again and again."""

import hashlib
import random
from collections.abc import Iterator

_BLOCK = random.Random(62893).randbytes(256 * 1024)
PIECE = 64 * 1024


def pieces(size: int) -> Iterator[bytes]:
    """Yield a body of so many bytes, in pieces."""
    at = 0
    while at < size:
        here = at % len(_BLOCK)
        piece = _BLOCK[here : here + min(PIECE, size - at)]
        yield piece
        at += len(piece)


def body(size: int) -> bytes:
    """Return a body whole, for small ones."""
    return b"".join(pieces(size))


def digest(size: int) -> str:
    """Return what `Sum` says of a whole body of so many bytes."""
    whole = Sum()
    for piece in pieces(size):
        whole.add(piece)
    return str(whole)


class Sum:
    """Adds up a body as it comes: its size and its hash, as text."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._hash.update(piece)

    def __str__(self) -> str:
        return f"{self.size} {self._hash.hexdigest()}"
