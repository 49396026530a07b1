"""What we say of a firewall, beside what the kernel does: rules are loaded at one host, and the other tries to connect."""

import socket
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.helpers.servers import needed
from tests.lan.hosts import Host, cable, host
from tunnel.net.firewall import Machine, Obstacle, Passage, look
from tunnel.net.firewall_rules import MDNS, MDNS_PORT

pytestmark = [pytest.mark.real, pytest.mark.lan]

RULES = Path(__file__).parent.parent / "net" / "firewalls"
PORT, SILENCE = 62893, 0.5  # seconds without an answer: what drops never gives one
LAN, LAN_V6 = ip_network("10.78.0.0/24"), ip_network("fd78::/64")
HERE, THERE = {4: "10.78.0.1", 6: "fd78::1"}, {4: "10.78.0.7", 6: "fd78::7"}


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """The laptop, whose rules these are, listening; and a phone."""
    with host("laptop") as laptop, host("phone") as phone:
        addresses = [[f"{end[4]}/24", f"{end[6]}/64"] for end in (HERE, THERE)]
        cable(laptop, phone, "lan0", *addresses)
        with laptop.listen(HERE[4], PORT), laptop.do(_listen_v6):
            yield laptop, phone


def _listen_v6() -> socket.socket:
    return socket.create_server((HERE[6], PORT), family=socket.AF_INET6)


def _load(laptop: Host, rules: Path) -> None:
    if rules.suffix == ".nft":
        argv = [needed("nft", "nftables"), "-f", str(rules)]
        done = laptop.do(subprocess.run, argv, capture_output=True, text=True)
    else:
        argv = [needed("iptables-restore", "iptables")]
        done = laptop.do(subprocess.run, argv, input=rules.read_text(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _reaches(phone: Host, version: int = 4) -> bool:
    try:
        phone.connect(HERE[version], PORT, patience=SILENCE).close()
    except OSError:
        return False
    return True


def _told(laptop: Host, version: int = 4) -> Obstacle | None:
    network = LAN if version == 4 else LAN_V6
    return laptop.do(look, Passage(HERE[version], network, PORT, "lan0"), Machine())


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    "name", sorted(path.name for path in RULES.glob("*.*") if path.suffix in (".nft", ".iptables"))
)
def test_what_is_said_is_what_happens(hosts: tuple[Host, Host], name: str, version: int) -> None:
    laptop, phone = hosts
    _load(laptop, RULES / name)
    told = _told(laptop, version)

    if told is None or told.sure:
        assert (told is None) == _reaches(phone, version), told


@pytest.mark.parametrize(
    "name",
    ["workstation.nft", "two-tables.nft", "last-rule-rejects.nft", "policy.iptables", "last-rule-rejects.iptables"],
)
def test_the_command_that_is_named_opens_just_this(hosts: tuple[Host, Host], name: str) -> None:
    laptop, phone = hosts
    _load(laptop, RULES / name)
    told = _told(laptop)
    assert told is not None
    assert not _reaches(phone)

    _type(laptop, told.opens)

    assert _reaches(phone)
    assert _told(laptop) is None
    with laptop.listen(HERE[4], PORT - 1), pytest.raises(OSError, match=r"timed out|No route|refused"):
        phone.connect(HERE[4], PORT - 1, patience=SILENCE)
    if told.firewall == "iptables":  # nft removes a rule by a number that it must be asked for
        _type(laptop, told.closes)
        assert not _reaches(phone)


def _type(laptop: Host, line: str) -> None:
    done = laptop.do(subprocess.run, line.removeprefix("sudo "), shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name",
    ["nothing.nft", "workstation.nft", "port.nft", "blocklist.nft", "names.nft", "policy.iptables", "names.iptables"],
)
def test_whether_names_can_be_asked_for_is_said_too(hosts: tuple[Host, Host], name: str) -> None:
    laptop, phone = hosts
    _load(laptop, RULES / name)
    told = laptop.do(look, Passage.of_names(LAN, "lan0"), Machine())

    assert (told is None) == _hears(laptop, phone), told
    if told is not None:
        assert "names under .local" in told.what
        _type(laptop, told.opens)
        assert _hears(laptop, phone)


def _hears(laptop: Host, phone: Host) -> bool:
    """Send a datagram to where names are asked for, and see whether it comes."""

    def listening() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((MDNS[4], MDNS_PORT))
        sock.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(MDNS[4]) + socket.inet_aton(HERE[4])
        )
        sock.settimeout(SILENCE)
        return sock

    def asking() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((THERE[4], MDNS_PORT))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(THERE[4]))
            sock.sendto(b"who?", (MDNS[4], MDNS_PORT))

    with laptop.do(listening) as sock:
        phone.do(asking)
        try:
            return sock.recv(9) == b"who?"
        except TimeoutError:
            return False


def test_looking_changes_nothing(hosts: tuple[Host, Host]) -> None:
    laptop, _ = hosts
    _load(laptop, RULES / "workstation.nft")
    before = laptop.do(subprocess.check_output, ["nft", "list", "ruleset"])
    _told(laptop)

    assert laptop.do(subprocess.check_output, ["nft", "list", "ruleset"]) == before
