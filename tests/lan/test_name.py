"""A name under .local on a LAN of two hosts: one announces it, the other asks for it, over the kernel's real multicast."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
import trio
from zeroconf import (  # type: ignore[attr-defined]
    AddressResolver,
    AddressResolverIPv6,
    DNSNsec,
    DNSRecord,
    RecordUpdate,
    RecordUpdateListener,
    ServiceInfo,
    Zeroconf,
)

from tests.lan.hosts import Host, cable, host
from tunnel.errors import TunnelError
from tunnel.net import mdns
from tunnel.net.mdns import Announcement, announced

pytestmark = [pytest.mark.real, pytest.mark.lan]

LAPTOP, PHONE, TABLET = "10.78.0.1", "10.78.0.7", "10.78.0.9"
LAPTOP_V6, PHONE_V6 = "fd78::1", "fd78::7"
NAME, PORT = "my-app.local", 62893
PATIENCE = 10.0  # seconds for a name to be announced; it takes two


@dataclass
class Lan:
    """Two machines that hear each other's multicast."""

    laptop: Host
    phone: Host
    told: list[TunnelError] = field(default_factory=list)

    def announcement(self, *addresses: str, name: str = NAME) -> Announcement:
        return Announcement(name, addresses, PORT, self.told.append, "lan0")

    def announce(self, *addresses: str, name: str = NAME) -> Announcement:
        """Announce a name at the laptop, and wait until it can be asked for."""
        made = self.announcement(*addresses, name=name)
        self.laptop.do(made.start)
        assert made.known.wait(PATIENCE)
        return made

    def ask(self, name: str = NAME, *, address: str = PHONE) -> set[str]:
        """Ask for a name at the phone, which has heard nothing before; return its addresses."""

        def asked() -> set[str]:
            zeroconf = Zeroconf(interfaces=[address])
            try:
                resolver = AddressResolver(f"{name}.")
                resolver.request(zeroconf, timeout=3000)
                return set(resolver.parsed_addresses())
            finally:
                zeroconf.close()

        return self.phone.do(asked)


@pytest.fixture
def lan() -> Iterator[Lan]:
    with host("laptop") as laptop, host("phone") as phone:
        cable(
            laptop,
            phone,
            "lan0",
            [f"{LAPTOP}/24", f"{LAPTOP_V6}/64"],
            [f"{PHONE}/24", f"{TABLET}/24", f"{PHONE_V6}/64"],
        )
        for end in laptop, phone:
            end.ip("route", "add", "224.0.0.0/4", "dev", "lan0")
        yield Lan(laptop, phone)


def test_the_other_host_finds_the_address_by_the_name(lan: Lan) -> None:
    made = lan.announce(LAPTOP)
    try:
        assert made.owned
        assert lan.ask() == {LAPTOP}
        assert lan.told == []
    finally:
        made.stop()


def test_a_name_has_a_record_for_each_family_that_is_shared(lan: Lan) -> None:
    made = lan.announce(LAPTOP, LAPTOP_V6)
    try:
        assert _until(lambda: lan.ask() == {LAPTOP, LAPTOP_V6})
    finally:
        made.stop()


