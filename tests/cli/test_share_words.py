"""The words of `tunnel share`: how long, until when, whose addresses, which names."""

import time

import pytest

from tunnel.cli.share_words import EVER, lasting, local_names, parse_lasting, parse_network, parse_rate
from tunnel.errors import UsageError
from tunnel.model.address import Target, parse_target
from tunnel.model.share import Rate


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("2h", 7200), ("90", 90), ("ever", EVER), ("1d", 86400), (5400, 5400)]
)
def test_how_long_is_a_duration_or_ever(text: object, seconds: float) -> None:
    assert parse_lasting(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "forever", "-1m", "1e9", "400d", "10 minutes ago", "500ms"])
def test_what_is_no_time_to_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_lasting(text)


def clock(hour: int, minute: int) -> float:
    return time.mktime((2026, 3, 5, hour, minute, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("now", "until", "minutes"),
    [((17, 30), (18, 0), 30), ((18, 0), (18, 0), 24 * 60), ((23, 50), (0, 10), 20), ((9, 0), (9, 1), 1)],
)
def test_until_is_the_next_time_that_the_clock_says_so(
    now: tuple[int, int], until: tuple[int, int], minutes: int
) -> None:
    assert lasting(None, until, None, clock(*now)) == minutes * 60


def test_how_long_is_the_flags_word_then_the_files_then_an_hour() -> None:
    assert lasting(60.0, None, 120.0, 0.0) == 60
    assert lasting(EVER, None, 120.0, 0.0) == EVER
    assert lasting(None, None, 120.0, 0.0) == 120
    assert lasting(None, None, None, 0.0) == 3600
    with pytest.raises(UsageError, match="do not go together"):
        lasting(60.0, (18, 0), None, 0.0)


@pytest.mark.parametrize(
    ("name", "target", "names"),
    [
        ("", "3000", ("anna-laptop-3000.local", "anna-laptop.local")),
        ("myapp", "3000", ("myapp.local", "anna-laptop.local")),
        ("MyApp.local", "3000", ("myapp.local", "anna-laptop.local")),
        ("anna-laptop", "3000", ("anna-laptop.local",)),
        ("", "unix:/x.sock", ("anna-laptop-share.local", "anna-laptop.local")),
    ],
)
def test_a_share_has_a_name_of_its_own_and_the_machines(name: str, target: str, names: tuple[str, ...]) -> None:
    assert local_names(name, parse_target(target), "Anna_Laptop.corp.example") == names


def test_a_name_fits_into_a_label_however_long_the_machines_is() -> None:
    own, machine = local_names("", Target("http", "localhost", 65535), "x" * 80)

    assert [len(own), len(machine)] == [63 + len(".local")] * 2
    assert local_names("", Target("http", "localhost", 1), "???")[1] == "this-machine.local"


@pytest.mark.parametrize("name", ["my app", "a.b", "-a", "a_b", "x" * 64, "grüße", "app.test"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name under"):
        local_names(name, Target("http", "localhost", 1))


def test_networks_are_read_as_people_write_them() -> None:
    assert [str(parse_network(text)) for text in ("192.168.1.7", "192.168.1.7/24", "fd00::1/8")] == [
        "192.168.1.7/32", "192.168.1.0/24", "fd00::/8",
    ]  # fmt: skip
    for wrong in ("", "phone", "192.168.1.0/33", "192.168.1", "::/129"):
        with pytest.raises(ValueError):
            parse_network(wrong)


def test_a_rate_is_so_many_in_a_span() -> None:
    assert [parse_rate(text) for text in ("20/s", "20", "120/m", "120/min", "3600/h", "0.5/s")] == [
        Rate(20), Rate(20), Rate(120, 60), Rate(120, 60), Rate(3600, 3600), Rate(0.5),
    ]  # fmt: skip
    for wrong in ("", "0", "0/s", "-1", "20/d", "20/", "fast", "1e3"):
        with pytest.raises(ValueError):
            parse_rate(wrong)
