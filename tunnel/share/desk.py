"""Desk: where a share is steered from: one place for the terminal, the control socket and the inspector's page.

It asks the gate, and says what people want to know: the rules in words, the end by the clock on the wall, what happened.
Who is let in is the gate's to know; who may sit at the desk is for `share.control` and the inspector's guard.
"""

import math
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from tunnel.errors import TunnelError, UsageError
from tunnel.model.share import Access, Device, Happening, Question, Share
from tunnel.model.standing import Heard, Standing
from tunnel.rules.admission import often

MOST_HEARD = 100  # happenings that are kept to be shown; the store keeps them all
LONGEST = 7 * 86400.0  # seconds that are added at once
ASK = "tunnel share --list"


class Door(Protocol):
    """What the desk asks of a gate."""

    @property
    def link(self) -> str:
        """The address with the one-time token."""
        ...

    def questions(self) -> tuple[Question, ...]:
        """Who waits for an answer."""
        ...

    def answer(self, number: int, allow: bool) -> None:
        """Let somebody in, or not."""
        ...

    def devices(self) -> tuple[Device, ...]:
        """Who was let in."""
        ...

    def revoke(self, number: int) -> Device:
        """Take it back."""
        ...

    def extend(self, seconds: float) -> float:
        """Move the end; return it by the gate's own clock."""
        ...

    def left(self) -> float | None:
        """Seconds until the end; None for ever."""
        ...


class Desk:
    """Steers one share; a `model.standing.Steering`.

    Args:
      url: Where it is reached; `target` what it fronts; `port` how it is named.
      stop: Ends it, in the order that Ctrl-C has.
      wall: Seconds since the Unix epoch.
    """

    def __init__(
        self,
        gate: Door,
        share: Share,
        *,
        url: str,
        target: str,
        port: int,
        stop: Callable[[], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._gate = gate
        self._share = share
        self._url, self._target, self._port = url, target, port
        self._stop = stop
        self._wall = wall
        self._began = wall()
        self._heard: deque[Heard] = deque(maxlen=MOST_HEARD)

    def heard(self, happening: Happening) -> None:
        """Note what happened; the gate tells it."""
        self._heard.append(Heard(self._wall(), happening))

    def standing(self) -> Standing:
        """See `Steering.standing`."""
        left = self._gate.left()
        return Standing(
            port=self._port,
            pid=os.getpid(),
            url=self._url,
            target=self._target,
            access=self._share.access,
            rules=rules_in_words(self._share),
            began=self._began,
            ends=None if left is None else self._wall() + left,
            left=left,
            link=self._gate.link if self._share.access is Access.PAIRING else "",
            devices=self._gate.devices(),
            questions=self._gate.questions(),
            heard=tuple(self._heard),
        )

    def questions(self) -> tuple[Question, ...]:
        """See `Steering.questions`."""
        return self._gate.questions()

    def answer(self, number: int, allow: bool) -> Question:
        """See `Steering.answer`."""
        for question in self._gate.questions():
            if question.number == number:
                self._gate.answer(number, allow)
                return question
        raise _nothing(f"nobody waits for an answer to question {number}: it was answered, or they gave up")

    def revoke(self, number: int) -> Device:
        """See `Steering.revoke`."""
        if all(device.number != number for device in self._gate.devices()):
            raise _nothing(f"no device of this share has the number {number}")
        return self._gate.revoke(number)

    def extend(self, seconds: float) -> float:
        """See `Steering.extend`."""
        if not (math.isfinite(seconds) and 0 < seconds <= LONGEST):
            raise UsageError(
                f"{seconds:g} seconds cannot be added to a share", hint="add up to seven days: tunnel share extend 30m"
            )
        if self._gate.left() is None:
            raise TunnelError("this share has no end that could be moved", hint="end it: tunnel share stop", status=409)
        self._gate.extend(seconds)
        return self._gate.left() or 0.0

    def stop(self) -> None:
        """See `Steering.stop`."""
        self._stop()


def rules_in_words(share: Share) -> tuple[str, ...]:
    """Return what holds besides the access rule, each for people. Pure."""
    said = []
    if share.yes:
        said.append("whoever holds the link is let in without a question")
    if share.read_only:
        said.append("read-only, and upgrades" if share.upgrades else "read-only")
    said += [f"only {path}" for path in share.paths]
    said += [f"only from {network}" for network in share.allow]
    said += [f"not from {network}" for network in share.deny]
    if share.rate:
        said.append(f"{often(share.rate)} for each device")
    return tuple(said)


def _nothing(what: str) -> TunnelError:
    return TunnelError(what, hint=f"see who is there: {ASK}", status=404, exit_code=2)
