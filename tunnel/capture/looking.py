"""Looking: what a live window asks the store beyond what the command line does: changes, lines, a page of messages.

A window looks while the way is busy, and each row that SQLite hands over takes Python's lock from it. So where many rows are
to be known, they come as one JSON text in one row.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tunnel.capture.store import Store
from tunnel.capture.store_write import MOST_EXCHANGES, PIECE_BITS
from tunnel.model.exchange import RecordedMessage, Summary

_MESSAGE = (1 << PIECE_BITS) - 1


class Changed(NamedTuple):
    """What has changed since a revision.

    Attributes:
      latest: The revision up to which this is told; where to go on.
      number: How many exchanges have changed.
      ids: The numbers of the newest of them, the newest first.
    """

    latest: int
    number: int
    ids: list[int]


def changed(store: Store, revision: int, most: int) -> Changed:
    """Return what has changed since a revision, at most so many numbers; of a store that was begun anew, from its begin."""
    import msgspec

    if store.revision() < revision:
        revision = 0
    ((text, latest),) = store.select(
        "SELECT json_group_array(id), max(revision) FROM"
        " (SELECT id, revision FROM course WHERE revision > ? ORDER BY revision DESC LIMIT ?)",
        (revision, most),
    )
    ids = msgspec.json.decode(text, type=list[int])
    count = len(ids)
    if count >= most:
        ((count,),) = store.select(
            "SELECT count(*) FROM course WHERE revision > ? AND revision <= ?", (revision, latest)
        )
    return Changed(latest if ids else revision, count, sorted(ids, reverse=True))


def some(store: Store, ids: Iterable[int]) -> list[Summary]:
    """Return the lines of these exchanges, in the order of their last change."""
    import msgspec

    asked = msgspec.json.encode(list(ids)).decode()
    return store.summaries("WHERE id IN (SELECT value FROM json_each(?)) ORDER BY revision", (asked,))


def newest(store: Store, before: int | None, limit: int) -> list[Summary]:
    """Return lines, newest first, with numbers below `before`."""
    return store.summaries(
        "WHERE id < ? ORDER BY id DESC LIMIT ?", (MOST_EXCHANGES if before is None else before, limit)
    )


def messages_after(store: Store, id: int, after: int, limit: int) -> Iterator[tuple[int, RecordedMessage]]:
    """Return messages of an exchange with their numbers, behind number `after` (-1 for the first), at most `limit`."""
    rows = store.select(
        "SELECT key, from_client, kind, at, size, payload FROM message WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
        ((id << PIECE_BITS) + after, (id + 1) << PIECE_BITS, limit),
    )
    for key, from_client, kind, at, size, payload in rows:
        yield key & _MESSAGE, RecordedMessage(bool(from_client), str(kind), int(at), int(size), bytes(payload))


def size(store: Store) -> tuple[int, int]:
    """Return the bytes in use of the store, and how many exchanges it holds."""
    ((pages, free, each, count),) = store.select(
        "SELECT page_count, freelist_count, page_size, (SELECT count(*) FROM course)"
        " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    )
    return (pages - free) * each, count
