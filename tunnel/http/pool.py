"""Pool: the upstream's connections, kept open between exchanges. Decides without I/O; dialling is its caller's.

The most recently used connection is taken first, so that a quiet front shrinks to the few it needs and dev servers that
close idle connections without a word are met as seldom as can be. Whether a connection still lives is looked at before
each reuse.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import trio

from tunnel.errors import UpstreamError
from tunnel.http.http1 import Http1Upstream


class PoolStatistics(NamedTuple):
    """A pool at one moment: connections in use, idle ones, and exchanges that wait for one."""

    busy: int
    idle: int
    waiting: int


class Pool:
    """Connections to one upstream.

    Args:
      dial: Opens a new one.
      size: Most connections at once; further exchanges wait their turn.
      idle: Seconds before an unused one is closed.
      wait: Seconds an exchange waits for its turn.
    """

    def __init__(self, dial: Callable[[], Awaitable[Http1Upstream]], *, size: int, idle: float, wait: float) -> None:
        self._dial = dial
        self._size = size
        self._idle_limit = idle
        self._wait_limit = wait
        self._idle: deque[Http1Upstream] = deque()  # the latest used at the right
        self._busy = 0
        self._queue: deque[trio.Event] = deque()

    async def take(self, *, fresh: bool = False) -> Http1Upstream:
        """Return a connection for one exchange; to be given back by `put` or `drop`.

        Args:
          fresh: Not one that served before: that kind has just failed.

        Raises:
          UpstreamError: It cannot be reached, or no connection became free in time (504).
        """
        if self._busy < self._size:
            self._busy += 1
        else:
            await self._turn()
        try:
            while not fresh and self._idle:
                leg = self._idle.pop()
                if leg.quiet():
                    leg.reused = True
                    return leg
                leg.close()
            while self._idle and self._busy + len(self._idle) > self._size:
                self._idle.popleft().close()
            return await self._dial()
        except BaseException:
            self._freed()
            raise

    def put(self, leg: Http1Upstream, now: float) -> None:
        """Give back a connection whose answer was read to its end; it is kept if it can serve again."""
        if leg.reusable():
            leg.idle_since = now
            self._idle.append(leg)
        else:
            leg.close()
        self._freed()

    def drop(self, leg: Http1Upstream) -> None:
        """Give back a connection in an unknown state: it is closed."""
        leg.close()
        self._freed()

    def sweep(self, now: float) -> None:
        """Close connections that were idle for too long."""
        while self._idle and self._idle[0].idle_since + self._idle_limit < now:
            self._idle.popleft().close()

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.popleft().close()

    def statistics(self) -> PoolStatistics:
        """Return the pool's state now."""
        return PoolStatistics(self._busy, len(self._idle), len(self._queue))

    async def _turn(self) -> None:
        """Wait until some exchange gives its connection back, whose place among the busy ones is then ours."""
        turn = trio.Event()
        self._queue.append(turn)
        with trio.move_on_after(self._wait_limit):
            try:
                await turn.wait()
            except trio.Cancelled:
                if turn.is_set():
                    self._freed()  # given to us, and we leave
                else:
                    self._queue.remove(turn)
                raise
            return
        raise UpstreamError(
            f"all {self._size} connections to the upstream were busy for {self._wait_limit:g} s",
            status=504,
            hint="allow more with --pool-size NUMBER",
        )

    def _freed(self) -> None:
        """Give the place up: to who has waited longest, so that nobody overtakes, or to nobody."""
        if self._queue:
            self._queue.popleft().set()
        else:
            self._busy -= 1

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<Pool busy {now.busy}, idle {now.idle}, waiting {now.waiting}>"
