"""What the way may count on: what is recorded is read back, and recording never waits."""

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capture.making import PEER, begun, ended, request, response, until
from tests.helpers.garbage import alive, no_collector
from tunnel.capture.clock import Clock
from tunnel.capture.query import parse
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.errors import Fault, UpstreamError
from tunnel.model.config import Keep
from tunnel.model.exchange import State
from tunnel.model.headers import Headers
from tunnel.model.stream import Message


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    yield recorder
    recorder.stop(5)


def written(recorder: Recorder, count: int) -> None:
    until(lambda: recorder.statistics().written == count)


def test_an_exchange_is_read_back_as_it_was_noted(recorder, tmp_path):
    record = begun(recorder, b"/a?b=c", method=b"POST")
    record.request_body.add(b"asked")
    record.request_trailers = Headers([(b"X-Sum", b"1")])
    record.sent, record.upstream, record.reused = b"POST /a HTTP/1.1\r\n\r\n", "127.0.0.1:3000", True
    record.informational = [response(103, b"Link: </a.css>\r\n")]
    record.response, record.returned = response(418), b"HTTP/1.1 418 Teapot\r\n\r\n"
    record.response_body.add(b"answ")
    record.response_body.add(b"ered")
    record.repairs = ("made Location absolute", "made the cookie secure")
    record.connected, record.first, record.ended = (record.started + s for s in (0.001, 0.002, 0.003))
    recorder.close(record)
    written(recorder, 1)

    with Store(tmp_path) as store:
        exchange = store.exchange(record.id)
        bodies = store.body(record.id, "request"), store.body(record.id, "response")

    assert bodies == (b"asked", b"answered")
    assert (exchange.method, exchange.target, exchange.host, exchange.status) == ("POST", "/a?b=c", "app.test", 418)
    assert exchange.state is State.DONE and exchange.failure is None
    assert exchange.request_head == record.request.raw and exchange.sent_head == record.sent
    assert exchange.informational == b"HTTP/1.1 103 OK\r\nLink: </a.css>\r\n\r\n"
    assert exchange.response_head == record.response.raw and exchange.returned_head == record.returned
    assert exchange.request_trailers == b"X-Sum: 1\r\n" and exchange.response_trailers is None
    assert exchange.tls == PEER.tls and (exchange.address, exchange.port) == ("127.0.0.1", 50_123)
    assert (exchange.upstream, exchange.reused) == ("127.0.0.1:3000", True)
    assert exchange.repairs == record.repairs
    assert exchange.timings.tls == pytest.approx(10_000, abs=1)
    assert exchange.timings.ended == pytest.approx(3000, abs=1)
    assert abs(exchange.started - time.time_ns() // 1000) < 20_000_000


def test_what_is_written_is_held_no_longer(recorder, tmp_path):
    """A quiet front would else keep the bodies of its last batch, up to all that may wait, until somebody calls again."""
    with no_collector():
        record = ended(recorder, b"/last")
        del record

        until(lambda: not alive("Record"))


def test_a_failure_keeps_its_sentence_and_its_side(recorder, tmp_path):
    record = begun(recorder)
    record.error = UpstreamError("nothing listens on localhost:3000", hint="start your app")
    record.ended = record.started
    recorder.close(record)
    written(recorder, 1)

    with Store(tmp_path) as store:
        failure = store.exchange(record.id).failure
        (summary,) = store.latest(5)

    assert (failure.what, failure.hint, failure.fault) == (
        "nothing listens on localhost:3000", "start your app", Fault.UPSTREAM,
    )  # fmt: skip
    assert (summary.state, summary.fault) == ("failed", "upstream")


@settings(max_examples=25, deadline=None)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    cap=st.integers(0, 120),
    memory=st.integers(0, 200),
    shown=st.integers(0, 8),
    timed=st.booleans(),
)
def test_what_is_kept_is_always_a_prefix_of_what_passed(pieces, cap, memory, shown, timed):
    """Whatever the cap and the budget, and whether or not it is written while it runs."""
    with tempfile.TemporaryDirectory() as name:
        recorder = Recorder(Path(name), Keep(body_size=cap, memory=memory))
        recorder.start()
        record = begun(recorder)
        for number, piece in enumerate(pieces):
            if number == shown:
                recorder.show(record)
            if timed:
                record.timed(piece, record.started + number / 500)
            else:
                record.response_body.add(piece)
        record.ended = record.started
        recorder.close(record)
        recorder.stop(5)
        with Store(Path(name)) as store:
            kept, body = store.body(record.id, "response"), store.exchange(record.id).response
            moments = store.moments(record.id)

    passed = b"".join(pieces)
    assert passed.startswith(kept) and len(kept) == body.kept <= cap
    assert body.size == len(passed)
    assert not moments or (timed and shown < 8 and moments[-1].end == len(kept))
    assert body.whole or body.lost or body.kept == cap
    assert recorder.statistics().waiting_bytes == 0


