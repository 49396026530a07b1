"""Columns: the tables in which an exchange stands, and the view that shows it whole. What fills them is for `capture.rows`.

    course       one row an exchange: when, how far, how much, and what seldom is but then differs
    heads        what was asked and answered, and whom; exchanges that say the same share a row (`capture.repeats`)
    connection   who asked; the exchanges of a connection share a row
    exchange     the view of all three, which everybody reads

What comes again and again is most of what there is to say of an exchange: with it once in the store, a row takes 0.2 KiB
instead of one, and SQLite 1.6 µs instead of 3.3.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from tunnel.model.summary import Summary

SPAN_BITS = 12  # exchanges of the same 4096 numbers share rows

# Of each table the order is the order on disk. A column with a default is a rare one.
COURSE = {
    "id": "INTEGER PRIMARY KEY",
    "revision": "INTEGER NOT NULL",
    "process": "INTEGER NOT NULL",
    "state": "TEXT NOT NULL",
    "started": "INTEGER NOT NULL",
    "ended": "INTEGER",
    "status": "INTEGER",
    "response_size": "INTEGER NOT NULL",
    "response_kept": "INTEGER NOT NULL",
    "connected": "INTEGER",
    "first": "INTEGER",
    "reused": "INTEGER NOT NULL",
    "heads": "INTEGER NOT NULL",  # the number of the exchange that first said so: its own, or one of its span
    "connection": "INTEGER NOT NULL",  # likewise
    "upgrade": "TEXT NOT NULL DEFAULT ''",
    "request_size": "INTEGER NOT NULL DEFAULT 0",
    "messages": "INTEGER NOT NULL DEFAULT 0",
    "error": "TEXT NOT NULL DEFAULT ''",
    "fault": "TEXT NOT NULL DEFAULT ''",
    "hint": "TEXT NOT NULL DEFAULT ''",
    "repairs": "TEXT NOT NULL DEFAULT ''",
    "parent": "INTEGER NOT NULL DEFAULT 0",
    "source": "TEXT NOT NULL DEFAULT ''",
    "redacted": "INTEGER NOT NULL DEFAULT 0",
    "device": "TEXT NOT NULL DEFAULT ''",
    "rule": "TEXT NOT NULL DEFAULT ''",
    "request_kept": "INTEGER NOT NULL DEFAULT 0",
    "request_lost": "INTEGER NOT NULL DEFAULT 0",
    "response_lost": "INTEGER NOT NULL DEFAULT 0",
    "informational": "BLOB NOT NULL DEFAULT x''",
    "request_trailers": "BLOB DEFAULT x''",
    "response_trailers": "BLOB DEFAULT x''",
    "request_body": "BLOB DEFAULT NULL",
    "response_body": "BLOB",
}
HEADS = {
    "id": "INTEGER PRIMARY KEY",
    "method": "TEXT NOT NULL",
    "host": "TEXT NOT NULL",
    "target": "TEXT NOT NULL",
    "upstream": "TEXT NOT NULL",
    "request_head": "BLOB NOT NULL",
    "sent_head": "BLOB NOT NULL",
    "response_head": "BLOB NOT NULL",
    "returned_head": "BLOB",  # NULL: the response_head went on as it was
}
CONNECTION = {
    "id": "INTEGER PRIMARY KEY",
    "caller": "TEXT NOT NULL",
    "caller_pid": "INTEGER NOT NULL",
    "peer": "TEXT NOT NULL",  # JSON, see `rows.peer_text`; the view calls it connection
}

TABLES = {"course": COURSE, "heads": HEADS, "connection": CONNECTION}

# Where each column of the view is found. Its own number comes from `course`, and so does what no other table has.
_FROM = (
    {name: f"course.{name}" for name in COURSE if name not in ("heads", "connection")}
    | {name: f"heads.{name}" for name in HEADS if name != "id"}
    | {"caller": "connection.caller", "caller_pid": "connection.caller_pid", "connection": "connection.peer"}
)
COLUMNS = {name: TABLES[table][column] for name, (table, column) in ((n, at.split(".")) for n, at in _FROM.items())}

# LEFT JOIN, so that SQLite leaves a table out where nothing is asked of it, and so that what is missing is noticed.
SCHEMA = f"""
{"".join(f"CREATE TABLE {table} ({', '.join(map(' '.join, of.items()))}) STRICT;" for table, of in TABLES.items())}
CREATE INDEX course_started ON course (started);
CREATE INDEX course_revision ON course (revision);
CREATE INDEX course_running ON course (process) WHERE state = 'running';
CREATE VIEW exchange AS SELECT {", ".join(f"{where} AS {name}" for name, where in _FROM.items())}
FROM course LEFT JOIN heads ON heads.id = course.heads LEFT JOIN connection ON connection.id = course.connection
"""

# The order of a row's values in `course`. A row that says nothing in the rare ones has only the common ones.
COMMON = tuple(name for name, kind in COURSE.items() if "DEFAULT" not in kind)
RARE = tuple(name for name, kind in COURSE.items() if "DEFAULT" in kind)
# What `exchange_of` reads: all but the bodies.
READ = tuple(name for name in COLUMNS if name not in ("request_body", "response_body"))
# Where a line's type is to stand, its row has the head that says it.
SUMMARY = tuple("response_head" if name == "type" else name for name in Summary._fields)

_KINDS = {"INTEGER": int, "TEXT": str, "BLOB": bytes}
Read = TypeVar("Read", bound=tuple[Any, ...])


def sound(names: Iterable[str], row: Read) -> Read:
    """Return a row that was read, if each value is of its column's kind: SQLite checks that when it writes, not on reading.

    Raises:
      ValueError: It is not: the file was damaged.
    """
    for name, value in zip(names, row, strict=True):
        kind = COLUMNS[name]
        if not isinstance(value, _KINDS[kind.split()[0]]) and (value is not None or "NOT NULL" in kind):
            raise ValueError(f"{name} is {value!r:.40}")
    return row