class Heard(RecordUpdateListener):
    """Keeps what is said of a name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.records: list[DNSRecord] = []

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        self.records += [update.new for update in records if update.new.name == f"{self._name}."]


def test_who_asks_for_an_ipv6_address_that_there_is_none_of_hears_so_at_once(lan: Lan) -> None:
    made = lan.announce(LAPTOP)
    heard = Heard(NAME)

    def asked() -> bool:
        zeroconf = Zeroconf(interfaces=[PHONE])
        try:
            zeroconf.add_listener(heard, None)
            return AddressResolverIPv6(f"{NAME}.").request(zeroconf, timeout=1000)
        finally:
            zeroconf.close()

    try:
        assert not lan.phone.do(asked)
        said = [record for record in heard.records if isinstance(record, DNSNsec)]
        assert {tuple(record.rdtypes) for record in said} == {(1,)}  # of addresses, those of IPv4
    finally:
        made.stop()


def test_the_service_is_found_by_those_who_browse(lan: Lan) -> None:
    made = lan.announce(LAPTOP)
    try:

        def browsed() -> ServiceInfo | None:
            zeroconf = Zeroconf(interfaces=[PHONE])
            try:
                return zeroconf.get_service_info(mdns.SERVICE, f"my-app {PORT}.{mdns.SERVICE}")
            finally:
                zeroconf.close()

        found = lan.phone.do(browsed)
        assert found is not None
        assert (found.server, found.port, found.parsed_addresses()) == (f"{NAME}.", PORT, [LAPTOP])
    finally:
        made.stop()


def test_the_name_is_gone_at_the_end_also_for_those_who_had_heard_it(lan: Lan) -> None:
    made = lan.announce(LAPTOP)

    def listening() -> Zeroconf:
        zeroconf = Zeroconf(interfaces=[PHONE])
        AddressResolver(f"{NAME}.").request(zeroconf, timeout=3000)
        return zeroconf

    phone = lan.phone.do(listening)
    try:
        assert AddressResolver(f"{NAME}.").load_from_cache(phone)
        made.stop()
        # A goodbye lets a record live for a second more (RFC 6762 §10.1).
        assert _until(lambda: not AddressResolver(f"{NAME}.").load_from_cache(phone))
        assert lan.ask() == set()
    finally:
        phone.close()


def test_a_name_that_another_device_has_is_told_and_left_to_it(lan: Lan) -> None:
    theirs = Announcement(NAME, [PHONE], PORT, lan.told.append)
    lan.phone.do(theirs.start)
    assert theirs.known.wait(PATIENCE)
    made = lan.announce(LAPTOP)
    try:
        assert not made.owned
        (error,) = lan.told
        assert NAME in error.what
        assert PHONE in error.what
        assert "--name" in error.hint
        assert lan.ask(address=TABLET) == {PHONE}
    finally:
        made.stop()
        theirs.stop()


def test_two_shares_of_one_machine_may_have_one_name(lan: Lan) -> None:
    first, second = lan.announce(LAPTOP), lan.announce(LAPTOP)
    try:
        assert second.owned
        assert lan.told == []
        assert lan.ask() == {LAPTOP}
    finally:
        first.stop()
        second.stop()


def test_who_begins_to_answer_to_our_name_later_is_told_of_once(lan: Lan) -> None:
    made = lan.announce(LAPTOP)

    def intrude() -> Zeroconf:
        zeroconf = Zeroconf(interfaces=[PHONE])
        zeroconf.register_service(
            ServiceInfo(mdns.SERVICE, f"intruder.{mdns.SERVICE}", parsed_addresses=[PHONE], port=1, server=f"{NAME}.")
        )
        return zeroconf

    intruder = lan.phone.do(intrude)
    try:
        assert _until(lambda: lan.told)
        (error,) = lan.told
        assert PHONE in error.what
    finally:
        intruder.close()
        made.stop()


def test_without_a_network_it_is_told_in_a_sentence_and_nothing_is_raised(lan: Lan) -> None:
    made = lan.announce("10.99.0.1")  # no address of this machine
    made.stop()

    (error,) = lan.told
    assert not made.owned
    assert NAME in error.what
    assert "address" in error.hint


def test_a_port_that_another_program_keeps_to_itself_is_told(lan: Lan) -> None:
    def hold() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("", 5353))
        return sock

    with lan.laptop.do(hold):
        made = lan.announce(LAPTOP)
        made.stop()

    (error,) = lan.told
    assert not made.owned
    assert "another program keeps UDP port 5353 to itself" in error.what


@pytest.mark.parametrize(
    "words",
    [("link", "set", "lan0", "down"), ("address", "del", f"{LAPTOP}/24", "dev", "lan0"), ("link", "del", "lan0")],
)
def test_a_network_that_goes_away_meanwhile_leaves_no_traceback(
    lan: Lan, words: Sequence[str], capfd: pytest.CaptureFixture[str]
) -> None:
    made = lan.announce(LAPTOP)
    lan.laptop.ip(*words)
    made.stop()

    assert made.owned
    assert lan.told == []
    assert capfd.readouterr() == ("", "")


def test_it_comes_and_goes_with_a_block_on_trio(lan: Lan) -> None:
    async def share() -> set[str]:
        async with announced(NAME, [LAPTOP], PORT, lan.told.append, interface="lan0"):
            with trio.fail_after(PATIENCE):
                while not (found := await trio.to_thread.run_sync(lan.ask)):
                    pass
        return found

    assert lan.laptop.do(trio.run, share) == {LAPTOP}
    assert lan.ask() == set()


def _until(true: Callable[[], object]) -> bool:
    """Ask again until it is so. A cache tells nobody that it forgot, so there is nothing to wait for."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.05)
    return True
