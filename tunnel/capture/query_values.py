"""Values: what stands behind an operator, by the kind of its field: "200ms" in microseconds, "2026-11-21" as that day."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from tunnel.capture.fields import Field, Kind, nearest

_UNITS: dict[Kind, dict[str, int]] = {
    Kind.DURATION: {"us": 1, "µs": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "min": 60_000_000,
                    "h": 3_600_000_000},
    Kind.SIZE: {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3},
    Kind.TIME: {"s": 1_000_000, "m": 60_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000},
}  # fmt: skip
_NUMBER = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([A-Za-zµ]*)\Z", re.ASCII)
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?)?\Z", re.ASCII | re.IGNORECASE
)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?\Z", re.ASCII)
_FLAGS = {"yes": 1, "true": 1, "on": 1, "1": 1, "no": 0, "false": 0, "off": 0, "0": 0}
_MOST = 2**62  # far beyond any size or time that is meant, and within what SQLite counts with


class Span(NamedTuple):
    """A time as it was written: a day, a minute, a moment. µs since the epoch; `end` is the first that lies behind it."""

    start: int
    end: int


Resolved = int | str | Span


class ValueTrouble(ValueError):
    """A value that its field cannot have; `nearest` is what was probably meant, or empty."""

    def __init__(self, what: str, hint: str = "", nearest: str = "") -> None:
        super().__init__(what)
        self.hint = hint
        self.nearest = nearest


def resolve(field: Field, text: str, now: int) -> Resolved:
    """Return what a value says.

    Args:
      field: What it is compared with.
      text: As it was typed.
      now: µs since the epoch, for times like "10m".
    Raises: ValueTrouble.
    """
    match field.kind:
        case Kind.NUMBER:
            return _number(field, text)
        case Kind.DURATION | Kind.SIZE:
            return _quantity(field, text)
        case Kind.TIME:
            return _time(field, text, now)
        case Kind.FLAG:
            if text.lower() not in _FLAGS:
                raise ValueTrouble(f"{field.name} is yes or no, not {_shown(text)}")
            return _FLAGS[text.lower()]
        case Kind.CHOICE:
            if text.lower() not in field.values and text and not (field.besides and field.besides in text):
                near = nearest(text, field.values)
                hint = f"did you mean {near}?" if near else f"it is one of: {', '.join(field.values)}"
                raise ValueTrouble(f"{field.name} is never {_shown(text)}", hint, near)
            return text
        case Kind.TEXT:
            return text


def _number(field: Field, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        hint = ""
        if re.fullmatch(r"[1-5]xx", text.lower()):
            hint = f"write {field.name} >= {text[0]}00 and {field.name} < {int(text[0]) + 1}00"
        raise ValueTrouble(f"{field.name} is a whole number, and {_shown(text)} is none", hint)
    return int(text)


def _quantity(field: Field, text: str) -> int:
    units = _UNITS[field.kind]
    match = _NUMBER.match(text)
    if not match or match[2].lower() not in units:
        if match and not match[2] and field.kind is Kind.DURATION:
            if Decimal(match[1]) == 0:
                return 0
            raise ValueTrouble(
                f"{field.name} needs a unit behind {text}", f"did you mean {text}ms or {text}s?", f"{text}ms"
            )
        hint = f"write it like {'200ms, 1.5s or 2m' if field.kind is Kind.DURATION else '500, 64kib or 1.5mb'}"
        raise ValueTrouble(f"{_shown(text)} is no {field.kind.value}", hint)
    return _bounded(int(Decimal(match[1]) * units[match[2].lower()]), text)


def _time(field: Field, text: str, now: int) -> Span:
    match = _NUMBER.match(text)
    if match and match[2].lower() in _UNITS[Kind.TIME]:
        moment = now - _bounded(int(Decimal(match[1]) * _UNITS[Kind.TIME][match[2].lower()]), text)
        return Span(moment, moment + 1)
    try:
        span = _date(text, now)
        if span is not None:
            return span
    except (ValueError, OverflowError, OSError):
        pass  # no such day, or none that this system can tell
    raise ValueTrouble(
        f"{_shown(text)} is no time", "write it like 10m or 2d (ago), 09:30, 2026-11-21, or 2026-11-21T09:30:00Z"
    )


def _date(text: str, now: int) -> Span | None:
    """Return a date or a time of today; local where no zone is said."""
    if match := _DATE.match(text):
        start = datetime.fromisoformat(text.upper())
        length = timedelta(days=1)
        if match[2]:
            length = timedelta(minutes=1)
        if match[3]:
            length = timedelta(microseconds=1) if match[4] else timedelta(seconds=1)
    elif match := _CLOCK.match(text):
        hour, minute, *second = map(int, text.split(":"))
        today = datetime.fromtimestamp(now / 1e6)
        start = today.replace(hour=hour, minute=minute, second=second[0] if second else 0, microsecond=0)
        length = timedelta(seconds=1) if second else timedelta(minutes=1)
    else:
        return None
    return Span(_micros(start), _micros(start + length))


def _micros(moment: datetime) -> int:
    # A float of seconds would lose the last digits.
    return round(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond


def _bounded(number: int, text: str) -> int:
    if number > _MOST:
        raise ValueTrouble(f"{_shown(text)} is more than can be meant")
    return number


def _shown(text: str, most: int = 60) -> str:
    return repr(text if len(text) <= most else text[: most - 1] + "…")


def known_units(kind: Kind) -> Sequence[str]:
    """Return the units of a kind, for the completion."""
    return [unit for unit in _UNITS.get(kind, {}) if unit]
