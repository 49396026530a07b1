"""Alive: whether the process that wrote a row still runs. What follows from that is for `capture.store`.

Each recorder holds a lock on a file of its own. The system gives the lock back however the process ends, kill -9 and power
loss included, and keeps it through a suspended laptop: no heartbeat to write, no clock to trust, and a process number that
was given to somebody else, or that means nothing in this container, cannot deceive.
"""

import os
import secrets
import sys
from pathlib import Path

FOLDER = "records.alive"


class Claim:
    """This process's lock, held until `release`.

    Attributes:
      process: A random number that stands for this process in the store.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Args:
          folder: Where the store lives.
        Raises: OSError, where nothing can be written there.
        """
        self.process = secrets.randbits(62)  # fits SQLite's signed 64 bits
        self._folder = folder
        path = _path(folder, self.process)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        lock(self._file)

    @property
    def gone(self) -> bool:
        """Whether somebody deleted the file, so that others hold us for dead."""
        return not _path(self._folder, self.process).exists()

    def release(self) -> None:
        """Give the lock back and remove its file; safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            forget(self._folder, self.process)


def is_alive(folder: Path, process: int) -> bool:
    """Whether that process holds its lock now."""
    try:
        file = os.open(_path(folder, process), os.O_RDWR)
    except OSError:
        return False
    try:
        return not lock(file)
    finally:
        os.close(file)


def forget(folder: Path, process: int) -> None:
    """Remove the file of a process that has ended."""
    try:
        _path(folder, process).unlink(missing_ok=True)
    except OSError:
        pass  # it stays as an empty file, which says the same


def _path(folder: Path, process: int) -> Path:
    return folder / FOLDER / f"{process:016x}"


if sys.platform == "win32":
    import msvcrt

    def lock(file: int) -> bool:
        """Take the lock of an open file, if nobody else has it; whether it is ours. It ends with the file."""
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock(file: int) -> bool:
        """Take the lock of an open file, if nobody else has it; whether it is ours. It ends with the file."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
