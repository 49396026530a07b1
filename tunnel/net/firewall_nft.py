"""nftables: what `nft -j list ruleset` says of one new connection (libnftables-json(5)). Pure.

Tables that iptables keeps in nftables hold rules that JSON does not tell ("xt"); those are for `firewall_iptables`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from tunnel.net.firewall_rules import (
    Chain,
    Does,
    Fits,
    Followed,
    Passage,
    Rule,
    all_of,
    any_of,
    destination_fits,
    ends,
    fits,
    follow,
    source_fits,
)

Json = Any  # whatever a ruleset holds; every look into it expects nothing

_FAMILIES = {4: ("ip", "inet"), 6: ("ip6", "inet")}
_HOOKS = ("prerouting", "input")
_VERDICTS = {"accept": Does.ACCEPT, "drop": Does.REFUSE, "reject": Does.REFUSE, "return": Does.RETURN}
# Statements that let a connection go on to the next rule, whatever they do besides.
_HARMLESS = {
    "counter",
    "log",
    "mangle",
    "notrack",
    "ct helper",
    "ct timeout",
    "set",
    "map",
    "meter",
    "last",
    "flow",
    "dup",
}


@dataclass(frozen=True, slots=True)
class Base:
    """A chain that the kernel hands connections to, and the chains of its table."""

    family: str
    table: str
    chain: str
    priority: int
    chains: Mapping[str, Chain]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The chain that refuses a connection, with what a command needs to name its base chain.

    Attributes:
      sure: No rule before it might have let the connection in.
    """

    family: str
    table: str
    chain: str
    where: str
    sure: bool


def refusal(text: str, passage: Passage) -> Refusal | None:
    """Return what refuses a connection, or None where nothing does.

    Args:
      text: What `nft -j list ruleset` printed.

    Raises:
      ValueError: It is no such text.
    """
    try:
        bases = sorted(_bases(text, passage), key=lambda base: base.priority)
    except (msgspec.DecodeError, TypeError, KeyError, AttributeError, IndexError) as error:
        # It is not JSON, or what stands where the schema has an object, a list or a name is something else.
        raise ValueError(f"not a ruleset: {error!r}") from error
    for base in bases:
        followed: Followed = follow(base.chains, base.chain)
        if followed.verdict is Does.REFUSE:
            return Refusal(base.family, base.table, base.chain, followed.where, not followed.perhaps)
    return None


def _bases(text: str, passage: Passage) -> Iterable[Base]:
    told = msgspec.json.decode(text)["nftables"]
    objects = [(kind, value) for each in told for kind, value in each.items() if isinstance(value, dict)]
    for family in _FAMILIES[passage.version]:
        ours = [(kind, value) for kind, value in objects if value.get("family") == family]
        for table in (value["name"] for kind, value in ours if kind == "table"):
            inside = [(kind, value) for kind, value in ours if value.get("table") == table]
            rules = [value for kind, value in inside if kind == "rule"]
            if any("xt" in statement for rule in rules for statement in _statements(rule)):
                continue  # iptables put it there, and tells it better
            sets = {value["name"]: value for kind, value in inside if kind in ("set", "map")}
            reader = _Reader(passage, sets)
            heads = [value for kind, value in inside if kind == "chain"]
            chains = {head["name"]: _chain(head, rules, reader) for head in heads}
            for head in heads:
                if head.get("hook") in _HOOKS and head.get("type") == "filter":
                    yield Base(family, table, head["name"], head.get("prio", 0), chains)


def _chain(head: Json, rules: Iterable[Json], reader: "_Reader") -> Chain:
    own = [each for rule in rules if rule.get("chain") == head["name"] for each in reader.rules(_statements(rule))]
    policy = _VERDICTS.get(head.get("policy", "accept"), Does.ACCEPT) if "hook" in head else None
    return Chain(head["name"], tuple(own), policy)


def _statements(rule: Json) -> list[Json]:
    return [each for each in rule.get("expr", ()) if isinstance(each, dict)]


