"""Sweep: the deadlines of all wires, looked at twice a second, instead of a cancel scope around each wait.

Idle and slow peers are measured in seconds, so half a second of lateness costs nothing, and the way of each request is
spared two heap operations a wait.
"""

from collections.abc import Callable
from typing import Protocol

import trio

from tunnel.net.leaving import Leaving
from tunnel.net.outbox import Outbox

_HANDFUL = 500  # wires looked at in one go: 0.2 ms, since few are in the processor's cache


class Swept(Protocol):
    """What has a deadline."""

    deadline: float
    """On trio's clock; infinity for none."""

    def expire(self) -> None:
        """Fail whoever waits: the deadline has passed."""
        ...


class Sweep:
    """Whose deadlines are kept. A wire enters at its making and leaves at its close.

    Attributes:
      leaving: Has those wait whose peers left all at once.
      outbox: Has what many wires send leave together, while the sweep runs.
    """

    INTERVAL = 0.5  # seconds
    LATE = 1.0  # seconds by which a sweep comes late only where this process did not run (Ctrl-Z, a frozen container)

    def __init__(self) -> None:
        self.wires: set[Swept] = set()
        self.leaving = Leaving()
        self.outbox = Outbox()
        self.chores: list[Callable[[float], None]] = []  # called with the time after the wires

    async def run(self) -> None:
        """Sweep until cancelled."""
        self.outbox.open()
        try:
            await self._turns()
        finally:
            self.outbox.close()

    async def _turns(self) -> None:
        last, pause = trio.current_time(), 0.0
        while True:
            wires = list(self.wires)
            handfuls = range(0, len(wires) or 1, _HANDFUL)  # or a look at thousands would hold up everybody
            for at in handfuls:
                now = trio.current_time()
                if now - last - pause > self.LATE:
                    self._give_back(now - last - pause)
                last, pause = now, self.INTERVAL / len(handfuls)
                _expire(wires[at : at + _HANDFUL], now)
                await trio.sleep(pause)
            for chore in self.chores:
                chore(trio.current_time())

    def _give_back(self, lost: float) -> None:
        """Move every deadline by the seconds in which nobody could have been answered, so that nobody was slow.

        What came is in the kernel and is read next; who was waited for, perhaps stopped with us, has the time that was left.
        """
        for wire in self.wires:
            wire.deadline += lost


def _expire(wires: list[Swept], now: float) -> None:
    """Look at some. A function of its own, so that no name of the endless loop holds on to the last of them."""
    for wire in wires:
        if wire.deadline < now:
            wire.expire()
