"""Sending: sends requests again, a few at once, and tells of each when the front has recorded it. `cli.replay` chooses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import trio

from tunnel.capture.outcome import came, outcome, recorded
from tunnel.capture.store import Store
from tunnel.cli.asking import reply_to
from tunnel.cli.jobs import Job
from tunnel.cli.replay_lines import Told
from tunnel.errors import TunnelError, one_error
from tunnel.model.exchange import Exchange, Side, State
from tunnel.model.replay import Replayed
from tunnel.net.sweep import Sweep
from tunnel.proxy.replay import Contexts, Unreachable, replay

_RECORDED = (
    3.0  # seconds to wait for a record: the front writes within 0.1, and tries a store that is locked once a second
)
_NOT_FOUND = 0.3  # seconds to wait after one was not found: the front records elsewhere, or not at all
_LOOK = 0.02  # seconds between two looks
_AT_ONCE = 500  # changes read at once
_WAITING = 16  # answers that may wait to be told; each holds a body


@dataclass(slots=True)
class Sending:
    """Sends jobs and tells of each.

    Attributes:
      store: Where originals are, and where their replays are looked for.
      context: What TLS is verified with.
      concurrency: How many are on their way at once.
      told: Is called with each, as it is known what became of it.
      untried: How many were not even tried, since nobody could be reached.
    """

    store: Store
    context: Contexts
    concurrency: int
    told: Callable[[Told], None]
    untried: int = 0

    async def run(self, jobs: Iterator[Job | Told]) -> None:
        """Send them all; what is told already (why it cannot be sent) is passed on in its turn."""
        records = _Records(self.store)
        results, each = trio.open_memory_channel[tuple[Job, Replayed | TunnelError] | Told](_WAITING)
        sweep = Sweep()
        with one_error():
            async with trio.open_nursery() as around:
                around.start_soon(sweep.run)
                async with trio.open_nursery() as nursery:
                    async with results:
                        for _ in range(self.concurrency):
                            nursery.start_soon(self._work, jobs, results.clone(), sweep)
                    async for result in each:
                        self.told(result if isinstance(result, Told) else await self._known(*result, records))
                around.cancel_scope.cancel()

    async def _work(
        self,
        jobs: Iterator[Job | Told],
        results: "trio.MemorySendChannel[tuple[Job, Replayed | TunnelError] | Told]",
        sweep: Sweep,
    ) -> None:
        """Take the next job as long as there is one, or until it is known that nobody is there."""
        async with results:
            for job in jobs:
                if isinstance(job, Told):
                    await results.send(job)
                    continue
                if self.untried:
                    self.untried += 1
                    continue
                try:
                    await results.send((job, await replay(job.plan, sweep=sweep, context=self.context)))
                except TunnelError as error:
                    if isinstance(error, Unreachable):
                        self.untried = 1
                    await results.send((job, error))

    async def _known(self, job: Job, result: Replayed | TunnelError, records: "_Records") -> Told:
        """Return what became of a job, once the front has written it down."""
        try:
            if isinstance(result, TunnelError):
                raise result
            if job.secrets:
                return await self._said(job, result, records)
        except TunnelError as error:
            return Told(job.original.id, job.method, job.target, error=error)
        new = await records.find(job.original.id, result.port) if job.plan.front else None
        return self._compared(job, result, new)

    async def _said(self, job: Job, result: Replayed, records: "_Records") -> Told:
        """Return what became of a request that the running tunnel was asked to send.

        Raises:
          TunnelError: It could not.
        """
        was, reply = job.original, reply_to(job.original.id, job.secrets, result)
        new = None if reply.id is None else await records.numbered(reply.id)
        if new is not None:
            return self._compared(job, result, new)
        return Told(
            was.id, job.method, job.target, id=reply.id, to=job.to, status=reply.status, was_status=was.status,
            was_took=was.timings.ended, cut=reply.error,
        )  # fmt: skip

    def _compared(self, job: Job, result: Replayed, new: Exchange | None) -> Told:
        """Compare by the record where there is one: it is redacted as the original is, and measured by the same clock."""
        was, front = job.original, not job.to
        now = came(was, result) if new is None else recorded(new, self.store.body(new.id, Side.RESPONSE))
        return Told(
            was.id,
            job.method,
            job.target,
            id=new.id if new else None,
            to=job.to,
            status=now.exchange.status,
            was_status=was.status,
            took=new.timings.ended if new else result.took,
            was_took=was.timings.ended,
            size=new.response.size if new else result.size,
            was_size=was.response.size,
            outcome=outcome(recorded(was, self.store.body(was.id, Side.RESPONSE), front=front), now),
            cut=result.cut if not job.secrets else "",
        )


class _Records:
    """The records that replays leave. A front writes them a moment after the answer, so they are waited for, boundedly."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._revision = store.revision()
        self._seen: dict[tuple[int, int], Exchange] = {}  # by what it repeats, and the port that it came from
        self._patience = _RECORDED

    async def find(self, parent: int, port: int) -> Exchange | None:
        """Return the exchange that repeats another and came from a port of ours, or None if none shows up."""
        give_up = trio.current_time() + self._patience
        while True:
            self._look()
            found = self._seen.pop((parent, port), None)
            if found is not None:
                return found
            if trio.current_time() >= give_up:
                self._patience = _NOT_FOUND
                return None
            await trio.sleep(_LOOK)

    async def numbered(self, id: int) -> Exchange | None:
        """Return an exchange by its number, once it has ended; None if it does not show up."""
        give_up = trio.current_time() + _RECORDED
        while True:
            found = self._store.exchange(id)
            if found is not None and found.state is not State.RUNNING:
                return found
            if trio.current_time() >= give_up:
                return None
            await trio.sleep(_LOOK)

    def _look(self) -> None:
        while changed := self._store.since(self._revision, _AT_ONCE):
            for summary in changed:
                self._revision = summary.revision
                if summary.parent and summary.state != State.RUNNING:
                    exchange = self._store.exchange(summary.id)
                    if exchange is not None:
                        self._seen[summary.parent, exchange.port] = exchange
