"""Parts: what the window is given by whoever opens it. It asks nobody else, so it stands beside the way and never on it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tunnel.capture.recorder import Statistics
from tunnel.errors import TunnelError
from tunnel.model.replay import Replayed, ReplayPlan
from tunnel.model.standing import Steering
from tunnel.model.vitals import Vitals

Reveal = Callable[[bytes], tuple[bytes, int]]
"""Puts real values back in place of pseudonyms; returns how many of them are gone."""

Replay = Callable[[ReplayPlan], Awaitable[Replayed]]
"""Sends a `tunnel.model.replay.ReplayPlan`, returns a `Replayed`."""


def _hear_nothing(error: TunnelError) -> None:
    """Stand for a terminal that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one window is made of.

    Attributes:
      folder: Where the store lives, and the saved filters.
      token: What a visitor has to show; new with each start.
      scheme: "https" or "http": what its listener speaks.
      port: Its listener's port.
      hosts: The names it answers to, as a Host field has them without the port; IPv6 in brackets.
      version: Of tunnel.
      url: Where the front is reached; empty where there is none, as with `tunnel inspect`.
      target: What the front fronts, for people.
      began: When this process began, seconds since the epoch.
      pids: The processes whose exchanges are counted as this front's.
      statistics: The recorder's counts, of all workers together; None without a front. Called in a thread: it may have to
        ask other processes, as the next two.
      running: How many exchanges run now; None without a front.
      vitals: What the front's processes use of their machine; None where nobody asks.
      reveal: None without a front, which alone has seen the real values. Called in a thread.
      replay: None without a front.
      share: Steers what is shared; None where nothing is.
      notice: Told of bugs.
    """

    folder: Path
    token: str
    scheme: str
    port: int
    hosts: tuple[str, ...] = ("127.0.0.1", "[::1]", "localhost")
    version: str = ""
    url: str = ""
    target: str = ""
    began: float = field(default_factory=time.time)
    pids: Callable[[], Sequence[int]] = tuple
    statistics: Callable[[], Statistics] | None = None
    running: Callable[[], int] | None = None
    vitals: Callable[[], Vitals] | None = None
    reveal: Reveal | None = None
    replay: Replay | None = None
    share: Steering | None = None
    notice: Callable[[TunnelError], None] = _hear_nothing
