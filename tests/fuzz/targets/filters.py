"""Filters: any text is a filter, or refused with a place in it; written and read again it is the same; it never hangs.

Input: the filter in UTF-8. It is asked of one exchange, as predicate, and made SQL, which SQLite has to take, whether it has
an index of bodies or not.
"""

import functools
import sqlite3

from tests.capture.making import PEER, request, response
from tunnel.capture.clock import Clock
from tunnel.capture.columns import READ
from tunnel.capture.gathering import Entry
from tunnel.capture.patterns import TooSlow
from tunnel.capture.query import QueryError, parse
from tunnel.capture.rows import Value, connection_of, course_of, said_of
from tunnel.capture.rows_read import exchange_of
from tunnel.capture.store_schema import SCHEMA
from tunnel.capture.store_write import INTO
from tunnel.capture.tap import Budget, Record
from tunnel.cli.filters import pointed
from tunnel.model.exchange import Side, State

EXAMPLES = 400
NOW = 1_800_000_000_000_000
WORDS = [
    b"status", b"path", b"body", b"type", b"started", b"duration", b"header.x-a", b"tls", b" = ", b"!=", b"<", b">=", b"~",
    b"!~", b" contains ", b" in (", b" not ", b" and ", b" or ", b"(", b")", b",", b'"', b"'", b"\\", b"\\u00e9", b"200ms",
    b"1.5mb", b"10m", b"2026-11-21", b"ws", b"yes", b"^/api", b"(a+)+$", b"[", b"{2}", b"(?", b"(?P<", b"9" * 19,
    "straße".encode(), b"\0",
]  # fmt: skip
SEEDS = [
    b'status >= 500 and path ~ "^/api" and duration > 200ms', b'method = POST and not host = "a.test"',
    b'body contains "token"', b"client = curl or size > 1mb", b"type in (ws, sse) started > 10m",
    b'a "b \\"c" !(d || e)', b"header.x-a !~ '(?-i:x)'", b"tls = yes started = 2026-11-21T10:00:00.5+01:00",
    b'body ~ "(a+)+$"', b"request.body in ('', \"\\n\")", b"((((a))))", b"not not not a", b"~m POST", b"status is 5",
    # as deep and as long as is allowed
    b"(a and " * 19 + b"a or b" + b")" * 19, b"not (a and not (" * 9 + b"body contains abc" + b"))" * 9,
    b"body contains word " * 200,
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    text = data.decode("utf-8", "replace")
    try:
        query = parse(text, now=NOW)
    except QueryError as error:
        assert 0 <= error.column <= len(text)
        assert error.what
        assert error.hint
        lines = pointed(text, error.column).split("\n")
        assert len(lines) == 2
        assert len(lines[1]) <= 80
        return
    assert parse(str(query), now=NOW).tree == query.tree
    try:
        query.matches(exchange_of(_row()), lambda side: b"a" * 30 + b"b" if side is Side.RESPONSE else b"")
    except TooSlow:
        pass
    for store in (None, "1-2"):
        condition = query.condition(store)
        _sqlite().execute(f"EXPLAIN SELECT id FROM exchange WHERE {condition.sql}", condition.values)


@functools.cache
def _row() -> tuple[Value, ...]:
    record = Record(1, PEER, request(b"/api?q=1"), 0.0, 0, Budget(0))
    record.response, record.ended = response(200, b"X-A: x\r\nContent-Type: text/plain\r\n"), 1.0
    entry, clock = Entry(record, State.DONE, (0, 0), 0), Clock(0, 0)
    said, who = said_of(record), connection_of(record, clock, ("curl", 1))
    course = course_of(entry, said, who, process=1, clock=clock)
    sql = _sqlite()
    for table, row in (("course", course), ("heads", said.row), ("connection", who)):
        names = INTO[table][: len(row)]
        sql.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(row))})", row)
    return tuple(sql.execute(f"SELECT {', '.join(READ)} FROM exchange").fetchone())


@functools.cache
def _sqlite() -> sqlite3.Connection:
    sql = sqlite3.connect(":memory:")
    sql.executescript(SCHEMA)
    sql.execute("ATTACH ':memory:' AS search")
    sql.executescript(
        "CREATE TABLE search.state (store TEXT, revision INTEGER);"
        "CREATE TABLE search.entry (serial INTEGER PRIMARY KEY, exchange INTEGER, long INTEGER);"
        "CREATE VIRTUAL TABLE search.words USING fts5 (request, response);"
        "CREATE VIRTUAL TABLE search.longs USING fts5 (request, response)"
    )
    sql.create_function("judge", -1, lambda *values: 0)
    sql.create_function("state_now", 1, lambda process: "running")
    return sql