def test_a_shown_record_can_be_read_while_it_runs(recorder, tmp_path):
    record = begun(recorder, b"/events")
    recorder.show(record)
    recorder.show(record)
    until(lambda: (tmp_path / "records.sqlite").exists())
    with Store(tmp_path) as store:
        until(lambda: store.exchange(record.id))
        assert store.exchange(record.id).state is State.RUNNING

        record.response = response(200)
        record.response_body.add(b"data: 1\n\n")
        until(lambda: store.body(record.id, "response") == b"data: 1\n\n")
        record.response_body.add(b"data: 2\n\n")
        until(lambda: store.body(record.id, "response") == b"data: 1\n\ndata: 2\n\n")
        assert store.exchange(record.id).status == 200
        before = store.revision()

        record.ended = record.started + 9
        recorder.close(record)
        until(lambda: store.exchange(record.id).state is State.DONE)
        assert [s.state for s in store.since(before, 10)] == ["done"]
        assert len(store.latest(10)) == 1


class Letters:
    """A protocol of one letter a message."""

    def feed(self, from_client, at, data):
        return [Message(from_client, "text", at, 1, bytes([byte])) for byte in data]


def test_messages_are_read_by_the_watch_and_come_back_in_order(recorder, tmp_path):
    record = begun(recorder, upgrade=b"websocket")
    record.response, record.watch = response(101), Letters()
    recorder.show(record)
    record.passed(True, time.perf_counter(), b"ab")
    with Store(tmp_path) as store:
        until(lambda: len(list(store.messages(record.id))) == 2)
        record.passed(False, time.perf_counter(), b"c")
        record.ended = time.perf_counter()
        recorder.close(record)
        written(recorder, 1)
        messages = list(store.messages(record.id))
        exchange = store.exchange(record.id)

    assert [(m.from_client, m.payload) for m in messages] == [(True, b"a"), (True, b"b"), (False, b"c")]
    assert (exchange.messages, exchange.upgrade) == (3, "websocket")
    assert (exchange.request.size, exchange.response.size) == (2, 1)


def test_an_upgrade_that_nobody_reads_is_kept_as_bytes_up_to_the_cap(tmp_path):
    recorder = Recorder(tmp_path, Keep(body_size=5))
    recorder.start()
    record = begun(recorder, upgrade=b"mud")
    record.response = response(101)
    for data in (b"abc", b"def", b"ghi"):
        record.passed(True, 1.0, data)
    record.ended = record.started
    recorder.close(record)
    recorder.stop(5)

    with Store(tmp_path) as store:
        found = [(m.kind, m.size, m.payload) for m in store.messages(record.id)]

    assert found == [("bytes", 3, b"abc"), ("bytes", 3, b"de"), ("bytes", 3, b"")]


class Broken:
    """A watch that breaks its promise not to raise."""

    def feed(self, from_client, at, data):
        raise RuntimeError("no")


