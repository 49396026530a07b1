"""Selection: which exchanges a command means: those of a filter, those named by number, or all of them, oldest first."""

import re
from array import array
from collections.abc import Sequence

from tunnel.capture.query import parse
from tunnel.capture.store import Store
from tunnel.capture.store_write import MOST_EXCHANGES
from tunnel.errors import UsageError

_MOST_NAMED = 1_000_000
_WORD = re.compile(r"\s*([0-9]{1,10})\s*(?:-\s*([0-9]{1,10})\s*)?")


def selected(store: Store, words: Sequence[str], numbers: str | None) -> "array[int]":
    """Return the numbers of exchanges.

    Args:
      store: Where they are.
      words: Of a filter, joined by spaces; none for all.
      numbers: What `--ids` says, or None.

    Raises: UsageError, there is none of a number, or the filter cannot be read.
    """
    if numbers is None:
        return array("q", _matching(store, " ".join(words)))
    if words:
        raise UsageError("--ids and a filter do not go together", hint="use one of them")
    there = set(_matching(store, ""))
    named = named_numbers(numbers)
    for id, alone in named.items():
        if alone and id not in there:
            raise UsageError(f"there is no exchange {id}", hint="list what there is: `tunnel log`")
    return array("q", [id for id in named if id in there])


def named_numbers(text: str) -> dict[int, bool]:
    """Return the numbers that "12,15-20" names, in its order, and whether each was named alone: of 15-20 some may be gone.

    Raises: UsageError, it is no list of numbers.
    """
    found: dict[int, bool] = {}
    for word in text.split(","):
        match = _WORD.fullmatch(word)
        if match is None:
            raise _bad(text)
        low = int(match[1])
        high = int(match[2] or low)
        if not 0 < low <= high < MOST_EXCHANGES or high - low + len(found) > _MOST_NAMED:
            raise _bad(text)
        found.update(dict.fromkeys(range(low, high + 1), match[2] is None))
    return found


def _bad(text: str) -> UsageError:
    return UsageError(f"--ids {text!r} names no exchanges", hint="name them like 12 or 12,15-20")


def _matching(store: Store, filter: str) -> Sequence[int]:
    return list(store.ids(parse(filter) if filter.strip() else None))
