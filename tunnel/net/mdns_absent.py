"""Absence: says in mDNS that a name has no IPv6 address (RFC 6762 §6.1), so that nobody waits for one.

Resolvers ask for both families, and one that gets neither an address nor a no waits five seconds for it. zeroconf's no is
about the name of a service, not that of the host, and lists the types that are missing where those that exist belong. So
the questions are heard here too, by a socket of our own, and answered through zeroconf's.
"""

import select
import socket
import threading
import time
from collections.abc import Callable

from zeroconf import DNSIncoming, DNSNsec, DNSOutgoing  # type: ignore[attr-defined]  # as in net.mdns

_GROUP, _PORT = "224.0.0.251", 5353
_TYPE_A, _TYPE_AAAA, _TYPE_ANY, _TYPE_NSEC = 1, 28, 255, 47
_CLASS_IN_ALONE = 0x8001  # IN, and what others say of it is out of date (§10.2)
_AN_AUTHORITYS_ANSWER = 0x8400
_LIFETIME = 120  # seconds, as for every record that names a host (§10)
_PAUSE = 1.0  # seconds before the same is said again (§6)
_LARGEST = 9000  # octets (§17)

Send = Callable[[DNSOutgoing], None]


class Absence:
    """Answers who asks for an IPv6 address of a name that has none. Whoever starts also stops.

    Args:
      name: "my-app.local".
      address: IPv4, of the interface on which it is announced.
      send: Sends to everybody there.

    Raises:
      OSError: There is no multicast on that interface.
    """

    def __init__(self, name: str, address: str, send: Send) -> None:
        self._name = f"{name}."
        self._send = send
        self._said = 0.0
        self._sock = _heard_on(address)
        self._stopping, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="mdns absence", daemon=True)

    def start(self) -> None:
        """Begin in a thread; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; returns when the thread has ended."""
        self._stop.close()
        self._thread.join()
        self._stopping.close()
        self._sock.close()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._sock, self._stopping], [], [])
            if self._stopping in ready:
                return
            try:
                packet = self._sock.recv(_LARGEST)
            except BlockingIOError:
                continue
            except OSError:
                return  # the network went away; what it was good for is a courtesy
            if packet and asks_for_ipv6(packet, self._name) and time.monotonic() - self._said > _PAUSE:
                self._said = time.monotonic()
                self._send(no_ipv6(self._name))


def asks_for_ipv6(packet: bytes, name: str) -> bool:
    """Whether a packet, whatever it may be, asks for IPv6 addresses of a name ("my-app.local.")."""
    message = DNSIncoming(packet)
    return bool(
        message.valid
        and message.is_query()
        and any(each.type in (_TYPE_AAAA, _TYPE_ANY) and each.name.lower() == name for each in message.questions)
    )


def no_ipv6(name: str) -> DNSOutgoing:
    """Return the answer: of addresses, the name has those of IPv4 and no others."""
    answer = DNSOutgoing(_AN_AUTHORITYS_ANSWER)
    answer.add_answer_at_time(DNSNsec(name, _TYPE_NSEC, _CLASS_IN_ALONE, _LIFETIME, name, [_TYPE_A]), 0)
    return answer


def shared(sock: socket.socket) -> None:
    """Let others have the same port: every program that speaks mDNS has it, and multicast reaches all of them."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _heard_on(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        shared(sock)
        try:
            sock.bind((_GROUP, _PORT))  # the group alone: what is sent to this machine's address is for zeroconf
        except OSError:
            sock.bind(("", _PORT))  # Windows binds no group
        sock.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(_GROUP) + socket.inet_aton(address)
        )
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
