"""Breath: gives Python's lock away between two pieces of long work, so that the way never waits long for it."""

import time
from collections.abc import Callable

Pause = Callable[[], None]
# Seconds, the least there is: lets the way have the core. Where both share one, the kernel would let us run on for
# milliseconds. With it the slowest hundredth of answers came after 1.4 ms instead of 3.8.
YIELD = 1e-6
LONGEST = 0.0004  # seconds of work without giving the lock away
FEW = 7  # of steps that take some microseconds each, one in eight looks at the clock


def never() -> None:
    """Stand for a breath where none is needed: what is worked on is short."""


class Breath:
    """Counts the time since the lock was last given away."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def __call__(self) -> None:
        """Give the lock away if it was held for long. To be called often, by the thread that works."""
        if time.perf_counter() - self._since > LONGEST:
            time.sleep(YIELD)
            self._since = time.perf_counter()
