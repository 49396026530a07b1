"""Network: the one that the tests attack over. A server with the share, a visitor on its LAN, and somebody elsewhere.

    visitor 10.77.0.7, .8, 10.77.128.0/17 ── lan0 ── 10.77.0.1 server 198.51.100.1 ── vpn0 ── 198.51.100.9 elsewhere
            fe80::7, fd77::7, ::8, ::1:0/112       fe80::1, fd77::1   fd99::1                 fd99::9

The addresses are private, since our authority signs for no others; none of these hosts has a way out of this network. At
lan0 the server has more that are not to be shared unasked: 2001:db8:77::1, fd77::d (out of date) and 100.100.1.1.
"""

import errno
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tests.lan.hosts import Host, cable, host

SERVER = "10.77.0.1"
PHONE, LAPTOP = "10.77.0.7", "10.77.0.8"  # two devices of the visitor, as far as anybody can see
LAN, VPN = "lan0", "vpn0"
VPN_ADDRESS, FAR = "198.51.100.1", "198.51.100.9"
SERVER_V6, PHONE_V6, LAPTOP_V6 = "fd77::1", "fd77::7", "fd77::8"
VPN_V6, FAR_V6 = "fd99::1", "fd99::9"
SERVER_GLOBAL, SERVER_OLD, SERVER_CARRIER = "2001:db8:77::1", "fd77::d", "100.100.1.1"
EVERY_PORT = range(1, 65536)
_CROWD = IPv4Network("10.77.128.0/17")  # the visitor's too, each of them
_CROWD_V6 = IPv6Network("fd77::1:0/112")  # and these, in the same /64 as all others
_AT_ONCE = 512  # connections that a scan tries at the same time
_SILENCE = 1.0  # seconds without any news, after which a port that says neither yes nor no counts as closed


@dataclass(frozen=True)
class Network:
    """The hosts, as they are cabled."""

    server: Host
    visitor: Host
    elsewhere: Host
    _fresh: Iterator[IPv4Address] = field(default_factory=_CROWD.hosts)
    _fresh_v6: Iterator[IPv6Address] = field(default_factory=_CROWD_V6.hosts)

    def stranger(self) -> str:
        """Return an address of the visitor's that nobody has used yet: whoever asks from there is unknown."""
        return str(next(self._fresh))

    def stranger_v6(self) -> str:
        """Return such an address of IPv6."""
        return str(next(self._fresh_v6))


@contextmanager
def network() -> Iterator[Network]:
    """Make it until the block ends."""
    with ExitStack() as stack:
        server, visitor, elsewhere = (stack.enter_context(host(name)) for name in ("server", "visitor", "elsewhere"))
        cable(
            server, visitor, LAN,
            [f"{SERVER}/16", "fe80::1/64", f"{SERVER_V6}/64", f"{SERVER_GLOBAL}/64", f"{SERVER_CARRIER}/24"],
            [f"{PHONE}/16", f"{LAPTOP}/16", "fe80::7/64", f"{PHONE_V6}/64", f"{LAPTOP_V6}/64", "2001:db8:77::7/64",
             "100.100.1.7/24"],
        )  # fmt: skip
        server.ip("address", "add", f"{SERVER_OLD}/64", "dev", LAN, "preferred_lft", "0", "nodad")
        cable(server, elsewhere, VPN, [f"{VPN_ADDRESS}/24", f"{VPN_V6}/64"], [f"{FAR}/24", f"{FAR_V6}/64"])
        visitor.ip("route", "add", "local", str(_CROWD), "dev", "lo")
        server.ip("route", "add", str(_CROWD), "via", PHONE)  # so that nobody asks a thousand times whose each is (ARP)
        visitor.ip("-6", "route", "add", "local", str(_CROWD_V6), "dev", "lo")
        visitor.sysctl("ipv6.ip_nonlocal_bind", "1")  # of IPv6 such a route alone gives no leave to ask from there
        server.ip("-6", "route", "add", str(_CROWD_V6), "via", PHONE_V6, "dev", LAN)
        elsewhere.ip("route", "add", SERVER, "via", VPN_ADDRESS)  # as a neighbour in another network may
        elsewhere.ip("-6", "route", "add", SERVER_V6, "via", VPN_V6)
        yield Network(server, visitor, elsewhere)


def open_ports(scanner: Host, address: str, ports: range = EVERY_PORT) -> list[int]:
    """Return the ports that take a connection from there."""
    return scanner.do(_scan, address, ports)


def _scan(address: str, ports: range) -> list[int]:
    """Try to connect to each, many at a time; whoever refuses says so at once, and silence ends the scan."""
    family, *_, where = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
    left, found = iter(ports), []
    with selectors.DefaultSelector() as waiting:

        def judge(sock: socket.socket) -> None:
            if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                found.append(sock.getpeername()[1])
            waiting.unregister(sock)
            sock.close()

        def begin(port: int) -> None:
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setblocking(False)
            failed = sock.connect_ex((where[0], port, *where[2:]))
            if failed in (0, errno.EINPROGRESS):
                waiting.register(sock, selectors.EVENT_WRITE)
            else:
                sock.close()

        while True:
            while len(waiting.get_map()) < _AT_ONCE and (port := next(left, None)) is not None:
                begin(port)
            if not waiting.get_map():
                return sorted(found)
            ready = waiting.select(_SILENCE)
            for key, _ in ready or [(key, 0) for key in list(waiting.get_map().values())]:
                assert isinstance(key.fileobj, socket.socket)
                if ready:
                    judge(key.fileobj)
                else:  # they said nothing: dropped on their way
                    waiting.unregister(key.fileobj)
                    key.fileobj.close()
