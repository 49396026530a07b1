"""Readers: questions to the store, each in a worker thread with a connection of its own, few at once.

Law 1: watching never costs the watched. So the loop never waits for the disk; no more than `AT_ONCE` questions are worked on
at once; one that takes too long, or whose asker was cancelled, is interrupted. The live feed has a place of its own, so that
a slow search does not hold it up. SQLite works without Python's lock, and gives its answers row by row, each time taking it:
so questions should be such that the answer is small.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio

from tunnel.capture.store import Store
from tunnel.errors import TunnelError

AT_ONCE = 2  # questions worked on, besides the feed's
WAITING = 64  # more that may wait for their turn; beyond them it is refused
LONGEST = 30.0  # seconds for one question

Answer = TypeVar("Answer")


class Readers:
    """Stores that are open for reading, kept for the next question."""

    def __init__(self, folder: Path, *, longest: float = LONGEST) -> None:
        self._folder = folder
        self._longest = longest
        self._turns = trio.CapacityLimiter(AT_ONCE)
        self._feed_turn = trio.CapacityLimiter(1)
        self._idle: list[Store] = []
        self._closed = False

    async def ask(self, question: Callable[[Store], Answer], *, feed: bool = False) -> Answer:
        """Return what a question, run in a thread, returns.

        Args:
          question: Is given a store that is its own until it returns.
          feed: It is the live feed that asks.
        Raises:
          NoStore: Nothing was recorded yet.
          TunnelError: The store cannot be read, the question took too long (503), or too many wait (503).
          Whatever the question raises.
        Cancelled: the question is interrupted.
        """
        turns = self._feed_turn if feed else self._turns
        if turns.statistics().tasks_waiting >= WAITING:
            raise TunnelError("too many questions to the inspector at once", status=503, hint="ask again in a moment")
        reading = _Reading(self)
        with trio.move_on_after(self._longest):
            try:
                return await trio.to_thread.run_sync(
                    reading.answer, question, limiter=turns, abandon_on_cancel=True, thread_name="inspector"
                )
            except trio.Cancelled:
                reading.interrupt()
                raise
        raise TunnelError(
            f"reading the store took longer than {self._longest:g} seconds", status=503, hint="narrow the filter"
        )

    def close(self) -> None:
        """Close what is idle; a store that is being read is closed when that ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    # In threads. `list.append` and `list.pop` need no lock.

    def _take(self) -> Store:
        while self._idle:
            try:
                store = self._idle.pop()
            except IndexError:
                break
            if not store.gone:
                return store
            store.close()
        return Store(self._folder)

    def _give(self, store: Store) -> None:
        if self._closed:
            store.close()
        else:
            self._idle.append(store)


class _Reading:
    """One question being answered."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._store: Store | None = None
        self._unwanted = False
        self._turn = threading.Lock()  # so that no other question, with the same store, is interrupted

    def answer(self, question: Callable[[Store], Answer]) -> Answer:
        if self._unwanted:
            raise TunnelError("nobody waits for the answer")
        store = self._store = self._readers._take()
        try:
            return question(store)
        finally:
            with self._turn:
                self._store = None
            self._readers._give(store)

    def interrupt(self) -> None:
        """Have it end soon; from another thread."""
        self._unwanted = True
        with self._turn:
            if self._store is not None:
                self._store.interrupt()
