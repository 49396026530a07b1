"""Firewalls: whatever their tools print, it means something or nothing, and what is said of it is one sentence to show.

Input: the output, given to every reader of such outputs.
"""

from ipaddress import ip_network
from pathlib import Path

from tunnel.net import firewall_fronts, firewall_iptables, firewall_macos, firewall_nft, firewall_windows
from tunnel.net.firewall_rules import Fits, Passage

_RECORDED = Path(__file__).parents[2] / "net" / "firewalls"
_HERE = Passage("10.78.0.1", ip_network("10.78.0.0/24"), 62893, "lan0")
_HERE_V6 = Passage("fd78::1", ip_network("fd78::/64"), 62893, "lan0")

WORDS = [
    b'"match":', b'"set":', b'"range":', b'"prefix":', b'"elem":', b'"concat":', b'"vmap":', b'"jump":', b'"@',
    b"null", b"{}", b"[]",
    b'{"accept": null}', b"-A INPUT ", b" -j ", b" ! ", b" -s ", b"/0", b"/33", b":INPUT DROP [0:0]\n", b"*filter\n",
    b"1:2:3",
    b'"', b"\\",
    b"rule ", b' accept"', b'source address="', b"ports: ", b"-1/tcp", b"target: ", b"State = ", b"Enabled", b"\xff",
    b"\x00",
]  # fmt: skip
SEEDS = [
    *(path.read_bytes() for path in sorted((_RECORDED / "recorded").iterdir()) if path.stat().st_size < 6000),
    *(path.read_bytes() for path in sorted(_RECORDED.glob("*.iptables"))),
    b'{"category":"Private","profiles":[{"Name":"Private","Enabled":"True","Inbound":"Block"}],"rules":[{"Action":"Allow"}]}',
    b"Firewall is enabled. (State = 1)", b"Incoming connection to the application is blocked",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    text = data.decode(errors="replace")
    for here in _HERE, _HERE_V6:
        try:
            found = firewall_nft.refusal(text, here)
            assert found is None or isinstance(found.where, str)
        except ValueError:
            pass  # said to be no ruleset
        firewall_iptables.refusal(text, here)
        assert isinstance(firewall_fronts.firewalld_lets_in(text, here), Fits)
    try:
        firewall_windows.lets_in(text)
    except ValueError:
        pass
    firewall_fronts.firewalld_zone(text, "lan0", "public")
    firewall_fronts.ufw_is_on(text)
    firewall_fronts.ufw_lets_in(text)
    firewall_macos.is_on(text)
    firewall_macos.blocks_all(text, text)
    firewall_macos.lets_in(text)
