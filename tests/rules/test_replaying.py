"""What is sent again: the client's own fields, framed and addressed anew; what cannot be; and what stands for secrets."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.exchanges import exchange
from tunnel.errors import TunnelError, UsageError
from tunnel.http.heads import read_request, write_request
from tunnel.model.address import parse_target
from tunnel.model.exchange import Body
from tunnel.model.headers import Field, Headers
from tunnel.model.message import Framing
from tunnel.model.replay import NOT_SENT, Draft, ReplayPlan
from tunnel.rules.replaying import Edits, addressed, edited, no_secrets, planned, pseudonyms, recalled

FRONT = parse_target("https://127.0.0.1:62893")
HOST = (b"Host", b"localhost:62893")


def draft(*fields: Field, method: bytes = b"GET", target: bytes = b"/", body: bytes = b"") -> Draft:
    return Draft(method, target, Headers([HOST, *fields]), body)


def sent(draft: Draft, *, place: str = "", parent: int = 12) -> ReplayPlan:
    return planned(draft, parent=parent, place=parse_target(place) if place else FRONT, front=not place, patience=60)


def test_fields_go_as_the_client_sent_them_less_those_of_its_connection() -> None:
    kept = [(b"user-AGENT", b"x"), (b"Cookie", b"a=b"), (b"cookie", b"c=d"), (b"X-Forwarded-For", b"1.2.3.4")]
    hop = [
        (b"Connection", b"keep-alive, X-Hop"), (b"X-Hop", b"1"), (b"Keep-Alive", b"5"), (b"TE", b"trailers"),
        (b"Transfer-Encoding", b"chunked"), (b"Upgrade", b"h2c"), (b"Expect", b"100-continue"), (b"Trailer", b"X-Sum"),
        (b"Content-Length", b"5"), (b"Tunnel-Replay", b"3"), (b"Proxy-Authorization", b"Basic eA=="),
    ]  # fmt: skip

    found = recalled(exchange(method="POST"), Headers([HOST, *kept[:2], *hop, *kept[2:]]), b"hello")

    assert list(found.headers) == [HOST, *kept]
    assert (found.method, found.target, found.body) == (b"POST", b"/", b"hello")


def test_the_host_is_the_one_that_was_meant() -> None:
    """Of a target in absolute form that is its authority; HTTP/1.0 may send none."""
    said = recalled(exchange(host="other.localhost"), Headers([(b"Host", b"what.ever")]), b"")
    missing = recalled(exchange(host=""), Headers([(b"X", b"y")]), b"")

    assert list(said.headers) == [(b"Host", b"other.localhost")]
    assert list(sent(missing).headers)[:2] == [(b"Host", b"127.0.0.1:62893"), (b"X", b"y")]


def test_elsewhere_gets_its_own_host_and_no_mark() -> None:
    there = sent(addressed(draft((b"X", b"y")), parse_target("4000")), place="4000")

    assert list(there.headers) == [(b"Host", b"localhost:4000"), (b"X", b"y")]


def test_a_front_is_told_what_is_repeated() -> None:
    assert list(sent(draft()).headers) == [HOST, (b"Tunnel-Replay", b"12")]
    assert list(sent(draft(), parent=0).headers) == [HOST]


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [(b"GET", b"", []), (b"DELETE", b"", []), (b"POST", b"", [b"0"]), (b"GET", b"abc", [b"3"]), (b"PUT", b"x", [b"1"])],
)
def test_the_length_is_made_from_the_body(method: bytes, body: bytes, length: list[bytes]) -> None:
    assert sent(draft(method=method, body=body)).headers.all(b"content-length") == length


NAMES = st.sampled_from([b"Accept", b"X-A", b"x-a", b"Cookie", b"Connection", b"Content-Length", b"Transfer-Encoding"])
VALUES = st.sampled_from([b"", b"a", b"chunked", b"close", b"x-a, upgrade", b"7", b"\xc3\xbc"])


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.binary(max_size=20), st.sampled_from([b"GET", b"POST"]))
def test_whatever_was_recorded_what_is_sent_has_one_reading(fields: list[Field], body: bytes, method: bytes) -> None:
    plan = sent(recalled(exchange(method=method.decode()), Headers([HOST, *fields]), body))
    raw = write_request(
        read_request(b"%b / HTTP/1.1\r\nHost: x\r\n\r\n" % method, target_size=9, header_count=9), plan.headers
    )

    request = read_request(raw, target_size=100, header_count=100)

    assert request.length == len(body)
    assert request.framing in (Framing.LENGTH, Framing.NONE)
    assert request.upgrade == b""
    assert request.headers.all(b"host") == [HOST[1]]


# What is not sent.


def refused(**changes: object) -> TunnelError:
    fields = changes.pop("fields", [])
    with pytest.raises(TunnelError) as caught:
        recalled(exchange(**changes), Headers([HOST, *fields]), b"abc")  # type: ignore[misc]
    assert caught.value.exit_code == NOT_SENT
    assert not isinstance(caught.value, UsageError)
    return caught.value


LENGTH = (b"Content-Length", b"9")
CHUNKED = (b"Transfer-Encoding", b"chunked")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"request": Body(9, 3, False)}, "only 3 of 9 bytes"),
        ({"request": Body(9, 3, True), "fields": [CHUNKED]}, "only 3 of 9 bytes"),
        # Nobody listened, so its body was never asked for; or it was answered before it had come.
        ({"request": Body(0, 0, False), "fields": [LENGTH], "request_trailers": None}, "had not come to its end"),
        ({"request": Body(3, 3, False), "fields": [CHUNKED], "request_trailers": None}, "had not come to its end"),
    ],
)
def test_a_part_of_a_body_is_not_sent_for_the_whole(changes: dict[str, object], said: str) -> None:
    error = refused(**changes)

    assert said in error.what
    assert "tunnel replay 12 --body @FILE" in error.hint
    assert "--force" in error.hint


def test_a_part_is_sent_where_that_is_meant_or_another_body_is_given() -> None:
    cut, fields = exchange(request=Body(9, 3, False)), Headers([HOST, (b"Content-Encoding", b"gzip")])

    forced, given = recalled(cut, fields, b"abc", force=True), recalled(cut, fields, b"abc", body=b"new")

    assert (forced.body, forced.headers.get(b"content-encoding")) == (b"abc", b"gzip")
    assert (given.body, given.headers.get(b"content-encoding")) == (b"new", None)


def test_a_request_without_a_body_that_nobody_answered_is_sent() -> None:
    draft = recalled(exchange(request_trailers=None, status=502), Headers([HOST, (b"Content-Length", b"0")]), b"")

    assert (draft.method, draft.body) == (b"GET", b"")


@pytest.mark.parametrize("upgrade", ["websocket", ""])
def test_a_conversation_is_not_repeated(upgrade: str) -> None:
    error = refused(upgrade=upgrade, fields=[(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")])

    assert "websocket, a conversation" in error.what
    assert "tunnel show 12" in error.hint


def test_what_was_no_request_is_not_repeated() -> None:
    assert "no request could be read" in refused(method="", target="").what


@pytest.mark.parametrize(
    "bad",
    [
        Draft(b"GET", b"/", Headers([HOST, (b"X", b"a\r\nEvil: 1")]), b""),
        Draft(b"GET", b"/", Headers([HOST, (b"X Y", b"a")]), b""),
        Draft(b"GET", b"/a b HTTP/1.1\r\nX: y", Headers([HOST]), b""),
        Draft(b"GET / HTTP/1.1\r\nX:", b"/", Headers([HOST]), b""),
        Draft(b"GET", b"http://other.test/", Headers([HOST]), b""),
    ],
)
def test_a_record_out_of_a_strangers_file_cannot_make_two_requests_of_one(bad: Draft) -> None:
    with pytest.raises(UsageError):
        sent(bad)


# Edits.


def test_edits_change_what_they_name_and_nothing_else() -> None:
    was = draft((b"Accept", b"a"), (b"X-B", b"1"), (b"accept", b"b"), (b"Cookie", b"c"), body=b"old")

    now = edited(
        was, Edits(b"PUT", b"/x?y", ((b"ACCEPT", b"c"), (b"X-New", b"1"), (b"x-new", b"2")), (b"COOKIE",), b"")
    )

    assert (now.method, now.target, now.body) == (b"PUT", b"/x?y", b"")
    assert list(now.headers) == [HOST, (b"ACCEPT", b"c"), (b"X-B", b"1"), (b"X-New", b"1"), (b"x-new", b"2")]


def test_no_edits_change_nothing() -> None:
    was = draft((b"A", b"b"), body=b"x")

    assert edited(was, Edits()) == was


@pytest.mark.parametrize(
    ("edits", "said", "hint"),
    [
        (Edits(method=b"GE T"), "is not a method", "GET or POST"),
        (Edits(method=b""), "is not a method", "GET or POST"),
        (Edits(method=b"CONNECT"), "forward proxies", "GET"),
        (Edits(target=b"/a b"), "is not a path", "/a%20b"),
        (Edits(target="/ü".encode()), "is not a path", "/%C3%BC"),
        (Edits(target=b"items"), "is not a path", "begins with a slash"),
        (Edits(set=((b"A b", b"c"),)), "not the name of a header", "--set-header"),
        (Edits(set=((b"A", b"c\r\nd: e"),)), "control character", "line ends"),
        (Edits(set=((b"Content-length", b"3"),)), "made from the body", "leave it out"),
        (Edits(set=((b"Transfer-Encoding", b"chunked"),)), "for the connection", "leave it out"),
        (Edits(set=((b"tunnel-replay", b"3"),)), "cannot be given", "leave it out"),
    ],
)
def test_an_edit_that_makes_no_request_is_told_with_the_cure(edits: Edits, said: str, hint: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        edited(draft(), edits)
    assert hint in caught.value.hint


# What stands for secrets.

PSEUDONYM = b"redacted-0123456789abcdef"


@pytest.mark.parametrize("before", range(7))
def test_what_stands_for_a_secret_is_found_wherever_it_lies(before: int) -> None:
    credentials = b"Basic " + base64.b64encode(b"u" * before + b":" + PSEUDONYM)
    found = pseudonyms(
        draft(
            (b"Authorization", credentials),
            (b"Cookie", b"a=" + PSEUDONYM),
            (b"cookie", b"b"),
            (b"X", b"redacted-"),
            target=b"/?token=" + PSEUDONYM,
            body=b'{"password": "' + PSEUDONYM + b'"}',
        )
    )

    assert found == ("the target", "Authorization", "Cookie", "the body")


def test_what_holds_no_secret_is_not_said_to() -> None:
    text = b"the redacted-report and redacted-xyz"

    assert pseudonyms(draft((b"Authorization", b"Basic dTpw"), (b"X", text), body=text)) == ()


def test_who_cannot_send_secrets_says_which_and_how_to_give_them() -> None:
    error = no_secrets(12, ("the target", "Cookie", "the body"), "no tunnel runs")

    assert "secrets in the target, Cookie and the body, and no tunnel runs" in error.what
    assert "tunnel replay 12 --target '/…' --set-header 'Cookie: …' --body @FILE" in error.hint
    assert error.exit_code == NOT_SENT
