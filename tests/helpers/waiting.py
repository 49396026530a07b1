"""Waiting for the thing itself: no sleeps, only turns of the loop."""

from collections.abc import Callable

import trio


async def until(condition: Callable[[], object]) -> None:
    """Let the other tasks run until a condition holds."""
    while not condition():
        await trio.lowlevel.checkpoint()
