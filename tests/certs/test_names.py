"""Names come in one spelling, and what cannot be in a certificate is refused with a reason."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.errors import CertsError
from certs.names import DnsName, IpAddress, parse

labels = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)
domains = st.sampled_from(["test", "localhost"])
hosts = st.builds(lambda parts, last: ".".join([*parts, last]), st.lists(labels, max_size=4), domains)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("app.test", DnsName("app.test")),
        ("App.TEST.", DnsName("app.test")),
        (" localhost ", DnsName("localhost")),
        ("my_app.localhost", DnsName("my_app.localhost")),
        ("Bücher.test", DnsName("xn--bcher-kva.test")),
        ("127.0.0.1", IpAddress(ip_address("127.0.0.1"))),
        ("0:0:0:0:0:0:0:1", IpAddress(ip_address("::1"))),
        ("[::1]", IpAddress(ip_address("::1"))),
        ("::ffff:127.0.0.1", IpAddress(ip_address("127.0.0.1"))),
        ("fe80::1%eth0", IpAddress(ip_address("fe80::1"))),
    ],
)
def test_each_name_has_one_spelling(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text, reason",
    [
        ("*.localhost", "wildcard"),
        ("https://app.test", "not a bare name"),
        ("app.test:443", "not a bare name"),
        ("me@app.test", "not a bare name"),
        ("", "not a host name"),
        (".", "not a host name"),
        ("a..test", "not a host name"),
        ("-a.test", "not a host name"),
        ("a b.test", "not a host name"),
        ("a" * 64 + ".test", "not a host name"),
        (".".join(["a" * 60] * 5), "characters long"),
        ("straße.test", "encode differently"),
        ("127.1", "ends in a number"),
        ("0x7f.1", "ends in a number"),
        ("app.test.0x7f", "ends in a number"),
        ("\ud800.test", "not a host name"),
        ("../../etc/passwd", "not a bare name"),
    ],
)
def test_what_no_certificate_can_carry_is_refused_with_the_reason(text, reason):
    with pytest.raises(CertsError, match=reason) as refusal:
        parse(text)

    assert refusal.value.hint


@given(hosts)
def test_case_and_a_final_dot_make_no_difference(host):
    assert parse(host.upper() + ".") == parse(host) == DnsName(host)


@given(st.ip_addresses())
def test_every_address_is_read_as_itself_or_as_the_one_it_maps(address):
    mapped = getattr(address, "ipv4_mapped", None)

    assert parse(str(address)) == IpAddress(mapped or address)


@given(st.one_of(st.text(), hosts, st.ip_addresses().map(str)))
def test_a_name_is_read_once_and_for_all_or_refused(text):
    try:
        name = parse(text)
    except CertsError:
        return

    assert parse(str(name)) == name
    assert str(name).isascii()
    assert str(name) == str(name).lower()
    assert not set(str(name)) & set("/\\*[]% \0=")
