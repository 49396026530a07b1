"""mDNS: names, and what is heard and said about a family without addresses. With two hosts: tests/lan/test_name.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import DNSIncoming, DNSNsec, DNSOutgoing, DNSQuestion  # type: ignore[attr-defined]

from certs.names import parse
from tunnel.net.mdns import local_name
from tunnel.net.mdns_absent import asks_for_ipv6, no_ipv6

NAME = "my-app.local."
QUERY, RESPONSE, IN, UNICAST = 0, 0x8400, 1, 0x8001
A, AAAA, ANY, PTR = 1, 28, 255, 12


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my-app", "my-app.local"),
        ("My App!", "my-app.local"),
        ("marta's laptop-62893", "marta-s-laptop-62893.local"),
        ("--", "tunnel.local"),
        ("", "tunnel.local"),
        ("Größe", "gr-e.local"),
        ("x" * 80, "x" * 63 + ".local"),
        ("a.b.local", "a-b-local.local"),
    ],
)
def test_a_name_is_made_of_anything(text: str, name: str) -> None:
    assert local_name(text) == name


@given(st.text(max_size=100))
def test_every_name_that_is_made_can_be_in_a_certificate(text: str) -> None:
    assert str(parse(local_name(text))) == local_name(text)


def _asked(name: str, kind: int, *, flags: int = QUERY, class_: int = IN) -> bytes:
    packet = DNSOutgoing(flags)
    packet.add_question(DNSQuestion("other.local.", A, IN))
    packet.add_question(DNSQuestion(name, kind, class_))
    (sent,) = packet.packets()
    return sent


@pytest.mark.parametrize(
    ("packet", "asks"),
    [
        (_asked(NAME, AAAA), True),
        (_asked("My-App.LOCAL.", AAAA), True),
        (_asked(NAME, AAAA, class_=UNICAST), True),
        (_asked(NAME, ANY), True),
        (_asked(NAME, A), False),
        (_asked("x.my-app.local.", AAAA), False),
        (_asked(NAME, AAAA, flags=RESPONSE), False),
        (b"", False),
        (b"\x00" * 12, False),
    ],
)
def test_a_question_for_ipv6_is_known_in_any_spelling(packet: bytes, asks: bool) -> None:
    assert asks_for_ipv6(packet, NAME) == asks


@given(st.binary(max_size=200) | st.tuples(st.integers(0, 60), st.binary(max_size=8)).map(
    lambda cut: _asked(NAME, AAAA)[: cut[0]] + cut[1] + _asked(NAME, AAAA)[cut[0] + len(cut[1]) :]
))  # fmt: skip
def test_no_packet_of_a_strangers_raises_anything(packet: bytes) -> None:
    asks_for_ipv6(packet, NAME)


def test_the_answer_says_which_addresses_there_are() -> None:
    (sent,) = no_ipv6(NAME).packets()
    message = DNSIncoming(sent)
    (record,) = message.answers()

    assert message.is_response()
    assert isinstance(record, DNSNsec)
    assert (record.name, record.next_name, record.rdtypes) == (NAME, NAME, [A])
    assert record.unique
