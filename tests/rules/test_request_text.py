"""A request as text in an editor: what was written is read back as the same request, and errors name the line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.errors import UsageError
from tunnel.model.headers import Headers
from tunnel.model.replay import Draft
from tunnel.rules.request_text import read_text, write_text

TOKEN = st.text("!$%&'*+-.^_`|~0123456789ABCabc", min_size=1, max_size=8).map(str.encode)
NAME = TOKEN.filter(lambda name: name.lower() not in (b"te", b"upgrade"))
VALUE = st.binary(max_size=12).map(lambda raw: bytes(b for b in raw if b in b"\t" or 0x20 <= b != 0x7F).strip(b" \t"))
TARGET = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12).map(
    lambda text: b"/" + text.encode()
)
TEXTS = st.text(st.sampled_from('a{}"\n\r\t #:ü'), max_size=20).map(str.encode)
DRAFTS = st.builds(
    Draft, TOKEN, TARGET, st.lists(st.tuples(NAME, VALUE), max_size=5).map(Headers), TEXTS | st.binary(max_size=20)
)


@given(DRAFTS)
def test_what_was_written_is_read_as_the_same_request(draft: Draft) -> None:
    assert read_text(write_text(draft, "exchange 12"), draft) == draft


@given(DRAFTS)
def test_an_editor_that_ends_lines_its_own_way_changes_no_head(draft: Draft) -> None:
    head, _, body = write_text(draft, "exchange 12").partition(b"\n\n")
    found = read_text(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body, draft)

    assert found == draft


@given(st.binary(max_size=200))
def test_no_text_is_more_than_not_understood(text: bytes) -> None:
    try:
        read_text(text, Draft(b"GET", b"/", Headers(), b""))
    except UsageError as error:
        assert "line " in error.what


def draft(body: bytes = b"") -> Draft:
    return Draft(b"POST", b"/api?x=1", Headers([(b"Host", b"localhost:1"), (b"X", b"y")]), body)


def test_it_reads_like_http() -> None:
    text = write_text(draft(b'{"a": 1}'), "Exchange 12.").decode()

    assert text.splitlines()[0] == "# Exchange 12."
    assert text.split("\n", 2)[2] == 'POST /api?x=1\nHost: localhost:1\nX: y\n\n{"a": 1}\n'


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# only\n# comments\n", b"  \r\n"])
def test_an_emptied_file_says_that_nothing_is_to_be_sent(text: bytes) -> None:
    assert read_text(text, draft()) is None


def test_a_person_may_write_it_their_way() -> None:
    found = read_text(b"\xef\xbb\xbf\r\nPUT   /other  HTTP/1.1\r\nAccept:text/html  \r\n\r\nbody", draft())

    assert found == Draft(b"PUT", b"/other", Headers([(b"Accept", b"text/html")]), b"body")


def test_a_body_that_is_no_text_stays_unless_it_is_replaced() -> None:
    was = draft(b"\x1f\x8b\x00\xff")
    text = write_text(was, "")

    assert b"4 bytes that are no text" in text
    assert read_text(text.replace(b"POST", b"PUT"), was) == Draft(b"PUT", was.target, was.headers, was.body)
    assert read_text(text[: text.index(b"(4 bytes")] + b"new\n", was) == Draft(
        was.method, was.target, was.headers, b"new"
    )
    assert read_text(text[: text.index(b"(4 bytes")], was) == Draft(was.method, was.target, was.headers, b"")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (b"GET\n", 1, "a method and a path"),
        (b"# x\nGET / HTTP/1.1 more\n", 2, "a method and a path"),
        (b"GE(T /\n", 1, "is not a method"),
        (b"GET items\n", 1, "is not a path"),
        (b"GET /\nHost: a\nno colon here\n\nbody", 3, "it should be a field"),
        (b"GET /\nA b: c\n", 2, "is not the name of a header field"),
        (b"GET /\nA: b\x00\n", 2, "control character"),
        (b"GET /\n\xe2\x80\x9cA\xe2\x80\x9d: b\n", 2, "is not the name of a header field"),
        (b"GET /\nContent-Length: 5\n\nhello", 2, "made from the body"),
        (b"GET /\nA: b\nConnection: close\n", 3, "for the connection"),
    ],
)
def test_what_is_not_understood_is_told_by_its_line(text: bytes, line: int, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_text(text, draft())
    assert caught.value.what.startswith(f"line {line} ")
