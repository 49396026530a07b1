"""Sharing: whether several workers can serve, what falls to each of a limit, and how soon a dead one is replaced."""

import dataclasses

from tunnel.errors import UsageError
from tunnel.model.config import Config, Keep, Limits

_FIRST_PAUSE = 0.1  # seconds
_LONGEST_PAUSE = 5.0  # seconds
_WELL = 30.0  # seconds that a worker has to last, for its death to count as the first


def refuse_workers(config: Config, platform: str) -> None:
    """Refuse several workers where they cannot serve.

    Args:
      platform: As `sys.platform`.
    Raises:
      UsageError: They cannot.
    """
    asked = f"--workers {config.limits.workers}"
    if platform == "win32":
        raise UsageError(f"{asked} needs a system that can fork, and Windows cannot", hint="leave --workers out")
    if config.target is None:
        raise UsageError(
            f"{asked} is not for the example service, which keeps its items in one process", hint="leave --workers out"
        )


def share(limits: Limits, keep: Keep) -> tuple[Limits, Keep]:
    """Return a worker's part of what holds for the whole front, rounded up.

    Connections are counted for all workers together (`net.counts`).
    """
    return (
        dataclasses.replace(limits, pool_size=-(-limits.pool_size // limits.workers)),
        dataclasses.replace(keep, memory=-(-keep.memory // limits.workers)),
    )


def deaths_in_a_row(before: int, lasted: float) -> int:
    """Return how many workers have died one after the other, this one among them, in one place that is to be filled.

    Args:
      before: What was returned for the one before it.
      lasted: Seconds that this one lived.
    """
    return 1 if lasted >= _WELL else before + 1


def pause_before_another(deaths: int) -> float:
    """Return seconds to wait before a worker is replaced. They grow while workers keep dying: a loop helps nobody."""
    return min(_FIRST_PAUSE * 2.0 ** min(deaths - 1, 30), _LONGEST_PAUSE)
