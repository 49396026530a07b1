"""Two readings of a message are an attack (law 4): what we accept, h11 accepts, and both understand the same.

On plausible messages, on mutated ones and on the known attacks of `tests.http.corpus`. TUNNEL_EXAMPLES sets how many each
test tries: a few hundred by default, 20,000 in .ci/run, as many as you like on demand. `tests.http.readings` compares.
"""

import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.http.corpus import ANSWERS, CHUNKED, CHUNKS, CONFUSIONS, HEADS, head
from tests.http.readings import ROOM, NotSure, check_answer, check_request, check_written, short_reader_alone
from tunnel.http.heads import read_request, read_response

EXAMPLES = settings(
    max_examples=int(os.environ.get("TUNNEL_EXAMPLES", "400")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

SPECIAL = [
    b"\r", b"\n", b"\r\n", b"\n\n", b" ", b"\t", b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x7f", b"\x80", b"\x85", b"\xa0",
    b"\xff", b":", b";", b",", b"=", b"/", b"?", b"#", b"@", b"*", b"+", b"-", b"_", b"0", b"5", b"x", b"\r\n ", b"\r\n\r\n",
    b"\r\n\t", b"0x", b"chunked", b"xchunked", b"identity", b", ", b"9" * 25, b"Content-Length: 5\r\n", b"Host: b\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding : chunked\r\n", b"Connection: close\r\n", b"0\r\n\r\n",
    b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"http://b",
]  # fmt: skip
METHODS = st.sampled_from([b"GET", b"POST", b"OPTIONS", b"CONNECT", b"get", b"M-SEARCH", b"G@T"])
TARGETS = st.sampled_from(
    [b"/", b"/a?b", b"*", b"http://b/c", b"https://b:8/", b"b:80", b"//x", b"/#f", b"/\xc3", b"/ ", b"http://b"]
)
VERSIONS = st.sampled_from(
    [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.1 ", b"HTTP/1.1\t"]
)
NAMES = st.sampled_from([
    b"Content-Length", b"Transfer-Encoding", b"Connection", b"X", b"Upgrade", b"content-length", b"Host", b"X-\xff", b"X ",
    b"Transfer-Encoding\x00", b"Content_Length", b"(X)",
])  # fmt: skip
VALUES = st.sampled_from([
    b"5", b"0", b"3", b"chunked", b"Chunked", b"identity", b"xchunked", b"chunked, identity", b"a.localhost", b"5, 5", b"+5",
    b"-5", b"05", b"0x5", b"5_0", b"9" * 25, b"", b"close", b"keep-alive", b"a\tb", b"keep-alive, upgrade", b"websocket",
    b"\xc3\xa9", b"\x01", b'"q"', b"trailers",
])  # fmt: skip
GAPS = st.sampled_from([b": ", b": ", b": ", b":", b":\t", b" : ", b":  ", b"\t: ", b":\x0b"])
WILD = st.builds(lambda *parts: b"".join(parts), NAMES, GAPS, VALUES, st.sampled_from([b"", b"", b" ", b"\t"]))
PLAIN = st.sampled_from([
    b"Accept: */*", b"X: y", b"X:", b"X: \xc3\xa9", b"Connection: close", b"connection:keep-alive,\tUpgrade",
    b"Upgrade: websocket", b"Content_Length: 3", b"TE: trailers", b"Cookie: a=b",
])  # fmt: skip
LINES = st.one_of(PLAIN, PLAIN, PLAIN, WILD)  # most examples are refused as it is, and those prove less
FRAMES = st.sampled_from([b"Content-Length: 5", CHUNKED, b"X: y"])
SIZES = st.sampled_from(
    [
        b"5",
        b"5",
        b"5",
        b"5",
        b"5",
        b"5",
        b"5",
        b"005",
        b"5\t",
        b"05",
        b"+5",
        b"-5",
        b"0x5",
        b"5_0",
        b"5 ",
        b" 5",
        b"f" * 17,
        b"5;a=b",
        b"5 ;a=b",
        b'5;a="\r\n"',
    ]
)
TRAILERS = st.lists(st.sampled_from([b"X: y\r\n", b"X:\r\n", b"X : y\r\n", b"Content-Length: 5\r\n"]), max_size=2)


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    """A chunked body that is nearly right."""
    chunks = draw(st.lists(st.builds(lambda size: size + b"\r\nhello\r\n", SIZES), max_size=2))
    return b"".join([*chunks, draw(st.sampled_from([b"0\r\n", b"0\r\n", b"00;z\r\n"])), *draw(TRAILERS), b"\r\n"])


def body_of(frame: bytes) -> st.SearchStrategy[bytes]:
    """Mostly what the frame promises; sometimes what the other one does."""
    plain = st.sampled_from([b"hello", b"hello world", b""])
    return st.one_of(chunked(), chunked(), plain) if frame == CHUNKED else st.one_of(plain, plain, chunked())


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A request that is nearly right: most of it plausible, with up to three places changed."""
    lines = [b" ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)])] if draw(st.booleans()) else [b"POST / HTTP/1.1"]
    lines += [b"Host: a.localhost"] if draw(st.integers(0, 9)) else []
    frame = draw(FRAMES)
    lines += [frame, *draw(st.lists(LINES, max_size=3))]
    message = b"\r\n".join([*lines, b"", b""]) + draw(body_of(frame))
    if draw(st.booleans()):
        message += draw(st.sampled_from([b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"]))
    return draw(mutated(message))


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer that is nearly right, body and all."""
    version = draw(
        st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"ICY"])
    )
    status = draw(st.sampled_from([b"200", b"200", b"200", b"204", b"101", b"100", b"304", b"099", b"600", b"2000"]))
    reason = draw(st.sampled_from([b"", b" ", b" OK", b" Not Found", b" \xc3\xbc", b" \t", b"  OK"]))
    frame = draw(FRAMES)
    lines = [version + b" " + status + reason, frame, *draw(st.lists(LINES, max_size=3))]
    return draw(mutated(b"\r\n".join([*lines, b"", b""]) + draw(body_of(frame))))


@st.composite
def mutated(draw: st.DrawFn, message: bytes) -> bytes:
    """A message with up to three places changed."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(message)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 4]))
        message = message[:at] + draw(st.one_of(st.sampled_from(SPECIAL), st.just(b""))) + message[at + gone :]
    return message


ASKED = st.sampled_from([b"GET", b"HEAD", b"POST"])


@given(messages())
@EXAMPLES
@example(head(CHUNKED) + b"5 ;a=b\r\nhello\r\n0\r\n\r\n")
@example(head(b"Content-Length: 5", b"Content-Length: 5", b"X:") + b"hello")
@example(head(b"Content-Length: 007") + b"hellohello")
@example(head(CHUNKED, line=b"POST / HTTP/1.2") + b"0\r\n\r\n")
def test_a_request_we_accept_is_accepted_and_understood_alike_by_h11(message: bytes) -> None:
    check_request(message)


@pytest.mark.parametrize("name", HEADS)
def test_a_known_attack_has_no_second_reading(name: str) -> None:
    for body in (b"", b"hello", b"5\r\nhello\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"):
        check_request(HEADS[name] + body)


@pytest.mark.parametrize("name", CHUNKS)
def test_a_known_attack_by_chunks_has_no_second_reading(name: str) -> None:
    for rest in (b"", b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"):
        check_request(head(CHUNKED) + CHUNKS[name] + rest)
        check_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS[name] + rest)


@pytest.mark.parametrize("name", CONFUSIONS)
def test_what_may_be_accepted_but_confuses_others_has_no_second_reading(name: str) -> None:
    check_request(CONFUSIONS[name])
    check_written(CONFUSIONS[name])


@pytest.mark.parametrize("name", ANSWERS)
def test_a_known_attack_by_an_upstream_has_no_second_reading(name: str) -> None:
    for method in (b"GET", b"HEAD"):
        for body in (b"", b"hello", b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"):
            check_answer(ANSWERS[name] + body, method)


@given(messages())
@EXAMPLES
def test_what_the_short_reader_is_sure_of_h11_reads_alike(message: bytes) -> None:
    with short_reader_alone(), suppress(NotSure):
        check_request(message)


def test_the_short_reader_is_sure_of_a_browsers_request() -> None:
    """Else the test above would prove nothing."""
    fields = (b"User-Agent: Mozilla/5.0 (X11)", b"Accept: */*", b"Cookie: a=b; c=d", b"Content-Length: 5")

    with short_reader_alone():
        assert read_request(head(*fields), target_size=ROOM, header_count=ROOM).length == 5
        with pytest.raises(NotSure):
            read_request(head(b"X:"), target_size=ROOM, header_count=ROOM)


def test_the_short_reader_is_sure_of_a_servers_answer() -> None:
    with short_reader_alone():
        raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n"
        assert read_response(raw, b"GET", header_count=ROOM).length == 5
        with pytest.raises(NotSure):
            read_response(b"HTTP/1.1 200 OK\r\nX:\r\n\r\n", b"GET", header_count=ROOM)


@given(answers(), ASKED)
@EXAMPLES
def test_an_answer_we_accept_is_accepted_and_understood_alike_by_h11(stream: bytes, method: bytes) -> None:
    check_answer(stream, method)


@given(answers(), ASKED)
@EXAMPLES
def test_an_answer_the_short_reader_is_sure_of_h11_reads_alike(stream: bytes, method: bytes) -> None:
    with short_reader_alone(), suppress(NotSure):
        check_answer(stream, method)


@given(messages())
@EXAMPLES
def test_what_goes_upstream_is_what_was_understood(message: bytes) -> None:
    check_written(message)
