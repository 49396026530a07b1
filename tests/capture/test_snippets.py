"""Snippets as text: what is left out, what is said, and that nobody's terminal is commanded. tests/real runs them."""

import dataclasses
import json

import pytest
from hypothesis import given, settings

from tests.capture.exchanges import exchange, recorded
from tunnel.capture import shell
from tunnel.capture.snippets import curl, fetch, front_of, requests
from tunnel.model.exchange import Body

URL = "https://127.0.0.1:62893"


@settings(max_examples=200, deadline=None)
@given(recorded())
def test_any_recorded_request_gives_snippets_that_can_be_pasted(whole):
    exchange, body, _, _ = whole
    for snippet in (curl, fetch, requests):
        text = snippet(exchange, body, front_of(exchange))

        assert text
        assert all(char.isprintable() or char in "\n\t" or ord(char) > 0xFF for char in text), text
        assert not set(text) & {"\x1b", "\x9b", "\u202e", "\r"}


def test_a_no_break_space_is_not_shown_as_the_space_that_it_looks_like():
    text = curl(exchange("POST", "/", request=b"a\xc2\xa0b"), b"a\xc2\xa0b", URL)

    assert "\xa0" not in text
    assert "base64" in text or "\\302\\240" in text


def test_what_belongs_to_one_connection_is_left_out():
    fields = [
        (b"Connection", b"keep-alive, X-Hop"), (b"X-Hop", b"1"), (b"Keep-Alive", b"5"), (b"TE", b"trailers"),
        (b"Content-Length", b"2"),
        (b"Transfer-Encoding", b"chunked"), (b"Expect", b"100-continue"), (b"X-Stays", b"1"),
    ]  # fmt: skip
    asked = exchange("POST", "/", fields, request=b"hi")

    for snippet in (curl, fetch, requests):
        text = snippet(asked, b"hi", URL)
        said = [name.decode() for name, _ in fields if name.decode() in text]
        assert said == ["X-Stays"]


def test_the_host_is_said_where_the_url_does_not_say_it():
    ours, other = exchange(host="127.0.0.1:62893"), exchange(host="app.test")

    assert "Host" not in curl(ours, b"", URL)
    assert "-H 'Host: app.test'" in curl(other, b"", URL)
    assert "'Host': 'app.test'" in requests(other, b"", URL)


def test_order_and_case_of_fields_are_kept():
    text = curl(exchange(asked=[(b"X-b", b"1"), (b"ACCEPT", b"2"), (b"x-a", b"3")]), b"", URL)

    assert text == (
        "curl https://127.0.0.1:62893/ \\\n  -H 'X-b: 1' \\\n  -H 'ACCEPT: 2' \\\n  -H 'x-a: 3' \\\n  -H 'User-Agent:'"
    )


def test_a_root_is_named_only_where_there_is_one_to_name():
    assert "--cacert" not in curl(exchange(), b"", URL)
    assert "--cacert '/my files/root.pem'" in curl(exchange(), b"", URL, root="/my files/root.pem")
    assert "verify='/my files/root.pem'" in requests(exchange(), b"", URL, root="/my files/root.pem")


def test_a_body_of_which_a_part_is_missing_says_so():
    cut = dataclasses.replace(exchange("POST"), request=Body(500, 3, False))

    for snippet, mark in ((curl, "#"), (fetch, "//"), (requests, "#")):
        assert f"{mark} only the first 3 of 500 bytes of the body were recorded" in snippet(cut, b"abc", URL)


def test_a_body_from_which_a_secret_was_taken_is_not_told_to_be_cut():
    hidden = dataclasses.replace(exchange("POST"), request=Body(500, 500, False))

    assert "only the first" not in curl(hidden, b"redacted-0123456789abcdef", URL)


def test_a_pseudonym_is_told_to_be_one():
    hidden = dataclasses.replace(exchange(asked=[(b"Authorization", b"redacted-0123456789abcdef")]), redacted=1)

    assert curl(hidden, b"", URL).startswith("# secrets were replaced")
    assert "Authorization: redacted-0123456789abcdef" in curl(hidden, b"", URL)


def test_a_websocket_is_one_in_javascript_and_a_handshake_in_curl():
    fields = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Protocol", b"chat, json")]
    asked = exchange("GET", "/ws", fields, status=101, upgrade="websocket")

    assert fetch(asked, b"", URL).startswith(
        'const socket = new WebSocket("wss://127.0.0.1:62893/ws", ["chat", "json"]);'
    )
    assert "-H 'Upgrade: websocket'" in curl(asked, b"", URL)


def test_a_body_that_fetch_does_not_send_is_told():
    assert "// the request had a body" in fetch(exchange("GET", "/", request=b"x"), b"x", URL)


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "https://127.0.0.1:62893"),
        ({"host": "app.localhost:62893"}, "https://app.localhost:62893"),
        ({"host": "app.test"}, "https://127.0.0.1:62893"),  # nothing says that this name leads here
        ({"host": "", "listener": "::1"}, "https://[::1]:62893"),
        ({"host": "localhost:1"}, "https://127.0.0.1:62893"),
        ({"host": "example.com", "listener": "", "listener_port": 0, "tls": None}, "http://example.com"),  # imported
        ({"host": "no host", "listener": "", "listener_port": 80, "tls": None}, "http://localhost:80"),
    ],
)
def test_a_request_goes_where_it_went(changes, url):
    assert front_of(exchange(**changes)) == url


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"plain-1.0/x", "plain-1.0/x"),
        (b"", "''"),
        (b"it's", "'it'\\''s'"),
        (b"a\nb", "'a\nb'"),
        (b"caf\xe9 100%!", "\"$(printf 'caf\\351 100%%\\041')\""),
        (b"\x1b[2J'\\", "\"$(printf '\\033[2J\\047\\134')\""),
    ],
)
def test_a_word_of_a_shell(data, said):
    assert shell.word(data) == said


def test_json_in_javascript_is_a_literal():
    text = fetch(
        exchange("POST", "/", [(b"Content-Type", b"application/json")], request=b"x"), b'{"a":"\xe2\x80\xa8"}', URL
    )

    literal = text.split("body: ")[1].split(",\n")[0]
    assert json.loads(literal) == '{"a":"\u2028"}'
    assert "\u2028" not in text
