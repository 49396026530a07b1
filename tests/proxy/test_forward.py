"""The life of an exchange, over memory wires: what each side gets, and what the record says of it."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.helpers.garbage import alive, no_collector
from tests.helpers.way import Talk, answering, front
from tunnel.errors import Fault
from tunnel.model.address import Target
from tunnel.model.config import Limits, Mode
from tunnel.net.wire import WireError

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET / HTTP/1.1\r\nHost: localhost:62893\r\n\r\n"


async def test_a_small_answer_reaches_the_client_whole_and_in_one_send():
    async with front(answering(OK)) as here:
        client = here.connect()
        await client.say(GET)

        assert await client.wire.receive() == OK


async def test_an_upstream_is_told_who_asked_and_how():
    heads: list[bytes] = []
    async with front(answering(OK, heads)) as here:
        client = here.connect()
        await client.say(
            b"GET /a?b HTTP/1.1\r\nHost: localhost:62893\r\nX-Forwarded-For: 6.6.6.6\r\nVia: 1.1 evil\r\n\r\n"
        )
        await client.hear_until(b"hello")

    assert heads == [
        b"GET /a?b HTTP/1.1\r\nHost: localhost:62893\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"
        b"X-Forwarded-Host: localhost:62893\r\nX-Forwarded-Port: 62893\r\n"
        b'Forwarded: for=127.0.0.1;host="localhost:62893";proto=https\r\nVia: 1.1 tunnel-test\r\n\r\n'
    ]


async def test_pipelined_requests_are_answered_in_their_order():
    async def serve(talk: Talk) -> None:
        while head := await talk.hear_head():
            path = head.split()[1]
            await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    async with front(serve) as here:
        client = here.connect()
        await client.say(b"".join(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % n for n in range(5)))

        for n in range(5):
            await client.hear_head()
            assert await client.hear(2) == b"/%d" % n


async def test_exchanges_share_an_upstream_connection_one_after_the_other():
    connections = []

    async def serve(talk: Talk) -> None:
        connections.append(talk)
        await answering(OK)(talk)

    async with front(serve) as here:
        for _ in range(3):
            client = here.connect()
            await client.say(GET)
            await client.hear_until(b"hello")
            await wait_all_tasks_blocked()

        assert len(connections) == 1
        assert [record.reused for record in here.notes.records] == [False, True, True]


async def _goes_stale(talk: Talk) -> None:
    """Answer the first request of each connection; take a second one and close without a word."""
    await talk.hear_head()
    await talk.say(OK)
    await talk.hear(1)


async def test_a_stale_connection_does_not_cost_a_request_that_may_be_sent_twice():
    async with front(_goes_stale) as here:
        client = here.connect()
        for _ in range(2):
            await client.say(GET)
            assert await client.hear_until(b"hello") == OK


async def test_a_post_is_never_sent_twice():
    async with front(_goes_stale) as here:
        client = here.connect()
        await client.say(GET)
        await client.hear_until(b"hello")
        await client.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 502 ")


class DiesSilently:
    """An upstream whose connections take what they hear and close, until so many did."""

    def __init__(self, deaths: int, *, after: bytes = b"\r\n\r\n") -> None:
        self.deaths = deaths
        self.after = after
        self.heard: list[bytes] = []

    async def __call__(self, talk: Talk) -> None:
        while heard := await talk.hear_until(self.after):
            self.heard.append(heard)
            if len(self.heard) <= self.deaths:
                return
            await talk.say(OK)


@pytest.mark.parametrize("deaths", [1, 2, 3])
async def test_what_may_be_sent_twice_outlives_fresh_connections_that_break_off(deaths: int):
    upstream = DiesSilently(deaths)
    async with front(upstream) as here:
        client = here.connect()
        await client.say(GET)

        assert await client.hear_until(b"hello") == OK
        assert len(upstream.heard) == deaths + 1
        assert not here.way.pool.statistics().busy


async def test_a_request_over_which_every_connection_breaks_off_is_told_after_a_few():
    upstream = DiesSilently(1000)
    async with front(upstream) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 502 ")
        assert b"4 connections broke off over this request" in await client.hear_until(b"}")
        assert len(upstream.heard) == 4


@pytest.mark.parametrize("together", [True, False])
async def test_a_small_body_that_is_still_here_is_sent_again_whole(together: bool):
    upstream = DiesSilently(2, after=b"all of it")
    head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
    async with front(upstream) as here:
        client = here.connect()
        for piece in [head + b"all of it"] if together else [head, b"all ", b"of it"]:
            await client.say(piece)
            await wait_all_tasks_blocked()

        assert await client.hear_until(b"hello") == OK
        assert all(heard.endswith(b"\r\n\r\nall of it") for heard in upstream.heard)
        assert len(upstream.heard) == 3
        await wait_all_tasks_blocked()
        assert here.notes.records[0].request_body.size == 9  # what the client sent, however often we did


async def test_a_connection_that_breaks_off_in_the_middle_of_a_small_body_costs_nothing():
    first = True

    async def serve(talk: Talk) -> None:
        nonlocal first
        if first:
            first = False
            await talk.hear_until(b"all ")
            return
        await talk.hear_until(b"all of it")
        await talk.say(OK)

    async with front(serve) as here:
        client = here.connect()
        await client.say(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nall ")
        await wait_all_tasks_blocked()
        await client.say(b"of it")

        assert await client.hear_until(b"hello") == OK


async def test_a_body_that_has_gone_by_cannot_be_sent_again_and_the_error_says_so():
    upstream = DiesSilently(1, after=b"end of it")
    body = b"x" * 100_000 + b"end of it"
    async with front(upstream) as here:
        client = here.connect()
        await client.say(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body))
        await client.say(body)

        assert (await client.hear_head()).startswith(b"HTTP/1.1 502 ")
        assert len(upstream.heard) == 1
        await wait_all_tasks_blocked()
        error = here.notes.records[0].error
        assert error is not None and "not kept to be sent again" in error.hint


async def test_a_post_on_a_fresh_connection_is_not_sent_twice_and_the_error_says_so():
    upstream = DiesSilently(1)
    async with front(upstream) as here:
        client = here.connect()
        await client.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 502 ")
        assert len(upstream.heard) == 1
        await wait_all_tasks_blocked()
        error = here.notes.records[0].error
        assert error is not None and "POST is never sent twice" in error.hint


async def test_once_a_byte_of_the_answer_has_come_nothing_is_sent_again():
    heard = []

    async def serve(talk: Talk) -> None:
        heard.append(await talk.hear_head())
        await talk.say(b"HTTP/1.1 2")

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)

        assert (await client.hear_head()).startswith(b"HTTP/1.1 502 ")
        assert len(heard) == 1


async def test_a_connection_that_closed_while_idle_is_not_used_again():
    first_gone = trio.Event()

    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(OK)
        if not first_gone.is_set():
            talk.wire.close()
            first_gone.set()
            return
        await talk.hear_head()

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)
        await client.hear_until(b"hello")
        await first_gone.wait()
        await client.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")

        assert await client.hear_until(b"hello") == OK


async def test_each_piece_of_an_answer_passes_at_once():
    go_on = trio.Event()

    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await go_on.wait()
        await talk.say(b"3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n")
        await talk.hear(1)

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)
        assert (await client.hear_until(b"one\r\n")).endswith(b"\r\n\r\n3\r\none\r\n")
        go_on.set()

        assert await client.hear_until(b"\r\n\r\n") == b"3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n"
        await wait_all_tasks_blocked()
        record = here.notes.records[0]
        assert b"".join(record.response_body.pieces) == b"onetwo"
        assert list(record.response_trailers) == [(b"X-Sum", b"6")]
        assert len(record.times) == len(record.response_body.pieces)
        assert record.first <= record.times[0] < record.times[1] <= record.ended


async def test_of_an_answer_that_came_whole_no_times_are_noted():
    async with front(answering(OK)) as here:
        client = here.connect()
        await client.say(GET)
        await client.hear_until(b"hello")
        await wait_all_tasks_blocked()

        assert list(here.notes.records[0].response_body.pieces) == [b"hello"]
        assert here.notes.records[0].times is None


async def test_each_piece_of_a_request_passes_at_once_and_its_trailers_too():
    async def serve(talk: Talk) -> None:
        head = await talk.hear_head()
        assert b"Transfer-Encoding: chunked\r\n" in head
        assert await talk.hear_until(b"one\r\n") == b"3\r\none\r\n"
        first.set()
        assert await talk.hear_until(b"\r\n\r\n") == b"3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n"
        await talk.say(OK)
        await talk.hear(1)

    first = trio.Event()
    async with front(serve) as here:
        client = here.connect()
        await client.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await first.wait()
        await client.say(b"3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n")

        assert await client.hear_until(b"hello") == OK
        await wait_all_tasks_blocked()
        assert b"".join(here.notes.records[0].request_body.pieces) == b"onetwo"
        assert list(here.notes.records[0].request_trailers) == [(b"X-Sum", b"6")]


async def test_an_answer_that_comes_before_the_request_has_ended_is_passed_on_and_ends_the_connection():
    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")

    async with front(serve) as here:
        client = here.connect()
        await client.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nbegin")

        answer = await client.hear_all()
        assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
        assert b"Connection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\nno")


async def test_continue_is_asked_of_the_upstream_and_passed_on():
    async def serve(talk: Talk) -> None:
        assert b"Expect: 100-continue\r\n" in await talk.hear_head()
        await talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await talk.hear(4) == b"body"
        await talk.say(OK)
        await talk.hear(1)

    async with front(serve) as here:
        client = here.connect()
        await client.say(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert await client.hear_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.say(b"body")

        assert await client.hear_until(b"hello") == OK
        await wait_all_tasks_blocked()
        assert [response.status for response in here.notes.records[0].informational] == [100]


async def test_early_hints_are_passed_on_but_not_to_an_old_client():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    async with front(answering(hints + OK)) as here:
        client = here.connect()
        await client.say(GET)
        assert await client.hear_until(b"hello") == hints + OK

        old = here.connect()
        await old.say(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b"103" not in await old.hear_all()


async def test_an_upgraded_connection_carries_bytes_both_ways_with_half_closes():
    async def serve(talk: Talk) -> None:
        head = await talk.hear_head()
        assert b"Upgrade: chat\r\n" in head and b"Connection: Upgrade\r\n" in head
        await talk.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\nearly")
        assert await talk.hear_all() == b"ping"
        await talk.say(b"late")

    async with front(serve) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nping")
        head = await client.hear_head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Upgrade: chat\r\n" in head and b"Connection: Upgrade\r\n" in head
        assert await client.hear(5) == b"early"
        await client.wire.send_end()

        assert await client.hear_all() == b"late"
        await wait_all_tasks_blocked()
        record = here.notes.records[0]
        assert [(ours, data) for ours, _, data in record.stream] == [
            (True, b"ping"),
            (False, b"early"),
            (False, b"late"),
        ]
        assert here.notes.shown == [record]


async def test_a_switch_of_protocols_that_nobody_asked_for_is_the_upstreams_fault():
    async with front(answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")) as here:
        client = here.connect()
        await client.say(GET)

        assert (await client.hear_head()).startswith(b"HTTP/1.1 502 ")


async def test_an_answer_cut_short_never_looks_complete():
    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)

        assert (await client.hear_all()).endswith(b"3\r\none\r\n")
        await wait_all_tasks_blocked()
        error = here.notes.records[0].error
        assert error is not None and error.fault is Fault.UPSTREAM
        assert "in the middle of a body" in error.what


async def test_an_upstream_that_closes_without_an_answer_is_a_502_that_says_so():
    async def serve(talk: Talk) -> None:
        await talk.hear_head()

    async with front(serve) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert b"without an answer" in await client.hear_until(b"}")


async def test_a_request_that_has_been_here_is_a_loop():
    async with front(answering(OK)) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nVia: 1.1 tunnel-other, 1.1 tunnel-test\r\n\r\n")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 508 ")


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_keep_the_connection(ask: bytes, answer: bytes):
    async with front(answering(answer)) as here:
        client = here.connect()
        for _ in range(2):
            await client.say(ask + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await client.hear_head() == answer


async def test_a_body_that_ends_with_the_connection_goes_on_chunked():
    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(b"HTTP/1.0 200 OK\r\n\r\nhello")

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)

        assert (await client.hear_until(b"0\r\n\r\n")).endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


async def test_a_client_of_http_1_0_gets_no_chunks():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with front(answering(chunked)) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.0\r\n\r\n")

        answer = await client.hear_all()
        assert answer.endswith(b"\r\n\r\nhello")
        assert b"Transfer-Encoding" not in answer


async def test_a_plain_request_to_an_https_front_is_redirected_with_its_path():
    async with front(answering(OK)) as here:
        client = here.connect(tls=False)
        await client.say(b"GET /a?b=c HTTP/1.1\r\nHost: localhost:62893\r\n\r\n")

        head = await client.hear_head()
        assert head.startswith(b"HTTP/1.1 308 ")
        assert b"Location: https://localhost:62893/a?b=c\r\n" in head


async def test_a_host_that_is_not_ours_never_reaches_the_upstream():
    asked = []

    async def serve(talk: Talk) -> None:
        asked.append(talk)

    async with front(serve) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 421 ")
        assert not asked


@pytest.mark.parametrize("tls", [True, False])
async def test_a_refusal_is_said_whatever_stands_for_the_body_behind_the_head(tls: bool):
    """Refused by its head, or sent on to HTTPS: a body that cannot be read is then nobody's loss, and no bug of ours."""
    async with front(answering(OK)) as here:
        client = here.connect(tls=tls)
        host = b"evil.example" if tls else b"localhost"
        await client.say(b"POST / HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" % host)

        head = await client.hear_head()
        assert head.startswith(b"HTTP/1.1 421 " if tls else b"HTTP/1.1 308 ")
        assert b"Connection: close\r\n" in head
        await client.hear_all()
        assert [record.response.status for record in here.notes.records] == [421 if tls else 308]


