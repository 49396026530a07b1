"""Counts: how many connections are open, in one process or in several that accept from the same listeners; and whose turn
the next one is.

The kernel wakes every process that waits for a listener and gives the connection to the first that asks, so that one may end
up with most of them. Here each tells the others how many it has, in memory that they share, and one that is ahead lets
the others go first. A process that hangs is waited for once, not by each connection.
"""

import mmap
import time
from collections.abc import Callable

STEP = 0.001  # seconds until who is ahead looks again
# Seconds after which it takes the connection all the same. Long enough for a process that merely waits for its core: with
# 0.05, on a busy machine, one burst in ten was split worse than 60:40.
PATIENCE = 1.0
_NOBODY = 2**64 - 1  # stands for a process that does not accept: it has not begun, or has died


class Count:
    """Of a process that accepts alone."""

    def __init__(self) -> None:
        self._open = 0

    def opened(self) -> None:
        """A connection was accepted here."""
        self._open += 1

    def ended(self) -> None:
        """One has ended."""
        self._open -= 1

    def total(self) -> int:
        """Return how many are open, wherever they are."""
        return self._open

    def wait(self) -> float:
        """Return for how many seconds others may go first; 0 where it is our turn."""
        return 0.0


class Counts:
    """Of several processes: made by the one that they are forked from."""

    def __init__(self, processes: int) -> None:
        # Each process writes its own number, so there is nothing to lock.
        self.open = memoryview(mmap.mmap(-1, 8 * processes)).cast("Q")
        for process in range(processes):
            self.forget(process)

    def of(self, process: int, clock: Callable[[], float] = time.monotonic) -> "SharedCount":
        """Return the count of one process."""
        return SharedCount(self.open, process, clock)

    def forget(self, process: int) -> None:
        """A process has died, and its connections with it."""
        self.open[process] = _NOBODY


class SharedCount(Count):
    """Of one of several processes."""

    def __init__(self, open: memoryview, process: int, clock: Callable[[], float]) -> None:
        self._shared = open
        self._process = process
        self._clock = clock
        self._since = self._last = 0.0  # when we began to let others go first, and when we last did
        self._in_vain = -1  # how many who has the fewest had, when we had let it go first and it did not

    def begin(self) -> None:
        """From now on we accept."""
        self._shared[self._process] = 0

    def opened(self) -> None:
        """See `Count`."""
        self._shared[self._process] += 1

    def ended(self) -> None:
        """See `Count`."""
        self._shared[self._process] -= 1

    def total(self) -> int:
        """See `Count`."""
        return sum(count for count in self._shared if count != _NOBODY)

    def wait(self) -> float:
        """See `Count`."""
        least = min(self._shared)
        if not ahead(self._shared[self._process], least):
            self._in_vain = -1
            return 0.0
        if least == self._in_vain:
            return 0.0
        now = self._clock()
        if now - self._last > PATIENCE:  # the last time was about another connection
            self._since = now
        self._last = now
        if now - self._since < PATIENCE:
            return STEP
        self._in_vain = least  # it hangs, and until it moves nobody waits for it
        return 0.0


def ahead(ours: int, least: int) -> bool:
    """Whether we have so many that another process should take the next: any more, or of many an eighth more.

    So 64 connections that come at once are split 35 to 29 at worst.
    """
    return ours > least + least // 8
