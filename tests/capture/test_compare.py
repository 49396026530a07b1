"""Compare: what differs, by name, path, field and line; and what of it is noise."""

import dataclasses
import gzip
import json

import pytest
from hypothesis import given, settings

from tests.capture.exchanges import STARTED, exchange, recorded
from tunnel.capture.compare import Difference, compare
from tunnel.capture.compare_bodies import MOST_LINES, MOST_PATHS, first_difference
from tunnel.capture.compare_noise import is_noise
from tunnel.model.exchange import RecordedMessage, Timings

JSON = [(b"Content-Type", b"application/json")]
FORM = [(b"Content-Type", b"application/x-www-form-urlencoded")]
TEXT = [(b"Content-Type", b"text/plain")]


def differences(rows: list[Difference]) -> dict[str, tuple[str | None, str | None]]:
    return {row.name: (row.left, row.right) for row in rows if not row.same and not row.noise}


def answers(left: bytes, right: bytes, fields: list[tuple[bytes, bytes]]) -> list[Difference]:
    """Compare two exchanges that differ in the answer's body alone."""
    one, other = (exchange(answered=fields, response=body) for body in (left, right))
    return [row for row in compare(one, other, (b"", left), (b"", right)) if row.where == "response.body"]


@settings(max_examples=150, deadline=None)
@given(recorded())
def test_an_exchange_is_like_itself(whole):
    one, request, response, messages = whole

    rows = compare(one, one, (request, response), (request, response), messages, messages)

    assert rows
    assert all(row.same and not row.noise for row in rows)


@settings(max_examples=150, deadline=None)
@given(recorded(), recorded())
def test_the_other_way_round_the_same_differs(one, other):
    there = compare(one[0], other[0], one[1:3], other[1:3], one[3], other[3])
    back = compare(other[0], one[0], other[1:3], one[1:3], other[3], one[3])

    turned = {
        (row.where, row.right, row.left, row.same) for row in back if row.where not in ("response.body", "request.body")
    }
    assert turned == {
        (row.where, row.left, row.right, row.same)
        for row in there
        if row.where not in ("response.body", "request.body")
    }


def test_the_request_line_and_the_query_by_name():
    rows = compare(exchange("GET", "/a?x=1&y=2&y=3"), exchange("POST", "/b?y=2&y=4&z="))

    assert differences(rows) == {
        "method": ("GET", "POST"),
        "path": ("/a", "/b"),
        "?x": ("1", None),
        "?y [2]": ("3", "4"),
        "?z": (None, ""),
    }


def test_fields_by_name_whatever_their_case_and_place_and_equal_names_in_their_order():
    left = exchange(asked=[(b"Accept", b"a"), (b"X-One", b"1"), (b"X-One", b"2")])
    right = exchange(asked=[(b"x-one", b"2"), (b"accept", b"a"), (b"X-ONE", b"1"), (b"x-one", b"3")])

    rows = compare(left, right)

    assert differences(rows) == {"X-One": ("1", "2"), "X-One [2]": ("2", "1"), "x-one [3]": (None, "3")}


def test_json_by_path_with_numbers_as_they_were_written():
    left = {"a": [1, {"b": "x"}], "same": None, "left": {}}
    right = {"a": [1.0, {"b": "y"}], "same": None, "a b": []}

    rows = answers(json.dumps(left).encode(), json.dumps(right).encode(), JSON)

    assert differences(rows) == {
        "$.a[0]": ("1", "1.0"),
        "$.a[1].b": ('"x"', '"y"'),
        "$.left": ("{}", None),
        '$["a b"]': (None, "[]"),
    }
    assert [row.name for row in rows if row.same] == ["$.same"]


def test_what_was_empty_is_told_by_its_members_alone():
    rows = answers(
        b'{"a": [], "b": {}, "c": 1, "d": [], "e": "[]"}',
        b'{"a": [1], "b": {"x": 2}, "c": {"y": 3}, "d": {}, "e": [4]}',
        JSON,
    )

    assert differences(rows) == {
        "$.a[0]": (None, "1"), "$.b.x": (None, "2"), "$.c": ("1", None), "$.c.y": (None, "3"), "$.d": ("[]", "{}"),
        "$.e": ('"[]"', None), "$.e[0]": (None, "4"),
    }  # fmt: skip
    assert differences(answers(b"[[1]]", b"[]", JSON)) == {"$[0][0]": ("1", None)}


def test_a_coded_body_is_compared_decoded():
    packed = [*JSON, (b"Content-Encoding", b"gzip")]
    body = b'{"a":1}'
    one, other = exchange(answered=packed), exchange(answered=JSON)

    rows = compare(one, other, (b"", gzip.compress(body)), (b"", body))

    assert differences(rows) == {"Content-Encoding": ("gzip", None)}


def test_forms_by_field():
    left, right = exchange("POST", "/", FORM), exchange("POST", "/", FORM)

    rows = compare(left, right, (b"a=1&b=%20&b=2", b""), (b"a=1&b=+&b=3", b""))

    assert differences(rows) == {"b [2]": ("2", "3")}


def test_text_by_line():
    left = b"same\n" * 1000 + b"old\nalso old\n" + b"end\n" * 1000
    right = b"same\n" * 1000 + b"new\n" + b"end\n" * 1000

    assert differences(answers(left, right, TEXT)) == {"line 1001": ("old", "new"), "line 1002": ("also old", None)}


def test_text_with_too_many_different_lines_is_compared_as_bytes():
    left, right = (b"".join(b"%d\n" % (n * step) for n in range(1, MOST_LINES + 2)) for step in (3, 5))

    (row,) = answers(left, right, TEXT)

    assert row.name == "bytes from 0"


