"""A share on an address of IPv6: the same holds there, where all of a network is one /64."""

from collections.abc import Iterator

import pytest

from tests.lan.guests import Device
from tests.lan.network import LAPTOP_V6, PHONE_V6, SERVER, SERVER_V6, VPN_ADDRESS, Network, open_ports
from tests.lan.service import SECRET, Service
from tests.lan.shares import Shared
from tests.share.attacks import get

pytestmark = pytest.mark.lan


@pytest.fixture(scope="module")
def share(hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with Shared(hosts, counted.port, tmp_path_factory.mktemp("share"), address=SERVER_V6) as running:
        yield running


def test_a_scan_finds_it_on_its_address_alone(hosts: Network, share: Shared) -> None:
    assert open_ports(hosts.visitor, SERVER_V6) == [share.port]
    for scanner, address in (hosts.visitor, SERVER), (hosts.visitor, "fe80::1%lan0"), (hosts.elsewhere, VPN_ADDRESS):
        assert open_ports(scanner, address, range(share.port, share.port + 1)) == []


def test_a_copied_cookie_is_worth_nothing_to_a_neighbour_in_the_same_64(share: Shared, service: Service) -> None:
    phone, laptop = Device(share, PHONE_V6), Device(share, LAPTOP_V6)
    phone.join()
    assert phone.ask(b"/mine").body == SECRET
    laptop.cookies = dict(phone.cookies)
    service.forget()

    assert laptop.ask(b"/secret").status == 401
    assert service.connections == 0
    assert phone.ask(b"/still").body == SECRET


@pytest.mark.parametrize(
    "host",
    [
        "[fd77::2]:{port}",
        "[fe80::1]:{port}",
        "[fe80::1%25lan0]:{port}",
        "[::1]:{port}",
        "[::]:{port}",
        "[fd77::1]:1",
        "[fd77::1]",
    ],
)
def test_a_host_that_is_another_address_is_refused(share: Shared, service: Service, host: str) -> None:
    request = get(b"/").replace(b"{host}", host.format(port=share.port).encode(), 1)
    for tls in (True, False):
        assert share.ask(request, PHONE_V6, tls=tls).status in (400, 421)
    assert service.connections == 0


def test_its_address_may_be_written_in_full(share: Shared, service: Service) -> None:
    request = get(b"/").replace(b"{host}", b"[FD77:0:0:0:0:0:0:1]:%d" % share.port, 1)

    assert share.ask(request, PHONE_V6).status == 401