def test_a_watch_that_raises_costs_its_messages_and_nothing_else(recorder, tmp_path):
    record = begun(recorder, upgrade=b"websocket")
    record.response, record.watch = response(101), Broken()
    record.passed(True, 1.0, b"x")
    record.ended = record.started
    recorder.close(record)
    ended(recorder)
    written(recorder, 2)

    with Store(tmp_path) as store:
        assert [m.kind for m in store.messages(record.id)] == ["bytes"]


def test_stopping_writes_what_is_left(tmp_path):
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    for _ in range(5000):
        ended(recorder)
    recorder.stop(30)

    assert recorder.statistics().written == 5000
    with Store(tmp_path) as store:
        assert len(store.latest(10_000)) == 5000


def test_a_record_still_open_at_the_stop_is_interrupted(tmp_path):
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    record = begun(recorder)
    recorder.show(record)
    recorder.stop(5)

    with Store(tmp_path) as store:
        assert store.exchange(record.id).state is State.INTERRUPTED


def test_a_full_queue_drops_rows_and_their_bytes_and_counts_them(tmp_path):
    recorder = Recorder(tmp_path, Keep(), most_rows=3)  # not started: a writer that stands still
    for _ in range(5):
        ended(recorder, body=b"12345")

    statistics = recorder.statistics()
    assert (statistics.opened, statistics.rows_dropped) == (5, 2)
    assert (statistics.waiting_rows, statistics.waiting_bytes) == (3, 15)


def test_bodies_are_dropped_before_rows(tmp_path):
    recorder = Recorder(tmp_path, Keep(memory=12))
    records = [ended(recorder, body=b"12345") for _ in range(4)]
    recorder.start()
    recorder.stop(5)

    with Store(tmp_path) as store:
        assert [store.exchange(record.id).response.lost for record in records] == [False, False, True, True]
        assert [store.body(record.id, "response") for record in records] == [b"12345", b"12345", b"", b""]
    assert recorder.statistics().body_bytes_dropped == 10


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (b"Content-Type: Text/HTML; charset=utf-8\r\n", "text/html"),
        (b"X: y\r\nCONTENT-TYPE:application/json\r\nContent-Type: text/css\r\n", "application/json"),
        (b"Content-Type: \r\n", ""),
        (b"X-Content-Type: text/css\r\n", ""),
    ],
)
@pytest.mark.parametrize("secrets", [False, True])
def test_a_line_says_the_type_of_the_answer_live_and_later(tmp_path, fields, kind, secrets):
    """Later it is read out of the head, as it is where the head was changed to hide a secret."""
    told = []
    recorder = Recorder(tmp_path, Keep(), after=told.extend)
    recorder.start()
    record = begun(recorder)
    record.response = response(200, fields + b"Set-Cookie: session=s3cret-0123456789\r\n" * secrets)
    record.returned, record.ended = record.response.raw, record.started
    recorder.close(record)
    unanswered = begun(recorder)
    unanswered.ended = unanswered.started
    recorder.close(unanswered)
    recorder.stop(5)

    assert [summary.type for summary in told] == [kind, ""]
    with Store(tmp_path) as store:
        assert store.latest(2) == told
        assert store.page(parse(f'type = "{kind}"') if kind else None)[-1].id == record.id


def test_after_is_told_what_was_committed(tmp_path):
    told = []
    recorder = Recorder(tmp_path, Keep(), after=told.extend, callers=lambda peer: ("curl", 4711))
    recorder.start()
    record = ended(recorder, b"/x")
    recorder.stop(5)

    (summary,) = told
    assert (summary.id, summary.target, summary.status, summary.response_size) == (record.id, "/x", 200, 5)
    assert (summary.caller, summary.caller_pid, summary.ended) == ("curl", 4711, pytest.approx(2000, abs=1))
    with Store(tmp_path) as store:
        assert store.latest(1) == told


