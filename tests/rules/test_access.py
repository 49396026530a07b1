"""Access: a Host that is not ours is a stranger's page (law 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.errors import ClientError
from tunnel.model.headers import Headers
from tunnel.model.peer import Peer
from tunnel.rules.access import HostRule

PEER = Peer("127.0.0.1", 50000, "127.0.0.1", 62893, None, 0, 0)


def checked(host: bytes, *allowed: str) -> bytes:
    return HostRule(allowed).check(Headers([(b"Host", host)]), PEER)


@pytest.mark.parametrize(
    "host",
    [
        b"localhost",
        b"localhost:62893",
        b"LOCALHOST",
        b"localhost.",
        b"127.0.0.1:62893",
        b"127.0.0.2",
        b"[::1]:62893",
        b"[::1]",
        b"app.localhost",
        b"a.b.localhost:1",
    ],
)
def test_loopback_names_and_addresses_are_ours(host: bytes) -> None:
    assert checked(host) == host


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"evillocalhost",
        b"192.168.0.9",
        b"0.0.0.0",
        b"[::]",
        b"127.0.0.1.nip.io",
        b"app.test",
        b"2130706433",
        b"0x7f000001",
        b"127.1",
    ],
)
def test_any_other_host_is_a_strangers_and_gets_421(host: bytes) -> None:
    with pytest.raises(ClientError, match="not served here") as caught:
        checked(host)

    assert caught.value.status == 421
    assert "--allow-host" in caught.value.hint


@pytest.mark.parametrize(
    "host", [b"", b"a b", b"a/b", b"user@localhost", b"localhost:99999", b"localhost:", b"\xff\xfe:x", b"[::1"]
)
def test_what_is_no_host_gets_400(host: bytes) -> None:
    with pytest.raises(ClientError, match="is not a host") as caught:
        checked(host)

    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("allowed", "host", "ours"),
    [
        ("app.test", b"app.test", True),
        ("app.test", b"APP.test.:3000", True),
        ("App.Test.", b"app.test", True),
        ("app.test", b"a.app.test", False),
        ("app.test", b"xapp.test", False),
        (".app.test", b"a.app.test", True),
        (".app.test", b"a.b.app.test:1", True),
        (".app.test", b"app.test", False),
        (".app.test", b"xapp.test", False),
        ("192.168.0.9", b"192.168.0.9:62893", True),
    ],
)
def test_an_allowed_host_is_ours_exactly_or_below_its_dot(allowed: str, host: bytes, ours: bool) -> None:
    if ours:
        assert checked(host, allowed) == host
    else:
        with pytest.raises(ClientError):
            checked(host, allowed)


@pytest.mark.parametrize(("listener", "host"), [("127.0.0.1", b"127.0.0.1:62893"), ("::1", b"[::1]:62893")])
def test_without_a_host_the_listeners_address_is_meant(listener: str, host: bytes) -> None:
    peer = Peer("127.0.0.1", 50000, listener, 62893, None, 0, 0)

    assert HostRule(()).check(Headers(), peer) == host


def test_a_remembered_host_is_judged_alike_and_memory_has_an_end() -> None:
    rule = HostRule((".test",))
    for number in range(2000):
        for _ in range(2):
            assert rule.check(Headers([(b"Host", b"a%d.test" % number)]), PEER)

    assert len(rule._known) <= 256
    with pytest.raises(ClientError):
        rule.check(Headers([(b"Host", b"evil.example")]), PEER)


@given(st.one_of(st.binary(max_size=30), st.binary(max_size=10).map(lambda start: start + b".localhost")))
def test_no_host_that_is_ours_can_say_more_than_a_host(host: bytes) -> None:
    """It is written into Forwarded in quotes and into Location: nothing in it may end either."""
    try:
        ours = checked(host)
    except ClientError:
        return
    assert not set(ours) & set(b'"\\/?#@ \t\r\n\x00\x7f')


@pytest.mark.parametrize(
    "host", [b"evil.example,a.localhost", b"evil.example;a.localhost", b"a.localhost,evil.example"]
)
def test_a_host_that_is_two_in_a_list_is_no_host(host: bytes) -> None:
    """Browsers send such names, and frameworks that trust X-Forwarded-Host take the first of a list."""
    with pytest.raises(ClientError) as refused:
        HostRule(()).check(Headers([(b"Host", host)]), PEER)

    assert refused.value.status == 400


LAN = Peer("192.168.1.9", 50000, "192.168.1.5", 62893, None, 0, 0)
SHARE = HostRule(("192.168.1.5", "anna-3000.local"), loopback=False, port=62893)


@pytest.mark.parametrize("host", [b"192.168.1.5:62893", b"anna-3000.local:62893", b"ANNA-3000.LOCAL.:62893"])
def test_a_share_answers_to_its_own_names_and_port(host: bytes) -> None:
    assert SHARE.check(Headers([(b"Host", host)]), LAN) == host


@pytest.mark.parametrize(
    "host",
    [
        b"localhost:62893", b"127.0.0.1:62893", b"[::1]:62893", b"app.localhost:62893", b"192.168.1.5", b"192.168.1.5:80",
        b"anna.local:62893", b"192.168.1.5.evil.example:62893", b"evil.example",
    ],
)  # fmt: skip
def test_to_a_network_what_means_this_machine_is_a_strangers_host(host: bytes) -> None:
    """Whoever says it means their own machine, or has their browser mean ours (DNS rebinding)."""
    with pytest.raises(ClientError) as raised:
        SHARE.check(Headers([(b"Host", host)]), LAN)

    assert raised.value.status == 421 and "tunnel share" in raised.value.hint


def test_a_shares_port_may_be_the_schemes_own() -> None:
    rule = HostRule(("anna.local",), loopback=False, port=443)

    assert rule.check(Headers([(b"Host", b"anna.local")]), LAN) == b"anna.local"
