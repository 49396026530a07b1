"""Ports: who holds one that we wanted, and the sentence that says what to do about it.

Opening listeners is for `net.listen`; how a holder is found, for `net.processes`.
"""

import errno
import os
import sys
from collections.abc import Callable

from tunnel.errors import TunnelError
from tunnel.net.processes import Holder, Processes
from tunnel.net.this_system import this_system

WINDOWS_RESERVED = 10013  # WSAEACCES: in a range that Hyper-V's NAT keeps for itself, or held exclusively


BUSY = 4  # exit code: the address cannot be had (docs/command.md)


def holder(port: int, host: str, system: Processes | None = None) -> Holder | None:
    """Return the program that listens on a port, or None where it cannot be known. Never raises.

    Args:
      port: 1 to 65535.
      host: An address literal; a program that listens on every address holds it too.
    """
    try:
        return (system or this_system()).listening(host, port)
    except Exception:
        # The port is busy whoever holds it: a name is a help in the sentence, not a condition for saying it.
        return None


def busy(
    host: str,
    port: int,
    error: OSError | None = None,
    *,
    flag: str = "--listen",
    platform: str = sys.platform,
    find: Callable[[int, str], Holder | None] = holder,
) -> TunnelError:
    """Return the error for a port that could not be bound, with the next command to type.

    Args:
      host: The address literal.
      port: 1 to 65535.
      error: What `bind` raised, where it is at hand: a port that may not be had differs from one that is taken.
      flag: What names another one: an address with its port, or `--port` alone.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    other = port + 1 if 1024 <= port < 65535 else 8443
    elsewhere = f"{flag} {'' if flag == '--port' else place.removesuffix(str(port))}{other}"
    found = find(port, host)
    if found is None and error is not None and _forbidden(error):
        return _refused(place, port, elsewhere, platform)
    if found is None:
        look = {
            "win32": f"netstat -ano | findstr :{port}",
            "linux": f"sudo ss -ltnp 'sport = :{port}'",
        }.get(platform, f"sudo lsof -nP -iTCP:{port} -sTCP:LISTEN")
        return TunnelError(
            f"{place} is held by another program", hint=f"find it with {look}, or use {elsewhere}", exit_code=BUSY
        )
    if found.pid == os.getpid():
        return TunnelError(f"{place} is held by this very process", hint=f"use {elsewhere}", exit_code=BUSY)
    end = f"taskkill /PID {found.pid} /F" if platform == "win32" else f"kill {found.pid}"
    return TunnelError(f"{place} is held by {found}", hint=f"end it with {end}, or use {elsewhere}", exit_code=BUSY)


def _forbidden(error: OSError) -> bool:
    """Whether the system forbids the port to us. Python maps Windows' 10013 to EACCES and keeps it in `winerror`."""
    return WINDOWS_RESERVED in (error.errno, getattr(error, "winerror", None)) or error.errno == errno.EACCES


def _refused(place: str, port: int, elsewhere: str, platform: str) -> TunnelError:
    """Return the error for a port that nobody listens on and that we may not have."""
    if platform == "win32":
        return TunnelError(
            f"{place} is reserved by Windows (error {WINDOWS_RESERVED})",
            hint="see the reserved ranges with netsh interface ipv4 show excludedportrange protocol=tcp; "
            f"free them as administrator with net stop winnat and net start winnat, or use {elsewhere}",
            exit_code=BUSY,
        )
    hint = f"use {elsewhere}"
    if platform == "linux" and port < 1024:
        # ip_unprivileged_port_start, ip-sysctl.rst: ports below it are for root.
        hint = f"allow it with sudo sysctl net.ipv4.ip_unprivileged_port_start={port}, or {hint}"
    return TunnelError(f"{place} is not for ordinary users", hint=hint, exit_code=BUSY)
