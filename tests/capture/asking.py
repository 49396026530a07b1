"""Filters and exchanges that hypothesis makes up: trees of every field and operator, and records of every kind."""

import gzip
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.capture.making import PEER
from tunnel.capture.fields import FIELDS, HEADER, Field, Kind
from tunnel.capture.gathering import Batch
from tunnel.capture.query_parse import OPERATORS
from tunnel.capture.query_tree import And, Compare, Not, Op, Or, Tree, Word
from tunnel.capture.recorder import Recorder
from tunnel.capture.tap import Record
from tunnel.errors import ClientError, TunnelError, UpstreamError
from tunnel.model.config import Keep
from tunnel.model.headers import Headers
from tunnel.model.message import Framing, Request, Response
from tunnel.model.peer import Peer
from tunnel.model.stream import Message

# Few and alike, so that filters meet exchanges: parts of each other, other cases, other scripts, what SQL may stumble over.
TEXTS = [
    "token", "Token", "TOKEN 12", "oke", "to", "k", "", "grün", "GRÜN", "straße", "STRASSE", "a'b", 'a"b', "%", "_", "\\",
    "x*", "NEAR(a b)", "日本語", "本", "\0", "ab\0cd", "\ufffe", "\uffff", "\ufffd", "İ", "app.test", "/api", "🎉", "::1",
]  # fmt: skip
TARGETS = [b"/", b"/api/items?q=token&page=2", b"/API", b"*", b"/a?b?c", b"/%C3%BC?", b"/\xc3\xbc", b"/x'y"]
HOSTS = [b"app.test", b"App.Test:62893", b"[::1]:3000", b"10.0.0.1", b"10.0.0.1:80", b"", b"a:b", b"h:1:2", b"h:"]
KINDS = [b"application/json", b"text/html; charset=utf-8", b"text/event-stream", b"image/png", b"Text/Plain;charset=latin-1",
         b"application/problem+json", b"image/svg+xml", b"application/octet-stream", b"", b"font/woff2", b"a/b"]  # fmt: skip
BODIES = [text.encode("utf-8", "replace") for text in TEXTS] + [
    b'{"token": "x"}', b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfet\0o\0k\0e\0n\0", b"gr\xfcn", b"token " * 400, b"\xff\xff",
]  # fmt: skip
PATTERNS = ["^/api", "t.k", "to+ken$", "(?-i:Token)", "ü", "^x-", "", "\\d+", "o|e", "[a-c]"]
NUMBERS = {
    Kind.NUMBER: ["0", "1", "2", "3", "200", "404", "500", "4711"],
    Kind.DURATION: ["0", "1ms", "2ms", "1.5s", "500us", "1h"],
    Kind.SIZE: ["0", "5", "14", "1kb", "1kib", "2.5kb"],
    Kind.TIME: ["0s", "1m", "90m", "2d", "2020-01-01", "2026-11-21T10:00Z", "12:30"],
    Kind.FLAG: ["yes", "no"],
}
HEADERS = ["content-type", "x-a", "host"]


def names(asked: Field) -> list[str]:
    """Return what a field may be called: a header field by each of some names."""
    prefix = asked.name.removesuffix(HEADER)
    return [prefix + header for header in HEADERS] if prefix != asked.name else [asked.name]


def values(asked: Field, op: Op) -> list[str]:
    """Return what it may be compared with."""
    if op in (Op.MATCHES, Op.MATCHES_NOT):
        return PATTERNS
    if asked.kind is Kind.CHOICE and op is not Op.CONTAINS:
        return [*asked.values, *(["text/plain", "Image/PNG", "a/b"] if asked.besides else []), ""]
    lines = [text.decode("latin-1") for text in (*HOSTS, *TARGETS)]
    return NUMBERS.get(asked.kind, [*asked.values, *TEXTS, *lines])


def every_comparison() -> Iterator[Compare]:
    """Return each field with each operator and each value."""
    for asked in FIELDS:
        for op in OPERATORS[asked.kind]:
            for name in names(asked):
                yield from (Compare(name, op, (value,)) for value in values(asked, op))


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    """Return a comparison that the parser takes."""
    asked = draw(st.sampled_from(FIELDS))
    op = draw(st.sampled_from(OPERATORS[asked.kind]))
    pool = st.sampled_from(values(asked, op))
    if asked.kind is Kind.TEXT and op not in (Op.MATCHES, Op.MATCHES_NOT):
        pool = st.one_of(pool, st.text(st.characters(codec="utf-8"), max_size=5))
    some = draw(st.lists(pool, min_size=1, max_size=3 if op is Op.IN else 1))
    return Compare(draw(st.sampled_from(names(asked))), op, tuple(some))


