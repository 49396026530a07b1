"""A round of a soak: the mix for a while, then calm, then the record held to what was asked."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import trio

from tests.fire.soak.client import Place, connected, head
from tests.fire.soak.mix import run_mix
from tests.fire.soak.tally import MOST_TOLD, Tally
from tests.fire.soak.upstream import Upstream
from tunnel.capture.store import Store
from tunnel.model.exchange import Summary

PATIENCE = 60.0  # seconds for calm: upstream connections are closed when unused, and the last rows written
_LOOK = 0.1  # seconds between two looks
_ALL = 1 << 62
T = TypeVar("T")


class Soak:
    """Rounds against one front, one after the other.

    Args:
      folder: The front's, where its record is.
      calm: Waits until the front holds nothing of ours any more.

    Attributes:
      rows: How many were found in the record, and held to what was asked.
    """

    def __init__(self, place: Place, upstream: Upstream, folder: Path, calm: Callable[[], Awaitable[None]]) -> None:
        self.tally = Tally()
        self.rows = 0
        self._place = place
        self._upstream = upstream
        self._folder = folder
        self._calm = calm
        self._revision = 0  # of the last row of the round before

    async def round(self, seconds: float) -> None:
        """Run the mix for so long, wait for calm, and compare.

        Raises:
          AssertionError: With every trouble of the clients' and every difference in the record.
        """
        await run_mix(self._place, self._upstream, self.tally, seconds)
        await self._calm()
        await self._compare()

    async def ask(self) -> None:
        """Ask for one small thing: it still answers."""
        target = self.tally.target("alone", "/small")
        with trio.fail_after(PATIENCE):
            async with connected(self._place) as client:
                await client.send(head("GET", target, self._place))
                assert (await client.answer()).status == 200
                await client.close()
        await self._calm()
        await self._compare()

    async def _compare(self) -> None:
        """Wait until the record agrees with what was asked since the last time, and begin a new round."""
        rows: list[Summary] = []

        def differences() -> list[str]:
            rows[:] = self._read()
            return self.tally.differences(rows, self._upstream.arrived)

        left = await lasting(differences, lambda found: not found)
        told = [*self.tally.troubles, *left[:MOST_TOLD]]
        assert not told, f"{len(self.tally.troubles)} troubles, {len(left)} differences:\n" + "\n".join(told)
        self.rows += len(rows)
        self._revision = max((row.revision for row in rows), default=self._revision)
        self.tally.forget()
        self._upstream.forget()

    def _read(self) -> list[Summary]:
        """Return the round's rows: those that were written since the last one, when all exchanges had ended."""
        with Store(self._folder) as store:
            return store.since(self._revision, _ALL)


async def lasting(look: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """Look until it is as wanted, or patience ends; return the last look."""
    end = trio.current_time() + PATIENCE
    # What is looked at belongs to another process, or to trio itself, and sets no event.
    while not wanted(seen := look()) and trio.current_time() < end:  # noqa: ASYNC110
        await trio.sleep(_LOOK)
    return seen
