"""HTTP/1.1 legs over memory wires: one message after the other, and every way in which a peer can spoil it."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.wire import client_leg, cuts, feed_every_way, in_no_time, received, upstream_leg
from tunnel.errors import ClientError, ClientGone, UpstreamError
from tunnel.http.http1 import Http1Upstream
from tunnel.http.leg import Leg
from tunnel.model.config import Limits
from tunnel.model.headers import Headers
from tunnel.model.message import END, End, Framing, Request, Response

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ASKED = Request(b"GET", b"/", Headers([(b"Host", b"localhost")]), 1, Framing.NONE, 0, True, b"", b"")


def answer(framing: Framing, fields: list[tuple[bytes, bytes]], status: int = 200) -> Response:
    return Response(status, b"OK", Headers(fields), 1, framing, 0, True, b"")


async def body_of(leg: Leg) -> tuple[bytes, End]:
    """Everything that is left of the body being received, in the way `proxy.forward` takes it."""
    body, end = leg.ready()
    while end is None:
        piece = await leg.receive_body()
        if isinstance(piece, End):
            return body, piece
        assert piece, "a piece is never empty"
        body += piece
    return body, end


async def asked(leg: Http1Upstream, request: Request = ASKED) -> None:
    await leg.send_request(request, request.headers, b"", END)


# The client's side.


async def test_a_request_is_received_however_it_is_cut() -> None:
    for pieces in feed_every_way(GET):
        client, leg = client_leg()
        for piece in pieces:
            await client.send(piece)

        request = await leg.receive_request()

        assert request is not None
        assert (request.raw, leg.ready()) == (GET, (b"", END))


async def test_empty_lines_before_a_request_are_noise() -> None:
    """RFC 9112 §2.2."""
    for pieces in feed_every_way(b"\r\n\r\n" + GET):
        client, leg = client_leg()
        for piece in pieces:
            await client.send(piece)

        request = await leg.receive_request()

        assert request is not None
        assert request.raw == GET


@settings(max_examples=60, deadline=None)
@given(
    cuts(
        st.lists(
            st.sampled_from([
                GET,
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
                CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
                CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n",
            ]),
            min_size=1,
            max_size=4,
        ).map(b"".join)
    )
)  # fmt: skip
def test_pipelined_requests_are_read_one_after_the_other_however_they_are_cut(drawn: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = drawn

    async def story() -> None:
        client, leg = client_leg()
        for piece in pieces:
            await client.send(piece)
        await client.send_end()
        seen = b""
        while (request := await leg.receive_request()) is not None:
            body, end = await body_of(leg)
            assert body == (b"" if request.framing is Framing.NONE else b"hello")
            seen += request.raw
            assert list(end.trailers) in ([], [(b"X-Sum", b"1")])

        assert seen.count(b"HTTP/1.1") == stream.count(b"HTTP/1.1")

    trio.run(story)


async def test_a_request_behind_a_chunked_one_in_the_same_receive_is_kept_for_its_turn() -> None:
    client, leg = client_leg()
    await client.send(CHUNKED)
    await leg.receive_request()
    await client.send(b"5\r\nhello\r\n0\r\n\r\n" + NEXT)

    pieces = [await leg.receive_body(), await leg.receive_body()]
    following = await leg.receive_request()

    assert pieces == [b"hello", END]
    assert following is not None
    assert following.target == b"/next"


async def test_a_body_arrives_piece_by_piece() -> None:
    client, leg = client_leg()
    await client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nab")
    await leg.receive_request()

    assert leg.ready() == (b"ab", None)
    await client.send(b"cd")
    assert await leg.receive_body() == b"cd"
    await client.send(b"ef")
    assert await leg.receive_body() == b"ef"
    assert leg.ready() == (b"", END)


async def test_a_client_that_leaves_between_requests_asks_for_nothing() -> None:
    client, leg = client_leg()
    await client.send_end()

    assert await leg.receive_request() is None


async def test_a_client_that_leaves_in_a_head_is_gone() -> None:
    client, leg = client_leg()
    await client.send(GET[:-2])
    await client.send_end()

    with pytest.raises(ClientGone, match="in the middle of a head"):
        await leg.receive_request()


@pytest.mark.parametrize("start", [CHUNKED, CHUNKED + b"5\r\nhel", CHUNKED + b"5\r\nhello\r\n0\r\n"])
async def test_a_client_that_leaves_in_a_body_is_gone_and_its_body_not_whole(start: bytes) -> None:
    client, leg = client_leg()
    await client.send(start)
    await client.send_end()
    await leg.receive_request()

    with pytest.raises(ClientGone, match="in the middle of a body"):
        await body_of(leg)


async def test_a_broken_body_is_refused_once_and_never_read_again() -> None:
    """Whoever answers the error looks whether the body has ended: looking must not fail again."""
    client, leg = client_leg()
    await client.send(CHUNKED + b"nonsense\r\n")
    await leg.receive_request()

    with pytest.raises(ClientError, match="hexadecimal"):
        leg.ready()

    assert leg.ready() == (b"", None)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\n\r\n", 400),
        (b"GET /" + b"a" * 600, 414),
        (b"GET /" + b"a" * 600 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 9 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 413),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
async def test_a_request_past_a_limit_is_refused_with_its_status(raw: bytes, status: int) -> None:
    for pieces in ([raw], [raw[at : at + 7] for at in range(0, len(raw), 7)]):
        client, leg = client_leg(Limits(target_size=100, head_size=300, header_count=9, body_size=10))
        for piece in pieces:
            await client.send(piece)

        with pytest.raises(ClientError) as caught:
            await leg.receive_request()

        assert caught.value.status == status


def test_a_slow_head_is_cut_off_with_408_counted_from_its_first_byte() -> None:
    async def story() -> None:
        client, leg = client_leg(Limits(idle=75, head=15))

        async def drip() -> None:
            await trio.sleep(60)  # idle, which is allowed
            for byte in GET:
                await client.send(bytes([byte]))
                await trio.sleep(5)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            with pytest.raises(ClientError) as caught:
                await leg.receive_request()
            assert caught.value.status == 408
            assert trio.current_time() - start == pytest.approx(60 + 15)
            nursery.cancel_scope.cancel()

    start = 0.0
    in_no_time(story)


def test_an_idle_client_is_let_go_without_a_word() -> None:
    async def story() -> None:
        client, leg = client_leg(Limits(idle=75))

        assert await leg.receive_request() is None
        assert trio.current_time() == pytest.approx(75)
        assert not client.left()

    in_no_time(story)


def test_empty_lines_do_not_keep_an_idle_client() -> None:
    async def story() -> None:
        client, leg = client_leg(Limits(idle=75))

        async def drip() -> None:
            while True:
                await client.send(b"\r\n")
                await trio.sleep(10)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            assert await leg.receive_request() is None
            assert trio.current_time() == pytest.approx(75, abs=10)
            nursery.cancel_scope.cancel()

    in_no_time(story)


def test_a_client_that_stalls_in_a_body_is_cut_off_with_408() -> None:
    async def story() -> None:
        client, leg = client_leg(Limits(stall=60))
        await client.send(CHUNKED)
        await leg.receive_request()

        with pytest.raises(ClientError) as caught:
            await leg.receive_body()

        assert (caught.value.status, trio.current_time()) == (408, pytest.approx(60))

    in_no_time(story)


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    async def story() -> None:
        _, leg = client_leg(Limits(stall=60))

        with pytest.raises(ClientError):
            for _ in range(5000):
                await leg.send_body(b"x")

        assert trio.current_time() == pytest.approx(60)

    in_no_time(story)


# What goes out, on either side.


async def test_an_answer_with_its_body_leaves_in_one_send() -> None:
    client, leg = client_leg()

    head = await leg.send_response(answer(Framing.LENGTH, [(b"Content-Length", b"2")]), b"ok", END)

    assert await client.receive() == OK
    assert head == OK[:-2]


async def test_a_large_body_is_not_copied_behind_its_head() -> None:
    client, leg = client_leg()

    head = await leg.send_response(answer(Framing.CLOSE, []), b"x" * 40_000, None)

    assert await client.receive() == head
    assert await client.receive() == b"x" * 40_000


async def test_a_chunked_answer_is_written_in_chunks_with_its_trailers() -> None:
    client, leg = client_leg()

    await leg.send_response(answer(Framing.CHUNKED, [(b"Transfer-Encoding", b"chunked")]), b"one", None)
    await leg.send_body(b"three")
    await leg.send_end(Headers([(b"X-Sum", b"1")]))

    assert (await received(client)).partition(b"\r\n\r\n")[2] == (b"3\r\none\r\n5\r\nthree\r\n0\r\nX-Sum: 1\r\n\r\n")


async def test_trailers_are_dropped_where_the_framing_cannot_carry_them() -> None:
    client, leg = client_leg()

    await leg.send_response(answer(Framing.LENGTH, [(b"Content-Length", b"2")]), b"ok", None)
    await leg.send_end(Headers([(b"X-Sum", b"1")]))

    assert await received(client) == OK


async def test_an_informational_answer_comes_before_the_real_one() -> None:
    client, leg = client_leg()

    await leg.send_response(answer(Framing.NONE, [], status=103), b"", None)
    await leg.send_response(answer(Framing.LENGTH, [(b"Content-Length", b"2")]), b"ok", END)

    assert await received(client) == b"HTTP/1.1 103 OK\r\n\r\n" + OK


# The upstream's side.


async def test_an_answer_is_received_however_it_is_cut() -> None:
    stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"
    for pieces in feed_every_way(stream):
        upstream, leg = upstream_leg()
        await asked(leg)
        for piece in pieces:
            await upstream.send(piece)

        response = await leg.receive_response()
        body = await body_of(leg)

        assert (response.status, body) == (200, (b"ok", End(Headers([(b"X-Sum", b"1")]))))
        assert leg.reusable()


async def test_each_piece_of_an_answer_passes_at_once() -> None:
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
    await leg.receive_response()

    assert leg.ready() == (b"data: 1\n\n", None)
    await upstream.send(b"data: 2\n\n")
    assert await leg.receive_body() == b"data: 2\n\n"


async def test_a_body_that_ends_with_the_connection_ends_whole_but_serves_no_other() -> None:
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(b"HTTP/1.1 200 OK\r\n\r\nok")
    await upstream.send_end()
    await leg.receive_response()

    assert await body_of(leg) == (b"ok", END)
    assert not leg.quiet()


@pytest.mark.parametrize(
    ("cut_short", "unanswered"),
    [
        (b"", True),
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
    ],
)
async def test_an_answer_cut_short_is_the_upstreams_fault_and_never_whole(cut_short: bytes, unanswered: bool) -> None:
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(cut_short)
    await upstream.send_end()

    with pytest.raises(UpstreamError, match=r"127\.0\.0\.1:3000 broke off") as caught:
        await leg.receive_response()
        await body_of(leg)

    assert (caught.value.status, caught.value.unanswered) == (502, unanswered)
    assert not leg.reusable()


async def test_a_second_request_that_meets_a_closed_connection_is_unanswered() -> None:
    """Whatever the first one saw: only then may it be sent again."""
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(OK)
    await leg.receive_response()
    await body_of(leg)
    upstream.close()

    with pytest.raises(UpstreamError) as caught:
        await asked(leg)
        await leg.receive_response()

    assert caught.value.unanswered


async def test_informational_answers_are_received_one_by_one() -> None:
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)

    statuses = [(await leg.receive_response()).status for _ in range(3)]

    assert statuses == [100, 103, 200]
    assert await body_of(leg) == (b"ok", END)


async def test_a_connection_whose_answer_is_still_to_come_serves_no_other() -> None:
    """After 103 Early Hints the client may be gone: the next exchange would be given this one's answer."""
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    await leg.receive_response()

    assert not leg.reusable()


