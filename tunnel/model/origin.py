"""Origin: which addresses count as one, for whoever counts what each of them does."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


def read_address(text: str) -> IPv4Address | IPv6Address:
    """Return an address without its zone; one of IPv4 that was mapped into IPv6 as what it is (RFC 4291 §2.5.5.2).

    Raises:
      ValueError: It is no address.
    """
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def origin(text: str, near: Iterable[IPv4Network | IPv6Network] = ()) -> str:
    """Return what an address is held to be one origin with: of IPv6 its /64, in which a device takes what it likes.

    What is no address is an origin of its own.

    Args:
      near: Networks in which each address stands for itself: on a LAN all of IPv6 is one /64, and what one guest was given
        must not be good for another.
    """
    try:
        address = read_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv4Address) or any(address in network for network in near):
        return str(address)
    return str(IPv6Network((int(address), 64), strict=False))
