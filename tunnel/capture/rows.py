"""Rows: what the way noted of an exchange, as it is written in three tables (`capture.columns`). No SQL runs here.

A row of `course` is a plain list, common columns first, and it ends where nothing but defaults would follow: most exchanges
have no error, no trailers, no upgrade, and what is not bound costs nothing. What many say alike stands in a row of its own,
which is made once (`capture.repeats`). Making rows formats nothing: heads stay bytes, times become integers, text is decoded
and never judged. Reading back is for people, may cost more, and is for `capture.rows_read`.
"""

import json
import operator
from collections.abc import Callable, Set
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from tunnel.capture.clock import Clock
from tunnel.capture.columns import COMMON, RARE
from tunnel.capture.gathering import Entry
from tunnel.capture.heads import media_type, media_type_of, parent_of
from tunnel.capture.tap import Record
from tunnel.model.headers import Headers
from tunnel.model.message import END
from tunnel.model.peer import Peer
from tunnel.model.summary import Summary

if TYPE_CHECKING:
    # Its patterns take 20 ms to make, which those who only read need not pay.
    from tunnel.capture.redact_heads import Heads
    from tunnel.model.exchange import Exchange

Value = int | str | bytes | None
Row = list[Value]

_DEFAULTS: Row = ["", 0, 0, "", "", "", "", 0, "", 0, "", "", 0, 0, 0, b"", b"", b"", None]  # of the rare columns
_REVISION = COMMON.index("revision")
_NO_TRAILERS = END.trailers
_NONE: Set[bytes] = frozenset()


class Said(NamedTuple):
    """What the heads of an exchange say: a row of `heads`, and what follows from them."""

    id: int
    method: str
    host: str
    target: str
    upstream: str
    request_head: bytes
    sent_head: bytes
    response_head: bytes
    returned_head: bytes | None
    type: str = ""
    parent: int = 0
    found: Set[bytes] = _NONE  # pseudonyms of the secrets in them, where those are hidden

    @property
    def row(self) -> tuple[Value, ...]:
        """Its values in the table, as many as `columns.HEADS` names."""
        return self[:9]


class Connection(NamedTuple):
    """Who asked, over which connection: a row of `connection`."""

    id: int
    caller: str
    caller_pid: int
    peer: str


def said_of(record: Record, heads: "Heads | None" = None) -> Said:
    """Return what the heads of an exchange say, under its own number.

    Args:
      record: What the way noted.
      heads: Hides what is secret in heads and sentences; None where secrets are kept.
    """
    request, response = record.request, record.response
    answer = b"" if response is None else response.raw
    target, raw, sent, returned = request.target, request.raw, record.sent, record.returned
    kind = media_type(response.headers.get(b"content-type") or b"") if response is not None and answer else None
    found: Set[bytes] = _NONE
    if heads is not None and not heads.plain(record):
        heads.hide.found = set()
        target, raw, sent, shown, returned = heads.hidden(record)
        found = frozenset(heads.hide.found)
        if shown != answer:
            answer, kind = shown, None  # the type may have been hidden, too
    return Said(
        record.id,
        request.method.decode("latin-1"),
        (request.headers.get(b"host") or b"").decode("latin-1"),
        target.decode("latin-1"),
        record.upstream,
        raw,
        sent,
        answer,
        None if returned == answer else returned,
        media_type_of(answer) if kind is None else kind,
        parent_of(request.headers),
        found,
    )


def connection_of(record: Record, clock: Clock, caller: tuple[str, int] | None) -> Connection:
    """Return who asked for an exchange, under its own number; `caller` is the client program's name and pid, if known."""
    name, pid = caller or ("", 0)
    peer = record.peer
    return Connection(record.id, _text(name), pid, peer_text(peer, clock.wall(peer.accepted), clock.wall(peer.ready)))


