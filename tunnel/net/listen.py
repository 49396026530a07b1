"""Listen: bind addresses, all on one port, and accept from them. Which ones is decided by those who call."""

import errno
import socket
import sys
from collections.abc import Callable, Sequence

import trio

from tunnel.errors import TunnelError
from tunnel.model.address import Listen
from tunnel.net.descriptors import EXHAUSTED, exhausted
from tunnel.net.streams import no_delay

_BACKLOG = 1024  # the kernel caps it (net.core.somaxconn)
_TRIES = 64  # ports after ours before giving up: dozens of tunnels at once are served, a scan of the range is not
_AT_ONCE = 64  # connections accepted before others get their turn
_PAUSE = 0.1  # seconds, while something has run out


def bind(listen: Listen, busy: Callable[[str, int, OSError], TunnelError]) -> list[socket.socket]:
    """Bind every host of `listen` to one port, and listen.

    A port that only was our default gives way to the next free one. The first host must be bound; a further one (`::1`
    beside 127.0.0.1) is left out where the system has no such address, never where somebody else has it: clients that
    try it first would reach a stranger.

    Args:
      busy: Makes the error for a host and port that cannot be had.

    Returns: Listening, non-blocking sockets. The caller closes them.
    """
    if not listen.port:
        ports: Sequence[int] = [0] * _TRIES  # what the system chooses on one family may be taken on the other
    elif listen.named:
        ports = [listen.port]
    else:
        ports = range(listen.port, listen.port + _TRIES)
    first: TunnelError | None = None
    for port in ports:
        try:
            return _bind_all(listen.hosts, port, listen.interface)
        except _CannotBind as failure:
            if failure.error.errno in EXHAUSTED:
                raise exhausted(f"cannot listen on {failure.host}", failure.error) from failure
            first = first or busy(failure.host, failure.port, failure.error)
            if failure.error.errno not in (errno.EADDRINUSE, errno.EACCES):
                break
    assert first is not None, "there is at least one port to try"
    raise first


class _CannotBind(Exception):
    def __init__(self, host: str, port: int, error: OSError) -> None:
        self.host, self.port, self.error = host, port, error


def _bind_all(hosts: tuple[str, ...], port: int, interface: str) -> list[socket.socket]:
    bound: list[socket.socket] = []
    devices: tuple[str, ...] = ("",)
    whole: set[str] = set()  # hosts that are bound on every interface
    if interface and sys.platform == "linux":
        # Linux accepts for any of its addresses on every interface (the weak host model, RFC 1122 §3.3.4.2): a machine that
        # stands between two networks would be reached from both. What this machine sends to itself comes in on `lo`.
        devices = tuple(dict.fromkeys((interface, "lo")))
    for host, device in [(host, device) for host in hosts for device in devices]:
        if host in whole:
            continue
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            if bound:
                continue  # no IPv6 here
            raise _CannotBind(host, port, error) from error
        try:
            _prepare(sock, family)
            if device and not only(sock, device):
                whole.add(host)
            sock.bind((host, port))
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            if bound and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue
            for other in bound:
                other.close()
            raise _CannotBind(host, port, error) from error
        port = sock.getsockname()[1]  # what the system chose for port 0 holds for the others too
        bound.append(sock)
    return bound


def only(sock: socket.socket, device: str) -> bool:
    """Have a socket take only what comes in on an interface; whether that is done (by root alone before Linux 5.7)."""
    if sys.platform == "linux":
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
            return True
        except OSError:
            pass
    return False


def _prepare(sock: socket.socket, family: int) -> None:
    sock.setblocking(False)
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        # Windows: SO_REUSEADDR there would let anybody take the port beside us.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for TIME_WAIT
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


async def accept(
    listener: socket.socket,
    start: Callable[[socket.socket], None],
    *,
    room: Callable[[], bool],
    trouble: Callable[[TunnelError], None],
    wait: Callable[[], float] = lambda: 0.0,
) -> None:
    """Accept connections until cancelled, handing each non-blocking socket to `start`, which owns it from then on.

    Args:
      room: Whether one more may be accepted now; while not, clients wait in the kernel's queue.
      trouble: Told when the system is out of something; accepting goes on.
      wait: Seconds for which other processes may take it, that accept from the same listener; 0 where it is ours to take.
    """
    while True:
        await trio.lowlevel.wait_readable(listener)
        for _ in range(_AT_ONCE):
            if not room():
                await trio.sleep(_PAUSE)
                break
            if pause := wait():
                await trio.sleep(pause)
                break
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if error.errno in EXHAUSTED:
                    trouble(exhausted("cannot accept a connection", error))
                    await trio.sleep(_PAUSE)
                    break
                continue  # the client was gone before it was accepted
            sock.setblocking(False)
            no_delay(sock)
            start(sock)
        else:
            await trio.lowlevel.checkpoint()
