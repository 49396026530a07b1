"""Reach: what of the machine that shares can be reached from another host. One port, on one interface, and nothing else."""

import socket
import struct
from contextlib import suppress

import pytest

from tests.lan.network import (
    LAN,
    PHONE,
    SERVER,
    SERVER_CARRIER,
    SERVER_GLOBAL,
    SERVER_OLD,
    SERVER_V6,
    VPN_ADDRESS,
    VPN_V6,
    Network,
    open_ports,
)  # fmt: skip
from tests.lan.service import Service
from tests.lan.shares import Shared

pytestmark = pytest.mark.lan
MDNS = 5353
LOOPBACK = ("127.0.0.1", "::1")


def test_a_scan_finds_what_others_can_reach_and_nothing_else(hosts: Network) -> None:
    """The judge is judged first: it sees what listens to everybody, and not what listens to loopback."""
    with hosts.server.listen("0.0.0.0") as wide, hosts.server.listen("127.0.0.1") as narrow:
        port, hidden = wide.getsockname()[1], narrow.getsockname()[1]

        assert port in open_ports(hosts.visitor, SERVER)
        assert hidden not in open_ports(hosts.visitor, SERVER, range(hidden, hidden + 1))
        assert ("0.0.0.0", port) in hosts.server.listening()
        assert ("127.0.0.1", hidden) in hosts.server.listening()


@pytest.mark.parametrize("address", [SERVER, SERVER_V6])
def test_a_scan_of_all_ports_from_the_other_host_finds_the_share_alone(
    hosts: Network, share: Shared, address: str
) -> None:
    assert open_ports(hosts.visitor, address) == [share.port]


@pytest.mark.parametrize("address", [f"fe80::1%{LAN}", SERVER_GLOBAL, SERVER_OLD, SERVER_CARRIER])
def test_a_scan_of_the_other_addresses_of_the_interface_finds_nothing(
    hosts: Network, share: Shared, address: str
) -> None:
    assert open_ports(hosts.visitor, address) == []


@pytest.mark.parametrize("address", [VPN_ADDRESS, SERVER, VPN_V6, SERVER_V6])
def test_a_scan_from_another_network_finds_nothing_not_even_by_the_address_that_is_shared(
    hosts: Network, share: Shared, address: str
) -> None:
    assert open_ports(hosts.elsewhere, address) == []


def test_the_kernel_knows_of_no_other_listener_that_is_not_on_loopback(hosts: Network, share: Shared) -> None:
    beyond = {(address, port) for address, port in hosts.server.listening() if address not in LOOPBACK}

    assert beyond == {(SERVER, share.port), (SERVER_V6, share.port)}
    assert {port for address, port in hosts.server.listening() if address in LOOPBACK} > {share.inspector_port}


def test_of_udp_only_the_name_is_answered_for(hosts: Network, share: Shared) -> None:
    assert {port for address, port in hosts.server.listening("udp") if address not in LOOPBACK} <= {MDNS}


def test_the_name_is_not_answered_for_in_another_network_not_even_to_who_asks_for_it_directly(
    hosts: Network, share: Shared
) -> None:
    """Who asks one machine, and not all, is answered by it, wherever they are (RFC 6762 §5.5): unless it does not hear."""
    name = share.name.encode()
    question = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + bytes((len(name) - 6,)) + name.replace(b".local", b"\5local\0")
    question += struct.pack("!2H", 1, 1)  # A, IN

    def answered(address: str) -> bool:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            for _ in range(5):
                sock.sendto(question, (address, MDNS))
                with suppress(TimeoutError, ConnectionRefusedError):
                    return name.partition(b".")[0] in sock.recv(9000)
        return False

    assert hosts.visitor.do(answered, SERVER), "the judge is judged first"
    for address in (VPN_ADDRESS, SERVER, VPN_V6, SERVER_V6):
        assert not hosts.elsewhere.do(answered, address), address


def test_loopback_of_the_server_is_no_address_of_the_network(hosts: Network, share: Shared, service: Service) -> None:
    """A neighbour may send packets for 127.0.0.1 to the cable; none may be taken for the server's own."""
    hosts.visitor.sysctl("ipv4.conf.all.route_localnet", "1")
    hosts.visitor.sysctl(f"ipv4.conf.{LAN}.route_localnet", "1")
    hosts.visitor.ip("address", "del", "127.0.0.1/8", "dev", "lo")
    try:
        hosts.visitor.ip("route", "add", "127.0.0.1/32", "via", SERVER, "dev", LAN, "src", PHONE)
        for port in (share.inspector_port, service.port):
            assert open_ports(hosts.visitor, "127.0.0.1", range(port, port + 1)) == []
    finally:
        hosts.visitor.ip("address", "add", "127.0.0.1/8", "dev", "lo")
        hosts.visitor.ip("route", "flush", "127.0.0.1/32")
    assert service.connections == 0