def course_of(
    entry: Entry, said: Said, connection: Connection, *, process: int, clock: Clock, heads: "Heads | None" = None
) -> Row:
    """Return an exchange's row as it stands now: the values of `COMMON`, and of `RARE` where any says something.

    The revision of the change is still to be set, when its order among those of other processes is known.

    Args:
      entry: What the way noted, and how far it has come.
      said: What its heads say, under its own number or another's.
      connection: Who asked, likewise.
      process: The number of the process that carried it.
      clock: Gives wall time.
      heads: Hides what is secret in sentences and trailers; None where secrets are kept.
    """
    record, state, kept, messages, request_body, response_body, found = entry
    response, error, started = record.response, record.error, record.started
    asked, answered = record.request_body, record.response_body
    ended, connected, first = record.ended, record.connected, record.first
    common: Row = [
        record.id,
        0,
        process,
        state._value_,  # `value` is a property, which asks twice as long
        clock.wall(started),
        None if ended is None else int((ended - started) * 1e6),
        None if response is None else response.status,
        answered.size,
        kept[1],
        None if connected is None else int((connected - started) * 1e6),
        None if first is None else int((first - started) * 1e6),
        record.reused,
        said.id,
        connection.id,
        response_body,
    ]
    if (
        record.request_trailers is _NO_TRAILERS
        and record.response_trailers is _NO_TRAILERS
        and error is None
        and not (found or said.found or said.parent)
        and not (asked.size or asked.lost or answered.lost or record.repairs or record.informational)
        and not (record.rule or record.device)
    ):
        return common
    what, hint = ("", "") if error is None else (_text(error.what), _text(error.hint))
    repairs = _text("\n".join(record.repairs))
    informational = b"".join([answer.raw for answer in record.informational])
    trailers = _lines(record.request_trailers), _lines(record.response_trailers)
    found = found | said.found
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
        record.request.upgrade.decode("latin-1") if response is not None and response.status == 101 else "",
        asked.size,
        messages,
        what,
        "" if error is None else error.fault.value,
        hint,
        repairs,
        said.parent,
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


def peer_text(of: "Peer | Exchange", accepted: int, ready: int) -> str:
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


# The values of a line, out of those of a whole row and of what it refers to, behind each other.
_NAMES = (*COMMON, *RARE, *Said._fields, *Connection._fields)
_summary: Callable[[list[Any]], tuple[Any, ...]] = operator.itemgetter(*map(_NAMES.index, Summary._fields))


class Rows(NamedTuple):
    """Rows of `course` on their way into one statement, and what each refers to.

    Attributes:
      width: How many values a row has.
      values: The rows' values behind each other.
      said: What the heads of each say.
      connections: Who asked for each.
    """

    width: int
    values: Row
    said: list[Said]
    connections: list[Connection]

    def number(self, revisions: range) -> None:
        """Set the revisions, as many as there are rows."""
        self.values[_REVISION :: self.width] = revisions

    def __len__(self) -> int:
        return len(self.said)

    def summaries(self) -> list[Summary]:
        """Return the part of each row that a line in a list needs."""
        made = []
        defaults = _DEFAULTS if self.width == len(COMMON) else []
        begins = range(0, len(self.values), self.width)
        for at, said, connection in zip(begins, self.said, self.connections, strict=True):
            of = [*self.values[at : at + self.width], *defaults, *said, *connection]
            made.append(Summary._make(_summary(of)))
        return made


def together(rows: list[Row], said: list[Said], connections: list[Connection]) -> Rows:
    """Put rows, at least one, behind each other. If one of them has rare values, all are given them."""
    width = max(map(len, rows))
    if width > len(COMMON):
        rows = [row if len(row) == width else [*row, *_DEFAULTS] for row in rows]
    return Rows(width, [*chain.from_iterable(rows)], said, connections)


def _text(text: str) -> str:
    """Return text that can be stored: a program's name may hold bytes that are no UTF-8, as lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _lines(trailers: Headers | None) -> bytes | None:
    if trailers is None:
        return None
    return b"".join(b"%b: %b\r\n" % field for field in trailers) if len(trailers) else b""
