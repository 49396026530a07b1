"""Clock: turns moments of the monotonic clock, on which the way notes everything, into wall time."""

import math

_AHEAD = 1e6  # µs by which a wall clock must have run ahead to be followed: less is a clock being set right, slowly
_MOST_ANCHORS = 30  # times that it was followed, remembered for exchanges that were running then


class Clock:
    """Turns moments of `time.perf_counter` into wall time by an anchor, so that a clock that jumps cannot reorder.

    That counter stands still while a laptop sleeps, so a wall clock that has run ahead is followed, from then on; one that
    was set back is not. Durations are of the counter and never change.
    """

    __slots__ = ("_anchors", "_first", "_seen")

    def __init__(self, wall_ns: int, monotonic: float) -> None:
        self._seen = monotonic
        self._first = _epoch(wall_ns, monotonic)
        self._anchors = [(-math.inf, self._first)]  # since when, by the counter, which epoch holds

    def follow(self, wall_ns: int, monotonic: float) -> None:
        """Compare with the wall clock; to be called before moments since the last call are turned."""
        epoch = _epoch(wall_ns, monotonic)
        if epoch > self._anchors[-1][1] + _AHEAD:
            self._anchors = [*self._anchors[-_MOST_ANCHORS:], (self._seen, epoch)]
        self._seen = monotonic

    def wall(self, moment: float) -> int:
        """Return µs since the epoch."""
        since, epoch = self._anchors[-1]
        if moment < since:
            epoch = next((epoch for since, epoch in reversed(self._anchors) if moment >= since), self._first)
        return int(epoch + moment * 1e6)

    def running(self, moment: float) -> int:
        """Return µs since the epoch as if no clock had jumped: one set a year ahead by mistake must not age what is kept."""
        return int(self._first + moment * 1e6)


def _epoch(wall_ns: int, monotonic: float) -> float:
    return wall_ns / 1000 - monotonic * 1e6  # µs; a float holds them exactly for another two centuries
