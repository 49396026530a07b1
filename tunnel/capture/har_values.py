"""Values of a stranger's JSON, each looked at before it is believed to be of its kind. `har_read` knows their meaning."""

import math
from collections.abc import Mapping, Sequence

from tunnel.capture import har_parts as parts

Map = Mapping[str, object]

_MOST = 1 << 53  # the largest whole number that JSON is sure to carry
_MOST_FIELDS = 10_000


class Unreadable(Exception):
    """A value without which an entry says nothing is missing or is of another kind; the text says which."""


def mapping(value: object) -> Map:
    """Return an object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[object]:
    """Return a list, or an empty one in place of anything else."""
    return value if isinstance(value, list) else ()


def text(value: object) -> str:
    """Return a string that can be stored and written, or an empty one in place of anything else."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def whole(value: object, *, most: int = _MOST) -> int:
    """Return a whole number from 0 to `most`, or 0 in place of anything else: -1 is HAR's word for "not known"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return 0
    return int(value)


def milliseconds(value: object) -> float | None:
    """Return a duration, or None for a negative one, which is HAR's word for "not known", and anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST / 1000:
        return None
    return float(value) if math.isfinite(value) else None


def fields_in(value: object) -> list[tuple[str, str]]:
    """Return a list of names and values; what is none of these is left out."""
    pairs = [
        (text(mapping(item).get("name")), text(mapping(item).get("value"))) for item in items(value)[:_MOST_FIELDS]
    ]
    return [(name, said) for name, said in pairs if name]


def base64_of(value: object, name: str) -> bytes:
    """Return the bytes of a string of base64.

    Raises: Unreadable, which says the value's name.
    """
    try:
        return parts.bytes_of(text(value), "", is_base64=True)
    except ValueError:
        raise Unreadable(f"{name} is no base64") from None
