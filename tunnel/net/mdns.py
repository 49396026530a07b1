"""mDNS: a name under `.local` that leads here while a share lasts (RFC 6762). zeroconf is for this file and `mdns_absent`.

zeroconf works in a thread with a loop of its own, and ours waits for it: nothing of it touches trio. It probes for
the name of a service and not for that of a host, so whether the host's name is free is asked here, before and while it is
announced; a service's name that holds a name which is ours and a port needs no probing.

Whoever is in the network may announce any name. A name is a convenience; who is at its end is what TLS tells.
"""

import errno
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import trio
from zeroconf import (  # type: ignore[attr-defined]  # public and documented, though not in its __all__
    AddressResolver,
    DNSAddress,
    DNSQuestion,
    Error,
    RecordUpdate,
    RecordUpdateListener,
    ServiceInfo,
    Zeroconf,
)

from tunnel.errors import TunnelError
from tunnel.net.listen import only
from tunnel.net.mdns_absent import Absence, shared

Told = Callable[[TunnelError], None]
"""Told what a person should hear; called in any thread."""

SERVICE = "_https._tcp.local."
_PROBING = 750  # ms for another owner of the name to speak up: three times 250 (RFC 6762 §8.1)
_ENDING = 4.0  # seconds at most for the withdrawal; it takes half of one, and up to two more right after the start
_PORT = 5353
_TYPE_A, _TYPE_AAAA, _CLASS_IN = 1, 28, 1
_LONGEST_LABEL = 63  # octets (RFC 1035 §2.3.4)


def local_name(text: str) -> str:
    """Return a name under `.local` made of what is a letter, a digit or a hyphen in `text`: "My App!" gives my-app.local."""
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_LABEL].rstrip("-")
    return f"{label or 'tunnel'}.local"


@asynccontextmanager
async def announced(
    name: str, addresses: Sequence[str], port: int, told: Told, *, interface: str = ""
) -> AsyncIterator[None]:
    """Have a name lead to addresses of this machine while the block lasts.

    It returns at once; the name can be asked for some two seconds later. What goes wrong is told and spoils nothing: the
    share can be reached by its address.

    Args:
      name: "my-app.local".
      addresses: Literals of one interface, on which alone the name is announced: an A or AAAA record for each.
      port: Of the listener, for those who browse for services.
      interface: Theirs. Where it is named, and the system can do that, only what comes in on it is heard.

    Resource handling: the name is withdrawn when the block ends, and the thread has ended then.
    Cancelled: it is withdrawn all the same, for four seconds at most.
    """
    announcement = Announcement(name, addresses, port, told, interface)
    announcement.start()
    try:
        yield
    finally:
        with trio.move_on_after(_ENDING, shield=True):
            await trio.to_thread.run_sync(announcement.stop, abandon_on_cancel=True)


