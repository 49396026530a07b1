"""Credentials: what is read of a head, whatever stands in it, and that none of it goes further."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.model.headers import Headers
from tunnel.rules.credentials import asks_by_hand, basic, bearer, cookies, is_browser, without

NAME = "__Host-tunnel-share-0badcafe"
PAIRS = st.lists(
    st.sampled_from((NAME, f"{NAME}-ask", f" {NAME}", f"x{NAME}", "session", "", ";", "=", "a=b", f"{NAME}=", f"{NAME}=v=w",
                     "\t")),
    max_size=8,
)  # fmt: skip


def with_cookies(*fields: str) -> Headers:
    return Headers([(b"Cookie", field.encode("latin-1")) for field in fields])


def test_a_cookie_is_found_among_others_and_only_by_its_whole_name():
    assert cookies(with_cookies(f"a=b; {NAME}=one;{NAME}=two", f"{NAME}=three"), NAME) == ["one", "two", "three"]
    assert cookies(with_cookies(f"x{NAME}=one; {NAME}-ask=two; a={NAME}=three"), NAME) == []
    assert cookies(with_cookies(f"{NAME}="), NAME) == []
    assert cookies(Headers(), NAME) == []


def test_a_flood_of_cookies_is_not_all_looked_at():
    assert len(cookies(with_cookies("; ".join(f"{NAME}={n}" for n in range(5000))), NAME)) == 8
    assert cookies(with_cookies(f"{NAME}=" + "x" * 2000), NAME) == []


@given(st.lists(PAIRS.map(";".join), max_size=3), st.text("ab=;, ", max_size=10))
def test_no_cookie_of_a_share_is_left_and_every_other_one_is(fields, value):
    headers = with_cookies(*fields, f"kept=1; {NAME}={value}")
    left = without(headers, authorization=False)

    for field in left.all(b"cookie"):
        assert not any(pair.strip().startswith(b"__Host-tunnel-share-") for pair in field.split(b";"))
    assert left.all(b"cookie")[-1].startswith(b"kept=1")


def test_authorization_is_taken_out_only_where_it_was_ours():
    headers = Headers([(b"Authorization", b"Bearer x"), (b"A", b"b")])
    assert without(headers, authorization=False) is headers
    assert list(without(headers, authorization=True)) == [(b"A", b"b")]


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Basic x", "bearerx", "Token x"])
def test_what_is_no_bearer_token_is_none(value):
    assert not bearer(Headers([(b"Authorization", value.encode())]))


@given(st.text(max_size=40), st.text(max_size=40).filter(lambda text: ":" not in text))
def test_a_password_may_have_any_letters_and_the_name_before_it_is_not_asked(password, name):
    value = base64.b64encode(f"{name}:{password}".encode())

    assert basic(Headers([(b"Authorization", b"Basic " + value)])) == password


@given(st.binary(max_size=80))
def test_whatever_is_sent_as_basic_is_read_or_is_none(value):
    assert isinstance(basic(Headers([(b"Authorization", b"basic " + value)])), str | None)


def test_people_and_programs_are_told_apart():
    page = Headers([(b"Accept", b"text/html,application/xhtml+xml,*/*;q=0.8")])
    script = Headers([(b"Accept", b"*/*"), (b"Sec-Fetch-Mode", b"cors")])
    tool = Headers([(b"Accept", b"*/*")])

    assert [asks_by_hand(each) for each in (page, script, tool)] == [True, False, False]
    assert [is_browser(each) for each in (page, script, tool)] == [True, True, False]
