"""Fields: the one table of what a filter may ask of an exchange. Help, docs page and completion are printed from its rows.

A row says twice where its value is found: `columns`, as SQL over the table `exchange`, and `of`, as attributes of an
`Exchange`. Both give the same raw values. What the words of a filter mean is for `query_tests`, its SQL for `query_sql`.
"""

import difflib
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tunnel.capture.fields_read import (
    flag,
    header_values,
    host_values,
    path_of,
    query_of,
    text_of_head,
    types_of,
    url_of,
)
from tunnel.capture.rows import Value
from tunnel.errors import Fault
from tunnel.model.exchange import Exchange, Side, State
from tunnel.model.share import Access


class Kind(enum.StrEnum):
    """What a field's values are, which says how they are written and compared."""

    NUMBER = "number"
    DURATION = "duration"
    SIZE = "size"
    TIME = "time"
    TEXT = "text"
    CHOICE = "choice"  # text out of a list that is known
    FLAG = "flag"


UNITS = {Kind.DURATION: "us, ms, s, m, h", Kind.SIZE: "b, kb, mb, gb, kib, mib, gib"}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to ask for.

    Attributes:
      name: As it is typed; `aliases` are other words for it.
      kind: What its values are.
      help: One line, for the docs and the completion.
      example: A filter that uses it.
      of: Its raw values, out of an exchange.
      columns: The same raw values, as SQL expressions.
      sql: Expressions of which each is one of the field's values; empty where only Python can tell.
      derive: Makes the field's values of the raw ones; without it they are the same.
      nullable: Whether a value may be missing: then only `!=`, `!~` and `not` are true of it.
      values: All that it can be, where these are known; or what it mostly is.
      besides: What a value holds that is none of these and may be meant nevertheless; empty where there are no such.
      sides: The bodies whose text are its values, for which the body itself has to be read.
      narrow: SQL that is true wherever the field has a certain value, and for which there is an index; by value.
    """

    name: str
    kind: Kind
    help: str
    example: str
    of: Callable[[Exchange], tuple[Value, ...]]
    columns: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    derive: Callable[..., Sequence[Value]] | None = None
    aliases: tuple[str, ...] = ()
    nullable: bool = False
    values: tuple[str, ...] = ()
    besides: str = ""
    sides: tuple[Side, ...] = ()
    narrow: tuple[tuple[str, str], ...] = ()

    @property
    def unit(self) -> str:
        """The units that its values are written in, or empty."""
        return UNITS.get(self.kind, "")

    def read(self, raw: Sequence[Value]) -> Sequence[Value]:
        """Return the field's values of the raw ones; any of them may fulfil a test."""
        return raw if self.derive is None else self.derive(*raw)