def trees(leaves: int = 6) -> st.SearchStrategy[Tree]:
    """Return any filter."""
    words = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(codec="utf-8"), max_size=4)).map(Word)

    def within(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        some = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(inner.map(Not), some.map(And), some.map(Or))

    return st.recursive(st.one_of(comparisons(), comparisons(), words), within, max_leaves=leaves)


@dataclass(frozen=True)
class Passed:
    """One exchange to record."""

    method: bytes
    host: bytes
    target: bytes
    caller: str
    tls: bool
    status: int | None
    kind: bytes
    extra: bytes
    upgrade: bytes
    asked: bytes
    answered: bytes
    coded: bool
    error: TunnelError | None
    repaired: bool
    reused: bool
    ago: float
    took: float | None  # None: it is still running
    waited: float | None
    marks: tuple[int, str, int]  # parent, source, redacted
    who: tuple[str, str]  # device, rule


_POOLS: dict[str, list[Any]] = {
    "method": [b"GET", b"POST", b"get", b"TOKEN"],
    "host": HOSTS,
    "target": TARGETS,
    "caller": ["curl", "Curl", "chromium", "", "grün", "a\udcffb"],
    "tls": [True, False],
    "status": [None, 101, 200, 200, 404, 500],
    "kind": KINDS,
    "extra": [b"", b"X-A: token\r\n", b"x-a: GR\xc3\x9cN\r\nX-A: \xff\r\n", b"X-a:\r\n"],
    "upgrade": [b"", b"", b"websocket", b"h2c"],
    "asked": BODIES,
    "answered": BODIES,
    "coded": [False, True],
    "error": [
        None,
        UpstreamError("nothing listens on token", hint="x"),
        ClientError("the Token is grün"),
        TunnelError("k"),
    ],
    "repaired": [False, True],
    "reused": [False, True],
    "ago": [0, 30, 3600, 100_000, 5e8],
    "took": [None, 0, 0.0005, 0.001, 0.002, 2],
    "waited": [None, 0.0, 0.001, 1.5],
    "marks": [(0, "", 0), (3, "x.har", 2)],
    "who": [("", ""), ("Pixel 9, Token", "pairing"), ("", "token"), ("gr\udcffün", "open")],
}
EXCHANGES = st.builds(Passed, **{name: st.sampled_from(pool) for name, pool in _POOLS.items()})


def some_of_each() -> list[Passed]:
    """Return exchanges, the same every time, in which everything occurs that EXCHANGES can make."""
    chance = random.Random(7)
    shuffled = {name: chance.sample(pool * 60, 60) for name, pool in _POOLS.items()}
    return [Passed(**{name: pool[number] for name, pool in shuffled.items()}) for number in range(60)]


class Writing:
    """Records exchanges by the recorder's own code, in this thread: nothing has to be waited for."""

    def __init__(self, folder: Path) -> None:
        self.recorder = Recorder(folder, Keep(), callers=lambda peer: self._callers.get(peer))
        self._callers: dict[Peer, tuple[str, int]] = {}
        self._running: list[Record] = []
        self.recorder._writer._commit(Batch())

    def write(self, exchanges: list[Passed]) -> None:
        """Record them, and have them in the store."""
        for passed in exchanges:
            self._record(passed)
        writer = self.recorder._writer
        while (batch := writer._gathering.take(writer._queue, 1000)).records:
            assert writer._commit(batch)
            assert not writer._counts.last_error
        store = writer._store
        assert store is not None
        with store:
            for passed, id in zip(exchanges, sorted(self._ids)[-len(exchanges) :], strict=False):
                store._sql.execute(
                    "UPDATE course SET parent = ?, source = ?, redacted = ? WHERE id = ?", (*passed.marks, id)
                )

    def go_on(self, more: bytes, end: bool) -> None:
        """Have the running ones send more, and perhaps end."""
        for record in self._running:
            record.response_body.add(more)
            if end:
                record.ended = time.perf_counter()
                self.recorder.close(record)
        if end:
            self._running.clear()
        self.write([])

    def stop(self) -> None:
        """End as a process does; those that run are interrupted."""
        self.recorder._writer._finish(Batch(), True)

    def die(self) -> None:
        """End as a process does that is killed."""
        writer = self.recorder._writer
        assert writer._store is not None
        assert writer._claim is not None
        writer._store.abandon()
        writer._claim.release()

    @property
    def _ids(self) -> list[int]:
        store = self.recorder._writer._store
        assert store is not None
        return [id for (id,) in store._sql.execute("SELECT id FROM exchange")]

    def _record(self, passed: Passed) -> None:
        peer = Peer("127.0.0.1" if passed.tls else "::1", 5, "::1", 62893, PEER.tls if passed.tls else None, 0.0, 0.01)
        if passed.caller:
            self._callers[peer] = (passed.caller, 4711)
        coding = b"Content-Encoding: gzip\r\n" if passed.coded else b""
        fields = passed.extra + (b"Content-Type: %b\r\n" % passed.kind if passed.kind else b"") + coding
        raw = b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (passed.method, passed.target, passed.host, fields)
        headers = Headers([(b"Host", passed.host)])
        request = Request(passed.method, passed.target, headers, 1, Framing.NONE, 0, True, passed.upgrade, raw)
        record = self.recorder.open(peer, request, time.perf_counter() - passed.ago)
        if passed.status is not None:
            head = b"HTTP/1.1 %d OK\r\n%b\r\n" % (passed.status, fields)
            record.response = Response(passed.status, b"OK", Headers(), 1, Framing.CLOSE, 0, True, head)
            record.returned = head
        for body, data in zip(
            (record.request_body, record.response_body), (passed.asked, passed.answered), strict=True
        ):
            if passed.upgrade and passed.status == 101:
                record.passed(body is record.request_body, record.started, data)
                record.watch = _Said()
            elif data:
                body.add(gzip.compress(data, mtime=0) if passed.coded else data)
        record.device, record.rule = passed.who
        record.repairs = ("made Location point here",) if passed.repaired else ()
        record.reused, record.error, record.upstream = (
            passed.reused,
            passed.error,
            "127.0.0.1:3000" if passed.tls else "",
        )
        record.first = None if passed.waited is None else record.started + passed.waited
        record.connected = None if passed.coded or record.first is None else record.started
        if passed.took is None:
            self._running.append(record)
            self.recorder.show(record)
            return
        record.ended = record.started + passed.took
        self.recorder.close(record)


class _Said:
    def feed(self, from_client: bool, at: float, data: bytes) -> list[Message]:
        return [Message(from_client, "text", at, len(data), data)]
