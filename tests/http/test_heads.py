"""Heads: what is read, what is refused and how it is said, and that what was written is read back."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.helpers.garbage import alive, no_collector
from tests.http.corpus import HEADS, head
from tunnel.errors import ClientError, UpstreamError
from tunnel.http.heads import read_request, read_response, read_trailers, write_request, write_response
from tunnel.model.headers import Headers
from tunnel.model.message import Framing, Request, Response

TOKEN = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=12).map(str.encode)
VALUE = st.one_of(
    st.just(b""),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20).map(str.encode),
    st.sampled_from([b"a b", b"a\tb", "grüße".encode(), b"\xff\xfe", b'"quoted, list", x;y=z']),
)
# Names that mean something to the reader are chosen by the tests themselves.
FREE = TOKEN.filter(lambda name: not name.lower().startswith((b"content-l", b"transfer", b"host", b"connection")))
FIELDS = st.lists(st.tuples(FREE, VALUE), max_size=6)


def request(raw: bytes) -> Request:
    return read_request(raw, target_size=1000, header_count=20)


def response(raw: bytes, method: bytes = b"GET") -> Response:
    return read_response(raw, method, header_count=20)


def test_a_plain_request_is_read_with_case_and_order_kept() -> None:
    raw = b"GET /a?b=c HTTP/1.1\r\nX-B: 1\r\nhOsT: localhost\r\nx-a: 2\r\nX-b: 3\r\n\r\n"

    read = request(raw)

    assert (read.method, read.target, read.minor, read.raw) == (b"GET", b"/a?b=c", 1, raw)
    assert list(read.headers) == [(b"X-B", b"1"), (b"hOsT", b"localhost"), (b"x-a", b"2"), (b"X-b", b"3")]
    assert (read.framing, read.length, read.keep_alive, read.upgrade) == (Framing.NONE, 0, True, b"")


def test_a_request_that_only_h11_understands_keeps_case_and_order_too() -> None:
    read = request(b"GET / HTTP/1.1\r\nX-Empty:\r\nHost:localhost\r\nX-Tab:\ta \t\r\nX-Umlaut: gr\xfc\xdfe\r\n\r\n")

    assert list(read.headers) == [
        (b"X-Empty", b""),
        (b"Host", b"localhost"),
        (b"X-Tab", b"a"),
        (b"X-Umlaut", b"gr\xfc\xdfe"),
    ]


@pytest.mark.parametrize("name", HEADS)
def test_a_dangerous_head_is_refused(name: str) -> None:
    with pytest.raises(ClientError) as caught:
        request(HEADS[name])

    assert caught.value.status in (400, 501, 505), str(caught.value)


@pytest.mark.parametrize(
    ("raw", "status", "said"),
    [
        (head(b"X: y\n"), 400, "bare LF"),
        (head(b"X: a\rb"), 400, "bare CR"),
        (head(b"X: a\x00b"), 400, "NUL"),
        (head(b"X: a\x1bb"), 400, "control"),
        (head(b"X: a\r\n b"), 400, "folded"),
        (head(b"Transfer-Encoding: gzip"), 501, "chunked"),
        (head(b"Transfer-Encoding: gzip", b"X:"), 501, "chunked"),
        (head(line=b"GET / HTTP/2.0"), 505, "HTTP/1"),
        (head(line=b"GET / HTTP/0.9"), 505, "HTTP/1"),
        (head(line=b"CONNECT x:443 HTTP/1.1"), 400, "CONNECT"),
        (head(line=b"GET /" + b"a" * 1000 + b" HTTP/1.1"), 414, "1000 bytes"),
        (head(*[b"X: y"] * 20), 431, "20 header fields"),
        (head(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400, "both"),
    ],
)
def test_a_refusal_says_what_was_wrong(raw: bytes, status: int, said: str) -> None:
    with pytest.raises(ClientError, match=said) as caught:
        request(raw)

    assert caught.value.status == status


def test_a_refusal_by_h11_leaves_nothing_to_the_garbage_collector() -> None:
    with no_collector():
        with contextlib.suppress(ClientError):
            request(head(b"X y"))
        with contextlib.suppress(UpstreamError):
            response(b"HTTP/1.1 200 OK\r\nX y\r\n\r\n")

        assert alive("RemoteProtocolError") == {}


def test_limits_are_inclusive() -> None:
    assert len(request(head(line=b"GET /" + b"a" * 999 + b" HTTP/1.1")).target) == 1000
    assert len(request(head(*[b"X: y"] * 19)).headers) == 20


@pytest.mark.parametrize(
    ("target", "understood", "host"),
    [
        (b"http://b.localhost/x?y", b"/x?y", b"b.localhost"),
        (b"HTTP://b.localhost:81/x", b"/x", b"b.localhost:81"),
        (b"https://b.localhost", b"/", b"b.localhost"),
        (b"http://b.localhost?y", b"/?y", b"b.localhost"),
        (b"http://[::1]:3000/", b"/", b"[::1]:3000"),
        (b"/http://b.localhost/", b"/http://b.localhost/", b"a.localhost"),
        (b"//b.localhost/", b"//b.localhost/", b"a.localhost"),
    ],
)
def test_an_absolute_target_is_taken_apart_and_its_host_wins(target: bytes, understood: bytes, host: bytes) -> None:
    read = request(head(line=b"GET " + target + b" HTTP/1.1"))

    assert (read.target, read.headers.all(b"host")) == (understood, [host])


def test_an_absolute_target_gives_an_http_10_request_its_host() -> None:
    read = request(b"GET http://b.localhost/ HTTP/1.0\r\nX: y\r\n\r\n")

    assert list(read.headers) == [(b"Host", b"b.localhost"), (b"X", b"y")]


@pytest.mark.parametrize(
    ("target", "understood"),
    [(b"*", b"*"), (b"http://b.localhost", b"*"), (b"http://b.localhost/", b"/"), (b"http://b.localhost?x", b"/?x")],
)
def test_options_may_ask_about_the_server_itself(target: bytes, understood: bytes) -> None:
    assert request(head(line=b"OPTIONS " + target + b" HTTP/1.1")).target == understood


@pytest.mark.parametrize(
    ("fields", "upgrade"),
    [
        ((b"Connection: Upgrade", b"Upgrade: WebSocket"), b"websocket"),
        ((b"Connection: keep-alive, upgrade", b"Upgrade: foo/2"), b"foo/2"),
        ((b"Upgrade: websocket",), b""),
        ((b"Connection: upgrade",), b""),
    ],
)
def test_an_upgrade_is_asked_for_by_both_fields(fields: tuple[bytes, ...], upgrade: bytes) -> None:
    assert request(head(*fields)).upgrade == upgrade


def test_http_10_asks_for_no_upgrade_and_may_have_no_host() -> None:
    read = request(b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")

    assert (read.minor, read.upgrade, read.keep_alive) == (0, b"", False)


def test_a_higher_minor_version_is_read_as_the_highest_we_know() -> None:
    """RFC 9110 §2.5, and so it needs a Host and may be chunked."""
    read = request(head(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.2"))

    assert (read.minor, read.framing, read.keep_alive) == (1, Framing.CHUNKED, True)
    with pytest.raises(ClientError, match="Host"):
        request(b"GET / HTTP/1.2\r\n\r\n")


def test_an_answer_is_read_with_case_and_order_kept() -> None:
    raw = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX: y\r\nset-cookie: c=d\r\nContent-Length: 3\r\n\r\n"

    read = response(raw)

    assert (read.status, read.reason, read.minor, read.raw) == (200, b"OK", 1, raw)
    assert read.headers.all(b"set-cookie") == [b"a=b", b"c=d"]
    assert (read.framing, read.length, read.keep_alive) == (Framing.LENGTH, 3, True)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200", 200, b""),
        (b"HTTP/1.1 200 ", 200, b""),
        (b"HTTP/1.1 404 Not  Found!", 404, b"Not  Found!"),
        (b"HTTP/1.1 200 \xc3\x9c", 200, b"\xc3\x9c"),
        (b"HTTP/1.1 799 Odd", 799, b"Odd"),
        (b"HTTP/1.0 599 Odd", 599, b"Odd"),
        (b"HTTP/1.1 101 Switching", 101, b"Switching"),
        (b"HTTP/1.1 101", 101, b""),
        (b"HTTP/1.1 103 Early Hints", 103, b"Early Hints"),
    ],
)
@pytest.mark.parametrize("field", [b"X: plain", b"X:"])
def test_a_status_line_may_have_any_reason_or_none(line: bytes, status: int, reason: bytes, field: bytes) -> None:
    read = response(line + b"\r\n" + field + b"\r\n\r\n")

    assert (read.status, read.reason) == (status, reason)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\nX: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 O\x01K\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\nX:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nX:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 21 + b"\r\n",
    ],
)
def test_a_dangerous_answer_is_refused_as_the_upstreams_fault(raw: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        response(raw)

    assert caught.value.status == 502


@given(TOKEN.filter(lambda method: method != b"CONNECT"), st.from_regex(rb"/[!-~]{0,20}", fullmatch=True), FIELDS)
@example(b"GET", b"/", [(b"X", b"")])
def test_a_written_request_is_read_back(method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    headers = Headers([(b"Host", b"localhost"), *fields])
    written = write_request(Request(method, target, headers, 1, Framing.NONE, 0, True, b"", b""), headers)

    read = request(written)

    assert (read.method, read.target, read.headers, read.minor) == (method, target, headers, 1)


@given(st.integers(200, 599), st.sampled_from([b"", b"OK", b"Not Found", b"\xfcber"]), FIELDS)
def test_a_written_answer_is_read_back(status: int, reason: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    written = write_response(Response(status, reason, Headers(fields), 1, Framing.NONE, 0, True, b""))

    read = response(written)

    assert (read.status, read.reason, read.headers) == (status, reason, Headers(fields))


@given(st.binary(max_size=60), st.sampled_from([b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.1 200 OK\r\n"]))
@settings(max_examples=300)
def test_no_bytes_make_a_reader_fail_but_by_its_own_error(noise: bytes, start: bytes) -> None:
    raw = start + noise + b"\r\n\r\n"

    for read, error in ((request, ClientError), (response, UpstreamError)):
        try:
            read(raw)
        except error:
            pass


def test_trailers_are_read_and_those_that_frame_or_route_are_dropped() -> None:
    read = read_trailers(
        b"X-Sum: 1\r\nContent-Length: 5\r\nHOST: evil\r\nTunnel-Replay: 1\r\nX-Sum: 2\r\n", ClientError("bad")
    )

    assert list(read) == [(b"X-Sum", b"1"), (b"X-Sum", b"2")]


@pytest.mark.parametrize("raw", [b"X : y\r\n", b"X: y\n", b"X: a\r\n b\r\n", b"X\r\n", b"X: \x00\r\n", b"X: a\rb\r\n"])
def test_a_bad_trailer_is_refused(raw: bytes) -> None:
    with pytest.raises(ClientError, match="bad"):
        read_trailers(raw, ClientError("bad"))