def test_listeners_that_raise_do_not_stop_the_recording(tmp_path):
    def fail(*_):
        raise RuntimeError("boom")

    recorder = Recorder(tmp_path, Keep(), after=fail)
    recorder.start()
    ended(recorder)
    written(recorder, 1)
    ended(recorder)
    recorder.stop(5)

    assert recorder.statistics().written == 2
    assert "boom" in recorder.statistics().last_error


def test_a_name_that_is_no_unicode_is_stored_readably(tmp_path):
    recorder = Recorder(tmp_path, Keep(), callers=lambda peer: ("caf\udce9", 1))
    recorder.start()
    record = ended(recorder)
    recorder.stop(5)

    with Store(tmp_path) as store:
        assert store.exchange(record.id).caller == "caf\\udce9"


def test_numbers_go_on_where_the_last_run_ended(tmp_path):
    ids = []
    for _ in range(3):
        recorder = Recorder(tmp_path, Keep())
        recorder.start()
        ids += [ended(recorder).id, ended(recorder).id]
        recorder.stop(5)

    assert ids == [1, 2, 3, 4, 5, 6]


def test_a_burst_wider_than_the_numbers_at_hand_is_numbered_when_written(recorder, tmp_path):
    records = [begun(recorder) for _ in range(500)]
    assert 0 in {record.id for record in records}
    for record in records:
        record.ended = record.started
        recorder.close(record)
    written(recorder, 500)

    assert len({record.id for record in records} - {0}) == 500
    with Store(tmp_path) as store:
        assert len(store.latest(1000)) == 500


def test_times_cannot_be_reordered_by_a_clock_that_jumps(recorder, tmp_path, monkeypatch):
    ended(recorder, b"/first")
    written(recorder, 1)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    ended(recorder, b"/second")
    written(recorder, 2)

    with Store(tmp_path) as store:
        assert [s.target for s in store.latest(2)] == ["/first", "/second"]


def test_a_wall_clock_that_has_run_ahead_is_followed_from_then_on_and_not_back():
    hour = 3600
    clock = Clock(1000 * 10**9, 50.0)
    clock.follow(1010 * 10**9, 60.0)
    assert clock.wall(60.0) == 1010 * 10**6
    clock.follow((1012 + hour) * 10**9, 62.0)  # a laptop slept for an hour, during which the counter stood still
    assert clock.wall(62.0) == (1012 + hour) * 10**6
    assert clock.wall(55.0) == 1005 * 10**6  # what had begun before stays where it was
    clock.follow(1013 * 10**9, 63.0)  # and somebody set it back
    assert clock.wall(63.0) == (1013 + hour) * 10**6
    assert clock.running(63.0) == 1013 * 10**6


def test_the_times_of_what_is_recorded_after_a_sleep_are_true_and_nothing_is_removed_for_it(
    recorder, tmp_path, monkeypatch
):
    ended(recorder, b"/first")
    written(recorder, 1)
    year = time.time_ns() + 365 * 86400 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: year)
    ended(recorder, b"/second")
    written(recorder, 2)

    with Store(tmp_path) as store:
        first, second = store.latest(2)
    assert (first.target, second.target) == ("/first", "/second")
    assert abs(second.started - year // 1000) < 60e6


def test_opening_needs_no_store(tmp_path):
    recorder = Recorder(tmp_path / "never", Keep())
    assert recorder.open(PEER, request(), 0.0).id == 0


@pytest.mark.parametrize(("mark", "parent"), [(b"7", 7), (b"x", 0)])
def test_a_replay_is_recorded_with_what_it_repeats(recorder, tmp_path, mark, parent):
    plain = ended(recorder)
    again = request()._replace(headers=Headers([(b"Host", b"app.test"), (b"Tunnel-Replay", mark)]))
    record = recorder.open(PEER, again, time.perf_counter())
    record.ended = record.started
    recorder.close(record)
    written(recorder, 2)

    with Store(tmp_path) as store:
        assert store.exchange(record.id).parent == store.summary(record.id).parent == parent
        assert store.exchange(plain.id).parent == 0
