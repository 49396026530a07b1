"""Places: a folder of its own for a target that reads files, in memory where the system has such a place."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")


@functools.cache
def place(name: str) -> Path:
    """Return the folder of a target, made private and removed at the end of the process."""
    parent = _MEMORY if _MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix=f"tunnel-fuzz-{name}-", dir=parent))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
