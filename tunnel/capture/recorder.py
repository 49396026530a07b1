"""Recorder: the way's side of the memory. Opening is a constructor, closing is an append; a thread does the rest.

Law 1: watching never costs the watched. Nothing here waits. When the writer falls behind, bodies are dropped before rows
(`Budget`), rows only beyond `MOST_ROWS`, and both are counted and shown. The thread's work is for `capture.writer`.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunnel.capture.clock import Clock
from tunnel.capture.tap import Budget, Record
from tunnel.capture.vault import Vault
from tunnel.capture.writer import Counts, Queue, Writer
from tunnel.errors import TunnelError
from tunnel.model.config import Keep
from tunnel.model.message import Request
from tunnel.model.peer import Peer
from tunnel.model.summary import Summary

MOST_ROWS = 10_000  # about 120 MiB of heads: two seconds of a stalled disk at full load, hours at a person's pace
FIRST_NUMBERS = (
    2.0  # seconds that `start` waits for the store to open; without, records are numbered when they are written
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What became of what was recorded, so far.

    Attributes:
      opened: Records that the way opened.
      written: Exchanges that ended and are in the store.
      rows_dropped: Exchanges that are not: the queue was full, or they could not be written.
      body_bytes_dropped: Bytes of bodies that did not fit the budget.
      waiting_bytes: Bytes of bodies in memory, waiting to be written.
      waiting_rows: Exchanges in memory, waiting to be written.
      last_error: What the writer last complained of, or empty; it may have been cured since.
    """

    opened: int
    written: int
    rows_dropped: int
    body_bytes_dropped: int
    waiting_bytes: int
    waiting_rows: int
    last_error: str


class Recorder:
    """Takes records from the way and has them written. `start` and `stop` go around its use; whoever starts it, stops it."""

    def __init__(
        self,
        folder: Path,
        keep: Keep,
        *,
        callers: Callable[[Peer], tuple[str, int] | None] | None = None,
        after: Callable[[Sequence[Summary]], None] | None = None,
        on_trouble: Callable[[TunnelError], None] | None = None,
        most_rows: int = MOST_ROWS,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
          folder: Where the store lives; made if need be.
          keep: How much of it is kept, and how long.
          callers: Names the client program and its pid. Called in the writer's thread for each exchange: a look-up.
          after: Is given what was just committed, in the writer's thread; a running exchange comes twice.
          on_trouble: Is told, in the writer's thread, when the store cannot be written, and when it can again.
          most_rows: Ended exchanges that may wait to be written; those beyond are dropped and counted.
        """
        self.budget = Budget(keep.memory)
        self.vault = Vault()  # the secrets that were hidden, for as long as this process lives
        self._cap = keep.body_size
        self._most_rows = most_rows
        self._opened = 0
        self._dropped = 0
        self._queue = Queue()
        self._ended = self._queue.ended
        self._numbers = self._queue.numbers
        self._counts = Counts()
        self._writer = Writer(
            folder,
            keep,
            self._queue,
            self.budget,
            self._counts,
            Clock(time.time_ns(), time.perf_counter()),
            self.vault,
            callers=callers or (lambda peer: None),
            after=after,
            on_trouble=on_trouble or (lambda error: None),
        )
        self._thread = threading.Thread(target=self._writer.run, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the writer's thread. Never raises for the store's sake: that goes to `on_trouble`."""
        self._thread.start()
        self._queue.ready.wait(FIRST_NUMBERS)

    def stop(self, deadline: float) -> None:
        """Write what is left and close the store. Records still open are written as interrupted.

        Args:
          deadline: Seconds to wait for that; the thread is left behind after it, and dies with the process.
        """
        self._queue.stopping.set()
        self._queue.wake.set()
        self._thread.join(deadline)

    def open(self, peer: Peer, request: Request, started: float) -> Record:
        """Return a new record. `started` is the moment the whole head had been read, by `time.perf_counter`."""
        self._opened += 1
        numbers = self._numbers
        # Without a number at hand (the store cannot be reached) it is 0, and the writer gives one.
        return Record(numbers.popleft() if numbers else 0, peer, request, started, self._cap, self.budget)

    def close(self, record: Record) -> None:
        """Hand over a record that has ended. It is not to be touched afterwards."""
        ended = self._ended
        if len(ended) >= self._most_rows and not record.live:
            self._dropped += 1
            # `added` is the way's own counter, so giving the bytes back there needs no lock.
            self.budget.added -= record.request_body.kept + record.response_body.kept
            self.budget.added -= sum(len(data) for _, _, data in record.stream or ())
            return
        ended.append(record)
        if self._queue.asleep:
            self._queue.wake.set()

    def show(self, record: Record) -> None:
        """Announce a record that will run for long, so that it can be read while it does. Once is enough."""
        if not record.live:
            record.live = True
            self._queue.shown.append(record)
            if self._queue.asleep:
                self._queue.wake.set()

    def statistics(self) -> Statistics:
        """Return the counts as they are now."""
        return Statistics(
            opened=self._opened,
            written=self._counts.written,
            rows_dropped=self._dropped + self._counts.dropped,
            body_bytes_dropped=self.budget.dropped + self._counts.body_bytes_dropped,
            waiting_bytes=self.budget.waiting,
            waiting_rows=len(self._ended) + self._counts.waiting,
            last_error=self._counts.last_error,
        )
