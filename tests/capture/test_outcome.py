"""What is said of a replay's answer beside the recorded one."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.exchanges import exchange
from tunnel.capture.outcome import Answer, came, outcome, recorded
from tunnel.model.exchange import Body
from tunnel.model.replay import Replayed

JSON = b"Content-Type: application/json\r\n"


def answer(
    body: bytes = b"", fields: bytes = b"", *, status: int = 200, whole: bool = True, redacted: bool = False
) -> Answer:
    head = b"HTTP/1.1 %d OK\r\n%b\r\n" % (status, fields)
    sizes = Body(len(body) if whole else len(body) + 1, len(body), False)
    return Answer(
        exchange(status=status, returned_head=head, response_head=head, response=sizes, redacted=redacted), body
    )


def test_noise_in_a_body_is_no_difference() -> None:
    was, now = answer(b'{"created_at": 1, "n": 1}', JSON), answer(b'{"created_at": 2, "n": 1}', JSON)
    other = answer(b'{"created_at": 2, "n": 2}', JSON)

    assert (outcome(was, now).body, outcome(was, now).values) == (False, 0)
    assert (outcome(was, other).body, outcome(was, other).values) == (True, 1)


def test_the_same_answer_is_the_same_whatever_says_when_and_how_it_was_sent() -> None:
    was = answer(b"x", b"Date: 1\r\nContent-Length: 1\r\nETag: a\r\nSet-Cookie: s=1; Path=/\r\n")
    now = answer(b"x", b"Date: 2\r\nTransfer-Encoding: chunked\r\nSet-Cookie: s=2\r\n")

    assert outcome(was, now).same
    assert outcome(was, now).body is False


def test_a_coding_is_no_difference_of_the_body() -> None:
    was, now = answer(b"hello"), answer(gzip.compress(b"hello"), b"Content-Encoding: gzip\r\n")

    assert (outcome(was, now).body, outcome(was, now).fields) == (False, ("content-encoding",))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (b"Location: /b\r\n", ("location",)),
        (b"Location: /a\r\nSet-Cookie: other=1\r\n", ("set-cookie",)),
        (b"location: /a\r\nCACHE-CONTROL: no-store\r\n", ("cache-control",)),
    ],
)
def test_fields_that_a_client_acts_on_are_named(fields: bytes, names: tuple[str, ...]) -> None:
    found = outcome(answer(fields=b"Location: /a\r\n"), answer(fields=fields))

    assert (found.fields, found.same) == (names, False)


def test_a_status_that_differs_is_a_difference() -> None:
    assert outcome(answer(status=500), answer()).status
    assert not outcome(answer(status=500), answer()).same


@pytest.mark.parametrize(
    ("was", "now", "count"),
    [
        ('{"a": 1, "b": [1, 2]}', '{"b": [1, 2], "a": 1}', 0),
        ('{"a": 1, "b": [1, 2]}', '{"a": 2, "b": [1, 3, 4]}', 3),
        ('{"a": {"b": {"c": 1}}}', '{"a": {"b": {"d": [1, 2]}}}', 3),
        ('{"a": true}', '{"a": 1}', 1),
        ('{"a": {}}', '{"a": []}', 1),
        ("[]", "[[]]", 1),
        ("1", "no json", 0),
        ("[" * 100_000, "1", 0),
        ('{"a": "x"}', '{"a": ["x"]}', 2),
        ('{"a": [], "n": 1}', '{"a": [1], "n": 2}', 2),
        ('{"a": {"b": 1}}', '{"a": {}}', 1),
        ("[" + "1," * 150_000 + "1]", "[" + "1," * 150_000 + "2]", 0),
    ],
)
def test_of_json_it_is_counted_how_many_values_differ(was: str, now: str, count: int) -> None:
    assert outcome(answer(was.encode(), JSON), answer(now.encode(), JSON)).values == count


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_values_differ_where_json_does(one: object, two: object) -> None:
    was, now = (answer(json.dumps(value).encode(), JSON) for value in (one, two))
    found = outcome(was, now)

    assert (found.values > 0) == (json.dumps(one, sort_keys=True) != json.dumps(two, sort_keys=True))
    assert outcome(now, was).values == found.values


def test_of_parts_nothing_is_said_but_what_they_show() -> None:
    whole, part, other = answer(b"hello"), answer(b"hel", whole=False), answer(b"help!", whole=False)

    assert outcome(whole, part).body is None
    assert outcome(part, other).body is None
    assert outcome(whole, other).body is True


def test_what_stands_for_secrets_is_not_compared_with_secrets() -> None:
    stored, real = answer(b"redacted-0123", redacted=True), answer(b"s3cret")

    assert outcome(stored, real).body is None
    assert outcome(stored, answer(b"redacted-4567", redacted=True)).body is True


def test_the_recorded_answer_is_the_one_that_went_where_the_replay_went() -> None:
    """A front repairs what names the upstream's own address; who is asked directly does not."""
    was = exchange(
        returned_head=b"HTTP/1.1 302 Found\r\nLocation: https://localhost:62893/\r\n\r\n",
        response_head=b"HTTP/1.1 302 Found\r\nLocation: http://localhost:3000/\r\n\r\n",
    )

    assert recorded(was, b"").fields.get(b"location") == b"https://localhost:62893/"
    assert recorded(was, b"", front=False).fields.get(b"location") == b"http://localhost:3000/"


@pytest.mark.parametrize(
    ("changes", "whole"),
    [({}, True), ({"response": Body(9, 3, False)}, False), ({"response_trailers": None}, False)],
)
def test_a_recorded_answer_is_whole_if_it_ended_and_all_of_it_was_kept(changes: dict[str, object], whole: bool) -> None:
    assert recorded(exchange(**changes), b"").whole is whole


@pytest.mark.parametrize(("size", "cut", "whole"), [(1, "", True), (5, "", False), (1, "it broke off", False)])
def test_an_answer_that_came_is_whole_if_it_ended_and_all_of_it_is_here(size: int, cut: str, whole: bool) -> None:
    found = came(exchange(redacted=3), Replayed(0, 1, 2, 404, b"HTTP/1.1 404 No\r\nA: b\r\n\r\n", b"x", size, cut, 0))

    assert found.whole is whole
    assert (found.exchange.status, found.fields.get(b"a"), found.exchange.redacted) == (404, b"b", 0)
