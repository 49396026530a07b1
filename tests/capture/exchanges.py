"""Exchanges, made at will: by hand for a test that is about one thing, and all that may be recorded for hypothesis."""

import dataclasses
from typing import Any

from hypothesis import strategies as st

from tunnel.errors import Fault
from tunnel.model.exchange import Body, Exchange, Failure, RecordedMessage, Side, State, Timings
from tunnel.model.headers import Field
from tunnel.model.peer import Tls

STARTED = 1_790_000_000_123_456
TLS = Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "", "http/1.1")


def exchange(
    method: str = "GET",
    target: str = "/",
    asked: list[Field] | None = None,
    answered: list[Field] | None = None,
    *,
    host: str = "127.0.0.1:62893",
    status: int | None = 200,
    request: bytes = b"",
    response: bytes = b"",
    **changes: Any,
) -> Exchange:
    """Return an exchange over TLS whose heads, sizes and facts agree with each other."""
    fields = [(b"Host", host.encode()), *(asked or [])]
    request_head = head(f"{method} {target} HTTP/1.1".encode("latin-1"), fields)
    answer = b"" if status is None else head(b"HTTP/1.1 %d OK" % status, answered or [])
    plain = Exchange(
        id=7,
        revision=9,
        state=State.DONE,
        started=STARTED,
        timings=Timings(-9000, -8000, 1000, 21_000, 33_000),
        address="127.0.0.1",
        port=50_123,
        listener="127.0.0.1",
        listener_port=62893,
        tls=TLS,
        caller="curl",
        caller_pid=4711,
        method=method,
        target=target,
        host=host,
        status=status,
        upgrade="",
        upstream="127.0.0.1:3000",
        reused=False,
        request=Body(len(request), len(request), False),
        response=Body(len(response), len(response), False),
        messages=0,
        failure=None,
        repairs=(),
        parent=0,
        source="",
        redacted=0,
        device="",
        rule="",
        request_head=request_head,
        sent_head=request_head,
        informational=b"",
        response_head=answer,
        returned_head=answer,
        request_trailers=b"",
        response_trailers=b"",
    )
    return dataclasses.replace(plain, **changes)


def head(line: bytes, fields: list[Field]) -> bytes:
    """Return a head's bytes."""
    return b"\r\n".join([line, *(b"%b: %b" % field for field in fields), b"", b""])


METHODS = st.sampled_from(
    ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PROPFIND", "!#$%&'*+.^_`|~0-9A-z"]
)
TARGETS = st.one_of(
    st.sampled_from(
        ["/", "/a?b=c&d=%20e", "/x?q='quoted'&r=\"two\"", "/a/../b/./c", "//double", "/%2e%2e/x", "/[1]{2}|3^`"]
    ),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30).map(lambda text: "/" + text),
)
NAMES = st.sampled_from(
    [b"X-One", b"x-two", b"X-THREE", b"Accept", b"User-Agent", b"Cookie", b"Accept-Language", b"X_under"]
)
VALUES = st.one_of(
    st.sampled_from(
        [b"", b"plain", b"it's", b'"quoted"', b"$HOME `id` $(id) \\ !! %s", "grüße 🎈".encode(), b"caf\xe9"]
    ),
    st.binary(max_size=20).map(lambda data: bytes(b for b in data if b >= 0x20 and b != 0x7F).strip()),
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
TYPES = st.sampled_from([
    b"", b"text/plain", b"application/json", b"text/html; charset=windows-1251", b"text/plain; charset=utf-16",
    b"text/plain; charset=utf-7", b"application/octet-stream", b"image/png", b"text/x; charset=hex",
    b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=xx",
])  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(str.encode),
    st.sampled_from(
        [b'{"a": [1, 2.50]}', b"a=b&c=%20d&e", b"@file", b"it's\n'all' \\ $HOME\n\n", b"\xff\xfeh\x00i\x00", b"\0"]
    ),
)
SMALL = st.integers(0, 10**9)
MOMENTS = st.none() | SMALL


