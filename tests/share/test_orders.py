"""Orders: each goes through a line and back, means one thing, and what is no order is refused with a sentence."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.share.fake_gate import ANOTHER, GALAXY, PIXEL, FakeGate, Stops, desk
from tunnel.errors import UsageError
from tunnel.share.orders import Answer, Extend, Line, Order, Reply, Revoke, Stop, Tell, carried_out, decoded, encoded

ORDERS: list[Order] = [Tell(), Answer(True), Answer(False, 3), Revoke("Pixel 9"), Extend(60.5), Stop()]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_one_line_and_reads_back(order: Order) -> None:
    line = encoded(Line(order, "token"))

    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decoded(line, Line) == Line(order, "token")


def test_how_a_share_stands_goes_through_a_line_whole() -> None:
    told = desk(FakeGate(waiting=[GALAXY])).standing()

    assert decoded(encoded(Reply(standing=told)), Reply).standing == told


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"stop",
        b"[]",
        b'{"order": {"do": "explode"}}',
        b'{"order": {"do": "extend"}}',
        b'{"order": {"do": "extend", "seconds": "1"}}',
        b'{"order": {"do": "stop", "also": 1}}',
        b'{"order": {"do": "stop"}, "more": 1}',
        b"\xff\xfe",
        b"[" * 50_000,
    ],
)
def test_what_is_no_order_is_refused_with_a_sentence(line: bytes) -> None:
    with pytest.raises(UsageError, match="not understood"):
        decoded(line, Line)


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_an_order_or_a_sentence(line: bytes) -> None:
    try:
        decoded(line, Line)
    except UsageError:
        pass


def test_the_only_one_who_asks_needs_no_number() -> None:
    gate = FakeGate(waiting=[GALAXY])

    assert carried_out(Answer(True), desk(gate)).question == GALAXY
    assert gate.answered == [(3, True)]


def test_of_several_who_ask_one_has_to_be_named() -> None:
    gate = FakeGate(waiting=[GALAXY, ANOTHER])
    refused = carried_out(Answer(True), desk(gate))

    assert refused.error == "2 wait for an answer"
    assert "tunnel share allow 3" in refused.hint
    assert gate.answered == []
    assert carried_out(Answer(False, 4), desk(gate)).question == ANOTHER


def test_where_nobody_asks_that_is_said() -> None:
    assert carried_out(Answer(True), desk()).error == "nobody waits for an answer"


@pytest.mark.parametrize("name", ["1", "Pixel 9", "pixel 9", "Pixel 9, Chrome", "pixel"])
def test_a_device_is_named_by_its_number_or_by_what_only_it_is_called(name: str) -> None:
    assert carried_out(Revoke(name), desk()).device == PIXEL


def test_a_name_that_two_devices_have_revokes_neither() -> None:
    twin = dataclasses.replace(PIXEL, number=5, address="192.0.2.8")
    gate = FakeGate(all_devices=[PIXEL, twin])
    refused = carried_out(Revoke("Pixel 9, Chrome"), desk(gate))

    assert refused.error.startswith("2 devices are called so")
    assert refused.exit_code == 2
    assert gate.all_devices == [PIXEL, twin]


def test_a_name_that_none_has_is_told() -> None:
    assert carried_out(Revoke("Nokia"), desk()).error == "no device is called so: 'Nokia'"


def test_an_end_is_moved_and_what_is_left_told() -> None:
    assert carried_out(Extend(1800), desk()).left == 4320.0


def test_to_stop_is_only_answered_so_that_its_sender_hears_that_first() -> None:
    stop = Stops()

    assert carried_out(Stop(), desk(stop=stop)) == Reply()
    assert stop.count == 0
