"""Attending: what goes on beside a share while it runs: orders are taken, and who asks is told to whoever can answer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import trio

from tunnel.errors import TunnelError
from tunnel.model.share import Question
from tunnel.model.standing import Steering
from tunnel.share.control import serve

AGAIN = 0.25  # seconds between two looks at the questions: what a person takes for at once

Answer = Callable[[int, bool], None]
"""Answers a question by its number, from any thread. One that nobody asks any more is no error."""

Ask = Callable[[Sequence[Question], Answer], None]
"""Is told of all questions that wait, whenever they have changed."""


class Linked(Protocol):
    """What has a link that changes: a gate."""

    @property
    def changed(self) -> trio.Event:
        """Set, and replaced by another, when the link may have changed."""
        ...

    @property
    def link(self) -> str:
        """What is opened to come in, now."""
        ...


async def tell_links(gate: Linked, told: Callable[[str], None]) -> None:
    """Tell of each new link until cancelled: who used the last one up is not the last who wants in.

    Args:
      told: Is not told of the first.
    """
    last = gate.link
    while True:
        changed = gate.changed
        if (now := gate.link) != last:
            last = now
            told(now)
        await changed.wait()


async def attend(desk: Steering, *, folder: Path, port: int, ask: Ask, notice: Callable[[TunnelError], None]) -> None:
    """Take orders and tell of questions until cancelled.

    Args:
      folder: The store's.
      port: Of the share.
      ask: Puts questions to a person.
    Resource handling: the control socket is gone when this ends; `ask` is told that nobody asks any more.
    """
    loop = trio.lowlevel.current_trio_token()

    def answered(number: int, allow: bool) -> None:
        try:
            desk.answer(number, allow)
        except TunnelError as error:
            notice(error)  # somebody else was faster, or they gave up

    def answer(number: int, allow: bool) -> None:
        try:
            loop.run_sync_soon(answered, number, allow)
        except trio.RunFinishedError:
            pass  # the share has ended, and every question with it

    told: tuple[Question, ...] = ()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, desk, folder, port, notice)
            while True:
                if (now := desk.questions()) != told:
                    told = now
                    ask(now, answer)
                await trio.sleep(AGAIN)
    finally:
        ask((), answer)
