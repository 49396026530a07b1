"""Turns: several processes that print to one terminal, one after the other, so that no line is broken by another.

A pipe takes up to 4096 bytes at once (PIPE_BUF), a line may be longer, and several are written together.
"""

import sys
import tempfile
from pathlib import Path


class Turn:
    """A context manager that one process at a time is inside of. Made before the others are forked from this process.

    The lock is the process's own (POSIX `fcntl`): forked ones do not share it, and the system gives back a dead one's.
    """

    def __init__(self) -> None:
        self._file, path = tempfile.mkstemp()
        Path(path).unlink()  # nobody sees it, and it goes with the last process

    def __enter__(self) -> None:
        if sys.platform != "win32":
            import fcntl

            fcntl.lockf(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            import fcntl

            fcntl.lockf(self._file, fcntl.LOCK_UN)
