"""Retention: when a recorded exchange is removed, by age and by size. How it is removed is for `capture.store_write`.

It works beside the writing, in steps so small that the writer is not held up: a look every ten seconds, and while there is
something to remove, a little with each batch. First the rows go, then their pages are given back to the file system.

The age of what was imported counts from its import: who takes in a recording of last year wants to look at it.
"""

from types import TracebackType
from typing import Protocol

from tunnel.model.config import KIB, MIB, Keep

INTERVAL = 10_000_000  # µs between two looks while there is nothing to remove
STEP = 500  # exchanges removed at once: about 10 ms, and more than arrive between two batches
STEP_SIZE = 8 * MIB  # removed at once, where bodies are large
GIVEN_BACK = 4 * MIB  # of free pages, at once
ENOUGH = 0.9  # of the size allowed is where removal stops, so that it need not begin again at once
AT_LEAST = 64 * KIB  # of free pages are worth giving back; fewer are soon used again
FOREVER = 1 << 62


class Removing(Protocol):
    """The part of a store that can be made smaller."""

    def __enter__(self) -> None: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...
    def size(self) -> int: ...
    def free(self) -> int: ...
    def page_size(self) -> int: ...
    def remove_oldest(self, count: int, before: int, most: int) -> int: ...
    def remove_messages(self, count: int) -> int: ...
    def shrink(self, pages: int) -> None: ...


class Retention:
    """What is still to be removed, and when to look again."""

    def __init__(self, keep: Keep) -> None:
        self._age = int(keep.age * 1e6)
        self._size = keep.size
        self._next = 0  # µs since the epoch: the next look
        self._removing = False  # the size was exceeded, and is not yet well below
        self.pause = INTERVAL / 1e6  # seconds that the writer may sleep without calling `step`

    def step(self, store: Removing, now: int) -> None:
        """Remove a little, if it is time and there is something to remove.

        Args:
          store: The store.
          now: µs since the epoch.
        """
        if now < self._next:
            return
        excess = store.size() - int(self._size * (ENOUGH if self._removing else 1))
        self._removing = excess > 0
        before, most = (FOREVER, min(excess, STEP_SIZE)) if self._removing else (now - self._age, STEP_SIZE)
        with store:
            removed = store.remove_oldest(STEP, before, most)
            if self._removing and not removed:
                # Only running exchanges are left. Their bodies are bounded, their messages are not.
                removed = store.remove_messages(STEP)
        if not removed and store.free() * (page := store.page_size()) > AT_LEAST:
            store.shrink(GIVEN_BACK // page)
            removed = 1
        self._next = 0 if removed else now + INTERVAL
        self.pause = 0.01 if removed else INTERVAL / 1e6
