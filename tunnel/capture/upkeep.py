"""Upkeep: a store made smaller because somebody asks for it now. When that is done by itself is for `capture.retention`.

The steps are retention's own. Others get as much time between two as each has taken, so a tunnel that writes meanwhile waits
for some milliseconds at most, as it does for its own retention.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from tunnel.capture.alive import Claim
from tunnel.capture.retention import FOREVER, GIVEN_BACK, STEP, STEP_SIZE
from tunnel.capture.store_schema import FAMILY, FILE, Notice, trouble
from tunnel.capture.store_write import WriteError, Writing

_LEAST_PAUSE = 0.002  # seconds

Progress = Callable[[int], None]
"""Is told, after each step, how much has been done: exchanges removed, or bytes given back."""


class Upkeep:
    """The work on one store. Made by `upkeep`."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    @property
    def size(self) -> int:
        """Bytes in use; free pages are not counted."""
        return self._writing.size()

    @property
    def alone(self) -> bool:
        """Whether no tunnel writes to the store now."""
        return self._writing.alone()

    def remove_before(self, moment: int, progress: Progress) -> int:
        """Remove ended exchanges that began before a moment, µs since the epoch. Returns how many there were."""
        return self._remove_steps(lambda: self._writing.remove_oldest(STEP, moment, STEP_SIZE), progress)

    def remove_to_size(self, size: int, progress: Progress) -> int:
        """Remove the oldest ended exchanges until the rest takes at most so many bytes. Returns how many there were."""

        def step() -> int:
            excess = self._writing.size() - size
            return self._writing.remove_oldest(STEP, FOREVER, min(excess, STEP_SIZE)) if excess > 0 else 0

        return self._remove_steps(step, progress)

    def remove_these(self, ids: Iterable[int], progress: Progress) -> int:
        """Remove those of some exchanges that have ended. Returns how many there were."""
        waiting = iter(ids)
        removed = 0
        while some := list(islice(waiting, STEP)):
            with _turn(), self._writing:
                removed += self._writing.remove(some)
            progress(removed)
        return removed

    def shrink(self, progress: Progress) -> int:
        """Give free pages back to the file system, a little at a time. Returns how many bytes that were."""
        writing = self._writing
        at_first = free = writing.free()
        page = writing.page_size()
        while free:
            with _turn():
                writing.shrink(GIVEN_BACK // page)
            before, free = free, writing.free()
            progress((at_first - free) * page)
            if free >= before:
                break  # somebody frees as much as we give back, or reads what lies at the end
        if writing.alone():
            writing.carry_over()
        return max(at_first - free, 0) * page

    def write_anew(self) -> bool:
        """Write the file anew, so that half-empty pages are filled. False, and nothing done, beside a tunnel that writes."""
        if not self._writing.alone():
            return False
        self._writing.write_anew()
        self._writing.carry_over()
        return True

    def _remove_steps(self, step: Callable[[], int], progress: Progress) -> int:
        removed = 0
        while True:
            with _turn(), self._writing:
                some = step()
            if not some:
                return removed
            removed += some
            progress(removed)


@contextmanager
def upkeep(folder: Path, notice: Notice) -> Iterator[Upkeep]:
    """Open a store that is there for work on it.

    Args:
      folder: Where it lives.
      notice: Is told of a store that was set aside.

    Raises:
      TunnelError: It cannot be written to; raised by any of the work too.
    """
    try:
        claim = Claim(folder)
    except OSError as error:
        raise trouble(folder / FILE, error) from error
    try:
        writing = Writing(claim, folder, notice)
        try:
            yield Upkeep(writing)
        finally:
            writing.close()
    except WriteError as error:
        raise error.reason from error
    finally:
        claim.release()


@contextmanager
def _turn() -> Iterator[None]:
    """Let others have as much time as what is done within takes."""
    before = time.perf_counter()
    yield
    time.sleep(max(_LEAST_PAUSE, time.perf_counter() - before))


def set_aside_stores(folder: Path) -> list[tuple[Path, int]]:
    """Return the stores that were set aside, oldest first, each with the bytes of all its files."""
    stem = Path(FILE).stem
    found = sorted(folder.glob(f"{stem}.aside-*{Path(FILE).suffix}"))
    return [(path, family_size(path)) for path in found]


def family_size(path: Path) -> int:
    """Return the bytes that a database takes on disk, with its journal; 0 where it is not there."""
    return sum(_size(path.with_name(path.name + suffix)) for suffix in FAMILY)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
