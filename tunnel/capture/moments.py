"""Moments: when each part of an answer's body came: how it is cut when it is written, and found again when it is read. Pure.

Only of answers whose body came in pieces, and of these only while they run for long, or are streams: of any other, the
exchange's own times say as much.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tunnel.model.summary import Moment

if TYPE_CHECKING:
    from tunnel.model.exchange import Exchange  # for those who read, as `capture.decode`

TOGETHER = 0.001  # seconds: what comes within them is one part, so there are no more rows than a thousand a second
AT_ONCE = 10_000  # µs: all of an answer that took no longer came at one moment
STREAMS = (
    b"text/event-stream", b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/x-jsonlines",
    b"application/json-seq", b"application/stream+json", b"multipart/x-mixed-replace",
)  # fmt: skip
_ALL = 1 << 62  # more than any body has


def is_stream(content_type: bytes) -> bool:
    """Whether a body of this type is one of parts that are each of their own time."""
    return content_type.lower().startswith(STREAMS)


def together(pieces: Sequence[bytes], times: "deque[float] | None") -> list[tuple[bytes, float | None]]:
    """Join the pieces that came at about one time; return each part with the time of its last piece.

    Args:
      pieces: In their order; at least one.
      times: When each came, on any clock; those of `pieces` are taken from it. None or empty where nobody noted it.
    """
    found: list[tuple[bytes, float | None]] = []
    some: list[bytes] = []
    began = last = None
    for piece in pieces:
        at = times.popleft() if times else None
        if some and _apart(began, at):
            found.append((b"".join(some), last))
            some = []
        if not some:
            began = at
        some.append(piece)
        last = at
    found.append((b"".join(some), last))
    return found


def _apart(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return other - one > TOGETHER


def known(exchange: "Exchange", stored: Sequence[Moment]) -> Sequence[Moment]:
    """Return the moments of an answer's body, of one that came at once too; none where nobody knows.

    Args:
      stored: What the store says of it.
    """
    first, ended = exchange.timings.first, exchange.timings.ended
    if stored or first is None or ended is None or ended - first > AT_ONCE:
        return stored
    return [Moment(_ALL, exchange.started + first)]


def when(moments: Sequence[Moment], end: int) -> int | None:
    """Return when the first `end` bytes had come, µs since the epoch; None where nobody knows."""
    place = bisect_left(moments, end, key=lambda moment: moment.end)
    return moments[place].at if place < len(moments) else None


def decoded(moments: Sequence[Moment], body: bytes, codings: Sequence[bytes]) -> Sequence[Moment]:
    """Return the moments of what a body is without its content coding; none where it has several, or cannot be read.

    Args:
      moments: Of the body as it was kept.
      body: As it was kept.
      codings: The members of Content-Encoding, in lower case.
    """
    from tunnel.capture.decode import MOST, decoder

    codings = [coding for coding in codings if coding != b"identity"]
    if not codings or not moments:
        return moments
    found: list[Moment] = []
    try:
        (coding,) = codings
        reading = decoder(coding, body[:1024])
        size = begin = 0
        for end, at in moments:
            piece, begin = body[begin:end], end
            while size < MOST and (out := reading.feed(piece, MOST - size)):
                size += len(out)
                piece = b""
            found.append(Moment(size, at))
    except (KeyError, ImportError, ValueError):
        pass  # of what follows nothing is known
    return found


def changed(moments: Sequence[Moment], body: bytes, change: Callable[[bytes], bytes]) -> Sequence[Moment]:
    """Return the moments of a body in which something was put in the place of something else, never across two parts.

    Args:
      body: As it was.
      change: Makes of a part of it what it is now.
    """
    found: list[Moment] = []
    size = begin = 0
    for end, at in moments:
        size += len(change(body[begin:end]))
        begin = end
        found.append(Moment(size if end <= len(body) else end, at))
    return found
