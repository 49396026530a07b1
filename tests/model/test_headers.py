"""Headers: names without case, order kept, nothing joined."""

from hypothesis import given
from hypothesis import strategies as st

from tunnel.model.headers import Headers

FIELDS = st.lists(
    st.tuples(st.sampled_from([b"A", b"a", b"B", b"Set-Cookie", b"SET-COOKIE"]), st.binary(max_size=3)), max_size=6
)
COOKIES = Headers([(b"Set-Cookie", b"a=b"), (b"X", b"1"), (b"set-cookie", b"c=d")])


def test_a_field_is_found_whatever_its_case() -> None:
    assert COOKIES.get(b"set-cookie") == b"a=b"
    assert COOKIES.all(b"set-cookie") == [b"a=b", b"c=d"]
    assert b"x" in COOKIES
    assert COOKIES.get(b"y") is None
    assert COOKIES.all(b"y") == []


def test_a_list_field_is_split_at_commas_over_all_its_lines() -> None:
    headers = Headers([(b"Connection", b"Keep-Alive , , Upgrade"), (b"connection", b"TE")])

    assert headers.tokens(b"connection") == [b"keep-alive", b"upgrade", b"te"]


def test_more_and_less_make_new_headers() -> None:
    assert list(COOKIES.without(b"set-cookie")) == [(b"X", b"1")]
    assert list(COOKIES.plus([(b"Y", b"2")]))[-1] == (b"Y", b"2")
    assert len(COOKIES) == 3


@given(FIELDS, FIELDS)
def test_headers_are_equal_when_their_fields_are_in_their_order(one: list, other: list) -> None:
    assert (Headers(one) == Headers(tuple(other))) == (one == other)
    if one == other:
        assert hash(Headers(one)) == hash(Headers(other))


@given(FIELDS, st.sampled_from([b"a", b"b", b"set-cookie"]))
def test_without_a_name_the_others_keep_their_order_and_case(fields: list, name: bytes) -> None:
    left = Headers(fields).without(name)

    assert list(left) == [field for field in fields if field[0].lower() != name]
    assert list(left.names) == [field[0].lower() for field in left]
    assert name not in left


def test_the_repr_shows_the_fields() -> None:
    assert repr(Headers([(b"X", b"1")])) == "Headers([(b'X', b'1')])"
