"""Outcome: how the answer to a replay differs from the recorded one: status, the fields that matter, body. Pure.

Two exchanges side by side, with every field of both, are for `capture.compare`.
"""

from dataclasses import dataclass, replace

from tunnel.capture.compare import compare
from tunnel.capture.decode import decode
from tunnel.capture.heads import fields_of
from tunnel.model.exchange import Body, Exchange
from tunnel.model.headers import Headers
from tunnel.model.replay import Replayed

# What a client acts on. Dates, lengths, ids and the like differ each time, and say nothing.
_MATTER = (
    b"content-type", b"content-encoding", b"content-disposition", b"content-language", b"location", b"cache-control",
    b"vary", b"allow", b"www-authenticate", b"retry-after", b"access-control-allow-origin",
    b"access-control-allow-credentials", b"access-control-allow-methods", b"access-control-allow-headers",
    b"content-security-policy", b"x-frame-options",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What differs.

    Attributes:
      status: Whether the status does.
      fields: Names, in lower case, of the fields that do.
      body: Whether the body does; None where too little was kept to say.
      values: How many values differ, where both bodies are JSON and differ; else 0.
    """

    status: bool
    fields: tuple[str, ...]
    body: bool | None
    values: int

    @property
    def same(self) -> bool:
        """Whether nothing is known to differ."""
        return not (self.status or self.fields or self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, recorded or just come.

    Attributes:
      exchange: With its `returned_head` as the head that is compared.
      body: What there is of its body, content-coded.
    """

    exchange: Exchange
    body: bytes

    @property
    def fields(self) -> Headers:
        """Of its head."""
        return fields_of(self.exchange.returned_head)

    @property
    def whole(self) -> bool:
        """Whether the body is all of it."""
        return self.exchange.response.whole and self.exchange.response_trailers is not None


def recorded(exchange: Exchange, kept: bytes, *, front: bool = True) -> Answer:
    """Return the answer of an exchange; as the upstream gave it, if not through a `front`, which repairs answers."""
    return Answer(exchange if front else replace(exchange, returned_head=exchange.response_head), kept)


def came(original: Exchange, replayed: Replayed) -> Answer:
    """Return the answer to a replay of an exchange, of which there is no record."""
    exchange = replace(
        original,
        status=replayed.status,
        response=Body(replayed.size, len(replayed.body), False),
        response_head=replayed.head,
        returned_head=replayed.head,
        response_trailers=None if replayed.cut else b"",
        redacted=0,
    )
    return Answer(exchange, replayed.body)


def outcome(was: Answer, now: Answer) -> Outcome:
    """Compare two answers."""
    before, after = was.fields, now.fields
    fields = tuple(name.decode() for name in _MATTER if before.all(name) != after.all(name))
    if _cookies(before) != _cookies(after):
        fields = (*fields, "set-cookie")
    body, values = _compared(was, before, now, after)
    if body and bool(was.exchange.redacted) != bool(now.exchange.redacted):
        body, values = None, 0  # the one may differ just in what stands for its secrets
    return Outcome(was.exchange.status != now.exchange.status, fields, body, values)


def _cookies(headers: Headers) -> list[bytes]:
    """Return the names of the cookies that are set: their values are new each time."""
    return sorted(value.partition(b"=")[0].strip() for value in headers.all(b"set-cookie"))


def _compared(was: Answer, before: Headers, now: Answer, after: Headers) -> tuple[bool | None, int]:
    """Return whether the bodies differ, and in how many values of JSON."""
    if not (was.whole and now.whole):
        common = min(len(was.body), len(now.body))
        if was.body[:common] != now.body[:common] and not (_coded(before) or _coded(after)):
            return True, 0
        return None, 0
    if _decoded(was.body, before) == _decoded(now.body, after):
        return False, 0
    rows = compare(was.exchange, now.exchange, (b"", was.body), (b"", now.body))
    found = [row for row in rows if row.where == "response.body" and not row.same and not row.noise]
    return bool(found), sum(row.name.startswith("$") for row in found)


def _coded(headers: Headers) -> bool:
    return bool(headers.tokens(b"content-encoding"))


def _decoded(body: bytes, headers: Headers) -> bytes:
    return decode(body, headers.tokens(b"content-encoding")).body
