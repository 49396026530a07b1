"""Tests: a comparison as a function of a field's values. What SQL cannot say itself calls these too. Pure.

Text is compared without regard to the case of ASCII letters, since what heads hold is no more than bytes; bodies, which are
text, without regard to case in every language.
"""

import operator
from collections.abc import Callable, Sequence

from tunnel.capture.bodytext import folded
from tunnel.capture.fields import Field, Kind
from tunnel.capture.patterns import Pattern
from tunnel.capture.query_tree import Compare, Op
from tunnel.capture.query_values import Resolved, Span, resolve
from tunnel.capture.rows import Value

# Any value of a field that fulfils it will do; one that is missing fulfils nothing.
Test = Callable[[Sequence[Value]], bool]

_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_COMPARED: dict[Op, Callable[[int, int], bool]] = {
    Op.EQUAL: operator.eq, Op.LESS: operator.lt, Op.AT_MOST: operator.le, Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}  # fmt: skip


def lowered(text: str) -> str:
    """Return text with its ASCII letters in lower case, as SQLite's `lower` does."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def test_of(compare: Compare, field: Field, now: int) -> Test:
    """Return the test of a comparison whose operator is no opposite (`!=`, `!~`).

    Args:
      compare: A comparison.
      field: Its field.
      now: µs since the epoch.
    """
    fold = folded if field.sides else lowered
    match compare.op:
        case Op.MATCHES:
            pattern = Pattern(compare.values[0])
            return lambda values: any(pattern.found_in(str(value)) for value in values)
        case Op.CONTAINS:
            needle = fold(compare.values[0])
            return lambda values: any(needle in fold(str(value)) for value in values)
        case Op.IN:
            tests = [_one(field, Op.EQUAL, resolve(field, value, now), fold) for value in compare.values]
            return lambda values: any(test(values) for test in tests)
        case _:
            return _one(field, compare.op, resolve(field, compare.values[0], now), fold)


def _one(field: Field, op: Op, wanted: Resolved, fold: Callable[[str], str]) -> Test:
    if field.kind in (Kind.TEXT, Kind.CHOICE):
        assert isinstance(wanted, str), "text resolves to text"
        text = fold(wanted)
        return lambda values: any(fold(str(value)) == text for value in values)
    bounds = limits(op, wanted)
    return lambda values: any(
        isinstance(value, int) and all(_COMPARED[how](value, limit) for how, limit in bounds) for value in values
    )


def limits(op: Op, wanted: Resolved) -> list[tuple[Op, int]]:
    """Return the comparisons with numbers that one with a number or a time comes to; all have to hold.

    A time that was written as a day is all of that day: `= 2026-11-21` is within it, `> 2026-11-21` after its end.
    """
    match wanted:
        case Span(start, end):
            return {
                Op.EQUAL: [(Op.AT_LEAST, start), (Op.LESS, end)],
                Op.LESS: [(Op.LESS, start)],
                Op.AT_MOST: [(Op.LESS, end)],
                Op.MORE: [(Op.AT_LEAST, end)],
                Op.AT_LEAST: [(Op.AT_LEAST, start)],
            }[op]
        case int():
            return [(op, wanted)]
    raise AssertionError(wanted)
