"""Machine: its cores and who runs on which, and the words that say where figures were taken."""

import os
import platform
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FRONT, REST = 0, -1  # which of our cores a front has for itself, and which client and origin share
SEVERAL = (0, 1)  # which a front has that can use two, where there are more (`spare`)


def cores() -> list[int]:
    """Return the cores that this process may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


_OURS = cores()  # before anything was pinned


def pinned() -> bool:
    """Whether fronts and their load run on different cores."""
    return len(_OURS) >= 2


def spare() -> bool:
    """Whether a front may have two cores, and its load another."""
    return len(_OURS) > len(SEVERAL)


@contextmanager
def on(*which: int) -> Iterator[None]:
    """Have processes that are started inside run on these cores: `FRONT`, `REST`, or `SEVERAL`."""
    if not pinned():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {_OURS[one] for one in which})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def description() -> dict[str, str]:
    """Return what a reader of the figures must know of the machine."""
    said = {
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": f"{os.cpu_count()}; " + ("front on one, client and origin on another" if pinned() else "not pinned"),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.removeprefix("OpenSSL ").partition(" ")[0],
    }
    if hasattr(os, "getloadavg"):
        said["load before"] = f"{os.getloadavg()[0]:.1f}"
    return said


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
