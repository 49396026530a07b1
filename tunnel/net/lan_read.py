"""LAN, read: the addresses of this machine's interfaces that are up, as psutil and the kernel tell them."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface
from pathlib import Path

from tunnel.net.lan import Interface, kind_of

_IF_INET6 = Path("/proc/net/if_inet6")
# linux/if_addr.h: a temporary address of RFC 8981, one that somebody else has, one that is out of date, and one of which it
# is not known yet whether somebody else has it.
_TEMPORARY, _DAD_FAILED, _DEPRECATED, _TENTATIVE = 0x01, 0x08, 0x20, 0x40
_FLEETING = _TEMPORARY | _DAD_FAILED | _DEPRECATED | _TENTATIVE


def interfaces(read: Callable[[], Sequence[Interface]] | None = None) -> list[Interface]:
    """Return the addresses of all interfaces that are up, loopback and link-local IPv6 left out.

    An fe80 address means something with a zone only, and no browser takes an address with one.
    """
    found = _read() if read is None else read()
    return [one for one in found if not _is_of_this_link(ip_address(one.address))]


def fleeting(if_inet6: str) -> set[tuple[str, str]]:
    """Return which addresses, each with its interface, will be gone soon or may not be had yet. Pure.

    Args:
      if_inet6: What Linux says in /proc/net/if_inet6: address, index, length of the prefix, scope, flags, interface.
    """
    found = set()
    for line in if_inet6.splitlines():
        match line.split():
            case [digits, _, _, _, flags, name] if int(flags, 16) & _FLEETING:
                found.add((name, str(IPv6Address(int(digits, 16)))))
    return found


def _is_of_this_link(address: IPv4Address | IPv6Address) -> bool:
    return address.is_loopback or (address.version == 6 and address.is_link_local)


def _read() -> list[Interface]:
    import psutil  # 20 ms that no other front need pay

    states = psutil.net_if_stats()
    soon_gone = _soon_gone()
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        if name in states and not states[name].isup:
            continue
        for one in addresses:
            if one.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            literal = str(ip_address(one.address.partition("%")[0]))
            network = _network(literal, one.netmask)
            found.append(Interface(name, literal, network, kind_of(name), (name, literal) in soon_gone))
    return found


def _soon_gone() -> set[tuple[str, str]]:
    """Return what `fleeting` does; nothing where the system has no such file: macOS, Windows, no IPv6."""
    try:
        return fleeting(_IF_INET6.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return set()


def _network(literal: str, netmask: str | None) -> IPv4Network | IPv6Network:
    """Return the network of an address. Where the system says no mask (Windows, of IPv6), the usual one."""
    address = ip_address(literal)
    if netmask is None:
        return ip_interface(f"{literal}/{24 if address.version == 4 else 64}").network
    bits = int(ip_address(netmask)).bit_count()  # "ffff:ffff::" is no mask to ipaddress, so it is counted
    return ip_interface(f"{literal}/{bits}").network
