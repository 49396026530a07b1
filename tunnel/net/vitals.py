"""Vitals: what this process uses of its machine, asked of the system. Which processes live is known here too."""

import sys

from tunnel.model.vitals import Vitals
from tunnel.net.descriptors import allowed


def vitals() -> Vitals:
    """Return this process's counts. Reads some files of the system's, so it is for a thread."""
    import psutil  # only who asks pays for it

    process = psutil.Process()
    with process.oneshot():
        used = process.cpu_times()
        memory = process.memory_info().rss
        if sys.platform == "win32":
            count, most = process.num_handles(), None
        else:
            count, most = process.num_fds(), allowed(0)
        return Vitals(memory, used.user + used.system, count, most)


def lives(pid: int) -> bool:
    """Whether a process of that number runs now; it may be another one than was meant."""
    import psutil

    return psutil.pid_exists(pid)