async def test_what_is_no_request_is_answered_and_recorded():
    async with front(answering(OK)) as here:
        client = here.connect()
        await client.say(b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 400 ")
        await client.wire.send_end()
        await wait_all_tasks_blocked()
        error = here.notes.records[0].error
        assert error is not None and error.fault is Fault.CLIENT


async def test_a_body_past_the_limit_is_cut_off_while_it_comes():
    async def serve(talk: Talk) -> None:
        await talk.hear_all()

    async with front(serve, limits=Limits(body_size=10)) as here:
        client = here.connect()
        await client.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.say(b"8\r\n12345678\r\n8\r\n12345678\r\n")

        assert (await client.hear_head()).startswith(b"HTTP/1.1 413 ")


async def test_an_upstream_that_never_begins_its_answer_is_a_504(autojump_clock):
    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.hear(1)

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)

        assert (await client.hear_head()).startswith(b"HTTP/1.1 504 ")


async def test_a_redirect_to_the_upstreams_own_address_comes_back_to_the_front():
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:3000/login?next=/\r\nContent-Length: 0\r\n\r\n"
    async with front(answering(answer)) as here:
        client = here.connect()
        await client.say(GET)

        assert b"Location: https://localhost:62893/login?next=/\r\n" in await client.hear_head()
        await wait_all_tasks_blocked()
        assert here.notes.records[0].repairs == ("Location named the upstream's own address",)