def test_an_upstream_that_does_not_answer_is_given_up_with_504() -> None:
    async def story() -> None:
        upstream, leg = upstream_leg(Limits(first_byte=300))
        await asked(leg)

        with pytest.raises(UpstreamError, match="within 300 s") as caught:
            await leg.receive_response()

        assert (caught.value.status, trio.current_time()) == (504, pytest.approx(300))
        assert "--first-byte" in caught.value.hint
        assert not upstream.left()

    in_no_time(story)


def test_an_upstream_that_is_still_given_a_body_has_its_time_from_what_it_got_last() -> None:
    async def story() -> None:
        upstream, leg = upstream_leg(Limits(first_byte=300))
        await leg.send_request(ASKED, ASKED.headers, b"", None)

        async def upload() -> None:
            for _ in range(10):
                await trio.sleep(200)
                await leg.send_body(b"piece")
                await upstream.receive()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(upload)
            with pytest.raises(UpstreamError, match="within 300 s"):
                await leg.receive_response()
            assert trio.current_time() == pytest.approx(2300)

    in_no_time(story)


def test_an_upstream_that_hangs_behind_an_informational_answer_is_given_up_too() -> None:
    async def story() -> None:
        upstream, leg = upstream_leg(Limits(first_byte=300))
        await asked(leg)
        await upstream.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
        await leg.receive_response()

        with trio.fail_after(1000), pytest.raises(UpstreamError) as caught:
            await leg.receive_response()

        assert caught.value.status == 504

    in_no_time(story)


