"""Admission: networks, and the arithmetic of rates."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.visitors import share
from tunnel.model.origin import origin, read_address
from tunnel.model.share import Access, Rate
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


RATES = st.builds(Rate, st.floats(0.1, 1000.0), st.sampled_from([1, 60, 3600]))


@given(RATES, st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=200))
def test_no_more_pass_than_the_rate_allows_however_the_clock_goes(rate, steps):
    bucket: Bucket | None = None
    now, gone, passed = 0.0, 0.0, 0
    for step in steps:
        now += step
        gone += max(step, 0.0)
        bucket, enough = spend(bucket, rate, now)
        passed += enough

    most = max(rate.requests, 1.0)
    assert passed <= most + gone * rate.requests / rate.seconds + 1e-6
    assert 0.0 <= bucket.left <= most


def test_a_device_that_is_slow_enough_is_never_held_up():
    bucket: Bucket | None = None
    for number in range(1000):
        bucket, enough = spend(bucket, Rate(20), number * 0.0501)
        assert enough


def test_a_page_with_many_files_comes_at_once_under_a_rate_of_many_a_minute():
    bucket: Bucket | None = None
    enough = []
    for _ in range(101):
        bucket, one = spend(bucket, Rate(100, 60), 0.0)
        enough.append(one)

    assert enough == [True] * 100 + [False]


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (Rate(20), "20 requests a second"), (Rate(1), "1 request a second"), (Rate(3, 60), "3 requests a minute"),
        (Rate(90, 3600), "90 requests an hour"), (Rate(0.125), "0.125 requests a second"),
    ],
)  # fmt: skip
def test_a_rate_is_said_as_people_say_it(rate, words):
    assert often(rate) == words


@given(RATES, st.floats(0, 0.99))
def test_after_the_wait_that_is_told_there_is_a_request_left(rate, left):
    bucket = Bucket(left, 0.0)

    assert not spend(bucket, rate, 0.0)[1]
    assert spend(bucket, rate, wait_for(bucket, rate) + 1e-6)[1]
    assert wait_for(bucket, rate) >= 1
