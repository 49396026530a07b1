"""Heads taken apart again: which exchange a request says it repeats, what type of body an answer has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.exchanges import head
from tunnel.capture import present
from tunnel.capture.heads import MOST_PARENT, fields_of, media_type_of, parent_of
from tunnel.capture.store_write import MOST_EXCHANGES
from tunnel.model.headers import Headers


@pytest.mark.parametrize(
    ("values", "parent"),
    [
        ([], 0),
        ([b"12"], 12),
        ([b"2147483647"], 2**31 - 1),
        ([b"2147483648"], 0),
        ([b"99999999999999999999"], 0),
        ([b"0"], 0),
        ([b"-1"], 0),
        ([b"+1"], 0),
        ([b"012"], 0),
        ([b"1_2"], 0),
        (["١".encode()], 0),
        ([b"12 "], 0),
        ([b"12, 13"], 0),
        ([b""], 0),
        ([b"12", b"12"], 0),
    ],
)
def test_a_mark_is_one_plain_number_that_fits_or_nothing(values: list[bytes], parent: int) -> None:
    names = [b"Tunnel-Replay", b"TUNNEL-REPLAY"][: len(values)]
    fields = [(b"Host", b"a"), *zip(names, values, strict=True)]

    assert parent_of(Headers(fields)) == parent


def test_a_number_that_fits_is_one_that_an_exchange_can_have() -> None:
    assert MOST_PARENT == MOST_EXCHANGES - 1


NAMES = st.sampled_from(
    [b"Content-Type", b"content-type", b"CONTENT-TYPE", b"X-Content-Type", b"Content-Type-X", b"Date"]
)
VALUES = st.sampled_from(
    [b"", b"text/html", b" Text/HTML ; charset=x", b";", b"content-type: a/b", b'a/b;c="d"', b"\xe9"]
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_the_type_of_an_answer_is_that_of_its_first_content_type(fields):
    raw = head(b"HTTP/1.1 200 OK", fields)
    value = (fields_of(raw).get(b"content-type") or b"").decode("latin-1")

    assert media_type_of(raw) == present.media_type(value)[0]


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nContent-Type: a/b"])
def test_a_head_that_was_cut_says_what_it_says(raw):
    assert media_type_of(raw) == ("a/b" if raw.endswith(b"b") else "")
