"""Rows: the one list of columns, and the translation between them and what the way noted. No SQL runs here.

A row is a plain tuple in the order of `COLUMNS`. Making one costs the writer about ten microseconds and formats nothing:
heads stay bytes, times become integers, text is decoded and never judged. Reading back is for people and may cost more.
"""

import operator
from collections.abc import Callable, Iterable
from typing import Any

from tunnel.capture.tap import Record
from tunnel.errors import Fault
from tunnel.model.exchange import Body, Exchange, Failure, State, Summary, Timings
from tunnel.model.headers import Headers
from tunnel.model.peer import Tls

Value = int | str | bytes | None
Row = tuple[Value, ...]

# The order is the order on disk: what a list reads comes first, so that SQLite need not follow a row to its overflow pages.
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
    "upgrade": "TEXT NOT NULL",
    "request_size": "INTEGER NOT NULL",
    "response_size": "INTEGER NOT NULL",
    "messages": "INTEGER NOT NULL",
    "caller": "TEXT NOT NULL",
    "caller_pid": "INTEGER NOT NULL",
    "error": "TEXT NOT NULL",
    "fault": "TEXT NOT NULL",
    "hint": "TEXT NOT NULL",
    "repairs": "TEXT NOT NULL",
    "request_kept": "INTEGER NOT NULL",
    "request_lost": "INTEGER NOT NULL",
    "response_kept": "INTEGER NOT NULL",
    "response_lost": "INTEGER NOT NULL",
    "accepted": "INTEGER NOT NULL",
    "ready": "INTEGER NOT NULL",
    "connected": "INTEGER",
    "first": "INTEGER",
    "upstream": "TEXT NOT NULL",
    "reused": "INTEGER NOT NULL",
    "address": "TEXT NOT NULL",
    "port": "INTEGER NOT NULL",
    "listener": "TEXT NOT NULL",
    "listener_port": "INTEGER NOT NULL",
    "tls_version": "TEXT",
    "tls_cipher": "TEXT",
    "sni": "TEXT",
    "alpn": "TEXT",
    "request_head": "BLOB NOT NULL",
    "sent_head": "BLOB NOT NULL",
    "informational": "BLOB NOT NULL",
    "response_head": "BLOB NOT NULL",
    "returned_head": "BLOB NOT NULL",
    "request_trailers": "BLOB",
    "response_trailers": "BLOB",
}

_summary: Callable[[Row], tuple[Value, ...]] = operator.itemgetter(*map(list(COLUMNS).index, Summary._fields))


class Clock:
    """Turns moments of `time.perf_counter` into wall time by one anchor, so that a clock that jumps cannot reorder."""

    __slots__ = ("_epoch",)

    def __init__(self, wall_ns: int, monotonic: float) -> None:
        self._epoch = wall_ns / 1000 - monotonic * 1e6  # µs; a float holds them exactly for another two centuries

    def wall(self, moment: float) -> int:
        """Return µs since the epoch."""
        return int(self._epoch + moment * 1e6)


def row_of(
    record: Record,
    state: State,
    *,
    revision: int,
    process: int,
    clock: Clock,
    caller: tuple[str, int] | None,
    kept: tuple[int, int],
    messages: int,
) -> Row:
    """Return an exchange's row as it stands now.

    Args:
      record: What the way noted.
      state: How far it has come.
      revision: Of this change.
      process: The number of the process that carried it.
      clock: Gives wall time.
      caller: The client program's name and pid, where they are known.
      kept: Bytes of the request's and the response's body in the store.
      messages: Rows of messages in the store.
    """
    request, response, peer, error = record.request, record.response, record.peer, record.error
    request_body, response_body, tls, started = record.request_body, record.response_body, peer.tls, record.started
    ended, connected, first = record.ended, record.connected, record.first
    name, pid = caller or ("", 0)
    return (
        record.id,
        revision,
        process,
        state.value,
        clock.wall(started),
        None if ended is None else int((ended - started) * 1e6),
        request.method.decode("latin-1"),
        (request.headers.get(b"host") or b"").decode("latin-1"),
        request.target.decode("latin-1"),
        None if response is None else response.status,
        request.upgrade.decode("latin-1") if response is not None and response.status == 101 else "",
        request_body.size,
        response_body.size,
        messages,
        _text(name),
        pid,
        "" if error is None else _text(error.what),
        "" if error is None else error.fault.value,
        "" if error is None else _text(error.hint),
        _text("\n".join(record.repairs)) if record.repairs else "",
        kept[0],
        request_body.lost,
        kept[1],
        response_body.lost,
        int((peer.accepted - started) * 1e6),
        int((peer.ready - started) * 1e6),
        None if connected is None else int((connected - started) * 1e6),
        None if first is None else int((first - started) * 1e6),
        record.upstream,
        record.reused,
        peer.address,
        peer.port,
        peer.listener,
        peer.listener_port,
        *((None, None, None, None) if tls is None else (tls.version, tls.cipher, tls.sni, tls.alpn)),
        request.raw,
        record.sent,
        b"".join([answer.raw for answer in record.informational]) if record.informational else b"",
        b"" if response is None else response.raw,
        record.returned,
        _lines(record.request_trailers),
        _lines(record.response_trailers),
    )


def summary_of(row: Row) -> Summary:
    """Return the part of a row that a line in a list needs."""
    return Summary._make(_summary(row))


def exchange_of(row: Iterable[Value]) -> Exchange:
    """Return what a whole row, in the order of `COLUMNS`, says."""
    # Typed by the schema, which this file wrote; checking each value again would only repeat it.
    of: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return Exchange(
        id=of["id"],
        revision=of["revision"],
        state=State(of["state"]),
        started=of["started"],
        timings=Timings(of["accepted"], of["ready"], of["connected"], of["first"], of["ended"]),
        address=of["address"],
        port=of["port"],
        listener=of["listener"],
        listener_port=of["listener_port"],
        tls=None if of["tls_version"] is None else Tls(of["tls_version"], of["tls_cipher"], of["sni"], of["alpn"]),
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
        request_head=of["request_head"],
        sent_head=of["sent_head"],
        informational=of["informational"],
        response_head=of["response_head"],
        returned_head=of["returned_head"],
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