TYPES = (
    "http", "ws", "upgrade", "sse", "grpc", "json", "html", "css", "script", "image", "font", "media", "form", "xml",
    "text", "binary",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
YES_NO = ("yes", "no")

_PATH = "CASE instr(target, '?') WHEN 0 THEN target ELSE substr(target, 1, instr(target, '?') - 1) END"
_QUERY = "CASE instr(target, '?') WHEN 0 THEN '' ELSE substr(target, instr(target, '?') + 1) END"
_TLS = "json_extract(connection, '$.tls') IS NOT NULL"
_PORTLESS = "CASE WHEN host GLOB '*:[0-9]*' THEN rtrim(rtrim(host, '0123456789'), ':') ELSE host END"


def _row(
    name: str, kind: Kind, help: str, example: str, of: Callable[[Exchange], Value], column: str, *aliases: str,
    nullable: bool = False, values: tuple[str, ...] = (), narrow: tuple[tuple[str, str], ...] = (),
) -> Field:  # fmt: skip
    """Return a field that is one column, or one SQL expression."""
    return Field(
        name, kind, help, example, lambda exchange: (of(exchange),), (column,), (column,),
        aliases=aliases, nullable=nullable, values=values, narrow=narrow,
    )  # fmt: skip


def _wait(exchange: Exchange) -> int | None:
    return exchange.timings.wait


_LINE = (
    _row("id", Kind.NUMBER, "the number of the exchange", "id > 1200", lambda e: e.id, "id"),
    _row("status", Kind.NUMBER, "the status of the answer; missing before there is one", "status >= 500",
         lambda e: e.status, "status", "code", nullable=True),
    _row("method", Kind.TEXT, "the request's method", "method = POST", lambda e: e.method, "method", "verb",
         values=METHODS),
    Field("host", Kind.TEXT, "the Host that was asked for, with its port or without", 'host = "app.test"',
          lambda e: (e.host,), ("host",), ("host", _PORTLESS), host_values, ("domain",)),
    Field("path", Kind.TEXT, "the target up to its question mark", 'path ~ "^/api/"', lambda e: (e.target,),
          ("target",), (_PATH,), path_of),
    Field("query", Kind.TEXT, "the target behind its question mark", "query contains page=2", lambda e: (e.target,),
          ("target",), (_QUERY,), query_of, ("params",)),
    _row("target", Kind.TEXT, "path and query, as they were sent", 'target = "/?q=1"', lambda e: e.target, "target"),
    Field("url", Kind.TEXT, "scheme, host and target", 'url contains "app.test/api"',
          lambda e: (e.tls is not None, e.host, e.target), (_TLS, "host", "target"),
          (f"iif({_TLS}, 'https://', 'http://') || host || target",), url_of),
    Field("type", Kind.CHOICE, "what kind of exchange, by its upgrade and the answer's Content-Type, or the media type"
          " itself, such as `text/css`; `http` is all that was not upgraded", "type = ws",
          lambda e: (e.upgrade, e.response_head), ("upgrade", "response_head"),
          derive=types_of, values=TYPES, besides="/"),
    _row("upgrade", Kind.TEXT, "the protocol that was switched to", "upgrade = websocket", lambda e: e.upgrade,
         "upgrade"),
)  # fmt: skip

_CLIENT = (
    _row("client", Kind.TEXT, "the program that asked", "client = curl", lambda e: e.caller, "caller", "caller",
         "program"),
    _row("pid", Kind.NUMBER, "the number of its process; 0 where it could not be told", "pid = 4711",
         lambda e: e.caller_pid, "caller_pid"),
    _row("address", Kind.TEXT, "where it asked from", 'address = "::1"', lambda e: e.address,
         "json_extract(connection, '$.address')", "ip"),
    _row("device", Kind.TEXT, "who was let in, where a service was shared; empty for whoever was not",
         'device = "Pixel 9"', lambda e: e.device, "device"),
    _row("rule", Kind.TEXT, "how that share lets devices in; empty where nothing was shared", "rule = pairing",
         lambda e: e.rule, "rule", "access", values=tuple(Access)),
    Field("tls", Kind.FLAG, "whether the client's connection was encrypted", "tls = no",
          lambda e: (e.tls is not None,), (_TLS,), (_TLS,), flag, values=YES_NO),
)  # fmt: skip

_COURSE = (
    _row("started", Kind.TIME, "when the request's head had come; `> 10m` is within the last ten minutes",
         "started > 10m", lambda e: e.started, "started", "time", "at"),
    _row("duration", Kind.DURATION, "from the request's head to the last byte of the answer; missing while it runs",
         "duration > 200ms", lambda e: e.timings.ended, "ended", "took", nullable=True),
    _row("wait", Kind.DURATION, "from the upstream's connection to the first byte of its answer", "wait > 1s", _wait,
         "first - coalesce(connected, 0)", "ttfb", nullable=True),
    _row("state", Kind.CHOICE, "how far it has come", "state = running", lambda e: e.state.value,
         "CASE state WHEN 'running' THEN state_now(process) ELSE state END",
         values=tuple(State), narrow=(("running", "state = 'running'"),)),
    _row("error", Kind.TEXT, "the error that ended it, in words", 'error != ""',
         lambda e: e.failure.what if e.failure else "", "error"),
    _row("fault", Kind.CHOICE, "whose side the error lies on", "fault = upstream",
         lambda e: e.failure.fault.value if e.failure else "", "fault", values=tuple(Fault)),
    _row("upstream", Kind.TEXT, "the address that answered; empty where none was reached", 'upstream contains ":3000"',
         lambda e: e.upstream, "upstream"),
    Field("reused", Kind.FLAG, "over an upstream connection that had served before", "reused = yes",
          lambda e: (e.reused,), ("reused",), ("reused",), flag, values=YES_NO),
    Field("repaired", Kind.FLAG, "whether tunnel changed something in the answer", "repaired = yes",
          lambda e: (bool(e.repairs),), ("repairs != ''",), ("repairs != ''",), flag,
          values=YES_NO),
    _row("replay", Kind.NUMBER, "the exchange that this one repeats, or 0", "replay = 42", lambda e: e.parent, "parent",
         "parent"),
    _row("source", Kind.TEXT, "the file that it was imported from, or empty", 'source != ""', lambda e: e.source,
         "source"),
    _row("redacted", Kind.NUMBER, "how many secrets were replaced before it was written", "redacted > 0",
         lambda e: e.redacted, "redacted"),
)  # fmt: skip

_CONTENT = (
    _row("size", Kind.SIZE, "both bodies together, as they passed", "size > 1mb",
         lambda e: e.request.size + e.response.size, "request_size + response_size"),
    _row("request.size", Kind.SIZE, "the request's body", "request.size > 64kib", lambda e: e.request.size,
         "request_size"),
    _row("response.size", Kind.SIZE, "the answer's body", "response.size = 0", lambda e: e.response.size,
         "response_size"),
    _row("messages", Kind.NUMBER, "how many were read of an upgraded connection", "messages > 100",
         lambda e: e.messages, "messages"),
)  # fmt: skip


def _head(name: str, help: str, example: str, columns: tuple[str, ...], *aliases: str) -> Field:
    def of(exchange: Exchange) -> tuple[Value, ...]:
        return tuple(getattr(exchange, column) for column in columns)

    # A head is read as text byte by byte: what is no UTF-8 in it stays what it is, and is never found.
    sql = tuple(f"CAST({column} AS TEXT)" for column in columns)
    return Field(name, Kind.TEXT, help, example, of, columns, sql, text_of_head, aliases)


def _body(name: str, help: str, example: str, *sides: Side) -> Field:
    return Field(name, Kind.TEXT, help, example, lambda exchange: (), sides=sides)


def _header(name: str, header: str, help: str, example: str, *columns: str) -> Field:
    return Field(
        name, Kind.TEXT, help, example, lambda exchange: tuple(getattr(exchange, column) for column in columns),
        columns, derive=partial(header_values, header.lower().encode()),
    )  # fmt: skip


HEADER = "NAME"  # stands in the table for whatever name follows the last dot
_HEADS = {"header.": ("request_head", "response_head"), "request.header.": ("request_head",),
          "response.header.": ("response_head",)}  # fmt: skip
_HEADER_HELP = {
    "header.": ("a header field, in either head", "header.content-type ~ json"),
    "request.header.": ("a header field of the request", 'request.header.accept contains "text/html"'),
    "response.header.": ("a header field of the answer, as it came", 'response.header.set-cookie != ""'),
}

FIELDS: tuple[Field, ...] = (
    *_LINE,
    *_CLIENT,
    *_COURSE,
    *_CONTENT,
    *(_header(f"{prefix}{HEADER}", HEADER, *_HEADER_HELP[prefix], *columns) for prefix, columns in _HEADS.items()),
    _head("head", "both heads whole, as they came", 'head contains "x-powered-by"', ("request_head", "response_head"),
          "header", "headers"),
    _head("request.head", "the request's head", 'request.head contains "cookie:"', ("request_head",)),
    _head("response.head", "the answer's head", 'response.head ~ "^x-"', ("response_head",)),
    _body("body", "the text of either body, decoded", 'body contains "token"', Side.REQUEST, Side.RESPONSE),
    _body("request.body", "the text of the request's body, decoded", "request.body contains id", Side.REQUEST),
    _body("response.body", "the text of the answer's body, decoded", 'response.body ~ "error: \\d+"', Side.RESPONSE),
)  # fmt: skip

_BY_NAME = {name: field for field in FIELDS for name in (field.name, *field.aliases) if not name.endswith(HEADER)}


def field_of(name: str) -> Field | None:
    """Return the field of a name or alias, in any case; None where there is none."""
    name = name.lower()
    for prefix, columns in _HEADS.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return _header(name, name.removeprefix(prefix), *_HEADER_HELP[prefix], *columns)
    return _BY_NAME.get(name)


def nearest(word: str, known: Sequence[str]) -> str:
    """Return what was probably meant, or an empty string."""
    return next(iter(difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)), "")


def nearest_field(name: str) -> str:
    """Return the name of the field that was probably meant, or an empty string."""
    return nearest(name, list(_BY_NAME)) if len(name) > 2 else ""
