"""The desk: how a share stands, in words and numbers, and what its owner can do with it."""

from ipaddress import ip_network

import pytest

from tests.share.fake_gate import GALAXY, IPAD, PIXEL, FakeGate, Stops, desk, share
from tunnel.errors import TunnelError, UsageError
from tunnel.model.share import Access, Happening, Rate
from tunnel.share.desk import MOST_HEARD, rules_in_words


def test_it_tells_the_end_by_the_clock_on_the_wall_and_what_is_left() -> None:
    told = desk().standing()

    assert (told.left, told.ends, told.began) == (2520.0, 1_700_002_720.0, 1_700_000_200.0)
    assert (told.url, told.target, told.port) == ("https://192.0.2.10:62893", "http://localhost:3000", 62893)
    assert told.devices == (PIXEL, IPAD)


def test_a_share_for_ever_has_no_end_and_none_that_could_be_moved() -> None:
    endless = desk(FakeGate(remaining=None))

    assert (endless.standing().ends, endless.standing().left) == (None, None)
    with pytest.raises(TunnelError, match="no end") as caught:
        endless.extend(60)
    assert (caught.value.status, "tunnel share stop" in caught.value.hint) == (409, True)


@pytest.mark.parametrize("access", [access for access in Access if access is not Access.PAIRING])
def test_only_pairing_has_a_link_that_lets_ask(access: Access) -> None:
    assert desk(access=access).standing().link == ""


def test_pairing_has_a_link() -> None:
    assert desk().standing().link.endswith("token=once")


def test_the_rules_are_said_in_words() -> None:
    made = share(
        read_only=True,
        paths=("/app", "/api/*"),
        allow=(ip_network("192.0.2.0/25"),),
        deny=(ip_network("192.0.2.66/32"),),
        rate=Rate(20),
        yes=True,
    )

    assert rules_in_words(made) == (
        "whoever holds the link is let in without a question",
        "read-only",
        "only /app",
        "only /api/*",
        "only from 192.0.2.0/25",
        "not from 192.0.2.66/32",
        "20 requests a second for each device",
    )
    assert rules_in_words(share()) == ()
    assert rules_in_words(share(read_only=True, upgrades=True)) == ("read-only, and upgrades",)


def test_a_question_is_answered_once() -> None:
    gate = FakeGate(waiting=[GALAXY])
    steered = desk(gate)

    assert steered.answer(3, True) == GALAXY
    with pytest.raises(TunnelError, match="question 3") as caught:
        steered.answer(3, False)
    assert caught.value.status == 404
    assert gate.answered == [(3, True)]


def test_a_device_is_revoked_by_its_number_and_an_unknown_one_is_told() -> None:
    gate = FakeGate()
    steered = desk(gate)

    assert steered.revoke(1) == PIXEL
    assert gate.all_devices == [IPAD]
    with pytest.raises(TunnelError, match="number 1") as caught:
        steered.revoke(1)
    assert (caught.value.status, caught.value.hint) == (404, "see who is there: tunnel share --list")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 8 * 86400])
def test_a_time_that_is_none_moves_no_end(seconds: float) -> None:
    gate = FakeGate()
    with pytest.raises(UsageError, match="cannot be added"):
        desk(gate).extend(seconds)

    assert gate.remaining == 2520.0


def test_an_end_is_moved_and_a_share_ended() -> None:
    stop = Stops()
    steered = desk(stop=stop)

    assert steered.extend(1800) == 4320.0
    steered.stop()
    assert stop.count == 1


def test_what_happened_lately_is_kept_and_no_more_than_that() -> None:
    steered = desk()
    for number in range(MOST_HEARD + 5):
        steered.heard(Happening("refused", number, "", "192.0.2.99", f"refusal {number}"))
    kept = steered.standing().heard

    assert len(kept) == MOST_HEARD
    assert (kept[-1].happening.device, kept[-1].at) == (MOST_HEARD + 4, 1_700_000_200.0)


def test_how_a_share_stands_tells_neither_its_password_nor_its_token() -> None:
    told = repr(desk(access=Access.TOKEN, token="the-bearer", password="$argon2id$…").standing())

    assert "the-bearer" not in told
    assert "argon2id" not in told