def test_a_stream_may_pause_for_as_long_as_it_likes() -> None:
    async def story() -> None:
        upstream, leg = upstream_leg(Limits(first_byte=300))
        await asked(leg)
        await upstream.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await leg.receive_response()

        async def speak() -> None:
            await trio.sleep(86400)
            await upstream.send(b"tick")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak)
            assert await leg.receive_body() == b"tick"

    in_no_time(story)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"HTTP/1.1 200 OK\nX: y\n\n", "bare LF"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400, "larger than 300 bytes"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400 + b"\r\n\r\n", "larger than 300 bytes"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "malformed"),
    ],
)
async def test_what_is_no_http_answer_is_the_upstreams_fault(raw: bytes, said: str) -> None:
    upstream, leg = upstream_leg(Limits(head_size=300))
    await asked(leg)
    await upstream.send(raw)

    with pytest.raises(UpstreamError, match=said):
        await leg.receive_response()


@pytest.mark.parametrize(
    ("stream", "whole", "reusable"),
    [
        (OK, True, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True, True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", True, True),
        (OK.replace(b"200 OK", b"200 OK\r\nConnection: close"), True, False),
        (OK.replace(b"1.1", b"1.0"), True, False),
        (OK.replace(b"1.1 200 OK", b"1.0 200 OK\r\nConnection: keep-alive"), True, True),
        (OK + b"more than was promised", True, False),
        (OK + OK, True, False),
        (OK[:-1], False, False),
    ],
)
async def test_a_connection_serves_again_only_after_exactly_one_whole_answer(
    stream: bytes, whole: bool, reusable: bool
) -> None:
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(stream)
    await leg.receive_response()

    assert (leg.ready()[1] is not None) == whole
    assert leg.reusable() == reusable


async def test_a_connection_whose_request_was_not_sent_to_its_end_serves_no_other() -> None:
    upstream, leg = upstream_leg()
    await leg.send_request(ASKED, ASKED.headers, b"", None)
    await upstream.send(OK)
    await leg.receive_response()
    await body_of(leg)

    assert not leg.reusable()


async def test_a_head_request_is_answered_without_a_body() -> None:
    upstream, leg = upstream_leg()
    await asked(leg, Request(b"HEAD", b"/", Headers(), 1, Framing.NONE, 0, True, b"", b""))
    await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    response = await leg.receive_response()

    assert (response.framing, leg.ready()) == (Framing.NONE, (b"", END))
    assert leg.reusable()


async def test_what_was_said_between_two_exchanges_is_noticed_before_the_second() -> None:
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(OK)
    await leg.receive_response()
    await body_of(leg)
    assert leg.reusable()
    assert leg.quiet()

    await upstream.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    assert not leg.quiet()


async def test_after_an_upgrade_the_bytes_read_too_far_are_given_up_with_the_wire() -> None:
    upstream, leg = upstream_leg()
    await asked(leg)
    await upstream.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\n\r\nfirst words")
    await leg.receive_response()

    assert leg.release() == b"first words"
    assert leg.release() == b""
    assert not leg.reusable()


async def test_a_client_speaks_the_other_protocol_in_the_same_receive() -> None:
    client, leg = client_leg()
    await client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nfirst words")
    await leg.receive_request()

    assert leg.release() == b"first words"


@pytest.mark.parametrize("said", [b"\n", b"\r\n", b"\r"])
def test_an_upstream_that_says_an_empty_line_and_closes_has_not_answered(said: bytes) -> None:
    async def story() -> None:
        upstream, leg = upstream_leg()
        await upstream.send(said)
        await upstream.send_end()
        with pytest.raises(UpstreamError, match="without an answer"):
            await leg.receive_response()

    in_no_time(story)


@pytest.mark.parametrize("over", [0, 1, 2, 3, 4, 5])
def test_the_largest_head_is_the_same_however_it_is_cut(over: int) -> None:
    limits = Limits(head_size=200)
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    head += b"x" * (200 + over - len(head) - 4) + b"\r\n\r\n"

    async def story(pieces: list[bytes]) -> None:
        client, leg = client_leg(limits)
        for piece in pieces:
            await client.send(piece)
        if over:
            with pytest.raises(ClientError) as refused:
                await leg.receive_request()
            assert refused.value.status == 431
        else:
            assert await leg.receive_request() is not None

    for pieces in feed_every_way(head):
        in_no_time(story, pieces)
