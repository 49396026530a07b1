"""Firewall rules: one new connection followed through chains of rules, as the kernel would follow it. Pure.

What a rule says is for the readers of each tool (`firewall_nft`, `firewall_iptables`); here is only how verdicts add up.
A rule may depend on what nobody can know beforehand (a rate, a set that fills itself, part of the network). Then:

- one that would let the connection in makes a later refusal unsure;
- one that would refuse it is passed over: a warning without a cause costs more than one that is missing.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from tunnel.model.share import Network

# Where names under .local are asked for (RFC 6762 §3).
MDNS_PORT = 5353
MDNS = {4: "224.0.0.251", 6: "ff02::fb"}

_NUMBERS = {"tcp": 6, "udp": 17}  # of protocols over IP


@dataclass(frozen=True, slots=True)
class Passage:
    """One new TCP connection, as a firewall judges it: from anywhere in a network, to one address and port. Or a datagram.

    Attributes:
      address: Of the listener, a literal.
      network: Where clients are.
      interface: On which they arrive ("wlan0").
      seconds: How long it is wanted; 0 for no end.
      protocol: "tcp", or "udp" for a question about names.
    """

    address: str
    network: Network
    port: int
    interface: str
    seconds: float = 0.0
    protocol: str = "tcp"

    @classmethod
    def of_names(cls, network: Network, interface: str, seconds: float = 0.0) -> "Passage":
        """Return the one that questions about names under `.local` take."""
        return cls(MDNS[network.version], network, MDNS_PORT, interface, seconds, "udp")

    @property
    def multicast(self) -> bool:
        """Whether it is to everybody who listens."""
        return self.address in MDNS.values()

    def is_of(self, protocol: object) -> bool:
        """Whether that is its protocol, by name or number."""
        return str(protocol) in (self.protocol, str(_NUMBERS[self.protocol]))

    @property
    def version(self) -> int:
        """4 or 6, of IP."""
        return self.network.version


class Fits(enum.Enum):
    """Whether a connection is one that a rule speaks of."""

    YES = enum.auto()
    NO = enum.auto()
    PERHAPS = enum.auto()

    def inverted(self) -> "Fits":
        """What holds of the opposite."""
        return {Fits.YES: Fits.NO, Fits.NO: Fits.YES}.get(self, self)


def fits(true: bool) -> Fits:
    """Say of what is known that it is so, or not."""
    return Fits.YES if true else Fits.NO


def all_of(parts: Iterable[Fits]) -> Fits:
    """Whether all parts fit, as a rule's conditions must."""
    found = set(parts)
    return next((each for each in (Fits.NO, Fits.PERHAPS) if each in found), Fits.YES)


def any_of(parts: Iterable[Fits]) -> Fits:
    """Whether one of the parts fits, as an element of a set must."""
    found = set(parts)
    return next((each for each in (Fits.YES, Fits.PERHAPS) if each in found), Fits.NO)


def source_fits(network: Network, first: IPv4Address | IPv6Address, last: IPv4Address | IPv6Address) -> Fits:
    """Whether clients of a network come from a range of addresses: all of them, none, or some."""
    if first.version != network.version:
        return Fits.NO
    begin, end = int(network.network_address), int(network.broadcast_address)
    if int(first) <= begin and end <= int(last):
        return Fits.YES
    return Fits.NO if int(last) < begin or end < int(first) else Fits.PERHAPS


def destination_fits(address: str, first: IPv4Address | IPv6Address, last: IPv4Address | IPv6Address) -> Fits:
    """Whether a listener's address is in a range."""
    here = ip_address(address)
    return fits(here.version == first.version and int(first) <= int(here) <= int(last))


def ends(network: IPv4Network | IPv6Network) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    """Return the first and the last address of a network."""
    return network.network_address, network.broadcast_address


class Does(enum.Enum):
    """What a rule does to what fits it."""

    ACCEPT = enum.auto()
    REFUSE = enum.auto()  # drop or reject
    JUMP = enum.auto()
    GOTO = enum.auto()
    RETURN = enum.auto()
    NOTHING = enum.auto()  # it counts, logs, marks


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, read with one connection in mind.

    Attributes:
      target: The chain to jump or go to.
    """

    fits: Fits
    does: Does
    target: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order.

    Attributes:
      name: As its tool calls it.
      policy: What happens at its end; None for a chain that others jump to.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    policy: Does | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a connection came to.

    Attributes:
      verdict: `ACCEPT`, `REFUSE`, or None where a chain ended without one.
      perhaps: A rule on the way might have let it in.
      where: The chain that refused it.
    """

    verdict: Does | None
    perhaps: bool = False
    where: str = field(default="")


def follow(chains: Mapping[str, Chain], name: str, known: dict[str, Followed] | None = None) -> Followed:
    """Follow the connection through a chain, and those it jumps to, until a verdict or its end.

    Args:
      known: Where it came to in chains that were followed before: each is followed once, however many jump to it.
    """
    known = {} if known is None else known
    if name not in known:
        known[name] = Followed(None)  # what a chain comes to that leads to itself, which no kernel allows
        if (chain := chains.get(name)) is not None:
            known[name] = _through(chain, chains, known)
    return known[name]


def _through(chain: Chain, chains: Mapping[str, Chain], known: dict[str, Followed]) -> Followed:
    perhaps = False
    for rule in chain.rules:
        if rule.fits is Fits.NO:
            continue
        sure = rule.fits is Fits.YES
        match rule.does:
            case Does.ACCEPT if sure:
                return Followed(Does.ACCEPT)
            case Does.ACCEPT:
                perhaps = True
            case Does.REFUSE if sure:
                return Followed(Does.REFUSE, perhaps, chain.name)
            case Does.RETURN if sure:
                break
            case Does.JUMP | Does.GOTO:
                inner = follow(chains, rule.target, known)
                perhaps = perhaps or inner.perhaps or (not sure and inner.verdict is Does.ACCEPT)
                if sure and inner.verdict is not None:
                    return Followed(inner.verdict, perhaps, inner.where)
                if sure and rule.does is Does.GOTO:
                    break
    return Followed(chain.policy, perhaps, chain.name if chain.policy is Does.REFUSE else "")
