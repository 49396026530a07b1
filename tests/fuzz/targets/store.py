"""Store: a file of records with bytes of it changed. All that is read of it is read, or refused by a TunnelError.

Input: changes to a store that is whole, each a place (4 bytes) and 4 bytes to put there; what is left over is
put at the end.
Shown are the list, what some filters mean, each exchange whole, its bodies and its messages, as `tunnel log` and
`tunnel show` do; then it is opened for writing, as a start does, which may set it aside but says so.
"""

import functools
import shutil
import sqlite3
import struct

from tests.capture.tables import insert
from tests.fuzz.places import place
from tunnel.capture.columns import COLUMNS
from tunnel.capture.query import parse
from tunnel.capture.store import Store
from tunnel.capture.store_schema import FILE, PAGE, open_for_writing
from tunnel.capture.store_write import PIECE_BITS, body_key
from tunnel.capture.told import whole_fields
from tunnel.cli.lines import Look, json_line, json_text, line
from tunnel.cli.whole import whole
from tunnel.errors import TunnelError
from tunnel.model.exchange import Side

EXAMPLES = 60
LOOK = Look(80)
PLACES = (0, 16, 28, 60, 96, 100, PAGE, 2 * PAGE)
WORDS = [*(struct.pack(">I", at) for at in PLACES), b"\xff" * 4, b"\0" * 4, b"done", b"\1\2\3\4"]
HEAD, ANSWER = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
VALUES = {"INTEGER": 7, "TEXT": "a", "BLOB": b"b"}  # for a column by its kind
# What reads each column, in SQL and in Python, without an index of the bodies and with one.
QUERIES = [
    parse("body contains a or type = json or state = done or tls = no"),
    parse("body contains hello"),
    parse("xyz"),
]
SEEDS = [
    b"", struct.pack(">I", 0) + b"none", struct.pack(">I", 60) + b"\0\0\0\x09", struct.pack(">I", 60) + b"\0\0\0\0",
    b"cut",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    folder = place("store") / "tried"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    content = bytearray(_whole())
    for at in range(0, len(data) - 7, 8):
        where = int.from_bytes(data[at : at + 4], "big") % len(content)
        content[where : where + 4] = data[at + 4 : at + 8]
    (folder / FILE).write_bytes(content + data[len(data) // 8 * 8 :])
    try:
        with Store(folder) as store:
            store.revision()
            for summary in [*store.latest(4), *store.since(0, 4)]:
                line(summary, LOOK)
                json_line(summary)
                _show(store, summary.id)
            for query in QUERIES:
                store.page(query)
    except TunnelError as error:
        assert error.what
        assert "Traceback" not in error.what
    try:
        open_for_writing(folder, lambda error: None).close()
    except (TunnelError, sqlite3.Error, OSError):
        pass


def _show(store: Store, id: int) -> None:
    store.summary(id)
    exchange = store.exchange(id)
    if exchange is None:
        return
    bodies = store.body(id, Side.REQUEST), store.body(id, Side.RESPONSE)
    moments = store.moments(id)
    for _ in whole(exchange, *bodies, store.messages(id), moments, LOOK):
        pass
    json_text(whole_fields(exchange, *bodies, store.messages(id), moments))


@functools.cache
def _whole() -> bytes:
    """The bytes of a store with three exchanges, the same ones every time, so that a failing input fails again."""
    folder = place("store") / "whole"
    sql = open_for_writing(folder, lambda error: None)
    sql.execute("PRAGMA application_id = 1")  # a new store has one of its own
    for id, (state, fault) in enumerate((("done", ""), ("failed", "upstream"), ("running", "")), 1):
        row = {name: VALUES[kind.split()[0]] for name, kind in COLUMNS.items()}
        row |= {
            "id": id,
            "revision": id,
            "state": state,
            "fault": fault,
            "request_size": 5,
            "response_size": 5,
            "messages": 1,
        }
        row |= {
            "request_kept": 5,
            "response_kept": 5,
            "started": 1_800_000_000_000_000 + id,
            "upgrade": "websocket" if id == 3 else "",
        }
        row |= {"request_head": HEAD, "sent_head": HEAD, "response_head": ANSWER, "returned_head": ANSWER}
        insert(sql, row)
        for response in (False, True):
            sql.execute("INSERT INTO body VALUES (?, ?, 7)", (body_key(id, response, 0), b"hello"))
        sql.execute(
            "INSERT INTO message VALUES (?, 1, 'text', ?, 2, ?)", (id << PIECE_BITS, 1_800_000_000_000_000, b"hi")
        )
    sql.close()
    return (folder / FILE).read_bytes()
