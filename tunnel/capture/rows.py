"""Rows: the one list of columns, and the translation between them and what the way noted. No SQL runs here.

A row is a plain list, common columns first, and it ends where nothing but defaults would follow: most exchanges have no
error, no trailers, no upgrade, and what is not bound costs nothing. Making one formats nothing: heads stay bytes, times
become integers, text is decoded and never judged. Reading back is for people and may cost more.
"""

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tunnel.capture.clock import Clock
from tunnel.capture.gathering import Entry
from tunnel.capture.heads import media_type, media_type_of, parent_of
from tunnel.capture.tap import Record
from tunnel.errors import Fault
from tunnel.model.headers import Headers
from tunnel.model.message import END
from tunnel.model.peer import Peer, Tls
from tunnel.model.summary import State, Summary

if TYPE_CHECKING:
    # Its patterns take 20 ms to make, which those who only read need not pay.
    from tunnel.capture.redact_heads import Heads
    from tunnel.model.exchange import Exchange

Value = int | str | bytes | None
Row = list[Value]

# The order is the order on disk: what a list reads comes first, so that SQLite need not follow a row to its overflow pages.
# A column with a default is a rare one.
COLUMNS = {
    "id": "INTEGER PRIMARY KEY",
    "revision": "INTEGER NOT NULL",
    "process": "INTEGER NOT NULL",
    "state": "TEXT NOT NULL",
    "started": "INTEGER NOT NULL",
    "ended": "INTEGER",
    "method": "TEXT NOT NULL",
    "host": "TEXT NOT NULL",
    "target": "TEXT NOT NULL",
    "status": "INTEGER",
    "upgrade": "TEXT NOT NULL DEFAULT ''",
    "request_size": "INTEGER NOT NULL",
    "response_size": "INTEGER NOT NULL",
    "messages": "INTEGER NOT NULL DEFAULT 0",
    "caller": "TEXT NOT NULL",
    "caller_pid": "INTEGER NOT NULL",
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
    "response_kept": "INTEGER NOT NULL",
    "response_lost": "INTEGER NOT NULL DEFAULT 0",
    "connected": "INTEGER",
    "first": "INTEGER",
    "upstream": "TEXT NOT NULL",
    "reused": "INTEGER NOT NULL",
    "connection": "TEXT NOT NULL",
    "request_head": "BLOB NOT NULL",
    "sent_head": "BLOB NOT NULL",
    "informational": "BLOB NOT NULL DEFAULT x''",
    "response_head": "BLOB NOT NULL",
    "returned_head": "BLOB",  # NULL: the response_head went on as it was
    "request_trailers": "BLOB DEFAULT x''",
    "response_trailers": "BLOB DEFAULT x''",
    "request_body": "BLOB DEFAULT NULL",
    "response_body": "BLOB",
}

# The order of a row's values. A row that says nothing in the rare ones has only the common ones.
COMMON = tuple(name for name, kind in COLUMNS.items() if "DEFAULT" not in kind)
RARE = tuple(name for name, kind in COLUMNS.items() if "DEFAULT" in kind)
_REVISION = COMMON.index("revision")
# What `exchange_of` reads: all but the bodies.
READ = tuple(name for name in COLUMNS if name not in ("request_body", "response_body"))

_DEFAULTS = ("", 0, "", "", "", "", 0, "", 0, "", "", 0, 0, 0, b"", b"", b"", None)  # of the rare columns
_HEAD = COMMON.index("response_head")
# Where a line's type is to stand, its row has the head that says it.
SUMMARY = tuple("response_head" if name == "type" else name for name in Summary._fields)
_summary: Callable[[Row], tuple[Value, ...]] = operator.itemgetter(*map((*COMMON, *RARE).index, SUMMARY))
_NO_TRAILERS = END.trailers


