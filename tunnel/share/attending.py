"""Attending: what goes on beside a share while it runs: orders are taken, and who asks is told to whoever can answer."""

from collections.abc import Callable, Sequence
from pathlib import Path

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