def test_anything_else_by_its_hash_and_the_first_byte():
    left, right = b"\x89PNG\0\1\2", b"\x89PNG\0\1\3\4"

    (row,) = answers(left, right, [(b"Content-Type", b"image/png")])

    assert row.name == "bytes from 6"
    assert str(row.left).startswith("7 bytes, SHA-256 ")
    assert not row.same


def test_a_page_and_a_document_are_not_compared_line_by_line():
    left, right = exchange(answered=JSON), exchange(answered=[(b"Content-Type", b"text/html")])

    rows = compare(left, right, (b"", b'{"a":1}'), (b"", b"<p>\n<b>"))

    assert [row.name for row in rows if row.where == "response.body"] == ["bytes from 0"]


def test_a_body_on_one_side_alone_is_one_row():
    (row,) = [row for row in compare(exchange(), exchange(), (b"", b"x"), (b"", b"")) if row.where == "response.body"]

    assert (row.name, row.left, row.right, row.same) == ("body", "1 bytes", None, False)


def test_status_and_failure():
    rows = compare(exchange(status=200), exchange(status=404))

    assert differences(rows) == {"status": ("200 OK", "404 OK")}


def test_messages_one_by_one_each_direction_for_itself():
    def message(from_client: bool, payload: bytes) -> RecordedMessage:
        return RecordedMessage(from_client, "text", STARTED, len(payload), payload)

    left = [message(True, b"a"), message(False, b"A"), message(True, b"b")]
    right = [message(True, b"a"), message(True, b"c"), message(False, b"A"), message(False, b"B")]

    rows = [
        row
        for row in compare(exchange(), exchange(), left_messages=left, right_messages=right)
        if row.where == "messages"
    ]

    assert differences(rows) == {"sent 2": ("b", "c"), "received 2": (None, "B")}


def test_timings_differ_as_noise():
    left, right = exchange(), dataclasses.replace(exchange(), timings=Timings(0, 0, 2000, 30_000, 50_000))

    rows = [row for row in compare(left, right) if row.where == "timings"]

    assert [(row.name, row.left, row.right) for row in rows][-1] == ("in all", "33.0 ms", "50.0 ms")
    assert all(row.noise for row in rows)


def test_a_long_value_is_told_by_its_beginning():
    (row,) = answers(b'"%b"' % (b"x" * 100_000), b'"%b"' % (b"y" * 100_000), JSON)

    assert row.left is not None
    assert len(row.left) < 2200
    assert "100002 characters" in row.left


def test_a_document_of_too_many_values_is_compared_as_text_or_bytes():
    left, right = (json.dumps([first, *range(MOST_PATHS)], indent=0).encode() for first in (1, 2))

    assert differences(answers(left, right, JSON)) == {"line 2": ("1,", "2,")}


@pytest.mark.parametrize("body", [b"[" * 5000, b'{"a":', b'{"a":1}{"b":2}', b"\xff"])
def test_json_that_is_none_is_compared_as_what_it_is(body):
    assert answers(body, body + b" x", JSON)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("date", "Sat, 21 Nov 2026 09:38:53 GMT", "Sat, 21 Nov 2026 09:38:54 GMT"),
        ("ETag", '"a"', '"b"'),
        ("x-request-id", "a", "b"),
        ("Connection", "keep-alive", "close"),
        ("X-Request-Id", "a", None),
        ("X-Amzn-Trace-Id", "Root=1", "Root=2"),
        ("$.requestId", '"a"', '"b"'),
        ("$.items[3].created_at", "1", "2"),
        ("$.updatedAt", "1", "2"),
        ("$.elapsed_ms", "1.5", "2"),
        ("$.csrf", '"x"', '"y"'),
        ("$.anything", '"9f0e2c1a-0000-4000-8000-000000000001"', '"9f0e2c1a-0000-4000-8000-000000000002"'),
        ("$.anything", '"2026-11-21T09:38:53.123Z"', '"2026-11-22T10:00:00Z"'),
        ("$.anything", "1795253933", "1795253999"),
        ("$.anything", "1795253933582", "1795253999582"),
        ("$.anything", '"4bf92f3577b34da6a3ce929d0e0e4736"', '"00f067aa0ba902b74bf92f3577b34da6"'),
        ("line 4", "took 12.5 ms", "took 3 ms"),
        ("Origin", "http://localhost:3000", "http://localhost:3001"),
        ("?nonce", "1", "2"),
    ],
)
def test_what_differs_between_any_two_exchanges_is_noise(name, left, right):
    assert is_noise(name, left, right)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("path", "/a", "/b"),
        ("status", "200 OK", "500 Internal Server Error"),
        ("$.id", "1", "2"),
        ("$.name", '"lamp"', '"moon"'),
        ("$.paid", "true", "false"),
        ("$.price", "1.5", "2"),
        ("$.anything", '"2026-11-21"', '"never"'),
        ("$.anything", '"took 12 ms"', '"took 12 kg"'),
        ("Content-Type", "text/html", "text/plain"),
        ("Authorization", "Bearer redacted-0123456789abcdef", "Bearer redacted-fedcba9876543210"),
        ("x-request-id", "redacted-0123456789abcdef", "redacted-fedcba9876543210"),
        ("$.midnight", "1", "2"),
    ],
)
def test_what_somebody_changed_is_none(name, left, right):
    assert not is_noise(name, left, right)


def test_the_first_byte_that_differs_is_found():
    for at in (0, 1, 7, 999_999):
        left = bytes(1_000_000)
        right = left[:at] + b"\1" + left[at + 1 :]
        assert first_difference(left, right) == at
    assert first_difference(b"ab", b"abc") == 2
