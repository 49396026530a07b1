"""Choice: which recorded exchanges a command means: by number, by range, by filter. Each command's words are its own.

`tunnel replay 12 15-20` names them as words (`chosen_ids`), `tunnel export --ids 12,15-20` as a list (`selected`).
"""

import re
from array import array
from collections.abc import Iterator, Sequence

from tunnel.capture.query import Query, parse
from tunnel.capture.store import Store
from tunnel.capture.store_write import MOST_EXCHANGES
from tunnel.errors import UsageError

MOST_AT_ONCE = 10_000  # numbers that a range may span where each is sent: more is rather a slip of a key than meant
_MOST_LISTED = 1_000_000  # that a list may name
_RANGE = re.compile(r"\s*#?([0-9]{1,10})\s*(?:-\s*#?([0-9]{1,10})\s*)?")


def chosen_ids(words: Sequence[str], store: Store) -> Iterator[int]:
    """Yield the numbers that words name, in their order; of a range, those that there are.

    Raises:
      UsageError: A word is no number and no range, or there is no such exchange. Found out before the first is yielded.
    """
    ids: list[int] = []
    for first, last in map(_span, words):
        found = [id for id in range(first, last + 1) if store.summary(id) is not None]
        if not found:
            raise _none_of(f"{first}" if first == last else f"from {first} to {last}")
        ids += found
    yield from ids


def filtered_ids(store: Store, text: str) -> Iterator[int]:
    """Yield the numbers of the exchanges that a filter lets through, oldest first, read as they are asked for.

    Raises: As `parsed_filter`.
    """
    return store.ids(parsed_filter(text))


def parsed_filter(text: str) -> Query:
    """Return a filter, understood.

    Raises:
      QueryError: It is not understood.
    """
    return parse(text)


def selected(store: Store, words: Sequence[str], numbers: str | None) -> "array[int]":
    """Return the numbers of the exchanges of a filter, of a list, or all of them, oldest first.

    Args:
      store: Where they are.
      words: Of a filter, joined by spaces; none for all.
      numbers: What `--ids` says, or None.

    Raises: UsageError, there is none of a number, or the filter cannot be read.
    """
    filter = " ".join(words)
    if numbers is None:
        return array("q", store.ids(parse(filter) if filter.strip() else None))
    if words:
        raise UsageError("--ids and a filter do not go together", hint="use one of them")
    there = set(store.ids(None))
    named = named_numbers(numbers)
    for id, alone in named.items():
        if alone and id not in there:
            raise _none_of(f"{id}")
    return array("q", [id for id in named if id in there])


def named_numbers(text: str) -> dict[int, bool]:
    """Return the numbers that "12,15-20" names, in its order, and whether each was named alone: of 15-20 some may be gone.

    Raises: UsageError, it is no list of numbers.
    """
    found: dict[int, bool] = {}
    for word in text.split(","):
        match = _RANGE.fullmatch(word)
        low, high = (0, 0) if match is None else (int(match[1]), int(match[2] or match[1]))
        if match is None or not 0 < low <= high < MOST_EXCHANGES or high - low + len(found) > _MOST_LISTED:
            raise UsageError(f"--ids {text!r} names no exchanges", hint="name them like 12 or 12,15-20")
        found.update(dict.fromkeys(range(low, high + 1), match[2] is None))
    return found


def _span(word: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(word)
    if not match:
        raise UsageError(
            f"{word!r} is not the number of an exchange", hint="name one like 12, several, or a range like 12-15"
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise UsageError(f"the range {word} runs backwards", hint=f"write it as {last}-{first}")
    if last - first >= MOST_AT_ONCE:
        raise UsageError(
            f"the range {word} spans more than {MOST_AT_ONCE} exchanges", hint="take it in parts, or use --filter EXPR"
        )
    return first, last


def _none_of(named: str) -> UsageError:
    return UsageError(f"there is no exchange {named}", hint="list what there is: `tunnel log`")
