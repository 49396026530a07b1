"""Doors: what other rooms give the window, each behind one function here. Where a door is not there yet, it says so: 501.

A filter is parsed once and asked of the store; heads and bodies go to pure functions and come back as text.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from tunnel.capture.looking import newest
from tunnel.capture.store import Store
from tunnel.errors import TunnelError
from tunnel.model.exchange import Exchange, Side, Summary

Make = Callable[[Exchange, bytes, bytes, Iterable[Any]], dict[str, object]]
"""Makes one object of an exchange, its bodies, and its messages."""


class Query(Protocol):
    """A filter that was understood (`capture.query`)."""


def door(module: str, name: str, what: str) -> Callable[..., Any]:
    """Return a function or class of another room, imported when it is first needed.

    Raises:
      TunnelError: 501, this tunnel has none.
    """
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise missing(what) from error
    return found


def missing(what: str) -> TunnelError:
    """Say what this tunnel does not have."""
    return TunnelError(f"this tunnel cannot do that yet: {what}", status=501, hint="upgrade tunnel")


def parsed(text: str) -> Query | None:
    """Return a filter; None for one that lets everything through.

    Raises:
      QueryError: It is not understood; its column says where.
      TunnelError: 501.
    """
    if not text.strip():
        return None
    query: Query = door("tunnel.capture.query", "parse", "read a filter")(text)
    return query


def page(store: Store, query: Query | None, *, before: int | None, limit: int) -> list[Summary]:
    """Return lines that match, newest first, with numbers below `before`."""
    if query is None:
        return newest(store, before, limit)
    found: list[Summary] = _of(store, "page")(query, before=before, limit=limit)
    return found


def count(store: Store, query: Query | None, most: int) -> int:
    """Return how many match, `most` at most."""
    if query is None:
        return int(store.select("SELECT count(*) FROM (SELECT 1 FROM exchange LIMIT ?)", (most,))[0][0])
    return int(_of(store, "count")(query, most))


def matching(store: Store, query: Query, ids: Sequence[int]) -> set[int]:
    """Return which of these match."""
    found: set[int] = _of(store, "matching")(query, ids)
    return found


def ids(store: Store, query: Query | None, *, after: int = 0) -> Iterator[int]:
    """Return the numbers of those that match, above `after`, oldest first, read in pages."""
    if query is not None:
        yield from _of(store, "ids")(query, after=after)
        return
    while rows := store.select("SELECT id FROM exchange WHERE id > ? ORDER BY id LIMIT 500", (after,)):
        yield from (id for (id,) in rows)
        after = rows[-1][0]


def copied(kind: str, exchange: Exchange, body: bytes, url: str) -> str:
    """Return a request as a command or a program: "curl", "fetch" or "requests"."""
    text: str = door("tunnel.capture.snippets", kind, "copy a request")(exchange, body, url)
    return text


def har_entry(exchange: Exchange, request: bytes, response: bytes, messages: Iterable[Any]) -> dict[str, object]:
    """Return an exchange as an entry of a HAR file."""
    entry: dict[str, object] = door("tunnel.capture.har", "entry", "write HAR")(exchange, request, response, messages)
    return entry


def told(exchange: Exchange, request: bytes, response: bytes, messages: Iterable[Any]) -> dict[str, object]:
    """Return an exchange as `tunnel show --json` prints it."""
    fields: dict[str, object] = door("tunnel.capture.told", "whole_fields", "write JSON")(
        exchange, request, response, messages
    )
    return fields


def har_log(entries: Iterable[dict[str, object]]) -> Iterator[str]:
    """Return a HAR file, piece by piece."""
    pieces: Iterator[str] = door("tunnel.capture.har", "log", "write HAR")(entries)
    return pieces


def compared(store: Store, left: Exchange, right: Exchange) -> list[Any]:
    """Return what differs between two exchanges."""
    both = left, right
    bodies = [(store.body(one.id, Side.REQUEST), store.body(one.id, Side.RESPONSE)) for one in both]
    messages = [store.messages(one.id) if one.messages else () for one in both]
    rows: list[Any] = door("tunnel.capture.compare", "compare", "compare exchanges")(left, right, *bodies, *messages)
    return rows


def fields() -> list[dict[str, object]]:
    """Return the fields of the filter language, for completion."""
    told: Any = door("tunnel.capture.fields", "FIELDS", "read a filter")
    return [
        {
            "name": field.name,
            "type": str(getattr(field, "kind", None) or field.type),
            "unit": str(field.unit),
            "help": field.help,
            "example": field.example,
            "values": [str(value) for value in getattr(field, "values", ())],
        }
        for field in told
    ]


def _of(store: Store, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] | None = getattr(store, name, None)
    if found is None:
        raise missing("read a filter")
    return found
