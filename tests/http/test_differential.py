"""Two readings of a message are an attack (law 4): what we accept, h11 accepts, and both understand the same.

On plausible messages, on mutated ones and on the known attacks of `tests.http.corpus`; TUNNEL_EXAMPLES sets how many.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.http.corpus import CHUNKED, CHUNKS, HEADS, head
from tunnel.errors import ClientError, TunnelError, UpstreamError
from tunnel.http import heads
from tunnel.http.bodies import body_reader
from tunnel.http.heads import read_request, read_response, write_request
from tunnel.model.headers import Headers

EXAMPLES = settings(max_examples=int(os.environ.get("TUNNEL_EXAMPLES", "400")), deadline=None)
ROOM = 1 << 20


class Understood(NamedTuple):
    """What a reader made of a message."""

    start: tuple[bytes, ...]
    minor: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] | None = None
    rest: bytes = b""


def lowered(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Fields as h11 gives them: names in lower case, and a coding's value too."""
    return [
        (n, v.lower() if n == b"transfer-encoding" else v) for n, (_, v) in zip(headers.names, headers, strict=True)
    ]


def h11_reads(stream: bytes) -> Understood | None:
    """A request, its body and what comes behind it, or None if h11 refuses or finds it unfinished."""
    judge = h11.Connection(h11.SERVER, max_incomplete_event_size=ROOM)
    body = b""
    try:
        judge.receive_data(stream)
        request = judge.next_event()
        if not isinstance(request, h11.Request):
            return None
        while isinstance(event := judge.next_event(), h11.Data):
            body += bytes(event.data)
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.EndOfMessage):
        return None
    minor = 0 if request.http_version == b"1.0" else 1
    start = (request.method, request.target)
    return Understood(start, minor, list(request.headers), body, list(event.headers), judge.trailing_data[0])


