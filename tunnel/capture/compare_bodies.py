"""Bodies, taken apart so that two of them can be compared: by path, by field, by line. What differs is for `compare`."""

import codecs
import difflib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

from tunnel.capture.har_forms import params_of
from tunnel.capture.har_parts import text_of
from tunnel.capture.present import media_type

Pair = tuple[str, str]
Named = tuple[str, str | None, str | None]  # name, left, right

MOST_PATHS = 5000  # values of one JSON document
MOST_LINES = 2000  # of the part that differs: the time grows with the square of it
MOST_DEEP = 64
_EMPTY = ("[]", "{}")  # where the other one has members, these tell of it, and it is not told once more
_MOST_JSON = 4 * 1024 * 1024  # bytes


def parts(left: bytes, right: bytes, left_type: str, right_type: str) -> list[Named] | None:
    """Return two decoded bodies as named values, or None where there is nothing but bytes to compare.

    Args:
      left_type: The Content-Type of the left one, or empty; `right_type` likewise.
    """
    flat, other_flat = _json(left, left_type), _json(right, right_type)
    if flat is not None and other_flat is not None:
        return [
            (name, one, other)
            for name, one, other in by_name(flat.values, other_flat.values)
            if not (one in _EMPTY and name in other_flat.within) and not (other in _EMPTY and name in flat.within)
        ]
    kinds = {media_type(left_type)[0], media_type(right_type)[0]}
    if kinds <= {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return list(by_name(_form(left, left_type), _form(right, right_type)))
    if len(kinds - {""}) > 1:
        return None  # a page and a document have no lines in common
    (text, is_base64), (other_text, other_is_base64) = text_of(left, left_type), text_of(right, right_type)
    if is_base64 or other_is_base64:
        return None
    return _lines(text, other_text)


def by_name(left: Sequence[Pair], right: Sequence[Pair], *, case: bool = True) -> Iterator[Named]:
    """Yield the values of both by their names, in the left one's order, then what only the right one has.

    Equal names are paired in their order: the second with the second.

    Args:
      case: Whether names that differ in case alone are different.
    """
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in right:
        values[name if case else name.lower()].append(value)
    seen: defaultdict[str, int] = defaultdict(int)
    for name, value in left:
        key = name if case else name.lower()
        number = seen[key]
        seen[key] += 1
        others = values[key]
        yield _numbered(name, number), value, others[number] if number < len(others) else None
    skipped: defaultdict[str, int] = defaultdict(int)
    for name, value in right:
        key = name if case else name.lower()
        skipped[key] += 1
        if skipped[key] > seen[key]:
            yield _numbered(name, skipped[key] - 1), None, value


def pairs(query: str) -> list[Pair]:
    """Return the names and values of a query or a form."""
    try:
        return parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=MOST_PATHS)
    except ValueError:
        return [("(all)", query)]


def first_difference(left: bytes, right: bytes) -> int:
    """Return the offset of the first byte that differs; the shorter one's length where it begins the other."""
    low, high = 0, min(len(left), len(right))
    while low < high:  # slices compare at the speed of memory, single bytes at that of Python
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _numbered(name: str, number: int) -> str:
    return f"{name} [{number + 1}]" if number else name


def _form(body: bytes, content_type: str) -> list[Pair]:
    if media_type(content_type)[0] == "application/x-www-form-urlencoded":
        return pairs(body.decode("latin-1"))
    return [(param["name"], param.get("value", param.get("fileName", ""))) for param in params_of(body, content_type)]


class _Number(str):
    """A number as it was written: 1.0 and 1.00 are not the same answer, and no digit is lost."""


class _Flat(NamedTuple):
    """A JSON document.

    Attributes:
      values: By path, in their order.
      within: Paths of what has members.
    """

    values: list[Pair]
    within: set[str]


def _json(body: bytes, content_type: str) -> _Flat | None:
    """Return a JSON document's values, or None for what is none."""
    kind = media_type(content_type)[0]
    if not (kind.endswith(("/json", "+json")) or (not kind and body[:1] in (b"{", b"["))) or len(body) > _MOST_JSON:
        return None
    try:
        text = body.removeprefix(codecs.BOM_UTF8).decode()
        value = json.loads(
            text, parse_int=_Number, parse_float=_Number, parse_constant=_Number, object_pairs_hook=_Object
        )
    except (ValueError, RecursionError):
        return None
    found = _Flat([], set())
    for pair in _flat("$", value, 0, found.within):
        if len(found.values) == MOST_PATHS:
            return None  # by lines, then
        found.values.append(pair)
    return found


class _Object(list[tuple[str, object]]):
    """An object as it was written, with names that come twice."""


def _flat(path: str, value: object, depth: int, within: set[str]) -> Iterator[Pair]:
    if not value and isinstance(value, list):
        yield path, "{}" if isinstance(value, _Object) else "[]"
    elif depth > MOST_DEEP:
        yield path, _written(value)
    elif isinstance(value, _Object):
        within.add(path)
        for name, member in value:
            below = f"{path}.{name}" if name.isidentifier() else f"{path}[{json.dumps(name)}]"
            yield from _flat(below, member, depth + 1, within)
    elif isinstance(value, list):
        within.add(path)
        for number, member in enumerate(value):
            yield from _flat(f"{path}[{number}]", member, depth + 1, within)
    else:
        yield path, _written(value)


def _written(value: object) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return "…"
    return json.dumps(value, ensure_ascii=False)


def _lines(left: str, right: str) -> list[Named] | None:
    """Return the lines that differ, and a row for all that do not; None where there are too many to compare.

    What both begin and end with is set aside first: most of two large texts is the same.
    """
    one, other = left.splitlines(), right.splitlines()
    begin = 0
    while begin < min(len(one), len(other)) and one[begin] == other[begin]:
        begin += 1
    end = 0
    while end < min(len(one), len(other)) - begin and one[-1 - end] == other[-1 - end]:
        end += 1
    one, other = one[begin : len(one) - end], other[begin : len(other) - end]
    if len(one) > MOST_LINES or len(other) > MOST_LINES:
        return None
    found: list[Named] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for step in range(max(b - a, d - c)):
            mine = one[a + step] if a + step < b else None
            theirs = other[c + step] if c + step < d else None
            number = (a if mine is not None else c) + step + begin + 1
            found.append((f"line {number}", mine, theirs))
    if not found and left != right:
        return None  # the ends of lines alone
    return found
