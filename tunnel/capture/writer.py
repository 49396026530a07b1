"""Writer: the recorder's thread. It commits in batches what the way has left; taking that is for `capture.gathering`.

    asleep ─ wake ─▶ gather 50 ms ─▶ take the queues ─▶ one transaction ─▶ tell `after` ─▶ again, or asleep

While a record is shown, the thread ticks, slower when nothing moves. When the store cannot be written, the batch is kept and
tried again once a second; meanwhile the way fills its budget and its queue, and drops what does not fit: bodies before rows.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tunnel.capture.alive import Claim
from tunnel.capture.breath import YIELD, Breath
from tunnel.capture.clock import Clock
from tunnel.capture.gathering import Batch, Gathering
from tunnel.capture.pseudonyms import Pseudonyms, load_or_make
from tunnel.capture.repeats import Repeats
from tunnel.capture.retention import Retention
from tunnel.capture.rows import Rows
from tunnel.capture.store_schema import FILE, trouble
from tunnel.capture.store_write import WriteError, Writing, body_key, handfuls, message_key
from tunnel.capture.tap import Budget, Record
from tunnel.capture.vault import Vault
from tunnel.errors import TunnelError
from tunnel.model.config import Keep
from tunnel.model.peer import Peer
from tunnel.model.summary import Summary

if TYPE_CHECKING:
    from tunnel.capture.redact_bodies import Bodies
    from tunnel.capture.redact_heads import Heads

GATHER = 0.05  # seconds: an exchange is readable about so long after its end
CALM = 0.5  # seconds between two looks at shown records of which none moved
RETRY = 1.0  # seconds between two attempts on a store that cannot be written
MOST_TAKEN = 4096  # exchanges in one transaction
FEWEST_NUMBERS = 64  # taken at a time at first; what a killed process had reserved may leave a gap of so many
MOST_NUMBERS = 16_384


class Queue:
    """What passes between the way's thread and the writer's: deques and events, nothing that is held."""

    def __init__(self) -> None:
        self.ended: deque[Record] = deque()
        self.shown: deque[Record] = deque()
        self.numbers: deque[int] = deque()  # for exchanges to come, reserved in the store
        self.asleep = False  # the writer waits for `wake`; the way looks here so that it need not set it each time
        self.wake = threading.Event()
        self.ready = threading.Event()  # the store has been opened, or has refused
        self.stopping = threading.Event()


@dataclass(slots=True)
class Counts:
    """Counted by the writer, read by anyone."""

    written: int = 0
    dropped: int = 0
    body_bytes_dropped: int = 0
    waiting: int = 0
    last_error: str = ""


class Writer:
    """The thread's own state; `run` is its life."""

    def __init__(
        self,
        folder: Path,
        keep: Keep,
        queue: Queue,
        budget: Budget,
        counts: Counts,
        clock: Clock,
        vault: Vault,
        *,
        callers: Callable[[Peer], tuple[str, int] | None],
        after: Callable[[Sequence[Summary]], None] | None,
        on_trouble: Callable[[TunnelError], None],
    ) -> None:
        self._folder = folder
        self._queue = queue
        self._budget = budget
        self._counts = counts
        self._clock = clock
        self._repeats = Repeats(clock, callers)
        self._after = after
        self._on_trouble = on_trouble
        self._retention = Retention(keep)
        self._gathering = Gathering()
        self._vault = None if keep.secrets else vault
        self._hide: Pseudonyms | None = None  # None where secrets are kept, and before their key was read
        self._heads: Heads | None = None  # these two hide what is secret
        self._bodies: Bodies | None = None
        self._claim: Claim | None = None
        self._store: Writing | None = None
        self._foreign = 0  # numbers up to this one were reserved in a store that has gone
        self._highest = 0  # the highest number ever reserved
        self._block = FEWEST_NUMBERS
        self._trouble = ""  # what is wrong now, or empty

    def run(self) -> None:
        """Write until told to stop, and then what is left."""
        queue = self._queue
        batch = Batch()
        done = self._commit(batch)  # opens the store, and reserves the first numbers
        queue.ready.set()
        calm = 0
        while not queue.stopping.is_set():
            if not done:
                queue.stopping.wait(RETRY)
            else:
                if not batch.full:
                    batch = Batch()  # what is written is held no longer: the sleep may be long
                    self._sleep(calm)
                    queue.stopping.wait(GATHER)
                batch = self._taken()
                calm = 0 if batch.records else calm + 1
            done = self._commit(batch)
        self._finish(batch, done)

    def _sleep(self, calm: int) -> None:
        """Wait until there is something to do.

        Args:
          calm: How many looks at the shown records have found nothing, one after the other.
        """
        queue = self._queue
        queue.wake.clear()
        queue.asleep = True
        # Only after saying so comes the last look: whoever appends after it sees that we sleep, and wakes us.
        if not queue.ended and not queue.shown and not queue.stopping.is_set():
            if self._gathering.shown:
                queue.wake.wait(CALM if calm > 10 else 0)
            else:
                queue.wake.wait(self._retention.pause)
        queue.asleep = False

    def _finish(self, batch: Batch, done: bool) -> None:
        """Write what is left. Nobody should wait at Ctrl-C for a disk that is full: two attempts have to do."""
        queue = self._queue
        while True:
            if done:
                batch = self._taken(stopping=True)
                if not batch.records:
                    break
            done = self._commit(batch) or self._commit(batch)
            if not done:
                self._counts.dropped += batch.ended + len(queue.ended)
                break
        if self._store is not None:
            self._store.close(self._unused())
        if self._claim is not None:
            self._claim.release()

    def _taken(self, *, stopping: bool = False) -> Batch:
        """Take what has come, with the secrets of its bodies hidden: once, however often it must then be written."""
        if self._hide is not None and self._bodies is None:
            # Their patterns take 20 ms to make: the start need not wait for that.
            from tunnel.capture.redact_bodies import Bodies
            from tunnel.capture.redact_heads import Heads

            breathe = Breath()
            self._heads = Heads(self._hide, self._hide.vault, breathe, fresh=True)
            self._bodies = Bodies(self._hide, breathe)
        batch = self._gathering.take(self._queue, MOST_TAKEN, stopping=stopping)
        if self._bodies is not None:
            self._bodies.hide(batch)
        return batch

    def _commit(self, batch: Batch) -> bool:
        """Write a batch; whether that is done with, so that the next may be taken."""
        self._counts.waiting = len(batch.records)
        self._clock.follow(time.time_ns(), time.perf_counter())
        try:
            store = self._open(batch)
            summaries = self._write(store, batch)
            self._retention.step(store, self._clock.running(time.perf_counter()))
        except WriteError as error:
            self._complain(error.reason)
            if self._store is not None:
                self._store.abandon()
                self._store = None
            self._gathering.write_again()
            return False
        except Exception as error:
            # A value that SQLite does not take, or a mistake of ours: it would be the same the next time.
            self._counts.dropped += batch.ended
            self._counts.body_bytes_dropped += batch.taken
            self._complain(TunnelError(f"some exchanges could not be recorded: {error!r}", hint="please report this"))
            summaries = []
        else:
            self._counts.written += batch.ended
            self._cured()
        self._budget.taken += batch.taken
        self._counts.waiting = 0
        if summaries and self._after is not None:
            try:
                self._after(summaries)
            except Exception as error:
                self._counts.last_error = f"the listener to what was recorded failed: {error!r}"
        return True

    def _open(self, batch: Batch) -> Writing:
        """Return the store, opened if it is not, and again if its file has gone."""
        if self._store is not None and not self._store.gone:
            return self._store
        if self._store is not None:
            self._complain(
                TunnelError(
                    f"the store {self._store.path} was deleted or replaced while it was in use",
                    hint="nothing to do: a new one is begun; stop tunnel first the next time",
                )
            )
            self._store.abandon()
            self._store = None
            self._queue.numbers.clear()
            self._foreign = self._highest
            self._gathering.begin_again()
            if self._bodies is not None:
                self._bodies.begin_again()
            batch.begin_again()
        if self._claim is None or self._claim.gone:
            try:
                claim = Claim(self._folder)
            except OSError as error:
                raise WriteError(trouble(self._folder / FILE, error)) from error
            if self._claim is not None:
                self._claim.release()
            self._claim = claim
        if self._vault is not None and self._hide is None:
            try:
                self._hide = Pseudonyms(load_or_make(self._folder), self._vault)
            except OSError as error:  # nothing was taken before: without it nothing can be written
                raise WriteError(trouble(self._folder / FILE, error)) from error
        self._repeats.begin(-1)  # what it remembers may have been written elsewhere
        self._store = Writing(self._claim, self._folder, self._complain, above=self._highest)
        return self._store

    def _write(self, store: Writing, batch: Batch) -> list[Summary]:
        records = [entry.record for entry in batch.records]
        self._number(store, [record for record in records if record.id <= self._foreign])
        short = len(self._queue.numbers) < self._block // 2
        if not batch.records and not short:
            return []
        try:
            return self._insert(store, batch, short)
        except BaseException:
            self._repeats.begin(-1)
            raise

    def _insert(self, store: Writing, batch: Batch, short: bool) -> list[Summary]:
        if self._repeats.collected != store.collected:
            self._repeats.begin(store.collected)
        rows = self._rows(store.process, batch)
        fresh = range(0)
        with store:
            if short:
                fresh = store.reserve(self._block)
            revision = store.revisions(len(batch.records))
            if self._repeats.collected != store.collected:  # another process has removed what these may refer to
                self._repeats.begin(store.collected)
                rows = self._rows(store.process, batch)
            store.add_shared(*self._repeats.taken())
            for some in rows:
                some.number(range(revision, revision + len(some)))
                revision += len(some)
                store.add_exchanges(some)
            store.add_bodies(
                [
                    (body_key(record.id, response, piece), data, None if at is None else self._clock.wall(at))
                    for record, response, piece, data, at in batch.bodies
                ]
            )
            store.add_messages(
                [
                    (message_key(record.id, number), m.from_client, m.kind, self._clock.wall(m.at), m.size, m.payload)
                    for record, number, m in batch.messages
                ]
            )
        if fresh:
            # Used up between two looks: take more at a time.
            if not self._queue.numbers and self._highest:
                self._block = min(self._block * 4, MOST_NUMBERS)
            self._highest = fresh[-1]
            self._queue.numbers.extend(fresh)
        return [summary for some in rows for summary in some.summaries()] if self._after is not None else []

    def _rows(self, process: int, batch: Batch) -> list[Rows]:
        """Return the batch's rows, a statement's worth in each item, their revisions still to come.

        They are made before the transaction, since other processes wait while the store's lock is held, and making rows may
        have to wait for Python's lock at any time.
        """
        made: list[Rows] = []
        for some in handfuls(batch.records):
            made.append(self._repeats.rows(some, process, self._heads))
            time.sleep(YIELD)
        return made

    def _number(self, store: Writing, records: list[Record]) -> None:
        """Give numbers to records that were opened without one, or with one of a store that has gone."""
        if records:
            with store:
                numbers = store.reserve(len(records))
            self._highest = numbers[-1]
            for record, number in zip(records, numbers, strict=True):
                record.id = number

    def _unused(self) -> int:
        """Return the first of the numbers that nobody has used, up to the highest."""
        unused = self._highest + 1
        for number in reversed(self._queue.numbers):
            if number != unused - 1:
                break
            unused = number
        return unused

    def _complain(self, error: TunnelError) -> None:
        self._counts.last_error = error.what
        if error.what != self._trouble:
            self._trouble = error.what
            self._tell(error)

    def _cured(self) -> None:
        if self._trouble:
            self._trouble = ""
            lost = self._counts.dropped
            self._tell(TunnelError("recording works again" + (f"; {lost} exchanges were not recorded" if lost else "")))

    def _tell(self, error: TunnelError) -> None:
        try:
            self._on_trouble(error)
        except Exception as failure:
            self._counts.last_error = f"the listener to troubles failed: {failure!r}"
