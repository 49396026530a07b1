"""Forms: where they lead, who sent them, and what stands in them."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunnel.model.headers import Headers
from tunnel.share.forms import fields_of, form_token, is_guess_of_a_browser, is_ours, is_safe_path, safe_path

PIECES = st.lists(
    st.sampled_from(("/", "//", "\\", "evil.example", "@", ":", "?", "#", ".", "..", "a", "%2f", "\t", "\n", "\r", " ",
                     "\x00", "é", "https:", "javascript:", ".tunnel", "&", "=", "[", "]")),
    max_size=8,
).map("".join)  # fmt: skip


@given(PIECES)
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
def test_wherever_a_form_leads_it_is_this_host(text):
    to = safe_path(text)
    # Browsers drop tabs and line ends, and take a backslash for a slash (URL Standard §4.4).
    as_browsers_read = "".join(letter for letter in to if letter not in "\t\r\n").replace("\\", "/")

    assert urlsplit(urljoin("https://192.0.2.1:4443/.tunnel/login", as_browsers_read)).netloc == "192.0.2.1:4443"
    assert to.startswith("/") and not to.startswith("/.tunnel")
    assert to.isascii() and to.isprintable() and " " not in to


@pytest.mark.parametrize("path", ["/", "/a", "/a/b?c=d&e=%20", "/?x=https://other.example/", "/a#b", "/~user/", "/!"])
def test_ordinary_paths_are_kept(path):
    assert safe_path(path) == path
    assert is_safe_path(path)


def test_only_a_page_of_this_host_sends_our_forms():
    def sent(**fields: str) -> bool:
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
        return is_ours(Headers(pairs), "192.0.2.1:4443")

    assert sent(origin="https://192.0.2.1:4443")
    assert sent(origin="https://192.0.2.1:4443", sec_fetch_site="same-origin")
    for origin in ("", "null", "http://192.0.2.1:4443", "https://192.0.2.1", "https://192.0.2.1:4443.evil.example"):
        assert not sent(origin=origin)
    assert not sent()
    assert not sent(origin="https://192.0.2.1:4443", sec_fetch_site="same-site")
    twice = Headers([(b"Origin", b"https://192.0.2.1:4443")] * 2)
    assert not is_ours(twice, "192.0.2.1:4443")


def test_a_token_belongs_to_one_purpose_one_cookie_and_one_share():
    tokens = {
        form_token(key, purpose, cookie) for key in (b"1", b"2") for purpose in ("a", "b") for cookie in ("x", "y")
    }

    assert len(tokens) == 8


@given(st.binary(max_size=200))
def test_whatever_is_sent_as_a_form_is_read_or_is_none(body):
    assert all(isinstance(value, str) for value in fields_of(body).values())


def test_the_first_field_of_a_name_counts_and_a_form_has_few():
    assert fields_of(b"a=1&a=2&b=") == {"a": "1", "b": ""}
    assert fields_of(b"&".join(b"a%d=1" % n for n in range(9))) == {}
    assert fields_of(b"a=%ff") == {}


def test_what_nobody_has_opened_is_known():
    assert is_guess_of_a_browser(Headers([(b"Sec-Purpose", b"prefetch;prerender")]))
    assert not is_guess_of_a_browser(Headers([(b"User-Agent", b"prefetch")]))
