"""ufw and firewalld, by which most Linux systems keep their rules: what they say, and how they open a port. Pure.

ufw answers root alone; the files that it was configured by are open to everybody, and say whether it is on and what becomes
of what no rule names. firewalld answers anybody who sits at the machine.
"""

import re
from ipaddress import ip_network

from tunnel.net.firewall_rules import Fits, Passage, any_of, destination_fits, ends, fits, source_fits


def ufw_is_on(conf: str) -> bool:
    """Whether ufw is switched on, by /etc/ufw/ufw.conf."""
    return _setting(conf, "ENABLED").lower() == "yes"


def ufw_lets_in(defaults: str) -> bool:
    """Whether ufw lets in what no rule names, by /etc/default/ufw."""
    return _setting(defaults, "DEFAULT_INPUT_POLICY").upper() == "ACCEPT"


def ufw_active(status: str) -> bool:
    """Whether ufw is on, by what `ufw status` printed (in English: asked with LC_ALL=C)."""
    return status.startswith("Status: active")


def ufw_opens(passage: Passage) -> tuple[str, str]:
    """Return the commands that open just this port to just this network, and close it again."""
    rule = f"allow proto {passage.protocol} from {passage.network} to {passage.address} port {passage.port}"
    return f"sudo ufw {rule}", f"sudo ufw delete {rule}"


def firewalld_zone(active: str, interface: str, default: str) -> str:
    """Return the zone of an interface.

    Args:
      active: What `firewall-cmd --get-active-zones` printed.
      default: What `firewall-cmd --get-default-zone` printed.
    """
    zone = ""
    for line in active.splitlines():
        if not line[:1].isspace():
            zone = line.split(" ")[0]  # newer ones add "(default)"
        elif line.strip().startswith("interfaces:") and interface in line.split()[1:]:
            return zone
    return default.strip()


def firewalld_lets_in(zone: str, passage: Passage) -> Fits:
    """Whether a zone lets a connection in, by what `firewall-cmd --zone=… --list-all` printed."""
    values = {}
    rich = []
    for line in zone.splitlines():
        name, colon, value = line.strip().partition(":")
        if line.strip().startswith("rule "):
            rich.append(line.strip())
        elif colon:
            values[name] = value.strip()
    if values.get("target") == "ACCEPT":
        return Fits.YES
    ports = any_of(_firewalld_port(each, passage) for each in values.get("ports", "").split())
    if passage.multicast and "mdns" in values.get("services", "").split():
        return Fits.YES
    # A rich rule that refuses goes before one that accepts, as firewalld orders them.
    refused = any_of(_rich(rule, passage) for rule in rich if re.search(r"\b(reject|drop)\b", rule))
    accepted = any_of(_rich(rule, passage) for rule in rich if rule.endswith("accept"))
    if refused is Fits.YES:
        return Fits.NO
    return any_of((ports, accepted))


def firewalld_opens(zone: str, passage: Passage) -> tuple[str, str]:
    """Return the commands that open just this port to just this network, and close it again.

    The rule lasts until firewalld is loaded again, or as long as the share does where that has an end.
    """
    rule = (
        f'rule family="ipv{passage.version}" source address="{passage.network}" '
        f'destination address="{passage.address}" port port="{passage.port}" protocol="{passage.protocol}" accept'
    )
    end = f" --timeout={round(passage.seconds)}" if passage.seconds else ""
    command = f"sudo firewall-cmd --zone={zone}"
    return f"{command} --add-rich-rule='{rule}'{end}", f"{command} --remove-rich-rule='{rule}'"


def _setting(text: str, name: str) -> str:
    found = re.findall(rf"^\s*{name}\s*=\s*[\"']?([A-Za-z]*)", text, re.MULTILINE)
    return found[-1] if found else ""


def _firewalld_port(text: str, passage: Passage) -> Fits:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?/(\w+)", text)
    if found is None or not passage.is_of(found[3]):
        return Fits.NO
    return fits(int(found[1]) <= passage.port <= int(found[2] or found[1]))


def _rich(rule: str, passage: Passage) -> Fits:
    """Whether a rich rule speaks of a connection (firewalld.richlanguage(5))."""
    family = re.search(r'\bfamily="(ipv[46])"', rule)
    if family and family[1] != f"ipv{passage.version}":
        return Fits.NO
    port = re.search(r'\bport port="([\d-]+)" protocol="(\w+)"', rule)
    if port and _firewalld_port(f"{port[1]}/{port[2]}", passage) is Fits.NO:
        return Fits.NO
    if not port and re.search(r"\b(service|protocol|icmp-block|icmp-type|masquerade|forward-port|source-port)\b", rule):
        return Fits.NO
    destination = re.search(r'\bdestination address="([^"]+)"', rule)
    if destination and _there(destination[1], passage) is Fits.NO:
        return Fits.NO
    source = re.search(r'\bsource (NOT )?address="([^"]+)"', rule)
    if source is None:
        return Fits.PERHAPS if re.search(r"\bsource\b", rule) else Fits.YES
    try:
        fit = source_fits(passage.network, *ends(ip_network(source[2], strict=False)))
    except ValueError:
        return Fits.PERHAPS
    return fit.inverted() if source[1] else fit


def _there(text: str, passage: Passage) -> Fits:
    try:
        return destination_fits(passage.address, *ends(ip_network(text, strict=False)))
    except ValueError:
        return Fits.PERHAPS
