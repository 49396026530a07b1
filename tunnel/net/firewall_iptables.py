"""iptables: what `iptables-save` or `ip6tables-save` says of one new connection (iptables-extensions(8)). Pure.

Of its tables `filter` decides what comes in, `raw` and `mangle` may refuse before it; `nat` refuses nothing.
"""

import shlex
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from tunnel.net.firewall_rules import (
    Chain,
    Does,
    Fits,
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

# In the order in which the kernel asks them.
_BASES = (("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"))
_TARGETS = {"ACCEPT": Does.ACCEPT, "DROP": Does.REFUSE, "REJECT": Does.REFUSE, "RETURN": Does.RETURN}
_SYN = frozenset(("SYN",))  # what the first segment of a connection carries, of the flags that rules look at
# Options with a value that say nothing of which connections are meant.
_WORDLESS = {"-m", "--match", "--comment", "--reject-with", "--log-prefix", "--log-level", "--set-mark", "--set-xmark"}
_WORDLESS |= {"--nflog-group", "--nflog-prefix", "--queue-num", "--to-ports", "--set-dscp", "--restore-mark"}


def refusal(text: str, passage: Passage) -> tuple[str, bool] | None:
    """Return the chain that refuses a connection and whether that is sure, or None where nothing refuses it.

    Args:
      text: What `iptables-save` printed, or `ip6tables-save` for IPv6.
    """
    tables = _tables(text, passage)
    for table, base in _BASES:
        followed = follow(tables.get(table, {}), base)
        if followed.verdict is Does.REFUSE:
            return followed.where, not followed.perhaps
    return None


def _tables(text: str, passage: Passage) -> dict[str, dict[str, Chain]]:
    tables: dict[str, dict[str, Chain]] = {}
    chains: dict[str, Chain] = {}
    for line in text.splitlines():
        match line[:1]:
            case "*":
                chains = tables.setdefault(line[1:].strip(), {})
            case ":":
                name, policy, *_ = [*line[1:].split(), "-", "-"]
                chains[name] = Chain(name, (), _TARGETS.get(policy))
            case "-" | "[":  # with -c, counters stand before the rule
                words = _words(line[line.find("-A ") :])
                if len(words) > 2 and words[0] == "-A" and (chain := chains.get(words[1])) is not None:
                    chains[words[1]] = Chain(chain.name, (*chain.rules, _rule(words[2:], passage)), chain.policy)
    return tables


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []  # a comment with one quotation mark, cut off by who wrote it


def _rule(words: list[str], passage: Passage) -> Rule:
    conditions: list[Fits] = []
    does, target = Does.NOTHING, ""
    for option, values, inverted in _options(words):
        match option, values:
            case "-j" | "--jump", [str(name)]:
                does, target = _TARGETS.get(name, Does.JUMP), name
            case "-g" | "--goto", [str(name)]:
                does, target = Does.GOTO, name
            case _ if option not in _WORDLESS:
                fit = _condition(option, values, passage)
                conditions.append(fit.inverted() if inverted else fit)
    return Rule(all_of(conditions), does, target)


def _options(words: list[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Yield (option, values, whether `!` stood before it)."""
    at, inverted = 0, False
    while at < len(words):
        word, at = words[at], at + 1
        if word == "!":
            inverted = True
            continue
        begin = at
        while at < len(words) and not (words[at] == "!" or (words[at].startswith("-") and len(words[at]) > 1)):
            at += 1
        yield word, words[begin:at], inverted
        inverted = False


def _condition(option: str, values: list[str], passage: Passage) -> Fits:
    match option, values:
        case "-p" | "--protocol", [protocol]:
            return fits(protocol == "all" or passage.is_of(protocol))
        case "-i" | "--in-interface", [name]:
            return fits(passage.interface.startswith(name[:-1]) if name.endswith("+") else passage.interface == name)
        case "-s" | "--source" | "-d" | "--destination", [networks]:
            return any_of(_network(option in ("-s", "--source"), each, passage) for each in networks.split(","))
        case "--src-range" | "--dst-range", [range_]:
            return _range(option == "--src-range", range_, passage)
        case "--dport" | "--destination-port" | "--dports" | "--destination-ports", [ports]:
            return any_of(_port(each, passage.port) for each in ports.split(","))
        case "--ctstate" | "--state", [states]:
            return fits("NEW" in states.split(","))
        case "--dst-type", [types]:
            return fits(("MULTICAST" if passage.multicast else "LOCAL") in types.split(","))
        case "--pkt-type", [type_]:
            return fits(type_ == ("multicast" if passage.multicast else "unicast"))
        case "--tcp-flags", [mask, flags]:
            looked = _SYN & frozenset(mask.split(",")) if mask != "ALL" else _SYN
            return fits(looked == frozenset(flags.split(",")) - {"NONE"})
        case "--icmp-type" | "--icmpv6-type", _:
            return Fits.NO
    return Fits.PERHAPS  # a rate, a set, a mark, or newer than this text


def _network(source: bool, text: str, passage: Passage) -> Fits:
    try:
        first, last = ends(ip_network(text, strict=False))
    except ValueError:
        return Fits.PERHAPS
    return source_fits(passage.network, first, last) if source else destination_fits(passage.address, first, last)


def _range(source: bool, text: str, passage: Passage) -> Fits:
    begin, _, end = text.partition("-")
    try:
        first, last = ip_address(begin), ip_address(end or begin)
    except ValueError:
        return Fits.PERHAPS
    return source_fits(passage.network, first, last) if source else destination_fits(passage.address, first, last)


def _port(text: str, port: int) -> Fits:
    first, colon, last = text.partition(":")
    try:
        return fits(int(first or 0) <= port <= int(last or 65535) if colon else int(first) == port)
    except ValueError:
        return Fits.PERHAPS  # a name of /etc/services
