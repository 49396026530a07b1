"""Forwarding: what goes on, what ends here, and what only we may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.errors import TunnelError
from tunnel.http.framing import request_framing
from tunnel.http.heads import read_request, write_request
from tunnel.model.address import Target, parse_target
from tunnel.model.headers import Field, Headers
from tunnel.model.message import Framing, Request, Response
from tunnel.model.peer import Peer, Tls
from tunnel.rules.forwarding import Forwarding, returned, told

HOST = b"localhost:62893"
PEER = Peer("127.0.0.1", 50000, "127.0.0.1", 62893, Tls("TLSv1.3", "x", "", ""), 0, 0)
TARGET = Target("http", "localhost", 3000)


def asked(*fields: Field, upgrade: bytes = b"", framing: Framing = Framing.NONE, minor: int = 1) -> Request:
    headers = Headers([(b"Host", HOST), *fields]) if minor else Headers(fields)
    return Request(b"GET", b"/", headers, minor, framing, 0, True, upgrade, b"")


def forwarded(request: Request, host_header: str = "", target: Target = TARGET, peer: Peer = PEER) -> Headers:
    return Forwarding(target, host_header, "me").fields(request, told(peer, HOST))


OURS = [
    (b"X-Forwarded-For", b"127.0.0.1"),
    (b"X-Forwarded-Proto", b"https"),
    (b"X-Forwarded-Host", HOST),
    (b"X-Forwarded-Port", b"62893"),
    (b"Forwarded", b'for=127.0.0.1;host="localhost:62893";proto=https'),
    (b"Via", b"1.1 tunnel-me"),
]


def test_a_request_goes_on_in_its_order_and_case_with_ours_behind() -> None:
    fields = [(b"User-Agent", b"x"), (b"ACCEPT", b"*/*"), (b"cookie", b"a=b"), (b"Cookie", b"c=d")]

    assert list(forwarded(asked(*fields))) == [(b"Host", HOST), *fields, *OURS]


@pytest.mark.parametrize(
    ("peer", "host", "expected"),
    [
        (Peer("::1", 1, "::1", 2, None, 0, 0), b"[::1]:62893", b'for="[::1]";host="[::1]:62893";proto=http'),
        (Peer("", 0, "", 0, None, 0, 0), b"a.localhost", b'for=127.0.0.1;host="a.localhost";proto=http'),
    ],
)
def test_forwarded_is_written_after_its_rfc(peer: Peer, host: bytes, expected: bytes) -> None:
    assert told(peer, host).get(b"forwarded") == expected


@pytest.mark.parametrize(
    ("host", "tls", "port"),
    [(b"a:81", True, b"81"), (b"a", True, b"443"), (b"a", False, b"80"), (b"[::1]", False, b"80")],
)
def test_the_port_told_is_the_one_the_client_used(host: bytes, tls: bool, port: bytes) -> None:
    peer = Peer("127.0.0.1", 1, "127.0.0.1", 2, PEER.tls if tls else None, 0, 0)

    assert told(peer, host).get(b"x-forwarded-port") == port


SPOOFED = [
    b"X-Forwarded-For", b"x-forwarded-for", b"X_Forwarded_For", b"X-Forwarded_Proto", b"x_forwarded-host",
    b"X-Forwarded-Port",
    b"X-Forwarded-Server", b"X-Forwarded-Prefix", b"X-Forwarded-Ssl", b"X-Forwarded-Scheme", b"X-Forwarded-Protocol",
    b"X-Forwarded-By", b"X-FORWARDED-USER", b"Forwarded", b"FORWARDED", b"X-Real-IP", b"X_REAL_IP", b"Via",
    b"Proxy-Authorization", b"Tunnel-Replay", b"tunnel_replay",
    b"X.Forwarded.User", b"X-Forwarded.For", b"x~forwarded~user", b"X-Real.IP",  # PHP and old CGI make `_` of each
]  # fmt: skip


@pytest.mark.parametrize("name", SPOOFED)
@pytest.mark.parametrize("connection", [b"", b"close"])
def test_what_only_we_may_say_is_never_the_clients_whatever_the_spelling(name: bytes, connection: bytes) -> None:
    fields = [(name, b"6.6.6.6"), (b"X-Other", b"stays")] + ([(b"Connection", connection)] if connection else [])

    assert list(forwarded(asked(*fields))) == [(b"Host", HOST), (b"X-Other", b"stays"), *OURS]


def test_a_client_cannot_name_our_fields_away() -> None:
    headers = forwarded(asked((b"Connection", b"X-Forwarded-For, Forwarded, Via, X-Forwarded-Proto")))

    assert list(headers) == [(b"Host", HOST), *OURS]


KEPT = [b"Host", b"Content-Length", b"Content-Type", b"Content-Encoding", b"Authorization", b"Cookie"]


@pytest.mark.parametrize("name", KEPT)
def test_connection_may_not_name_away_what_says_where_a_message_goes_and_ends(name: bytes) -> None:
    field = (name, HOST if name == b"Host" else b"5")
    request = asked(*([] if name == b"Host" else [field]), (b"Connection", name + b", X-Hop"), (b"X-Hop", b"1"))

    headers = forwarded(request)

    assert headers.all(name.lower()) == [field[1]]
    assert b"x-hop" not in headers
    assert b"connection" not in headers


def test_fields_of_one_hop_end_here() -> None:
    hop = [
        (b"Connection", b"keep-alive, X-Secret"), (b"Keep-Alive", b"timeout=5"), (b"Proxy-Connection", b"x"),
        (b"X-Secret", b"1"), (b"Upgrade", b"h2c"), (b"TE", b"gzip"), (b"Transfer-Encoding", b"chunked"),
    ]  # fmt: skip

    assert list(forwarded(asked(*hop))) == [(b"Host", HOST), *OURS]


@pytest.mark.parametrize(
    ("came", "sent"),
    [
        (b"tunnel-inspector-62894=secret", None),
        (b"a=b; tunnel-inspector-62894=secret", b"a=b"),
        (b"tunnel-inspector-62894=secret; a=b;tunnel-inspector-62895=another;  c=d", b"a=b; c=d"),
        (b"my-tunnel-inspector-1=mine", b"my-tunnel-inspector-1=mine"),
        (b"a=tunnel-inspector-1", b"a=tunnel-inspector-1"),
        (b"__Host-tunnel-share-12ab=secret", None),
        (
            b"a=b;__Host-tunnel-share-12ab = secret ;c=d;  __Host-tunnel-share-other=s; tunnel-inspector-1=i",
            b"a=b; c=d",
        ),
        (b"tunnel-share-12ab=the-services-own", b"tunnel-share-12ab=the-services-own"),
        (b"a=b;  c=d", b"a=b;  c=d"),
    ],
)
def test_our_own_cookies_end_here(came: bytes, sent: bytes | None) -> None:
    """Browsers send a cookie to every port of its host; with one of ours an upstream could read all that was recorded, or
    pass for a device that was let in."""
    assert forwarded(asked((b"Cookie", came))).get(b"cookie") == sent


def test_a_shares_own_pages_are_given_its_cookies() -> None:
    cookies = (b"Cookie", b"__Host-tunnel-share-12ab=c; a=b")

    fields = Forwarding(TARGET, "", "me", ours=True).fields(asked(cookies), told(PEER, HOST))

    assert fields.get(b"cookie") == cookies[1]


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ("Pixel 9 (2)", b"Pixel 9 (2)"),
        ("Grüße", b"Gr%C3%BC%C3%9Fe"),
        ("100 %", b"100 %25"),
        ("a\r\nX-Admin: 1\0\x9b", b"a%0D%0AX-Admin: 1%00%C2%9B"),
        ("\ud800", b"?"),
    ],
)
def test_who_was_let_in_is_told_in_what_a_field_can_carry(user: str, sent: bytes) -> None:
    assert told(PEER, HOST, user).all(b"x-forwarded-user") == [sent]


def test_chunked_trailers_and_upgrades_are_asked_anew_of_the_next_hop() -> None:
    chunked = forwarded(asked((b"transfer-encoding", b"Chunked"), framing=Framing.CHUNKED))
    trailers = forwarded(asked((b"te", b"gzip, trailers"), (b"Connection", b"TE")))
    upgrade = forwarded(
        asked((b"Connection", b"keep-alive, Upgrade"), (b"Upgrade", b"WebSocket"), upgrade=b"websocket")
    )

    assert chunked.all(b"transfer-encoding") == [b"chunked"]
    assert (trailers.all(b"te"), trailers.all(b"connection")) == ([b"trailers"], [b"TE"])
    assert (upgrade.all(b"connection"), upgrade.all(b"upgrade")) == ([b"Upgrade"], [b"WebSocket"])


@pytest.mark.parametrize(
    ("host_header", "target", "host"),
    [
        ("", "3000", HOST),
        ("upstream", "3000", b"localhost:3000"),
        ("upstream", "http://app.test", b"app.test"),
        ("upstream", "https://[fe80::1]:8443", b"[fe80::1]:8443"),
        ("upstream", "unix:/run/app.sock", b"localhost"),
        ("other.test:1", "3000", b"other.test:1"),
        ("bücher.test", "3000", b"xn--bcher-kva.test"),
    ],
)
def test_the_host_is_the_clients_unless_told_otherwise(host_header: str, target: str, host: bytes) -> None:
    headers = forwarded(asked(), host_header, parse_target(target))

    assert headers.all(b"host") == [host]
    assert headers.get(b"x-forwarded-host") == HOST


@pytest.mark.parametrize(("host_header", "host"), [("", HOST), ("upstream", b"localhost:3000")])
def test_an_http_10_request_without_a_host_is_given_one(host_header: str, host: bytes) -> None:
    headers = forwarded(asked((b"X", b"y"), minor=0), host_header)

    assert list(headers)[:2] == [(b"Host", host), (b"X", b"y")]


def test_a_request_that_comes_round_is_a_loop() -> None:
    once = forwarded(asked())
    again = Request(b"GET", b"/", once, 1, Framing.NONE, 0, True, b"", b"")

    with pytest.raises(TunnelError, match="loop") as caught:
        forwarded(again)

    assert caught.value.status == 508


@pytest.mark.parametrize(
    ("via", "sent"),
    [
        (b"1.1 tunnel-other", b"1.1 tunnel-other, 1.1 tunnel-me"),
        (b"1.1 proxy.example, 1.1 tunnel-other", b"1.1 tunnel-other, 1.1 tunnel-me"),
        (b"1.1 proxy.example", b"1.1 tunnel-me"),
        (b", ".join([b"1.1 tunnel-x"] * 40), b", ".join([b"1.1 tunnel-x"] * 16 + [b"1.1 tunnel-me"])),
    ],
)
def test_of_a_clients_via_only_other_tunnels_are_kept_and_not_without_end(via: bytes, sent: bytes) -> None:
    assert forwarded(asked((b"Via", via))).all(b"via") == [sent]


def test_a_loop_through_another_tunnel_is_seen() -> None:
    with pytest.raises(TunnelError, match="loop"):
        forwarded(asked((b"Via", b"1.1 tunnel-me, 1.1 tunnel-other")))


NAMES = st.one_of(
    st.sampled_from([*SPOOFED, *KEPT[1:], b"X-Other", b"Accept", b"Connection", b"Keep-Alive", b"TE", b"Upgrade"]),
    st.from_regex(rb"[Xx][-_][Ff]orwarded[-_][A-Za-z]{1,6}", fullmatch=True),
)
VALUES = st.sampled_from(
    [b"x", b"close", b"host", b"content-length, x-other", b"x-forwarded-for", b"trailers", b"5", b"upgrade"]
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)


@given(FIELDS)
def test_nothing_a_client_sends_passes_for_ours(fields: list[Field]) -> None:
    headers = forwarded(asked(*fields))
    claims = [
        field
        for name, field in zip(headers.names, headers, strict=True)
        if name.replace(b"_", b"-").startswith((b"x-forwarded", b"forwarded", b"via", b"x-real-ip", b"proxy-auth"))
    ]

    assert claims == OURS


@given(FIELDS)
def test_a_request_is_framed_and_addressed_as_it_came(fields: list[Field]) -> None:
    """The head that we write is read back by our own reader with the same host and length."""
    lengths = [f for f in fields if f[0].lower() == b"content-length"]
    fields = [f for f in fields if f not in lengths] + [(b"Content-Length", b"5") for _ in lengths[:1]]
    raw = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"%b: %b\r\n" % f for f in fields) + b"\r\n"
    came = read_request(raw, target_size=100, header_count=100)

    sent = read_request(
        write_request(came, Forwarding(TARGET, "", "me").fields(came, told(PEER, b"localhost"))),
        target_size=100,
        header_count=100,
    )

    assert (sent.framing, sent.length, sent.upgrade) == (came.framing, came.length, came.upgrade)
    assert sent.headers.all(b"host") == [b"localhost"]


# Answers.


def answer(*fields: Field, framing: Framing = Framing.LENGTH, status: int = 200, keep_alive: bool = True) -> Response:
    return Response(status, b"OK", Headers(fields), 1, framing, 2, keep_alive, b"")


LENGTH = (b"Content-Length", b"2")


def test_a_plain_answer_goes_back_as_it_is() -> None:
    response = answer(LENGTH, (b"X", b"1"), (b"set-cookie", b"a=b"), (b"Set-Cookie", b"c=d"))

    assert returned(response, asked(), close=False) is response


def test_fields_of_the_upstreams_hop_end_here() -> None:
    response = answer(
        LENGTH, (b"Connection", b"keep-alive, X-Hop, Content-Length"), (b"Keep-Alive", b"timeout=5"), (b"X-Hop", b"1")
    )

    assert list(returned(response, asked(), close=False).headers) == [LENGTH]


@pytest.mark.parametrize("upstream_closes", [True, False])
@pytest.mark.parametrize("close", [True, False])
def test_whether_the_clients_connection_goes_on_is_not_the_upstreams_to_say(upstream_closes: bool, close: bool) -> None:
    """An HTTP/1.0 upstream (python's http.server) closes after each answer, and says so by its version alone."""
    response = returned(answer(LENGTH, keep_alive=not upstream_closes), asked(), close=close)

    assert response.keep_alive is not close
    assert response.headers.all(b"connection") == ([b"close"] if close else [])


@pytest.mark.parametrize("framing", [Framing.CLOSE, Framing.CHUNKED])
def test_a_body_without_a_length_goes_on_chunked_so_that_its_end_is_said(framing: Framing) -> None:
    came = [(b"Transfer-Encoding", b"chunked")] if framing is Framing.CHUNKED else []

    response = returned(answer(*came, framing=framing, keep_alive=False), asked(), close=False)

    assert (response.framing, response.keep_alive) == (Framing.CHUNKED, True)
    assert list(response.headers) == [(b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize("framing", [Framing.CLOSE, Framing.CHUNKED])
def test_a_10_client_is_told_the_end_by_the_close(framing: Framing) -> None:
    response = returned(answer((b"X", b"1"), framing=framing), asked(minor=0), close=False)

    assert (response.framing, response.keep_alive) == (Framing.CLOSE, False)
    assert list(response.headers) == [(b"X", b"1"), (b"Connection", b"close")]


def test_a_10_client_that_asked_for_it_is_kept() -> None:
    response = returned(answer(LENGTH), asked(minor=0), close=False)

    assert (response.headers.get(b"connection"), response.keep_alive) == (b"keep-alive", True)


def test_an_upgrade_is_passed_on_whole() -> None:
    response = answer(
        (b"connection", b"upgrade"), (b"UPGRADE", b"WebSocket"), (b"Sec-WebSocket-Accept", b"x"), LENGTH,
        framing=Framing.NONE, status=101,
    )  # fmt: skip

    headers = returned(response, asked(upgrade=b"websocket"), close=False).headers

    assert list(headers) == [(b"connection", b"upgrade"), (b"UPGRADE", b"WebSocket"), (b"Sec-WebSocket-Accept", b"x")]


@pytest.mark.parametrize(("status", "kept"), [(103, []), (204, []), (304, [b"2"]), (200, [b"2"])])
def test_a_length_is_left_out_where_there_can_be_no_body(status: int, kept: list[bytes]) -> None:
    """RFC 9110 §8.6."""
    response = returned(answer(LENGTH, framing=Framing.NONE, status=status), asked(), close=False)

    assert response.headers.all(b"content-length") == kept


HOP = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
ANSWERED = st.lists(
    st.tuples(
        st.sampled_from(
            [b"X", b"x-a", b"Set-Cookie", b"Server", b"Date", b"Connection", b"Keep-Alive", b"ETag", b"Trailer"]
        ),
        st.sampled_from([b"1", b"x-a", b"close", b"a=b"]),
    ),
    max_size=8,
)


@given(ANSWERED, st.sampled_from(Framing), st.sampled_from([200, 206, 304, 404, 500]), st.booleans(), st.integers(0, 1))
def test_no_field_of_an_answer_is_lost_save_those_of_one_hop(
    fields: list[Field], framing: Framing, status: int, close: bool, minor: int
) -> None:
    coding = [(b"Transfer-Encoding", b"chunked")] if framing is Framing.CHUNKED else []
    came = answer(*coding, *fields, framing=framing, status=status)
    named = set(came.headers.tokens(b"connection"))
    expected = [f for f in fields if f[0].lower() not in HOP and f[0].lower() not in named]

    response = returned(came, asked(minor=minor), close=close)
    kept = [f for name, f in zip(response.headers.names, response.headers, strict=True) if name not in HOP]

    assert kept == expected
    assert (response.framing is Framing.CLOSE) <= (not response.keep_alive)
    if response.framing is Framing.CHUNKED:
        assert request_framing(response.headers, 1) == (Framing.CHUNKED, 0)