@st.composite
def messages(draw: st.DrawFn) -> list[RecordedMessage]:
    """What passed inside an upgraded connection."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["text", "binary", "close", "ping", "pong", "bytes"]))
        payload = draw(BODIES)
        size = len(payload) + draw(st.sampled_from([0, 0, 100]))
        found.append(RecordedMessage(draw(st.booleans()), kind, STARTED + draw(SMALL), size, payload))
    return found


@st.composite
def recorded(draw: st.DrawFn) -> tuple[Exchange, bytes, bytes, list[RecordedMessage]]:
    """Whatever the store may hold: an exchange, its bodies, its messages."""
    upgrade = draw(st.sampled_from(["", "", "", "websocket", "other"]))
    bodies = (b"", b"") if upgrade else (draw(BODIES), draw(BODIES))
    found = draw(messages()) if upgrade else []
    status = 101 if upgrade else draw(st.sampled_from([None, 200, 204, 304, 404, 599]))
    asked, answered = draw(FIELDS), draw(FIELDS)
    asked.append((b"Content-Type", draw(TYPES)))
    answered.append((b"Content-Type", draw(TYPES)))
    if draw(st.booleans()):
        answered.append((b"Content-Encoding", draw(st.sampled_from([b"gzip", b"identity", b"unknown", b"br, gzip"]))))
    answered += [(b"Set-Cookie", value) for value in draw(st.lists(VALUES, max_size=2))]
    plain = exchange(draw(METHODS), draw(TARGETS), asked, answered, status=status)
    failure = draw(st.none() | st.just(Failure("it broke off", "start it", Fault.UPSTREAM)))
    sizes = [Body(len(body) + more, len(body), lost) for body, more, lost in zip(
        bodies, draw(st.tuples(SMALL, SMALL)) if draw(st.booleans()) else (0, 0),
        draw(st.tuples(st.booleans(), st.booleans())), strict=True,
    )]  # fmt: skip
    no_answer = status is None
    return (
        dataclasses.replace(
            plain,
            state=State.FAILED if failure else State.DONE,
            started=STARTED + draw(SMALL),
            timings=Timings(-draw(SMALL), -draw(SMALL), *draw(st.tuples(MOMENTS, MOMENTS, MOMENTS))),
            tls=draw(st.none() | st.just(TLS)),
            upgrade=upgrade,
            upstream=draw(st.sampled_from(["", "127.0.0.1:3000", "unix:/x"])),
            reused=draw(st.booleans()),
            request=sizes[0],
            response=sizes[1] if bodies[1] or not no_answer else Body(0, 0, False),
            messages=len(found),
            failure=failure,
            repairs=tuple(draw(st.lists(st.sampled_from(["made Location point here", "grüße"]), max_size=2))),
            redacted=draw(st.integers(0, 3)),
            device=draw(st.sampled_from(["", "Pixel 9"])),
            rule=draw(st.sampled_from(["", "pairing", "open"])),
            sent_head=draw(st.sampled_from([b"", plain.request_head, head(b"GET / HTTP/1.1", [(b"Via", b"1.1 tunnel")])])),
            informational=draw(st.sampled_from([b"", head(b"HTTP/1.1 103 Early Hints", [(b"Link", b"</a>")]) * 2])),
            response_head=b"" if no_answer else draw(
                st.sampled_from([plain.response_head, head(b"HTTP/1.0 200  odd", [(b"Server", b"x")])])
            ),
            request_trailers=draw(st.sampled_from([None, b"", b"X-Sum: 1\r\n"])),
            response_trailers=draw(st.sampled_from([None, b"", b"X-Sum: 1\r\n"])),
        ),
        *bodies,
        found,
    )  # fmt: skip


def side_of(whole: tuple[Exchange, bytes, bytes, list[RecordedMessage]], side: Side) -> bytes:
    """Return one body."""
    return whole[1] if side is Side.REQUEST else whole[2]
