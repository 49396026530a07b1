"""Repeats in the store: what no exchange refers to any more is removed with the last one that did."""

import sqlite3

from tunnel.capture.columns import SPAN_BITS

_TABLES = ("heads", "connection")


def collect(sql: sqlite3.Connection, span: int) -> int:
    """Remove what is of no use any more, after exchanges of a span were removed. In a transaction.

    Only exchanges of the same span share (`capture.repeats`), so only its other exchanges are looked at: 1 ms, and 2
    where 500 had heads that are like no others.

    Returns: How many rows that were.
    """
    numbers = span << SPAN_BITS, (span + 1 << SPAN_BITS) - 1
    return sum(
        sql.execute(
            f"DELETE FROM {table} WHERE id BETWEEN ?1 AND ?2"
            f" AND id NOT IN (SELECT {table} FROM course WHERE id BETWEEN ?1 AND ?2)",
            numbers,
        ).rowcount
        for table in _TABLES
    )


def newest(sql: sqlite3.Connection) -> int:
    """Return the highest number that anything is of; 0 where there is nothing."""
    (number,) = sql.execute(
        "SELECT max((SELECT coalesce(max(id), 0) FROM course), (SELECT coalesce(max(id), 0) FROM heads),"
        " (SELECT coalesce(max(id), 0) FROM connection))"
    ).fetchone()
    return int(number)
