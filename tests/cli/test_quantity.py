"""Quantities: read as people write them, and what is shown is read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.cli.quantity import BYTES, SECONDS, parse_quantity, show_quantity
from tunnel.model.config import GIB, KIB, MIB


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2),
        ("2.5s", 2.5),
        ("300ms", 0.3),
        ("5m", 300),
        ("5 min", 300),
        ("1h", 3600),
        ("7d", 604800),
        (" 2 S ", 2),
        (3, 3),
        (0.5, 0.5),
        ("0", 0),
    ],
)
def test_a_duration_is_read(text: object, seconds: float) -> None:
    assert parse_quantity(text, SECONDS, "s") == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("65536", 65536),
        ("64KiB", 64 * KIB),
        ("64 kib", 64 * KIB),
        ("64k", 64 * KIB),
        ("10mb", 10**7),
        ("1g", GIB),
        ("1.5MiB", 1.5 * MIB),
        (7, 7),
        ("7b", 7),
        ("7 bytes", 7),
    ],
)
def test_a_size_is_read(text: object, size: float) -> None:
    assert parse_quantity(text, BYTES, "b") == size


@pytest.mark.parametrize(
    "value",
    [
        "",
        "s",
        "-1",
        -1,
        "1e3",
        "1,5",
        "1.s",
        "1 s s",
        "5x",
        True,
        None,
        [],
        "٥s",
        "1_0",
        float("inf"),
        float("nan"),
        "9" * 400,
    ],
)
def test_what_is_no_duration_and_no_size_is_refused(value: object) -> None:
    for units, default in ((SECONDS, "s"), (BYTES, "b")):
        with pytest.raises(ValueError):
            parse_quantity(value, units, default)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0, "bytes", "0"),
        (1000, "bytes", "1000 bytes"),
        (64 * KIB, "bytes", "64 KiB"),
        (3 * GIB, "bytes", "3 GiB"),
        (0.3, "seconds", "0.3 s"),
        (60, "seconds", "60 s"),
        (300, "seconds", "5 min"),
        (7200, "seconds", "2 h"),
        (604800, "seconds", "7 d"),
        (200, "", "200"),
        (1_234_567, "", "1234567"),
    ],
)
def test_a_value_is_shown_as_a_person_would_write_it(value: float, unit: str, shown: str) -> None:
    assert show_quantity(value, unit) == shown


@given(st.integers(0, 10**12))
def test_a_size_that_is_shown_is_read_back(size: int) -> None:
    assert parse_quantity(show_quantity(size, "bytes"), BYTES, "b") == size


@given(st.one_of(st.integers(0, 10**8), st.integers(0, 10**8).map(lambda ms: ms / 1000)))
def test_a_duration_that_is_shown_is_read_back(seconds: float) -> None:
    assert parse_quantity(show_quantity(seconds, "seconds"), SECONDS, "s") == pytest.approx(seconds)


@given(st.one_of(st.text(max_size=10), st.floats(), st.integers(), st.none(), st.booleans()))
def test_anything_is_a_finite_quantity_or_a_value_error(value: object) -> None:
    try:
        quantity = parse_quantity(value, BYTES, "b")
    except ValueError:
        return
    assert int(quantity) >= 0


def test_what_is_too_much_in_one_unit_is_too_much_in_all() -> None:
    with pytest.raises(ValueError):
        parse_quantity("990000000182m", BYTES, "b")