async def test_the_upstream_sees_its_own_host_where_that_is_wanted():
    heads: list[bytes] = []
    async with front(answering(OK, heads), host_header="upstream", target=Target("http", "localhost", 3000)) as here:
        client = here.connect()
        await client.say(GET)
        await client.hear_until(b"hello")

    assert b"\r\nHost: localhost:3000\r\n" in heads[0]
    assert b"\r\nX-Forwarded-Host: localhost:62893\r\n" in heads[0]


async def test_a_client_that_leaves_is_told_apart_from_an_upstream_that_fails():
    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.hear(1)

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)
        await wait_all_tasks_blocked()
        caller = here.callers[0]
        caller.left = True
        assert caller.upstream is not None
        caller.upstream.break_off("the client left")
        await wait_all_tasks_blocked()

        error = here.notes.records[0].error
        assert error is not None and error.fault is Fault.CLIENT


async def test_a_failed_exchange_leaves_nothing_to_the_garbage_collector():
    """Its record waits to be written, and holds the error: that must not hold the frames it passed through."""

    async def serve(talk: Talk) -> None:
        await talk.hear_head()
        await talk.hear_all()

    async with front(serve) as here:
        with no_collector():
            begun = here.connect()
            await begun.say(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nbegun")
            await wait_all_tasks_blocked()
            begun.wire.close()
            waiting = here.connect()
            await waiting.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            await wait_all_tasks_blocked()
            upstream = here.callers[1].upstream
            assert upstream is not None
            upstream.break_off("the service crashed")
            assert (await waiting.hear_head()).startswith(b"HTTP/1.1 502 ")
            gone = here.connect(tls=False)
            await gone.say(GET)
            gone.wire.close()  # before our own answer, a redirect
            await wait_all_tasks_blocked()

            faults = [record.error and record.error.fault for record in here.notes.records]
            assert faults == [Fault.CLIENT, Fault.UPSTREAM, Fault.CLIENT]
            assert alive("Exchange") == {}
            here.notes.records.clear()
            assert alive("Record") == {}


async def test_a_connection_remembers_what_it_told_of_a_few_hosts_only():
    """One that names a new host each time, all of them ours, could else fill the memory."""
    async with front(answering(OK)) as here:
        client = here.connect()
        for number in range(100):
            await client.say(b"GET / HTTP/1.1\r\nHost: app%d.localhost\r\n\r\n" % number)
            await client.hear(len(OK))

        assert len(here.callers[0].told) <= 16


async def test_a_plain_front_serves_plain_requests():
    async with front(answering(OK), mode=Mode.PLAIN) as here:
        client = here.connect(tls=False)
        await client.say(GET)

        assert await client.hear_until(b"hello") == OK


async def test_a_slow_reader_holds_back_the_upstream():
    sent = 0

    async def serve(talk: Talk) -> None:
        nonlocal sent
        await talk.hear_head()
        await talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            while True:
                await talk.say(bytes(50_000))
                sent += 50_000
        except WireError:
            pass

    async with front(serve) as here:
        client = here.connect()
        await client.say(GET)
        await wait_all_tasks_blocked()

        assert sent < 5_000_000  # what two memory wires and one piece in hand can hold


async def test_an_upgrade_to_h2c_is_left_out():
    heads: list[bytes] = []
    async with front(answering(OK, heads)) as here:
        client = here.connect()
        await client.say(
            b"GET / HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n"
        )
        assert await client.hear_until(b"hello") == OK

    assert not any(word in heads[0] for word in (b"h2c", b"HTTP2-Settings", b"Connection"))


@pytest.mark.parametrize(
    "fields", [b"Upgrade: websocket\r\nUpgrade: h2c", b"Upgrade: websocket, h2c", b"Upgrade: h2c\r\nUpgrade: websocket"]
)
async def test_an_upgrade_to_h2c_is_left_out_in_whatever_company_it_comes(fields: bytes):
    heads: list[bytes] = []
    async with front(answering(OK, heads)) as here:
        client = here.connect()
        await client.say(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" + fields + b"\r\nHTTP2-Settings: x\r\n\r\n"
        )
        assert await client.hear_until(b"hello") == OK

    assert b"h2c" not in heads[0]


async def test_an_empty_trailer_passes():
    ended = b"0\r\ngrpc-status: 0\r\ngrpc-message: \r\n\r\n"
    async with front(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ended)) as here:
        client = here.connect()
        await client.say(GET)
        await client.hear_head()

        assert await client.hear_until(b"\r\n\r\n") == ended