class Announcement:
    """A name, its addresses, and the thread that announces them. Whoever starts also stops.

    Attributes:
      known: Set when the name can be asked for, or it is certain that it cannot.
      owned: Whether it leads here.
    """

    def __init__(self, name: str, addresses: Sequence[str], port: int, told: Told, interface: str = "") -> None:
        self._name = name
        self._addresses = tuple(addresses)
        self._interface = interface
        self._port = port
        self._told = told
        self._stopping = threading.Event()
        self._zeroconf: Zeroconf | None = None
        self._absence: Absence | None = None
        self._thread = threading.Thread(target=self._announce, name="mdns", daemon=True)
        self.known = threading.Event()
        self.owned = False

    def start(self) -> None:
        """Begin in a thread; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Withdraw the name; returns when that is done."""
        self._stopping.set()
        self._thread.join()
        if self._absence is not None:
            self._absence.stop()
        if self._zeroconf is not None:
            self._zeroconf.close()  # says goodbye for what is registered, three times in a quarter of a second

    def _announce(self) -> None:
        try:
            for address in self._addresses:
                _check(address)
            self._zeroconf = Zeroconf(interfaces=list(self._addresses))
            _hear_only(self._interface, self._zeroconf)
            owners = self._owners(self._zeroconf)
            if owners:
                self._told(_taken(self._name, owners))
            elif not self._stopping.is_set():
                self._zeroconf.register_service(self._service(), cooperating_responders=True)
                self._zeroconf.add_listener(_Rivals(self._name, self._addresses, self._told), self._questions())
                self.owned = True
                if not any(":" in address for address in self._addresses):
                    absence = Absence(self._name, self._addresses[0], self._zeroconf.send)
                    absence.start()
                    self._absence = absence
        except (OSError, RuntimeError, Error, TimeoutError) as error:
            # No multicast here, or another program keeps port 5353 to itself.
            self._told(_failed(self._name, error))
        finally:
            self.known.set()

    def _owners(self, zeroconf: Zeroconf) -> list[str]:
        """Return the addresses of others that the name leads to already. This machine's own are no conflict (§9)."""
        asked = AddressResolver(f"{self._name}.")
        asked.request(zeroconf, timeout=_PROBING)
        return [address for address in asked.parsed_addresses() if address not in self._addresses]

    def _service(self) -> ServiceInfo:
        label = self._name.removesuffix(".local")
        return ServiceInfo(
            SERVICE,
            f"{label} {self._port}.{SERVICE}",
            parsed_addresses=list(self._addresses),
            port=self._port,
            properties={"path": "/"},
            server=f"{self._name}.",
        )

    def _questions(self) -> list[DNSQuestion]:
        return [DNSQuestion(f"{self._name}.", kind, _CLASS_IN) for kind in (_TYPE_A, _TYPE_AAAA)]


class _Rivals(RecordUpdateListener):
    """Notices, in zeroconf's thread, when another device begins to answer to our name; tells it once."""

    def __init__(self, name: str, addresses: Iterable[str], told: Told) -> None:
        self._key = f"{name}.".lower()
        self._ours = {_packed(address) for address in addresses}
        self._told = told
        self._name = name
        self._silent = False

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Look at records that came; zeroconf's name for it."""
        for update in records:
            record = update.new
            if self._silent or not isinstance(record, DNSAddress) or record.key != self._key:
                continue
            if record.ttl and record.address not in self._ours:
                self._silent = True
                self._told(_contested(self._name, _printed(record.address)))


def _check(address: str) -> None:
    """Raise OSError for an address that is not ours, or a port that is not shared: zeroconf would leave a socket behind."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)[0][4])
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        shared(sock)
        sock.bind(("", _PORT))


def _hear_only(interface: str, zeroconf: Zeroconf) -> None:
    """Have it take nothing from other networks: it multicasts on one interface, and hears at the port on all of them."""
    for end in (*zeroconf.engine.readers, *zeroconf.engine.senders):
        if interface:
            only(end.sock, interface)


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address.partition("%")[0])


def _printed(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6 if len(address) == 16 else socket.AF_INET, address)


def _taken(name: str, owners: Sequence[str]) -> TunnelError:
    return TunnelError(
        f"another device ({', '.join(owners[:3])}) answers to {name} already, so this share is not announced by that name",
        hint="use its address, or share it under another name: --name NAME",
    )


def _contested(name: str, owner: str) -> TunnelError:
    return TunnelError(
        f"another device ({owner}) now answers to {name} too: some will land there, and see a certificate that is not ours",
        hint="use the address, or share it under another name: --name NAME",
    )


def _failed(name: str, error: Exception) -> TunnelError:
    match error:
        case OSError(errno=errno.EADDRINUSE):
            why = "another program keeps UDP port 5353 to itself"
        case OSError(strerror=str(told)):
            why = told.lower()
        case _:
            why = (str(error) or type(error).__name__)[:200].lower()
    return TunnelError(
        f"{name} cannot be announced in this network: {why}",
        hint="nothing else is wrong: the share can be reached by its address",
    )
