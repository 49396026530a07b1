"""Imports in the store: one row for each file whose exchanges were taken in, and which numbers they have.

Two things follow from it. An import is whole or not there: one that was broken off is found by its process, and removed. And
what was imported is as old as its import, whatever its exchanges say of when they began (`capture.retention`).
"""

import sqlite3
from typing import NamedTuple

TABLE = """
CREATE TABLE import (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, process INTEGER NOT NULL, at INTEGER NOT NULL,
    source TEXT NOT NULL, digest BLOB NOT NULL, done INTEGER NOT NULL
) STRICT
"""


class Import(NamedTuple):
    """One file that was taken in.

    Attributes:
      first: The first of its exchanges' numbers; `last` the last one.
      at: When it was imported, µs since the epoch.
      source: The file's name.
    """

    first: int
    last: int
    at: int
    source: str


def begin(sql: sqlite3.Connection, span: range, process: int, at: int, source: str, digest: bytes) -> None:
    """Note an import that begins, with the numbers that were reserved for it. In a transaction."""
    sql.execute("INSERT INTO import VALUES (?, ?, ?, ?, ?, ?, 0)", (span[0], span[-1], process, at, source, digest))


def end(sql: sqlite3.Connection, first: int, last: int) -> None:
    """Note that an import is whole, and the last number that it used. In a transaction."""
    sql.execute("UPDATE import SET done = 1, last = ? WHERE first = ?", (last, first))


def forget(sql: sqlite3.Connection, first: int) -> None:
    """Forget an import, of which nothing is left. In a transaction."""
    sql.execute("DELETE FROM import WHERE first = ?", (first,))


def unfinished(sql: sqlite3.Connection, process: int) -> list[Import]:
    """Return what a process began to import and did not end."""
    return _imports(sql, "WHERE process = ? AND NOT done", process)


def oldest(sql: sqlite3.Connection, before: int) -> Import | None:
    """Return what was imported first, if that was before a moment."""
    return next(iter(_imports(sql, "WHERE done AND at < ? ORDER BY at, first LIMIT 1", before)), None)


def same(sql: sqlite3.Connection, digest: bytes) -> Import | None:
    """Return the last import of the same bytes."""
    return next(iter(_imports(sql, "WHERE done AND digest = ? ORDER BY at DESC LIMIT 1", digest)), None)


def _imports(sql: sqlite3.Connection, which: str, value: int | bytes) -> list[Import]:
    return [Import(*row) for row in sql.execute(f"SELECT first, last, at, source FROM import {which}", (value,))]
