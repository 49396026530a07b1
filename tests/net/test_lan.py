"""Which address a service is shared on: one of a local network, never more than one, never one that the internet reaches."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from tunnel.errors import UsageError
from tunnel.net.lan import Interface, Kind, Several, beside, choose, kind_of
from tunnel.net.lan_read import fleeting, interfaces


def at(name: str, address: str) -> Interface:
    """Return an interface by its address and the length of its netmask."""
    found = ip_interface(address)
    return Interface(name, str(found.ip), found.network, kind_of(name))


WIFI = at("wlan0", "192.168.1.5/24")
WIFI_6 = at("wlan0", "fd12::5/64")
WIRE = at("eth0", "10.0.0.5/8")
DOCKER = at("docker0", "172.17.0.1/16")
VPN = at("tailscale0", "100.100.1.2/32")
OFFICE_VPN = at("tun0", "10.9.0.2/24")
PUBLIC = at("eth1", "203.0.113.7/24")
PUBLIC_6 = at("wlan0", "2001:db8::5/64")
TEMPORARY_6 = replace(at("wlan0", "fd12::abcd/64"), fleeting=True)
NOBODYS = at("eth2", "169.254.7.7/16")


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([WIFI], WIFI),
        ([WIFI_6, WIFI], WIFI),  # people read IPv4 addresses to each other
        ([WIFI_6], WIFI_6),
        ([DOCKER, WIFI, OFFICE_VPN, VPN], WIFI),
        ([PUBLIC, WIFI], WIFI),
        ([NOBODYS, WIFI], WIFI),
        ([NOBODYS], NOBODYS),
        ([DOCKER, PUBLIC], DOCKER),  # a container's own world: there is nothing else
    ],
)
def test_the_one_local_network_is_chosen(found: list[Interface], chosen: Interface) -> None:
    assert choose(found) == chosen


def test_of_several_none_is_guessed() -> None:
    with pytest.raises(Several) as raised:
        choose([WIFI, WIFI_6, WIRE, DOCKER])

    assert raised.value.found == (WIRE, WIFI)


def test_a_named_interface_or_address_is_taken_whatever_else_there_is() -> None:
    found = [WIFI, WIFI_6, WIRE, DOCKER, OFFICE_VPN]

    assert choose(found, interface="wlan0") == WIFI
    assert choose(found, interface="tun0") == OFFICE_VPN
    assert choose(found, address="10.0.0.5") == WIRE
    assert choose(found, address="FD12:0::5") == WIFI_6
    assert choose(found, interface="wlan0", address="fd12::5") == WIFI_6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"interface": "en0"}, "no interface 'en0'"),
        ({"interface": "eth1"}, "eth1 has no private address: 203.0.113.7"),
        ({"address": "203.0.113.7"}, "further away than a local network"),
        ({"interface": "tailscale0"}, "tailscale0 has no private address: 100.100.1.2"),
        ({"address": "2001:db8::5"}, "further away than a local network, and the authority signs for no such address"),
        ({"address": "fd12::6"}, "does not have the address fd12::6"),
        ({"address": "192.168.1.6"}, "does not have the address 192.168.1.6"),
        ({"address": "10.0.0.5", "interface": "wlan0"}, "does not have the address 10.0.0.5 on wlan0"),
        ({"address": "0.0.0.0"}, "not an address in a local network"),
        ({"address": "::"}, "not an address in a local network"),
        ({"address": "127.0.0.1"}, "not an address in a local network"),
        ({"address": "phone"}, "'phone' is not an address"),
    ],
)
def test_what_cannot_be_shared_on_is_said_with_what_can(words: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        choose([WIFI, WIRE, PUBLIC, PUBLIC_6, VPN], **words)

    assert raised.value.hint


def test_a_machine_in_no_local_network_shares_nothing() -> None:
    with pytest.raises(UsageError, match="in no local network"):
        choose([PUBLIC, PUBLIC_6, VPN])


def test_an_address_that_is_shared_among_strangers_is_taken_where_it_is_named_and_nowhere_else() -> None:
    assert choose([WIFI, VPN], address="100.100.1.2") == VPN
    assert choose([WIFI, VPN]) == WIFI
    with pytest.raises(UsageError) as raised:
        choose([WIFI, VPN], interface="tailscale0")
    assert "tunnel share --address 100.100.1.2 TARGET" in raised.value.hint


@pytest.mark.parametrize(
    ("found", "chosen", "other"),
    [
        ([WIFI, WIFI_6], WIFI, WIFI_6),
        ([WIFI, PUBLIC_6, TEMPORARY_6, WIFI_6], WIFI, WIFI_6),
        ([WIFI, PUBLIC_6], WIFI, None),  # the internet may reach it, and no leaf can name it
        ([WIFI, TEMPORARY_6], WIFI, None),
        ([WIFI, at("eth0", "fd13::5/64")], WIFI, None),  # another network's
        ([WIFI, WIRE], WIFI, None),
        ([WIFI_6, at("wlan0", "fd14::5/64"), NOBODYS], WIFI_6, None),
        ([WIFI], WIFI, None),
    ],
)
def test_beside_an_ipv4_address_stands_a_lasting_unique_local_one_of_its_interface(
    found: list[Interface], chosen: Interface, other: Interface | None
) -> None:
    assert beside(found, chosen) == other


def test_an_address_that_is_gone_soon_is_chosen_last() -> None:
    assert choose([TEMPORARY_6, WIFI_6]) == WIFI_6
    assert choose([TEMPORARY_6]) == TEMPORARY_6


def test_what_the_kernel_says_of_an_address_tells_whether_it_lasts() -> None:
    told = """\
00000000000000000000000000000001 01 80 10 80       lo
fd120000000000000000000000000005 02 40 00 80    wlan0
fd12000000000000a1b2c3d4e5f60718 02 40 00 01    wlan0
fd120000000000000000000000000006 02 40 00 21    wlan0
fd130000000000000000000000000007 03 40 00 c0     eth0
fd130000000000000000000000000008 03 40 00 88     eth0
20010db8000000000000000000000005 03 40 00 00     eth0
fe80000000000000021122fffe334455 03 40 20 80     eth0
"""
    assert fleeting(told) == {
        ("wlan0", "fd12::a1b2:c3d4:e5f6:718"), ("wlan0", "fd12::6"), ("eth0", "fd13::7"), ("eth0", "fd13::8"),
    }  # fmt: skip
    assert fleeting("") == fleeting("something else\n") == set()


def test_what_means_this_machine_or_this_link_is_no_address_for_others() -> None:
    found = [at("lo", "127.0.0.1/8"), at("lo", "::1/128"), at("eth0", "fe80::1/64"), WIFI]

    assert interfaces(lambda: found) == [WIFI]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("eth0", Kind.LOCAL), ("en0", Kind.LOCAL), ("Wi-Fi", Kind.LOCAL), ("enp3s0", Kind.LOCAL), ("lan0", Kind.LOCAL),
        ("docker0", Kind.VIRTUAL), ("br-1a2b3c", Kind.VIRTUAL), ("veth12", Kind.VIRTUAL), ("vEthernet (WSL)", Kind.VIRTUAL),
        ("bridge100", Kind.VIRTUAL), ("utun3", Kind.TUNNEL), ("wg0", Kind.TUNNEL), ("tailscale0", Kind.TUNNEL),
    ],
)  # fmt: skip
def test_an_interface_is_known_by_its_name(name: str, kind: Kind) -> None:
    assert kind_of(name) is kind


def test_this_machines_own_interfaces_can_be_read() -> None:
    for one in interfaces():
        assert ip_interface(one.address).ip in one.network
