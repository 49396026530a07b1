"""Splits: the same bytes in other pieces, the same ones every time, so that a failing input fails again."""

import random
import zlib
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Yield `data` whole, in a few pieces, and byte by byte; no piece is empty."""
    yield [data] if data else []
    dice = random.Random(zlib.crc32(data))
    pieces, at = [], 0
    while at < len(data):
        size = dice.choice((1, 2, 3, 7, 30, 200, 2000))
        pieces.append(data[at : at + size])
        at += size
    yield pieces
    yield [data[at : at + 1] for at in range(len(data))]


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that has nothing to wait for, without an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise AssertionError("it waits, though all that it needs is there")