def row_of(
    entry: Entry, *, process: int, clock: Clock, caller: tuple[str, int] | None, heads: "Heads | None" = None
) -> Row:
    """Return an exchange's row as it stands now: the values of `COMMON`, and of `RARE` where any says something.

    The revision of the change is still to be set, when its order among those of other processes is known.

    Args:
      entry: What the way noted, and how far it has come.
      process: The number of the process that carried it.
      clock: Gives wall time.
      caller: The client program's name and pid, where they are known.
      heads: Hides what is secret in heads and sentences; None where secrets are kept.
    """
    record, state, kept, messages, request_body, response_body, found = entry
    request, response, peer, error = record.request, record.response, record.peer, record.error
    asked, answered, started = record.request_body, record.response_body, record.started
    ended, connected, first = record.ended, record.connected, record.first
    name, pid = caller or ("", 0)
    answer = b"" if response is None else response.raw
    parent = parent_of(request.headers)
    target, raw, sent, returned = request.target, request.raw, record.sent, record.returned
    if heads is not None and not heads.plain(record):
        heads.hide.found = set()
        target, raw, sent, answer, returned = heads.hidden(record)
        found = found | heads.hide.found
    common: Row = [
        record.id,
        0,
        process,
        state._value_,  # `value` is a property, which asks twice as long
        clock.wall(started),
        None if ended is None else int((ended - started) * 1e6),
        request.method.decode("latin-1"),
        (request.headers.get(b"host") or b"").decode("latin-1"),
        target.decode("latin-1"),
        None if response is None else response.status,
        asked.size,
        answered.size,
        name if name.isascii() else _text(name),
        pid,
        kept[1],
        None if connected is None else int((connected - started) * 1e6),
        None if first is None else int((first - started) * 1e6),
        record.upstream,
        record.reused,
        _connection(peer, clock),
        raw,
        sent,
        answer,
        None if returned == answer else returned,
        response_body,
    ]
    if (
        record.request_trailers is _NO_TRAILERS
        and record.response_trailers is _NO_TRAILERS
        and error is None
        and not found
        and not (asked.size or asked.lost or answered.lost or record.repairs or record.informational or parent)
        and not (record.rule or record.device)
    ):
        return common
    what, hint = ("", "") if error is None else (_text(error.what), _text(error.hint))
    repairs = _text("\n".join(record.repairs))
    informational = b"".join([answer.raw for answer in record.informational])
    trailers = _lines(record.request_trailers), _lines(record.response_trailers)
    if heads is not None:
        heads.hide.found = set()
        what, hint, repairs = (heads.text(text) if text else "" for text in (what, hint, repairs))
        informational = heads.head(informational) if informational else b""
        trailers = (
            heads.block(trailers[0]) if trailers[0] else trailers[0],
            heads.block(trailers[1]) if trailers[1] else trailers[1],
        )
        found = found | heads.hide.found
    return [
        *common,
        request.upgrade.decode("latin-1") if response is not None and response.status == 101 else "",
        messages,
        what,
        "" if error is None else error.fault.value,
        hint,
        repairs,
        parent,
        "",
        len(found),
        _text(record.device),
        record.rule,
        kept[0],
        asked.lost,
        answered.lost,
        informational,
        *trailers,
        request_body,
    ]


@lru_cache(maxsize=1024)
def _connection(peer: Peer, clock: Clock) -> str:
    """Return what holds for every exchange of a connection, as one JSON text: made once, and looked at by few."""
    return connection_text(peer, clock.wall(peer.accepted), clock.wall(peer.ready))


def connection_text(of: "Peer | Exchange", accepted: int, ready: int) -> str:
    """Return the connection of a peer, or of an exchange that was read, as its column has it; times are µs since 1970."""
    tls = of.tls
    return json.dumps(
        {
            "address": of.address,
            "port": of.port,
            "listener": of.listener,
            "listener_port": of.listener_port,
            "accepted": accepted,
            "ready": ready,
            "tls": None if tls is None else [tls.version, tls.cipher, tls.sni, tls.alpn],
        }
    )


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