def we_read(stream: bytes) -> Understood | None:
    """The same by our own readers: the head, and the body in three pieces."""
    end = stream.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    request = read_request(stream[:end], target_size=ROOM, header_count=ROOM)
    reader = body_reader(request.framing, request.length, ClientError)
    body, rest, came = b"", b"", stream[end:]
    third = max(1, len(came) // 3)
    for piece in (came[:third], came[third : 2 * third], came[2 * third :]):
        if reader.end is not None:
            rest += piece
            continue
        part, after = reader.read(piece)
        body += part
        rest += after
    if reader.end is None:
        return None
    start = (request.method, request.target)
    return Understood(start, request.minor, lowered(request.headers), body, lowered(reader.end.trailers), rest)


def check(stream: bytes) -> None:
    """What we accept, h11 accepts too, and understands the same."""
    try:
        ours = we_read(stream)
    except ClientError:
        return
    if ours is None:
        return
    theirs = h11_reads(stream)

    assert theirs is not None, "h11 refuses it"
    if theirs.start[1] != ours.start[1]:  # an absolute target, taken apart: the fields differ in Host alone
        assert theirs.start[1].lower().startswith((b"http://", b"https://"))
        ours = ours._replace(start=theirs.start, fields=[f for f in ours.fields if f[0] != b"host"])
        theirs = theirs._replace(fields=[f for f in theirs.fields if f[0] != b"host"])
    # We drop those trailers that frame, route or vouch.
    assert set(ours.trailers or []) <= set(theirs.trailers or [])
    assert ours._replace(trailers=None) == theirs._replace(trailers=None)


SPECIAL = [
    b"\r", b"\n", b"\r\n", b"\n\n", b" ", b"\t", b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x7f", b"\x80", b"\x85", b"\xa0",
    b"\xff", b":", b";", b",", b"=", b"/", b"?", b"#", b"@", b"*", b"+", b"-", b"_", b"0", b"5", b"x", b"\r\n ", b"\r\n\r\n",
    b"chunked", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"0\r\n\r\n", b"HTTP/1.0",
]  # fmt: skip
METHODS = st.sampled_from([b"GET", b"POST", b"OPTIONS", b"CONNECT", b"get", b"M-SEARCH", b"G@T"])
TARGETS = st.sampled_from(
    [b"/", b"/a?b", b"*", b"http://b/c", b"https://b:8/", b"b:80", b"//x", b"/#f", b"/\xc3", b"/ "]
)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.1 "])
NAMES = st.sampled_from(
    [
        b"Content-Length",
        b"Transfer-Encoding",
        b"Connection",
        b"X",
        b"Upgrade",
        b"content-length",
        b"Host",
        b"X-\xff",
        b"X ",
    ]
)
VALUES = st.sampled_from(
    [
        b"5",
        b"0",
        b"3",
        b"chunked",
        b"Chunked",
        b"identity",
        b"a.localhost",
        b"5, 5",
        b"+5",
        b"05",
        b"",
        b"close",
        b"a\tb",
        b"keep-alive, upgrade",
        b"websocket",
        b"\xc3\xa9",
        b"\x01",
        b'"q"',
    ]
)
GAPS = st.sampled_from([b": ", b": ", b": ", b":", b":\t", b" : ", b":  "])
LINES = st.builds(lambda *parts: b"".join(parts), NAMES, GAPS, VALUES, st.sampled_from([b"", b"", b" ", b"\t"]))
BODIES = st.sampled_from(
    [b"", b"hello", b"hello world", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"]
)
FRAMES = st.sampled_from([b"Content-Length: 5", CHUNKED, b"X: y"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A request that is nearly right: most of it plausible, with up to three places changed."""
    lines = [b" ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)])] if draw(st.booleans()) else [b"POST / HTTP/1.1"]
    lines += [b"Host: a.localhost"] if draw(st.integers(0, 9)) else []
    lines += [draw(FRAMES), *draw(st.lists(LINES, max_size=3))]
    message = b"\r\n".join([*lines, b"", b""]) + draw(BODIES)
    if draw(st.booleans()):
        message += draw(st.sampled_from([b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"]))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(message)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 4]))
        message = message[:at] + draw(st.one_of(st.sampled_from(SPECIAL), st.just(b""))) + message[at + gone :]
    return message


@given(messages())
@EXAMPLES
@example(head(CHUNKED) + b"5 ;a=b\r\nhello\r\n0\r\n\r\n")
@example(head(b"Content-Length: 5", b"Content-Length: 5", b"X:") + b"hello")
@example(head(b"Content-Length: 007") + b"hellohello")
@example(head(CHUNKED, line=b"POST / HTTP/1.2") + b"0\r\n\r\n")
def test_a_request_we_accept_is_accepted_and_understood_alike_by_h11(message: bytes) -> None:
    check(message)


@pytest.mark.parametrize("name", HEADS)
def test_a_known_attack_has_no_second_reading(name: str) -> None:
    for body in (b"", b"hello", b"5\r\nhello\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"):
        check(HEADS[name] + body)


@pytest.mark.parametrize("name", CHUNKS)
def test_a_known_attack_by_chunks_has_no_second_reading(name: str) -> None:
    for rest in (b"", b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"):
        check(head(CHUNKED) + CHUNKS[name] + rest)


class NotSure(Exception):
    """The short reader would have asked h11."""


@contextmanager
def short_reader_alone() -> Iterator[None]:
    """h11 is not asked: what the short reader is not sure of raises NotSure."""

    def refuse(*_: object) -> None:
        raise NotSure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "_ask_h11_for_request", refuse)
        patch.setattr(heads, "_ask_h11_for_response", refuse)
        yield


@given(messages())
@EXAMPLES
def test_what_the_short_reader_is_sure_of_h11_reads_alike(message: bytes) -> None:
    with short_reader_alone(), suppress(NotSure):
        check(message)


def test_the_short_reader_is_sure_of_a_browsers_request() -> None:
    """Else the test above would prove nothing."""
    fields = (b"User-Agent: Mozilla/5.0 (X11)", b"Accept: */*", b"Cookie: a=b; c=d", b"Content-Length: 5")

    with short_reader_alone():
        assert read_request(head(*fields), target_size=ROOM, header_count=ROOM).length == 5
        with pytest.raises(NotSure):
            read_request(head(b"X:"), target_size=ROOM, header_count=ROOM)


def h11_reads_answer(raw: bytes) -> Understood | None:
    judge = h11.Connection(h11.CLIENT, max_incomplete_event_size=ROOM)
    upgrading = [(b"Connection", b"upgrade"), (b"Upgrade", b"any")]
    judge.send(h11.Request(method=b"GET", target=b"/", headers=[(b"Host", b"a"), *upgrading]))
    judge.send(h11.EndOfMessage())
    try:
        judge.receive_data(raw)
        answer = judge.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(answer, h11.Response | h11.InformationalResponse):
        return None
    start = (str(answer.status_code).encode(), bytes(answer.reason))
    return Understood(start, 0 if answer.http_version == b"1.0" else 1, list(answer.headers))


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """The head of an answer that is nearly right."""
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"ICY"]))
    status = draw(st.sampled_from([b"200", b"204", b"101", b"100", b"304", b"099", b"600", b"2000"]))
    reason = draw(st.sampled_from([b"", b" ", b" OK", b" Not Found", b" \xc3\xbc", b" \t", b"  OK"]))
    lines = [version + b" " + status + reason, *draw(st.lists(LINES, max_size=4))]
    raw = b"\r\n".join([*lines, b"", b""])
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.sampled_from(SPECIAL)) + raw[at + draw(st.sampled_from([0, 0, 1, 2])) :]
    raw += b"\r\n\r\n"
    return raw[: raw.find(b"\r\n\r\n") + 4]


def check_answer(raw: bytes) -> None:
    try:
        ours = read_response(raw, b"GET", header_count=ROOM)
    except UpstreamError:
        return
    theirs = h11_reads_answer(raw)

    assert theirs is not None, "h11 refuses it"
    assert theirs == Understood((str(ours.status).encode(), ours.reason), ours.minor, lowered(ours.headers))


@given(answers())
@EXAMPLES
def test_an_answer_we_accept_is_accepted_and_understood_alike_by_h11(raw: bytes) -> None:
    check_answer(raw)


@given(answers())
@EXAMPLES
def test_an_answer_the_short_reader_is_sure_of_h11_reads_alike(raw: bytes) -> None:
    with short_reader_alone(), suppress(NotSure):
        check_answer(raw)


@given(messages())
@EXAMPLES
def test_what_goes_upstream_is_what_was_understood(message: bytes) -> None:
    """Written anew, a request has one reading: h11's of the new head is ours of the old one."""
    end = message.find(b"\r\n\r\n") + 4
    try:
        request = read_request(message[:end], target_size=ROOM, header_count=ROOM)
    except TunnelError:
        return
    if b"host" not in request.headers:
        return  # HTTP/1.0; `rules.forwarding` adds one
    again = read_request(write_request(request), target_size=ROOM, header_count=ROOM)

    assert (again.method, again.target, again.headers) == (request.method, request.target, request.headers)
    assert (again.framing, again.length) == (request.framing, request.length)
