"""Doors: what other rooms give the window, each behind one function here.

A filter is parsed once and asked of the store; heads and bodies go to pure functions and come back as text.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tunnel.capture.compare import Difference, compare
from tunnel.capture.fields import FIELDS
from tunnel.capture.looking import newest
from tunnel.capture.query import Query, parse
from tunnel.capture.store import Store
from tunnel.capture.told import whole_fields
from tunnel.model.exchange import Exchange, Moment, Side, Summary

Make = Callable[[Exchange, bytes, bytes, Iterable[Any], Sequence[Moment]], dict[str, object]]
"""Makes one object of an exchange, its bodies, its messages, and when the parts of its answer came."""


def parsed(text: str) -> Query | None:
    """Return a filter; None for one that lets everything through.

    Raises:
      QueryError: It is not understood; its column says where.
      TunnelError: 501.
    """
    if not text.strip():
        return None
    return parse(text)


def page(store: Store, query: Query | None, *, before: int | None, limit: int) -> list[Summary]:
    """Return lines that match, newest first, with numbers below `before`."""
    if query is None:
        return newest(store, before, limit)
    return store.page(query, before=before, limit=limit)


def count(store: Store, query: Query | None, most: int) -> int:
    """Return how many match, `most` at most."""
    if query is None:
        return int(store.select("SELECT count(*) FROM (SELECT 1 FROM course LIMIT ?)", (most,))[0][0])
    return store.count(query, most)


def matching(store: Store, query: Query, ids: Sequence[int]) -> set[int]:
    """Return which of these match."""
    return store.matching(query, ids)


def ids(store: Store, query: Query | None, *, after: int = 0) -> Iterator[int]:
    """Return the numbers of those that match, above `after`, oldest first, read in pages."""
    if query is not None:
        yield from store.ids(query, after=after)
        return
    while rows := store.select("SELECT id FROM course WHERE id > ? ORDER BY id LIMIT 500", (after,)):
        yield from (id for (id,) in rows)
        after = rows[-1][0]


def copied(kind: str, exchange: Exchange, body: bytes, url: str) -> str:
    """Return a request as a command or a program: "curl", "fetch" or "requests"."""
    from tunnel.capture import snippets

    made = {"curl": snippets.curl, "fetch": snippets.fetch, "requests": snippets.requests}
    return made[kind](exchange, body, url)


def har_entry(
    exchange: Exchange, request: bytes, response: bytes, messages: Iterable[Any], moments: Sequence[Moment]
) -> dict[str, object]:
    """Return an exchange as an entry of a HAR file."""
    from tunnel.capture import har

    return har.entry(exchange, request, response, messages, moments)


def told(
    exchange: Exchange, request: bytes, response: bytes, messages: Iterable[Any], moments: Sequence[Moment]
) -> dict[str, object]:
    """Return an exchange as `tunnel show --json` prints it."""
    return whole_fields(exchange, request, response, messages, moments)


def har_log(entries: Iterable[dict[str, object]]) -> Iterator[str]:
    """Return a HAR file, piece by piece."""
    from tunnel.capture import har

    return har.log(entries)


def compared(store: Store, left: Exchange, right: Exchange) -> list[Difference]:
    """Return what differs between two exchanges."""
    both = left, right
    first, second = ((store.body(one.id, Side.REQUEST), store.body(one.id, Side.RESPONSE)) for one in both)
    messages = [store.messages(one.id) if one.messages else () for one in both]
    return compare(left, right, first, second, *messages)


def fields() -> list[dict[str, object]]:
    """Return the fields of the filter language, for completion."""
    return [
        {
            "name": field.name,
            "type": field.kind.value,
            "unit": field.unit,
            "help": field.help,
            "example": field.example,
            "values": [str(value) for value in field.values],
        }
        for field in FIELDS
    ]