class Rows(NamedTuple):
    """Rows on their way into one statement: their values behind each other, `width` to a row."""

    width: int
    values: Row

    def number(self, revisions: range) -> None:
        """Set the revisions, as many as there are rows."""
        self.values[_REVISION :: self.width] = revisions

    def __len__(self) -> int:
        return len(self.values) // self.width

    def summaries(self, records: Iterable[Record]) -> Iterator[Summary]:
        """Return the part of each row that a line in a list needs.

        Args:
          records: What the rows were made of, in their order; of an iterator so many are taken as there are rows.
        """
        short = self.width == len(COMMON)
        for at, record in zip(range(0, len(self.values), self.width), records, strict=False):
            row = self.values[at : at + self.width]
            if short:
                row += _DEFAULTS
            head, answer = row[_HEAD], record.response
            if answer is not None and head is answer.raw:  # as it came: its fields were read already
                row[_HEAD] = media_type(answer.headers.get(b"content-type") or b"")
            else:
                row[_HEAD] = media_type_of(head) if isinstance(head, bytes) else ""
            yield Summary._make(_summary(row))


def together(rows: Sequence[Row]) -> Rows:
    """Put rows, at least one, behind each other. If one of them has rare values, all are given them."""
    width = max(map(len, rows))
    if width > len(COMMON):
        rows = [row if len(row) == width else [*row, *_DEFAULTS] for row in rows]
    return Rows(width, [*chain.from_iterable(rows)])


def exchange_of(row: Iterable[Value]) -> "Exchange":
    """Return what a row says, in the order of `READ`."""
    from tunnel.model.exchange import Body, Exchange, Failure, Timings  # for those who read: who only writes has none

    # Typed by the schema, which this file wrote; checking each value again would only repeat it.
    of: dict[str, Any] = dict(zip(READ, row, strict=True))
    connection: dict[str, Any] = json.loads(of["connection"])
    started: int = of["started"]
    return Exchange(
        id=of["id"],
        revision=of["revision"],
        state=State(of["state"]),
        started=started,
        timings=Timings(
            connection["accepted"] - started, connection["ready"] - started, of["connected"], of["first"], of["ended"]
        ),
        address=connection["address"],
        port=connection["port"],
        listener=connection["listener"],
        listener_port=connection["listener_port"],
        tls=None if connection["tls"] is None else Tls(*connection["tls"]),
        caller=of["caller"],
        caller_pid=of["caller_pid"],
        method=of["method"],
        target=of["target"],
        host=of["host"],
        status=of["status"],
        upgrade=of["upgrade"],
        upstream=of["upstream"],
        reused=bool(of["reused"]),
        request=Body(of["request_size"], of["request_kept"], bool(of["request_lost"])),
        response=Body(of["response_size"], of["response_kept"], bool(of["response_lost"])),
        messages=of["messages"],
        failure=Failure(of["error"], of["hint"], Fault(of["fault"])) if of["fault"] else None,
        repairs=tuple(of["repairs"].split("\n")) if of["repairs"] else (),
        parent=of["parent"],
        source=of["source"],
        redacted=of["redacted"],
        device=of["device"],
        rule=of["rule"],
        request_head=of["request_head"],
        sent_head=of["sent_head"],
        informational=of["informational"],
        response_head=of["response_head"],
        returned_head=of["response_head"] if of["returned_head"] is None else of["returned_head"],
        request_trailers=of["request_trailers"],
        response_trailers=of["response_trailers"],
    )


def _text(text: str) -> str:
    """Return text that can be stored: a program's name may hold bytes that are no UTF-8, as lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _lines(trailers: Headers | None) -> bytes | None:
    if trailers is None:
        return None
    return b"".join(b"%b: %b\r\n" % field for field in trailers) if len(trailers) else b""
