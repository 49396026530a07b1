"""Choice: which recorded exchanges a command means: numbers, ranges like 12-15, a filter."""

import re
from collections.abc import Iterator, Sequence

from tunnel.capture.query import Query, parse
from tunnel.capture.store import Store
from tunnel.errors import UsageError

MOST_AT_ONCE = 10_000  # numbers that a range may span: more is rather a slip of a key than meant
_RANGE = re.compile(r"#?([0-9]{1,10})(?:-#?([0-9]{1,10}))?")


def chosen_ids(words: Sequence[str], store: Store) -> Iterator[int]:
    """Yield the numbers that words name, in their order; of a range, those that there are.

    Raises:
      UsageError: A word is no number and no range, or there is no such exchange. Found out before the first is yielded.
    """
    ids: list[int] = []
    for first, last in map(_span, words):
        found = [id for id in range(first, last + 1) if store.summary(id) is not None]
        if not found:
            named = f"exchange {first}" if first == last else f"exchange from {first} to {last}"
            raise UsageError(f"there is no {named}", hint="list what there is: `tunnel log`")
        ids += found
    yield from ids


def _span(word: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(word)
    if not match:
        raise UsageError(
            f"{word!r} is not the number of an exchange", hint="name one like 12, several, or a range like 12-15"
        )
    first = int(match[1])
    last = int(match[2]) if match[2] else first
    if last < first:
        raise UsageError(f"the range {word} runs backwards", hint=f"write it as {last}-{first}")
    if last - first >= MOST_AT_ONCE:
        raise UsageError(
            f"the range {word} spans more than {MOST_AT_ONCE} exchanges", hint="take it in parts, or use --filter EXPR"
        )
    return first, last


def parsed_filter(text: str) -> Query:
    """Return a filter, understood.

    Raises:
      QueryError: It is not understood.
    """
    return parse(text)


def filtered_ids(store: Store, text: str) -> Iterator[int]:
    """Yield the numbers of the exchanges that a filter lets through, oldest first, read as they are asked for.

    Raises: As `parsed_filter`.
    """
    return store.ids(parsed_filter(text))
