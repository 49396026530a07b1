"""Dial: connect to an upstream, on every address its name has, waiting a little for one that is restarting."""

import errno
import os
import socket
import ssl
from typing import NamedTuple

import trio

from tunnel.errors import TunnelError, UpstreamError
from tunnel.model.address import Target
from tunnel.net.descriptors import EXHAUSTED, exhausted
from tunnel.net.probes import probed
from tunnel.net.streams import SocketWire, in_words, no_delay
from tunnel.net.sweep import Sweep
from tunnel.net.tls import HandshakeFailed, dial_tls

_RETRY = 0.05  # seconds between attempts while nothing listens: unnoticeable, and 40 attempts in the default wait
# Nobody listens there now: a server that restarts looks so, and so does one that was never started.
_NOBODY = {errno.ECONNREFUSED, errno.ENOENT, errno.ECONNRESET, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_PASSING = _NOBODY | EXHAUSTED


class _BrokenOff(UpstreamError):
    """A TLS handshake that the upstream ended without a word: a server that dies while it restarts does so."""


class Place(NamedTuple):
    """One address to try: what `socket.socket` and `connect` want, and its name for people."""

    family: int
    address: tuple[str, int] | tuple[str, int, int, int] | str
    text: str


class Dialler:
    """Connects to one target, again and again.

    Args:
      target: Where to.
      connect: Seconds for one address to accept.
      wait: Seconds to go on while nothing listens there.
      context: For TLS targets.
      probe: Seconds of silence before the system asks whether the upstream is still there.
    """

    def __init__(
        self,
        target: Target,
        sweep: Sweep,
        *,
        connect: float,
        wait: float,
        context: ssl.SSLContext | None,
        probe: float = 60.0,
    ) -> None:
        self.target = target
        self._sweep = sweep
        self._connect = connect
        self._wait = wait
        self._context = context
        self._probe = probe
        self._best: Place | None = None  # what answered last is tried first

    async def dial(self) -> tuple[SocketWire, str]:
        """Return a connected wire, TLS done, and the address that answered. The caller closes it.

        Raises:
          UpstreamError: 502 or 504, with what was tried.
          TunnelError: 503, something has run out here.
        Cancelled: nothing stays open.
        """
        give_up = trio.current_time() + self._wait
        while True:
            places = await self._places()
            failures: list[tuple[Place, OSError]] = []
            broken_off: _BrokenOff | None = None
            for place in places:
                try:
                    sock = await self._attempt(place)
                    wire = await self._secure(SocketWire(sock, self._sweep), place)
                except _BrokenOff as error:
                    broken_off = error
                except OSError as error:
                    failures.append((place, error))
                else:
                    self._best = place
                    return wire, place.text
            passing = broken_off or all(error.errno in _PASSING for _, error in failures)
            if not passing or trio.current_time() >= give_up:
                raise broken_off or self._unreachable(failures)
            await trio.sleep(_RETRY)

    async def _attempt(self, place: Place) -> socket.socket:
        sock = socket.socket(place.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            no_delay(sock)
            probed(sock, self._probe)
            with trio.fail_after(self._connect):
                number = sock.connect_ex(place.address)
                if number == errno.EAGAIN and place.family == getattr(socket, "AF_UNIX", None):
                    number = (
                        errno.ETIMEDOUT
                    )  # unix(7): the listener's backlog is full, and nothing tells when it is not
                elif number in (errno.EINPROGRESS, errno.EWOULDBLOCK):
                    await trio.lowlevel.wait_writable(sock)
                    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number))
        except trio.TooSlowError:
            sock.close()
            raise OSError(errno.ETIMEDOUT, f"no answer within {self._connect:g} s") from None
        except BaseException:
            sock.close()
            raise
        return sock

    async def _secure(self, wire: SocketWire, place: Place) -> SocketWire:
        if self._context is None:
            return wire
        wire.deadline = trio.current_time() + self._connect
        try:
            return await dial_tls(wire, self._context, self.target.host)
        except HandshakeFailed as error:
            if error.expired:
                raise UpstreamError(
                    f"the upstream at {place.text} did not finish the TLS handshake within {self._connect:g} s",
                    status=504,
                ) from error
            what, hint = f"no TLS with the upstream at {place.text}: {error}", _cure(error, self.target)
            raise (_BrokenOff if error.broken_off else UpstreamError)(what, hint=hint) from error

    async def _places(self) -> list[Place]:
        target = self.target
        if target.scheme == "unix":
            if not hasattr(socket, "AF_UNIX"):
                raise UpstreamError("this system has no unix sockets", hint="name a port instead: tunnel 3000")
            return [Place(socket.AF_UNIX, target.path, str(target))]
        if target.host == "localhost":
            # RFC 6761 §6.3: localhost is loopback, and needs no resolver. Servers differ in which family they take.
            places = [
                Place(socket.AF_INET, ("127.0.0.1", target.port), f"127.0.0.1:{target.port}"),
                Place(socket.AF_INET6, ("::1", target.port, 0, 0), f"[::1]:{target.port}"),
            ]
        else:
            places = await self._resolve(target.host, target.port)
        if self._best in places:
            places.sort(key=lambda place: place != self._best)
        return places

    async def _resolve(self, host: str, port: int) -> list[Place]:
        try:
            with trio.fail_after(self._connect):
                found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise UpstreamError(
                f"the upstream's name {host!r} has no address", hint="check the spelling, or name its address"
            ) from error
        except trio.TooSlowError as error:
            raise UpstreamError(f"the upstream's name {host!r} was not resolved in time", status=504) from error
        places = []
        for family, _, _, _, address in found:
            text = f"[{address[0]}]:{port}" if family == socket.AF_INET6 else f"{address[0]}:{port}"
            places.append(Place(family, address, text))  # type: ignore[arg-type]  # typeshed: any address of any family
        return places

    def _unreachable(self, failures: list[tuple[Place, OSError]]) -> TunnelError:
        tried = " and ".join(place.text for place, _ in failures)
        for _, error in failures:
            if error.errno in EXHAUSTED:
                return exhausted(f"cannot connect to {tried}", error)
        if all(error.errno in _NOBODY for _, error in failures):
            return UpstreamError(
                f"nothing listens on {tried}", hint="start your service, or front another port: tunnel PORT"
            )
        first = failures[0][1]
        slow = any(error.errno == errno.ETIMEDOUT for _, error in failures)
        return UpstreamError(
            f"cannot connect to {tried}: {in_words(first)}",
            status=504 if slow else 502,
            hint="check that the service is running and accepts connections",
        )


def _cure(error: HandshakeFailed, target: Target) -> str:
    """Say what to type after a handshake that came to nothing."""
    plain = f"tunnel http://{target.authority}"
    if error.unverified:
        return f"to accept its certificate unverified: tunnel https+insecure://{target.authority}"
    match str(error):
        case words if "wrong version number" in words or "record layer" in words:
            return f"it seems to speak plain HTTP: {plain}"
        case words if "protocol version" in words or "unsupported protocol" in words:
            return f"it must speak TLS 1.2 or 1.3; if it has a plain port too: tunnel http://{target.host}:PORT"
        case words if "handshake failure" in words:
            return "it has no cipher in common with us, or wants a client's certificate, of which tunnel has none"
    return f"look at the service's own output for the reason; if it speaks plain HTTP: {plain}"
