"""Leaving: connections that end at once, in their turns. A crowd that leaves in one moment would else be seen off in one go.

What it takes to end a connection (the record's end, TLS, two sockets) is a tenth of a millisecond, and all whose end the
kernel tells of together would be done with before it is asked again whether anybody else has said something.
"""

import trio

_FREE = 32  # ends that need not wait within a `_WHILE`; and as many of those that wait in each turn of the loop
_WHILE = 0.01  # seconds; so up to 3,200 ends a second cost nothing


class Leaving:
    """Lets some through, and has the others wait until the loop has looked at everybody else."""

    def __init__(self) -> None:
        self._since = 0.0
        self._free = 0
        self._waiting = trio.lowlevel.ParkingLot()
        self._due = False  # the next turn was asked for

    async def turn(self) -> None:
        """Wait for one's turn to end; where that is now, it is no checkpoint."""
        now = trio.current_time()
        if now - self._since > _WHILE:
            self._since, self._free = now, _FREE
        if self._free and not self._waiting:
            self._free -= 1
            return
        self._ask_for_a_turn()
        await self._waiting.park()

    def _ask_for_a_turn(self) -> None:
        if not self._due:
            self._due = True
            trio.lowlevel.current_trio_token().run_sync_soon(self._next)

    def _next(self) -> None:
        self._due = False
        self._waiting.unpark(count=_FREE)
        if self._waiting:
            self._ask_for_a_turn()
