"""Framing: where a body ends, as one table for each direction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.errors import ClientError, TunnelError, UpstreamError
from tunnel.http.framing import keeps_alive, request_framing, response_framing
from tunnel.model.headers import Field, Headers
from tunnel.model.message import Framing

LENGTH, CHUNKED = (b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")
NONE, CLOSE = (Framing.NONE, 0), (Framing.CLOSE, 0)


@pytest.mark.parametrize(
    ("fields", "minor", "expected"),
    [
        ([], 1, NONE),
        ([], 0, NONE),
        ([LENGTH], 1, (Framing.LENGTH, 5)),
        ([LENGTH], 0, (Framing.LENGTH, 5)),
        ([(b"content-length", b"0")], 1, (Framing.LENGTH, 0)),
        ([(b"Content-Length", b"007")], 1, (Framing.LENGTH, 7)),
        ([(b"Content-Length", b"9" * 18)], 1, (Framing.LENGTH, 10**18 - 1)),
        ([CHUNKED], 1, (Framing.CHUNKED, 0)),
        ([(b"transfer-encoding", b"CHUNKED")], 1, (Framing.CHUNKED, 0)),
    ],
)
def test_a_request_has_a_body_only_if_it_says_so(
    fields: list[Field], minor: int, expected: tuple[Framing, int]
) -> None:
    assert request_framing(Headers(fields), minor) == expected


BAD_LENGTHS = [
    b"",
    b"+5",
    b"-5",
    b"5 5",
    b"5,5",
    b"5, 5",
    b"0x5",
    b"1_0",
    b"5.0",
    b"\xd9\xa5",
    b"9" * 19,
    b" 5",
    b"5\n",
]
BAD_CODINGS = [
    b"",
    b"gzip",
    b"gzip, chunked",
    b"chunked, chunked",
    b"chunked;q=1",
    b'"chunked"',
    b"identity",
    b"chunked ",
]


@pytest.mark.parametrize("value", BAD_LENGTHS)
def test_a_length_is_one_plain_number(value: bytes) -> None:
    headers = Headers([(b"Content-Length", value)])

    with pytest.raises(ClientError):
        request_framing(headers, 1)
    with pytest.raises(UpstreamError):
        response_framing(headers, b"GET", 200, 1)


@pytest.mark.parametrize("value", BAD_CODINGS)
def test_chunked_is_the_only_coding(value: bytes) -> None:
    headers = Headers([(b"Transfer-Encoding", value)])

    with pytest.raises(ClientError) as caught:
        request_framing(headers, 1)
    with pytest.raises(UpstreamError):
        response_framing(headers, b"GET", 200, 1)

    assert caught.value.status == 501


@pytest.mark.parametrize("fields", [[LENGTH, CHUNKED], [CHUNKED, LENGTH], [LENGTH, LENGTH], [CHUNKED, CHUNKED]])
def test_two_answers_to_where_a_body_ends_are_refused(fields: list[Field]) -> None:
    with pytest.raises(ClientError):
        request_framing(Headers(fields), 1)
    with pytest.raises(UpstreamError):
        response_framing(Headers(fields), b"GET", 200, 1)


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304), (b"GET", 103)])
def test_an_answer_without_a_body_may_not_lie_about_its_length_either(method: bytes, status: int) -> None:
    for field in ((b"Content-Length", b"5, 5"), (b"Content-Length", b"x"), (b"Transfer-Encoding", b"gzip")):
        with pytest.raises(UpstreamError):
            response_framing(Headers([field]), method, status, 1)

    assert response_framing(Headers([LENGTH, CHUNKED]), method, status, 1) == NONE


def test_http_10_knows_no_chunks() -> None:
    with pytest.raises(ClientError):
        request_framing(Headers([CHUNKED]), 0)
    with pytest.raises(UpstreamError):
        response_framing(Headers([CHUNKED]), b"GET", 200, 0)


@pytest.mark.parametrize(
    ("fields", "method", "status", "expected"),
    [
        ([], b"GET", 200, CLOSE),
        ([LENGTH], b"GET", 200, (Framing.LENGTH, 5)),
        ([CHUNKED], b"GET", 200, (Framing.CHUNKED, 0)),
        ([LENGTH], b"HEAD", 200, NONE),
        ([CHUNKED], b"HEAD", 200, NONE),
        ([], b"HEAD", 200, NONE),
        ([LENGTH], b"GET", 204, NONE),
        ([LENGTH], b"GET", 304, NONE),
        ([], b"GET", 101, NONE),
        ([LENGTH], b"GET", 103, NONE),
        ([LENGTH], b"HEAD", 404, NONE),
        ([], b"POST", 205, CLOSE),
    ],
)
def test_an_answers_body_depends_on_what_was_asked(
    fields: list[Field], method: bytes, status: int, expected: tuple[Framing, int]
) -> None:
    assert response_framing(Headers(fields), method, status, 1) == expected


@pytest.mark.parametrize(
    ("value", "in_10", "in_11"),
    [
        (None, False, True),
        (b"close", False, False),
        (b"keep-alive", True, True),
        (b"Keep-Alive, Upgrade", True, True),
        (b"keep-alive, close", False, False),
        (b"CLOSE", False, False),
        (b"x-close", False, True),
        (b"", False, True),
    ],
)
def test_a_connection_goes_on_by_default_in_11_and_by_request_in_10(
    value: bytes | None, in_10: bool, in_11: bool
) -> None:
    headers = Headers([(b"Connection", value)] if value is not None else [])

    assert (keeps_alive(headers, 0), keeps_alive(headers, 1)) == (in_10, in_11)


def test_connection_may_come_in_several_fields() -> None:
    assert not keeps_alive(Headers([(b"Connection", b"x"), (b"connection", b"close")]), 1)


NAMES = st.sampled_from([b"Content-Length", b"Transfer-Encoding", b"content-length", b"X"])
VALUES = st.one_of(
    st.sampled_from([b"5", b"0", b"chunked", b"Chunked", *BAD_LENGTHS, *BAD_CODINGS]), st.binary(max_size=4)
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4), st.integers(0, 1))
def test_whatever_frames_a_request_frames_the_answer_alike(fields: list[Field], minor: int) -> None:
    """One law for both directions, but for what a missing length means."""
    headers = Headers(fields)
    verdicts: list[object] = []
    for decide in (lambda: request_framing(headers, minor), lambda: response_framing(headers, b"GET", 200, minor)):
        try:
            verdicts.append(decide())
        except TunnelError:
            verdicts.append("refused")

    if verdicts[0] == NONE:
        assert verdicts[1] == CLOSE
    else:
        assert verdicts[0] == verdicts[1]
