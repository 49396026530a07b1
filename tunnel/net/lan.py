"""LAN: which of a machine's addresses a service is shared on. Pure: the list of them is read by `net.lan_read`.

What is asked of a person is for `cli.share_asking`.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from tunnel.errors import UsageError
from tunnel.model.share import Network


class Kind(enum.Enum):
    """What stands behind an interface, as far as its name and the system tell."""

    LOCAL = "a network around this machine"  # Ethernet, Wi-Fi
    VIRTUAL = "containers or virtual machines"
    TUNNEL = "a VPN"


@dataclass(frozen=True, slots=True)
class Interface:
    """One address of an interface that is up.

    Attributes:
      name: As the system calls it: "eth0", "en0", "Wi-Fi".
      address: A literal, without zone.
      network: That it reaches directly, by its netmask.
      fleeting: Nobody should be told of it, since it will be gone soon or may not be had yet; as far as the system tells.
    """

    name: str
    address: str
    network: Network
    kind: Kind
    fleeting: bool = False

    def __str__(self) -> str:
        return f"{self.address} on {self.name}"


class Several(Exception):
    """There is more than one interface that may be meant; `found` are they."""

    def __init__(self, found: Sequence[Interface]) -> None:
        super().__init__("several interfaces")
        self.found = tuple(found)


# What our authority may sign (`certs.limits`) and a stranger on the internet cannot reach: RFC 1918, RFC 4193, RFC 3927.
_PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "169.254.0.0/16"))
)  # the best first
_UNIQUE_LOCAL = ip_network("fc00::/7")  # RFC 4193
# RFC 6598: of a provider's customers among each other, and of VPNs that join machines (Tailscale). Private in its way, but
# who else is there nobody can say but the one who names it.
_SHARED = ip_network("100.64.0.0/10")
# Names that drivers and programs give. Whatever is not among them may well be a network card.
_VIRTUAL = re.compile(
    r"(docker|br-|veth|virbr|vmnet|vboxnet|vnet|lxc|lxd|cni|flannel|cali|podman|bridge\d|vEthernet)", re.I
)
_TUNNEL = re.compile(r"(tun|tap|wg|utun|ppp|ipsec|tailscale|zt|gpd|nordlynx|proton|awdl|llw)", re.I)
_NAME_ONE = "name one: tunnel share --interface NAME TARGET (or --address ADDRESS)"


def kind_of(name: str) -> Kind:
    """Return what an interface is for, by its name."""
    if _VIRTUAL.match(name):
        return Kind.VIRTUAL
    return Kind.TUNNEL if _TUNNEL.match(name) else Kind.LOCAL


def choose(found: Sequence[Interface], *, interface: str = "", address: str = "") -> Interface:
    """Return where a service is shared.

    Args:
      found: What this machine has.
      interface: The one that was named; empty for none.
      address: The address that was named; empty for none.

    Raises:
      UsageError: There is none, or what was named is not there or reaches further than a local network.
      Several: More than one may be meant.
    """
    if address:
        return _addressed(found, interface, address)
    private = [one for one in found if _rank(one.address) is not None]
    if interface:
        mine = [one for one in found if one.name == interface]
        if not mine:
            raise UsageError(f"there is no interface {interface!r} that is up and has an address", hint=_those(private))
        private = [one for one in mine if _rank(one.address) is not None]
        if not private:
            raise UsageError(
                f"{interface} has no private address: {', '.join(one.address for one in mine)} can be reached from further"
                " away than a local network",
                hint=next((_named(one) for one in mine if ip_address(one.address) in _SHARED), _NAME_ONE),
            )
    if not private:
        raise UsageError(
            "this machine is in no local network: no interface that is up has a private address",
            hint="connect it to one, and look with: " + ("ip address" if Path("/proc").is_dir() else "ifconfig"),
        )
    best = _best_of_each(private)
    local = [one for one in best if one.kind is Kind.LOCAL] or best
    if len(local) > 1:
        raise Several(local)
    return local[0]


def beside(found: Sequence[Interface], chosen: Interface) -> Interface | None:
    """Return the IPv6 address that a service is shared on beside an IPv4 address, None for none.

    It is one of the same interface, and unique local. A global one may be reached from the internet, where nothing stands
    before this machine that keeps it out, and our authority signs for no such address.
    """
    if ip_address(chosen.address).version == 6:
        return None
    there = (one for one in found if one.name == chosen.name and not one.fleeting)
    return next((one for one in there if ip_address(one.address) in _UNIQUE_LOCAL), None)


def _addressed(found: Sequence[Interface], interface: str, address: str) -> Interface:
    try:
        wanted = ip_address(address)
    except ValueError:
        raise UsageError(f"--address {address!r} is not an address", hint=_those(found)) from None
    if wanted.is_loopback or wanted.is_unspecified:
        hint = (
            "for this machine alone: tunnel TARGET"
            if wanted.is_loopback
            else f"a share has one address: {_those(found)}"
        )
        raise UsageError(f"--address {address} is not an address in a local network", hint=hint)
    for one in found:
        if ip_address(one.address) == wanted and (not interface or one.name == interface):
            if _rank(one.address) is None and wanted not in _SHARED:
                raise UsageError(
                    f"{address} is not a private address: it can be reached from further away than a local network, and the"
                    " authority signs for no such address",
                    hint=_those([one for one in found if _rank(one.address) is not None]),
                )
            return one
    where = f" on {interface}" if interface else ""
    raise UsageError(f"this machine does not have the address {address}{where}", hint=_those(found))


def _rank(address: str) -> int | None:
    """Return how well an address serves, 0 the best; None for one that is not private."""
    at = ip_address(address)
    return next((rank for rank, network in enumerate(_PRIVATE) if at in network), None)


def _best_of_each(found: Sequence[Interface]) -> list[Interface]:
    """Return one address for each interface. One of 169.254/16 means that nobody gave a better one: last of all."""
    best: dict[str, Interface] = {}
    for one in sorted(found, key=lambda one: (one.fleeting, _rank(one.address) or 0)):
        best.setdefault(one.name, one)
    given = [one for one in best.values() if _rank(one.address) != len(_PRIVATE) - 1]
    return given or list(best.values())


def _those(found: Sequence[Interface]) -> str:
    return f"there are: {', '.join(map(str, found))}" if found else "there is none"


def _named(one: Interface) -> str:
    return f"if that is where you mean: tunnel share --address {one.address} TARGET"
