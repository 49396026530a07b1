"""Direct: the long rest of a body from one leg to the other through one large buffer, used again for each piece.

Only for a body of known length, once the record has all it keeps: `proxy.forward` knows when. New bytes for each
piece cost a quarter of the speed; splice(2) was slower by a tenth, for as much CPU (docs/speed.md). What gets no buffer goes
the ordinary way, which is nothing worse than slower.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tunnel.http.http1 import Http1Leg

SIZE = 256 * 1024  # bytes of a buffer: larger ones gained little more
MOST_LENT = 64  # buffers at once: thousands of slow transfers would otherwise hold one each for as long as they last


class _Buffers:
    """Lends buffers, at most `MOST_LENT` at once, and keeps none."""

    def __init__(self) -> None:
        self._lent = 0

    @contextmanager
    def one(self) -> Iterator[memoryview | None]:
        if self._lent >= MOST_LENT:
            yield None
            return
        self._lent += 1
        try:
            yield memoryview(bytearray(SIZE))
        finally:
            self._lent -= 1


_BUFFERS = _Buffers()


async def pass_rest(source: Http1Leg, sink: Http1Leg, passed: Callable[[int], None]) -> None:
    """Pass on what is still to come of a body, if it is long and its length is known; else do nothing.

    Args:
      source: The leg it comes from; the body has been read to its end afterwards.
      sink: The leg it goes to.
      passed: Told how many bytes went on, piece by piece.

    Raises:
      TunnelError: As `receive_body` of the one and `send_body` of the other.
    """
    left = source.still_to_come()
    if left < SIZE:
        return
    with _BUFFERS.one() as buffer:
        if buffer is None:
            return
        while left and (size := await source.receive_into(buffer[:left])):
            await sink.send_body(buffer[:size])
            passed(size)
            left -= size
    # An end that came too early is met again by `receive_body`, which says so.
