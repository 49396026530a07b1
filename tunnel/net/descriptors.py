"""Descriptors: how many files, sockets among them, may be open here; what fits in that; what to say when none is left.

Each client's connection may need another one to the upstream. If clients had taken every descriptor, those already in could
not be served: so a share is kept for the upstream, and clients beyond the rest wait in the kernel's queue.
"""

import dataclasses
import errno
import sys

from tunnel.errors import TunnelError
from tunnel.model.config import Limits

# The process or the system is out of something; it may be had again when others have let go of it.
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
SPARE = 32  # for listeners, the loop, the store, leaves being read, names being resolved; 17 were open in a quiet front

if sys.platform == "win32":

    def allowed(wanted: int) -> int | None:
        """Return how many files may be open; None where nothing limits them but memory, as here."""
        return None

else:
    import resource

    def allowed(wanted: int) -> int | None:
        """Return how many files may be open, after asking the system for as many as are wanted.

        The soft limit is a caution for programs that use `select`; any process may raise its own up to the hard one.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return None
        if soft < wanted:
            more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            except (OSError, ValueError):
                pass  # macOS has another limit, which it does not tell; what was allowed has to do
            else:
                soft = more
        return soft


def wanted(limits: Limits) -> int:
    """Return how many descriptors these limits may come to need."""
    return limits.connections + limits.pool_size + SPARE


def fitting(limits: Limits, files: int | None) -> Limits:
    """Return limits whose connections, upstream and clients alike, fit into so many open files (None: any number)."""
    if files is None or wanted(limits) <= files:
        return limits
    room = max(files - SPARE, 2)
    pool_size = min(limits.pool_size, room // 2)
    return dataclasses.replace(limits, pool_size=pool_size, connections=min(limits.connections, room - pool_size))


def crowded(limits: Limits, asked: Limits, files: int | None) -> TunnelError:
    """Say that no more clients are let in.

    Args:
      limits: Those that hold.
      asked: Those of the config.
      files: Those that may be open, by `allowed`.
    """
    what = f"{limits.connections} clients are connected, and more have to wait until some of them leave"
    if limits.connections < asked.connections:
        return TunnelError(
            f"{what}: only {files} files may be open at once", hint="allow more and start again: ulimit -n 65536"
        )
    return TunnelError(what, hint="allow more with --connections NUMBER")


def exhausted(what: str, error: OSError) -> TunnelError:
    """Say what could not be done because something has run out here, which is neither side's fault."""
    match error.errno:
        case errno.EMFILE:
            hint = "allow more open files: ulimit -n 65536"
        case errno.ENFILE:
            hint = "the whole system has too many files open: close other programs"
        case _:
            hint = "the system is short of memory for connections: close other programs"
    return TunnelError(f"{what}: {(error.strerror or str(error)).lower()}", hint=hint, status=503)
