"""Answers: what a client is told when tunnel answers itself."""

import json

import pytest

from tunnel.errors import ClientError, Fault, TunnelError, UpstreamError
from tunnel.http.answers import error_answer, redirect_answer
from tunnel.http.heads import read_response, write_response
from tunnel.model.headers import Headers
from tunnel.model.message import Framing, Request

NOBODY = UpstreamError("nothing listens on 127.0.0.1:3000", hint="start your service <now>")


def asked(accept: bytes | None = None, method: bytes = b"GET") -> Request:
    fields = [(b"Host", b"localhost")] + ([(b"Accept", accept)] if accept is not None else [])
    return Request(method, b"/", Headers(fields), 1, Framing.NONE, 0, True, b"", b"")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", b"text/html"),
        (b"application/json", b"application/json"),
        (b"application/json, text/plain, */*", b"application/json"),
        (b"application/problem+json", b"application/json"),
        (b"text/plain, text/html", b"text/plain"),
        (b"TEXT/HTML;level=1", b"text/html"),
        (b"*/*", b"text/plain"),
        (b"image/avif", b"text/plain"),
        (b"", b"text/plain"),
        (b"\xff;,,", b"text/plain"),
        (None, b"text/plain"),
    ],
)
def test_an_error_comes_in_the_first_kind_that_was_asked_for(accept: bytes | None, kind: bytes) -> None:
    response, _ = error_answer(NOBODY, asked(accept), close=False)

    assert response.headers.get(b"content-type") == kind + b"; charset=utf-8"


@pytest.mark.parametrize("accept", [b"text/html", b"application/json", b"text/plain"])
@pytest.mark.parametrize(
    "error", [NOBODY, ClientError("the head is bad", status=431), TunnelError("a loop", status=508)]
)
def test_an_error_says_what_happened_whose_fault_it_was_and_what_to_do(accept: bytes, error: TunnelError) -> None:
    _, body = error_answer(error, asked(accept), close=False)
    text = body.decode()

    assert str(error.status) in text
    assert error.what[1:] in text
    if accept == b"application/json":
        assert json.loads(text) == {
            "status": error.status,
            "error": error.what,
            "fault": error.fault,
            "hint": error.hint,
        }
        return
    assert {Fault.CLIENT: "request was", Fault.UPSTREAM: "service", Fault.TUNNEL: "tunnel itself"}[error.fault] in text
    assert ("What to do" in text) == bool(error.hint)


def test_a_page_shows_markup_as_text() -> None:
    _, body = error_answer(ClientError("the Host '<script>' is bad", hint="<b>"), asked(b"text/html"), close=False)

    assert b"<script>" not in body
    assert b"&lt;script&gt;" in body
    assert b"&lt;b&gt;" in body


@pytest.mark.parametrize("close", [True, False])
def test_an_answer_says_whether_the_connection_goes_on(close: bool) -> None:
    response, _ = error_answer(NOBODY, asked(), close=close)

    assert response.headers.all(b"connection") == ([b"close"] if close else [])
    assert response.keep_alive is not close


def test_a_head_request_is_told_the_length_and_nothing_more() -> None:
    whole, told = error_answer(NOBODY, asked(), close=False)
    response, body = error_answer(NOBODY, asked(method=b"HEAD"), close=False)

    assert response.headers == whole.headers
    assert (body, response.framing) == (b"", Framing.NONE)
    assert response.headers.get(b"content-length") == str(len(told)).encode()


@pytest.mark.parametrize("status", [400, 408, 413, 414, 421, 431, 501, 502, 504, 505, 508, 599])
def test_every_status_has_a_phrase_and_a_head_that_reads_back(status: int) -> None:
    response, body = error_answer(TunnelError("x", status=status), None, close=True)
    read = read_response(write_response(response), b"GET", header_count=10)

    assert (read.status, read.framing, read.length, read.keep_alive) == (status, Framing.LENGTH, len(body), False)
    assert read.reason


def test_an_error_is_not_kept_by_caches() -> None:
    assert error_answer(NOBODY, None, close=True)[0].headers.get(b"cache-control") == b"no-store"


def test_a_redirect_outlives_no_front_in_a_browsers_cache() -> None:
    """A 308 is kept for ever where nothing says otherwise (RFC 9110 §15.4.9), and would lead away from what comes after."""
    assert redirect_answer(b"https://localhost:62893/", asked())[0].headers.get(b"cache-control") == b"no-store"


def test_a_redirect_keeps_method_and_body_and_ends_the_connection() -> None:
    response, body = redirect_answer(b"https://localhost:62893/a?b", asked())

    assert response.status == 308
    assert response.headers.get(b"location") == b"https://localhost:62893/a?b"
    assert response.headers.get(b"connection") == b"close"
    assert response.headers.get(b"content-length") == str(len(body)).encode()
