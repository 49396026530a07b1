"""Vitals: what processes use of their machine, asked of the system. Which processes live is known here too."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tunnel.model.vitals import Vitals
from tunnel.net.descriptors import allowed

if TYPE_CHECKING:
    import psutil


def vitals() -> Vitals:
    """Return this process's counts. Reads some files of the system's, so it is for a thread."""
    return vitals_of((os.getpid(),))


def vitals_of(pids: Iterable[int]) -> Vitals:
    """Return the counts of some processes of this user together; those that have ended are left out. For a thread too."""
    import psutil  # only who asks pays for it

    found = []
    for pid in pids:
        try:
            found.append(_of(psutil.Process(pid)))
        except psutil.Error:
            pass  # it has ended, just now perhaps
    most = [each.most_descriptors for each in found]
    return Vitals(
        memory=sum(each.memory for each in found),
        cpu=sum(each.cpu for each in found),
        descriptors=sum(each.descriptors for each in found),
        most_descriptors=None if None in most else sum(number or 0 for number in most),
    )


def _of(process: "psutil.Process") -> Vitals:
    with process.oneshot():
        used = process.cpu_times()
        memory = process.memory_info().rss
        if sys.platform == "win32":
            count = process.num_handles()
        else:
            count = process.num_fds()
        return Vitals(memory, used.user + used.system, count, _most_descriptors(process))


if sys.platform == "linux":

    def _most_descriptors(process: "psutil.Process") -> int | None:
        if process.pid == os.getpid():
            return allowed(0)
        import psutil

        most: int = process.rlimit(psutil.RLIMIT_NOFILE)[0]
        return None if most == psutil.RLIM_INFINITY else most

else:

    def _most_descriptors(process: "psutil.Process") -> int | None:
        return allowed(0) if process.pid == os.getpid() else None  # of another process no other system tells it


def lives(pid: int) -> bool:
    """Whether a process of that number runs now; it may be another one than was meant."""
    import psutil

    return psutil.pid_exists(pid)
