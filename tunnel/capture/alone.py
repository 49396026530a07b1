"""Alone: of several processes one at a time makes a store, brings it up to date, or sets it aside; the others find it done.

SQLite locks what it writes, but it waits for nobody when it changes its journal's kind (WAL), and knows nothing of a damaged
file's renaming: of two that find it damaged, the second would rename what the first had just begun.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tunnel.capture.alive import lock

FILE = "records.lock"
PATIENCE = 5.0  # seconds; opening takes a hundredth, so whoever holds it for longer was stopped in the middle
_AGAIN = 0.005  # seconds


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others out of such a block, in this process and in others. The system gives back a dead one's lock.

    Nobody is kept from going on: not where the lock cannot be had in time, and not where nothing can be written.
    """
    try:
        file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield  # whoever opens the store will say why
        return
    try:
        give_up = time.monotonic() + PATIENCE
        while not lock(file) and time.monotonic() < give_up:
            time.sleep(_AGAIN)
        yield
    finally:
        os.close(file)
