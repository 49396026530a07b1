"""A share on both addresses of its interface, of IPv4 and of IPv6: one port, one certificate, one gate."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from zeroconf import AddressResolver, Zeroconf  # type: ignore[attr-defined]

from tests.helpers.fronts import tunnel
from tests.helpers.servers import PATIENCE
from tests.lan.guests import Device
from tests.lan.network import (
    LAPTOP_V6,
    PHONE,
    PHONE_V6,
    SERVER,
    SERVER_CARRIER,
    SERVER_GLOBAL,
    SERVER_V6,
    Network,
    open_ports,
)  # fmt: skip
from tests.lan.service import SECRET, Service
from tests.lan.shares import RULES, TOKEN, Shared
from tests.lan.talk import Answer
from tests.share.attacks import get

pytestmark = pytest.mark.lan
SHOWN = b"Authorization: Bearer " + TOKEN.encode()
WRONG = b"Authorization: Bearer " + b"a guess" * 4


@pytest.fixture(scope="module")
def both(hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("share")
    with Shared(hosts, counted.port, folder, *RULES["token"](folder)) as running:
        yield running


def test_it_says_so_in_a_line(both: Shared) -> None:
    assert both.said("by IPv6") == f"also https://[{SERVER_V6}]:{both.port}, the same by IPv6"
    assert "10.77.0.0/16 and fd77::/64" in both.said("shared on lan0")


def test_it_is_reached_by_either_address_and_by_name_over_each(both: Shared, service: Service) -> None:
    """Each time the certificate is held to what was dialled."""
    for source, to in (PHONE, SERVER), (PHONE_V6, SERVER_V6):
        assert both.ask(get(b"/address", SHOWN), source, to=to).body == SECRET
        assert both.ask(get(b"/name", SHOWN), source, to=to, name=both.name).body == SECRET
    assert both.ask(get(b"/mapped", SHOWN), to=f"::ffff:{SERVER}", name=both.name).body == SECRET

    told = [head.lower().partition(b"x-forwarded-for: ")[2].split(b"\r\n")[0] for head in service.heads]
    assert told[:4] == [b"10.77.0.7", b"10.77.0.7", b"fd77::7", b"fd77::7"]
    assert told[4].startswith(b"10.77."), "an address that was mapped is what it is"


def test_its_name_leads_to_both(hosts: Network, both: Shared) -> None:
    def asked() -> set[str]:
        zeroconf = Zeroconf(interfaces=[PHONE])
        try:
            resolver = AddressResolver(f"{both.name}.")
            resolver.request(zeroconf, timeout=2000)
            return set(resolver.parsed_addresses())
        finally:
            zeroconf.close()

    deadline = time.monotonic() + PATIENCE
    while (found := hosts.visitor.do(asked)) != {SERVER, SERVER_V6}:
        assert time.monotonic() < deadline, found
        threading.Event().wait(0.1)


OURS = (f"[{SERVER_V6}]", "[FD77:0:0:0:0:0:0:1]", "[fd77::0.0.0.1]", SERVER, "{name}", "{name}.")
NOT_OURS = (
    "[fd77::2]:{port}", "[fd77::1]:1", "[fd77::1]", "fd77::1:{port}", "fd77::1", "[fd77::1%25lan0]:{port}",
    "[fd77::1%lan0]:{port}", "[::ffff:10.77.0.1]:{port}", "[::ffff:a4d:1]:{port}", "[::10.77.0.1]:{port}",
    "[64:ff9b::10.77.0.1]:{port}", "[2002:a4d:1::]:{port}", "[::ffff:fd77::1]:{port}", "[fe80::1]:{port}", "[::1]:{port}",
    "[::]:{port}", "[fd99::1]:{port}", "[10.77.0.1]:{port}", "[fd77::1:{port}", "fd77::1]:{port}", "[fd77::1].evil:{port}",
    "fd77--1.ipv6-literal.net:{port}", "[v1.fd77::1]:{port}",
)  # fmt: skip


@pytest.mark.parametrize("to", [SERVER, SERVER_V6])
@pytest.mark.parametrize("host", OURS)
def test_each_of_its_hosts_is_its_own_on_each_address(both: Shared, service: Service, host: str, to: str) -> None:
    host = f"{host}:{both.port}".format(name=both.name)
    assert both.ask(get(b"/", SHOWN).replace(b"{host}", host.encode(), 1), to=to).body == SECRET


@pytest.mark.parametrize("to", [SERVER, SERVER_V6])
@pytest.mark.parametrize("host", NOT_OURS)
def test_a_host_in_another_form_is_a_strangers(both: Shared, service: Service, host: str, to: str) -> None:
    request = get(b"/", SHOWN).replace(b"{host}", host.format(port=both.port).encode(), 1)
    for tls in (True, False):
        assert both.ask(request, to=to, tls=tls).status in (400, 421)
    assert service.connections == 0


def test_what_comes_in_plain_gets_no_further_by_ipv6(both: Shared, service: Service) -> None:
    assert both.ask(get(b"/", SHOWN), PHONE_V6, to=SERVER_V6, tls=False).status == 200  # how to get the root
    sent_on = both.ask(get(b"/secret", SHOWN), PHONE_V6, to=SERVER_V6, tls=False)
    assert (sent_on.status, sent_on.all("location")) == (308, [f"https://[{SERVER_V6}]:{both.port}/secret"])
    assert service.connections == 0


def test_networks_are_judged_by_the_address_that_asks(hosts: Network, service: Service, tmp_path: Path) -> None:
    options = ("--allow", "10.77.0.0/16", "--allow", f"{PHONE_V6}/128", "--deny", "10.77.0.8")
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), *options) as share:
        assert share.ask(get(b"/four", SHOWN), PHONE).body == SECRET
        assert share.ask(get(b"/six", SHOWN), PHONE_V6, to=SERVER_V6).body == SECRET
        assert share.ask(get(b"/other", SHOWN), LAPTOP_V6, to=SERVER_V6).status == 403
        assert share.ask(get(b"/denied", SHOWN), "10.77.0.8").status == 403
    assert service.targets == [b"/four", b"/six"]


def test_a_cookie_is_good_at_one_address_whatever_its_family(hosts: Network, service: Service, tmp_path: Path) -> None:
    with Shared(hosts, service.port, tmp_path) as share:
        phone = Device(share, PHONE)
        phone.join()
        assert phone.ask(b"/mine").body == SECRET
        copied = phone.request(b"/copied")
        service.forget()

        assert share.ask(copied, PHONE_V6, to=SERVER_V6).status == 401
        assert share.ask(copied, LAPTOP_V6, to=SERVER_V6).status == 401
        assert service.connections == 0
        assert phone.ask(b"/still").body == SECRET


@pytest.mark.parametrize(("address", "other"), [(SERVER, SERVER_V6), (SERVER_V6, SERVER)])
def test_an_address_that_is_named_is_the_only_one(
    hosts: Network, counted: Service, tmp_path: Path, address: str, other: str
) -> None:
    words = (*RULES["token"](tmp_path), "--interface", "lan0")
    with Shared(hosts, counted.port, tmp_path, *words, "--address", address, address=address) as share:
        assert share.ask(get(b"/", SHOWN)).status == 200
        assert open_ports(hosts.visitor, other, range(share.port, share.port + 1)) == []


def test_an_address_of_the_shared_space_is_shared_where_it_is_named(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), address=SERVER_CARRIER) as share:
        assert share.ask(get(b"/there", SHOWN)).body == SECRET
        assert open_ports(hosts.visitor, SERVER, range(share.port, share.port + 1)) == []


def test_a_global_address_is_not_shared_even_where_it_is_named(hosts: Network, tmp_path: Path) -> None:
    argv = tunnel("share", "3000", "--address", SERVER_GLOBAL, "--folder", str(tmp_path))
    done = hosts.server.do(subprocess.run, argv, capture_output=True, text=True, timeout=PATIENCE)

    assert done.returncode == 2
    assert "the authority signs for no such address" in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_guesses_from_all_of_a_64_is_one_who_guesses(hosts: Network, service: Service, tmp_path: Path) -> None:
    """Who was let in before goes on, and who comes by another network is no neighbour."""
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path)) as share:

        def ask(shown: bytes, source: str) -> Answer:
            return share.ask(get(b"/guess", shown), source, to=SERVER_V6)

        assert ask(SHOWN, PHONE_V6).body == SECRET
        told = Counter(ask(WRONG, hosts.stranger_v6()).status for _ in range(18))
        assert set(told) == {401, 429}
        assert told[401] < 10, "each address would have three"
        assert ask(SHOWN, hosts.stranger_v6()).status == 429, "the right one too, or the lock would tell which it is"
        assert ask(SHOWN, PHONE_V6).body == SECRET
        assert share.ask(get(b"/four", SHOWN), hosts.stranger()).body == SECRET
    assert service.targets == [b"/guess", b"/guess", b"/four"]


def test_whoever_connects_from_all_of_a_64_leaves_room_for_others(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    with (
        Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), "--max-connections", "40") as share,
        ExitStack() as stack,
    ):
        for _ in range(60):
            sock = hosts.visitor.connect(SERVER_V6, share.port, source=hosts.stranger_v6())
            stack.enter_context(sock)
            with suppress(ConnectionError):  # closed in its face already
                sock.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert share.ask(get(b"/during", SHOWN), PHONE).body == SECRET
        assert "fd77::/64 has 10 connections open" in share.said("connections open")
    assert service.targets == [b"/during"]


def test_the_address_that_goes_away_is_told_of_and_the_other_goes_on(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path)) as share:
        assert share.ask(get(b"/before", SHOWN), PHONE_V6, to=SERVER_V6).body == SECRET
        hosts.server.ip("address", "del", f"{SERVER_V6}/64", "dev", "lan0")
        try:
            line = share.said("is gone from lan0")
            assert SERVER_V6 in line
            assert share.ask(get(b"/after", SHOWN), PHONE).body == SECRET
        finally:
            hosts.server.ip("address", "add", f"{SERVER_V6}/64", "dev", "lan0", "nodad")
            hosts.server.ip("-6", "route", "replace", "fd77::1:0/112", "via", PHONE_V6, "dev", "lan0")
