"""Multicast: whatever a stranger in the network sends to everybody, we only find out whether it asks for our name.

Input: a datagram.
"""

from zeroconf import DNSOutgoing, DNSQuestion

from tunnel.net.mdns_absent import asks_for_ipv6, no_ipv6

_NAME = "my-app.local."


def _asked(kind: int) -> bytes:
    packet = DNSOutgoing(0)
    packet.add_question(DNSQuestion(_NAME, kind, 1))
    return packet.packets()[0]


WORDS = [
    b"\xc0\x0c",
    b"\xc0\x00",
    b"\x06my-app\x05local\x00",
    b"\x00\x1c",
    b"\x00\xff",
    b"\x80\x01",
    b"\x3f",
    b"\xff\xff",
    b"\x00" * 8,
]
SEEDS = [_asked(1), _asked(28), _asked(255), *no_ipv6(_NAME).packets(), b""]


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    assert asks_for_ipv6(data, _NAME) in (True, False)