class _Reader:
    """Reads rules with one connection in mind.

    Args:
      sets: Named sets and maps of the table.
    """

    def __init__(self, passage: Passage, sets: Mapping[str, Json]) -> None:
        self._passage = passage
        self._sets = sets

    def rules(self, statements: Iterable[Json]) -> Iterable[Rule]:
        """Yield what a rule does; several where it chooses among verdicts by a map."""
        conditions: list[Fits] = []
        for statement in statements:
            for kind, value in statement.items():
                if kind == "match":
                    conditions.append(self._match(value))
                elif kind == "vmap":
                    for key, verdict in self._elements(value.get("data"), pairs=True):
                        fit = all_of([*conditions, self._one(value.get("key"), key)])
                        yield from self._verdict(fit, verdict)
                elif kind in _VERDICTS or kind in ("jump", "goto", "queue"):
                    yield from self._verdict(all_of(conditions), {kind: value})
                elif kind not in _HARMLESS:
                    conditions.append(Fits.PERHAPS)  # a rate, a count of connections, or newer than this text

    def _verdict(self, fit: Fits, verdict: Json) -> Iterable[Rule]:
        for kind, value in verdict.items() if isinstance(verdict, dict) else ():
            match kind:
                case "jump" | "goto" if isinstance(value, dict):
                    yield Rule(fit, Does[kind.upper()], str(value.get("target", "")))
                case "queue":  # another program decides
                    yield Rule(all_of((fit, Fits.PERHAPS)), Does.ACCEPT)
                case _ if kind in _VERDICTS:
                    yield Rule(fit, _VERDICTS[kind])

    def _match(self, match: Json) -> Fits:
        left, right = match.get("left"), match.get("right")
        match match.get("op"):
            case "==" | "in":
                return self._one(left, right)
            case "!=":
                return self._one(left, right).inverted()
            case "<" | "<=" | ">" | ">=" as op if (
                isinstance(right, int) and self._field(left) == f"{self._passage.protocol} dport"
            ):
                here = self._passage.port
                return fits({"<": here < right, "<=": here <= right, ">": here > right, ">=": here >= right}[op])
        return Fits.PERHAPS

    def _one(self, left: Json, right: Json) -> Fits:
        """Whether what is looked at on the left is what is on the right, or one of it."""
        if isinstance(right, list):
            return any_of(self._one(left, each) for each in right)
        if isinstance(right, str) and right.startswith("@"):
            known = self._sets.get(right[1:])
            filling = known is None or "dynamic" in known.get("flags", ())  # by rules, while connections come
            now = [self._one(left, element) for element, _ in self._elements(right)]
            return any_of([*now, Fits.PERHAPS] if filling else now)
        if isinstance(right, dict) and "set" in right:
            return any_of(self._one(left, element) for element, _ in self._elements(right))
        if isinstance(right, dict) and "elem" in right:
            return self._one(left, right["elem"].get("val"))
        if isinstance(left, dict) and "concat" in left and isinstance(right, dict) and "concat" in right:
            return all_of(self._one(one, other) for one, other in zip(left["concat"], right["concat"], strict=False))
        return self._plain(self._field(left), right)

    def _elements(self, of: Json, *, pairs: bool = False) -> list[tuple[Json, Json]]:
        """Return the elements of a set, with what they map to."""
        if isinstance(of, str):
            of = {"set": self._sets.get(of.removeprefix("@"), {}).get("elem", [])}
        elements = of.get("set", []) if isinstance(of, dict) else []
        if not isinstance(elements, list):
            elements = [elements]
        if pairs:
            return [(each[0], each[1]) for each in elements if isinstance(each, list) and len(each) == 2]
        return [(each, None) for each in elements]

    def _field(self, left: Json) -> str:
        """Name what is looked at: "tcp dport", "ip saddr", "meta iifname", "ct state", "fib daddr type"."""
        match left:
            case {"payload": {"protocol": str(protocol), "field": str(field)}}:
                return f"{protocol} {field}"
            case {"meta": {"key": str(key)}} | {"meta": str(key)}:
                return f"meta {key}"
            case {"ct": {"key": str(key)}}:
                return f"ct {key}"
            case {"fib": {"result": "type", "flags": "daddr" | ["daddr"]}}:
                return "fib daddr type"
        return ""

    def _plain(self, field: str, value: Json) -> Fits:
        passage = self._passage
        match field, value:
            case "tcp dport" | "udp dport" | "th dport", _ if field.startswith((passage.protocol, "th")):
                return self._port(value)
            case "tcp dport" | "udp dport" | "sctp dport" | "icmp type" | "icmpv6 type", _:
                return Fits.NO
            case "meta l4proto" | "ip protocol" | "ip6 nexthdr", str() | int():
                return fits(passage.is_of(value))
            case "meta nfproto", str():
                return fits(value == f"ipv{passage.version}")
            case "meta protocol", str():
                return fits(value == ("ip" if passage.version == 4 else "ip6"))
            case "meta iifname" | "meta iif", str():
                return fits(fnmatchcase(passage.interface, value))
            case "meta pkttype", str():
                return fits(value in (("multicast",) if passage.multicast else ("host", "unicast")))
            case "ct state", str():
                return fits(value == "new")
            case "ct status", str():
                return fits(False)  # nothing has been done to a connection that is new
            case "fib daddr type", str():
                return fits(value == ("multicast" if passage.multicast else "local"))
            case "ip saddr" | "ip6 saddr", _:
                return self._address(field, value)
            case "ip daddr" | "ip6 daddr", _:
                return self._address(field, value)
        return Fits.PERHAPS

    def _port(self, value: Json) -> Fits:
        match value:
            case int():
                return fits(value == self._passage.port)
            case {"range": [int(first), int(last)]}:
                return fits(first <= self._passage.port <= last)
        return Fits.PERHAPS  # a name of /etc/services, or something newer

    def _address(self, field: str, value: Json) -> Fits:
        try:
            match value:
                case str():
                    first = last = ip_address(value)
                case {"prefix": {"addr": str(address), "len": int(length)}}:
                    first, last = ends(ip_network(f"{address}/{length}", strict=False))
                case {"range": [str(begin), str(end)]}:
                    first, last = ip_address(begin), ip_address(end)
                case _:
                    return Fits.PERHAPS
        except ValueError:
            return Fits.PERHAPS
        if field.endswith("saddr"):
            return source_fits(self._passage.network, first, last)
        return destination_fits(self._passage.address, first, last)
