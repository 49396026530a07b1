"""Bodies as text for people, and heads taken apart again."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunnel.capture.heads import changes, fields_of, lines_of
from tunnel.capture.present import hex_view, media_type, present

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_is_indented_and_means_the_same(value):
    shown = present(json.dumps(value).encode(), "application/json")

    assert shown.kind == "json" and json.loads(shown.text) == value


def test_json_keeps_its_spelling():
    shown = present(
        b'{"a":1.10,"a":1e5,"b":"\\u00e9","c":12345678901234567890123}', "application/problem+json; charset=x"
    )

    for spelled in ('"a": 1.10', '"a": 1e5', '"\\u00e9"', "12345678901234567890123"):
        assert spelled in shown.text


@pytest.mark.parametrize("body", [b'{"a":', b"[" * 100_000, b'{"a":1}\n{"a":2}\n', b'{"a": NaN}'])
def test_what_only_claims_to_be_json_is_shown_as_text(body):
    assert present(body, "application/json").text == body.decode()


def test_a_form_is_shown_by_field():
    assert (
        present(b"name=J%C3%BCrgen+M&empty=", "application/x-www-form-urlencoded").text
        == "name  = Jürgen M\nempty = \n"
    )


def test_an_event_stream_stays_as_it_is():
    body = b"id: 1\ndata: {}\n\n:ping\n\n"

    assert present(body, "text/event-stream").text == body.decode()


@pytest.mark.parametrize(
    "body, content_type, text",
    [
        ("grüße".encode("latin-1"), "text/plain; charset=ISO-8859-1", "grüße"),
        ("grüße".encode("latin-1"), "text/html", "grüße"),
        ("grüße".encode(), "text/plain", "grüße"),
        ("grüße".encode(), "", "grüße"),
        ("grüße".encode("utf-16"), "text/plain", "grüße"),
        (b"\xef\xbb\xbfhi", "text/plain", "hi"),
        ("日本".encode("shift_jis"), 'text/plain; charset="Shift_JIS"', "日本"),
        ("grüß".encode()[:-1], "text/plain", "grü"),
        (b"hi", "text/plain; charset=hex", "hi"),
        (b"hi", "text/plain; charset=nonsense", "hi"),
    ],
)
def test_text_is_read_by_its_charset(body, content_type, text):
    assert present(body, content_type).text == text


def test_binary_is_shown_as_hex():
    shown = present(bytes(range(20)), "image/png")

    assert shown.kind == "hex"
    assert shown.text.splitlines() == [
        "00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|",
        "00000010  10 11 12 13                                       |....|",
    ]


def test_a_long_hex_view_says_what_it_leaves_out():
    assert present(bytes(10_000)).notes == ("5904 more bytes are not shown",)


@given(st.binary(max_size=200))
def test_a_hex_view_holds_every_byte(data):
    digits = "".join(text[10:58] for text in hex_view(data).splitlines())

    assert bytes.fromhex(digits) == data


@given(
    st.binary(max_size=200),
    st.sampled_from(["", "application/json", "application/x-www-form-urlencoded", "text/html", "image/png"])
    | st.text(max_size=40)
    | st.sampled_from(["idna", "undefined", "utf-7", "punycode", "unicode_escape", "mbcs", "utf-16", "zip", "\0"]).map(
        lambda name: f"text/plain; charset={name}"
    ),
)
@example(b"\\\x00", ";CHARSET=UNICODE/ESCAPE")
def test_nothing_that_strangers_send_is_an_exception(body, content_type):
    present(body, content_type)


def test_media_types_are_taken_apart():
    assert media_type('Text/HTML ; q=1; Charset="UTF-8"') == ("text/html", "utf-8")
    assert media_type("") == ("", "")


def test_fields_are_read_from_a_head():
    fields = fields_of(b"HTTP/1.1 200 OK\r\nA: 1\r\nnonsense\r\na:  2 \r\n\r\n")

    assert fields.all(b"a") == [b"1", b"2"]


def test_changes_mark_what_was_taken_out_and_put_in():
    came = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: 1\r\nX: 1\r\n\r\n"
    went = b"GET /b HTTP/1.1\r\nX: 1\r\nHost: a\r\nVia: t\r\n\r\n"

    assert changes(came, went) == [
        ("-", "GET /a HTTP/1.1"), ("+", "GET /b HTTP/1.1"), (" ", "Host: a"), ("-", "Connection: close"), (" ", "X: 1"),
        ("-", "X: 1"), ("+", "Via: t"),
    ]  # fmt: skip


FIELDS = st.lists(st.sampled_from([b"A: 1", b"B: 2", b"C: 3"]), max_size=6)
HEADS = FIELDS.map(lambda fields: b"\r\n".join([b"GET /", *fields, b"", b""]))


@given(HEADS, HEADS)
def test_changes_hold_every_line_of_both_heads(came, went):
    marked = changes(came, went)

    assert [text for mark, text in marked if mark != "+"] == lines_of(came)
    assert sorted(text for mark, text in marked if mark != "-") == sorted(lines_of(went))
