"""Admission: networks, and the arithmetic of rates."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.visitors import share
from tunnel.model.origin import origin, read_address
from tunnel.model.share import Access
from tunnel.rules.admission import Bucket, may_ask, often, spend, wait_for

LAN = ip_network("192.0.2.0/24")


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7"])
def test_who_is_denied_is_denied_whatever_is_allowed(address):
    asked = share(Access.OPEN, allow=(LAN,), deny=(ip_network("192.0.2.7/32"),))
    assert not may_ask(asked, address)
    assert may_ask(asked, "192.0.2.8")
    assert not may_ask(asked, "192.0.3.8")


def test_without_networks_everybody_may_ask():
    assert may_ask(share(Access.OPEN), "198.51.100.1")
    assert may_ask(share(Access.OPEN, deny=(LAN,)), "fe80::1%eth0")
    assert not may_ask(share(Access.OPEN, deny=(LAN,)), "not an address")


def test_an_origin_is_an_address_or_a_network_of_ipv6():
    assert origin("192.0.2.7") == origin("::ffff:192.0.2.7") == "192.0.2.7"
    assert origin("2001:db8::1") == origin("2001:db8::ffff:2") != origin("2001:db8:0:1::1")
    assert origin("fe80::1%eth0") == origin("fe80::1")
    assert origin("2001:db8::1", [ip_network("2001:db8::/64")]) == "2001:db8::1"
    assert origin("nonsense") == "nonsense"
    assert str(read_address("fe80::1%eth0")) == "fe80::1"


@given(st.floats(0.1, 100.0), st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=200))
def test_no_more_pass_than_the_rate_allows_however_the_clock_goes(rate, steps):
    bucket: Bucket | None = None
    now, gone, passed = 0.0, 0.0, 0
    for step in steps:
        now += step
        gone += max(step, 0.0)
        bucket, enough = spend(bucket, rate, now)
        passed += enough

    assert passed <= max(rate, 1.0) + gone * rate + 1e-6
    assert 0.0 <= bucket.left <= max(rate, 1.0)


def test_a_device_that_is_slow_enough_is_never_held_up():
    bucket: Bucket | None = None
    for number in range(1000):
        bucket, enough = spend(bucket, 20.0, number * 0.0501)
        assert enough


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (20.0, "20 requests a second"), (1.0, "1 request a second"), (3 / 60, "3 requests a minute"),
        (100 / 60, "100 requests a minute"), (90 / 3600, "90 requests an hour"), (0.1234, "0.1234 requests a second"),
    ],
)  # fmt: skip
def test_a_rate_is_said_as_people_say_it(rate, words):
    assert often(rate) == words


@given(st.floats(0.0003, 1000), st.floats(0, 0.99))
def test_after_the_wait_that_is_told_there_is_a_request_left(rate, left):
    bucket = Bucket(left, 0.0)

    assert not spend(bucket, rate, 0.0)[1]
    assert spend(bucket, rate, wait_for(bucket, rate) + 1e-6)[1]
    assert wait_for(bucket, rate) >= 1
