"""When the parts of an answer's body came: cut as it is written, kept while it runs, found again as it is read."""

import gzip
import sqlite3
import zlib
from collections import deque
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.exchanges import STARTED, exchange
from tests.capture.making import begun, response, until
from tests.capture.old_stores import old_store
from tunnel.capture import moments
from tunnel.capture.recode import encoder
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.capture.store_schema import FILE, VERSION, open_for_writing
from tunnel.capture.tap import Record
from tunnel.errors import TunnelError
from tunnel.model.config import Keep
from tunnel.model.exchange import Moment, State, Timings

EVENTS = b"text/event-stream; charset=utf-8"


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.floats(0, 0.01)), min_size=1), st.integers(0, 60))
def test_pieces_are_joined_only_while_they_come_at_one_time(came: list[tuple[bytes, float]], noted: int) -> None:
    """Whether or not the time of each of them was noted: then they are what came after the others."""
    times, now = [], 100.0
    for _, pause in came:
        now += pause
        times.append(now)

    parts = moments.together([piece for piece, _ in came], deque(times[:noted]))

    assert b"".join(part for part, _ in parts) == b"".join(piece for piece, _ in came)
    assert all(part for part, _ in parts)
    told = [at for _, at in parts if at is not None]
    assert told == sorted(told)
    assert set(told) <= set(times)
    assert len(parts) - len(told) == (noted < len(came))
    size = 0
    for part, at in parts:
        first = len([1 for end in _ends(came) if end <= size])  # the piece that this part begins with
        size += len(part)
        if at is not None:
            assert at - times[first] <= moments.TOGETHER
            assert at == times[_ends(came).index(size)]  # it ends where a piece did, and has that one's time


def _ends(came: list[tuple[bytes, float]]) -> list[int]:
    found, size = [], 0
    for piece, _ in came:
        size += len(piece)
        found.append(size)
    return found


def test_where_nobody_noted_times_it_is_one_part() -> None:
    assert moments.together([b"a", b"b"], None) == [(b"ab", None)]
    assert moments.together([b"a", b"b"], deque()) == [(b"ab", None)]


def test_a_place_has_the_time_of_the_part_that_it_lies_in() -> None:
    known = [Moment(4, 10), Moment(9, 20), Moment(12, None)]

    assert [moments.when(known, end) for end in (1, 4, 5, 9, 10, 12, 13)] == [10, 10, 20, 20, None, None, None]
    assert moments.when([], 1) is None


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_moments_of_a_coded_body_are_found_in_what_it_holds(coding: bytes) -> None:
    writer = encoder(coding)
    texts = [b"data: 1\n\n", b"data: " + b"two" * 5000 + b"\n\n", b"data: 3\n\n"]
    coded = [writer.feed(text, last=text is texts[-1]) for text in texts]
    ends = [sum(map(len, coded[: number + 1])) for number in range(3)]

    found = moments.decoded([Moment(end, at) for at, end in enumerate(ends)], b"".join(coded), [coding])

    assert [(moment.end, moment.at) for moment in found] == [(9, 0), (9 + 15_008, 1), (18 + 15_008, 2)]


def test_of_what_cannot_be_decoded_no_moment_is_known() -> None:
    body = gzip.compress(b"hello")

    assert moments.decoded([Moment(3, 1)], body, [b"gzip", b"br"]) == []
    assert moments.decoded([Moment(3, 1)], body, [b"unknown"]) == []
    assert moments.decoded([Moment(5, 1), Moment(9, 2)], b"no gz" + b"ip..", [b"gzip"]) == []
    assert moments.decoded([Moment(3, 1)], body, [b"identity"]) == [Moment(3, 1)]
    assert moments.decoded([Moment(1 << 62, 1)], zlib.compress(b"hello"), [b"deflate"]) == [Moment(5, 1)]


def test_an_answer_that_came_at_once_did_so_when_its_first_byte_came() -> None:
    soon = exchange(timings=Timings(0, 0, 100, 2000, 2000 + moments.AT_ONCE))
    late = exchange(timings=Timings(0, 0, 100, 2000, 2001 + moments.AT_ONCE))

    assert moments.when(moments.known(soon, []), 1000) == STARTED + 2000
    assert moments.known(late, []) == []
    assert moments.known(exchange(timings=Timings(0, 0, 100, 2000, None)), []) == []
    assert moments.known(soon, [Moment(3, 7)]) == [Moment(3, 7)]


def test_what_stands_for_a_secret_may_be_of_another_length() -> None:
    body = b"data: redacted\n\ndata: 2\n\n"

    found = moments.changed(
        [Moment(16, 1), Moment(25, 2), Moment(99, 3)], body, lambda part: part.replace(b"redacted", b"it")
    )

    assert found == [Moment(10, 1), Moment(19, 2), Moment(99, 3)]


# In the store.


def stream(recorder: Recorder, kind: bytes = EVENTS) -> Record:
    record = begun(recorder, b"/events")
    record.response = response(200, b"Content-Type: %b\r\n" % kind)
    record.returned = record.response.raw
    return record


def end(recorder: Recorder, record: Record, at: float) -> None:
    record.ended = at
    recorder.close(record)
    until(lambda: recorder.statistics().written == recorder.statistics().opened)


@pytest.fixture
def recorder(tmp_path: Path):
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    yield recorder
    recorder.stop(5)


def test_each_event_of_a_stream_has_its_time_while_it_runs_and_afterwards(recorder: Recorder, tmp_path: Path) -> None:
    record = stream(recorder)
    recorder.show(record)
    until(lambda: (tmp_path / FILE).exists())
    with Store(tmp_path) as store:
        for number in range(3):
            record.timed(b"data: %d\n\n" % number, record.started + 0.2 * number)
            until(lambda number=number: len(store.moments(record.id)) == number + 1)
        assert store.exchange(record.id).state is State.RUNNING
        running = store.moments(record.id)
        end(recorder, record, record.started + 1)

        assert store.moments(record.id) == running
        assert [moment.end for moment in running] == [9, 18, 27]
        assert [moment.at - store.exchange(record.id).started for moment in running] == pytest.approx(
            [0, 200_000, 400_000], abs=1
        )


def test_a_stream_that_was_over_soon_has_them_too_and_any_other_answer_takes_no_more_room(
    recorder: Recorder, tmp_path: Path
) -> None:
    ids = []
    for kind in (EVENTS, b"Application/X-NDJSON", b"text/html"):
        record = stream(recorder, kind)
        for number in range(3):
            record.timed(b"%d\n" % number, record.started + 0.1 * number)
        end(recorder, record, record.started + 0.3)
        ids.append(record.id)

    with Store(tmp_path) as store:
        assert [len(store.moments(id)) for id in ids] == [3, 3, 0]
        assert [store.body(id, "response") for id in ids] == [b"0\n1\n2\n"] * 3
        assert [store.exchange(id).response.kept for id in ids] == [6, 6, 6]
        assert store._sql.execute("SELECT count(*) FROM body").fetchone() == (6,)


def test_beyond_what_is_kept_no_time_is_noted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Keep(body_size=10))
    record = begun(recorder)

    for number in range(1000):
        record.timed(b"data", float(number))

    assert record.times is not None
    assert (len(record.times), record.response_body.size) == (3, 4000)


def test_a_secret_that_lies_across_two_pieces_has_the_time_of_the_second(recorder: Recorder, tmp_path: Path) -> None:
    record = stream(recorder)
    for number, piece in enumerate((b"data: 1\n\n", b'data: {"password": "corr', b'ect horse"}\n\n', b"data: 3\n\n")):
        record.timed(piece, record.started + 0.2 * number)
    end(recorder, record, record.started + 1)

    with Store(tmp_path) as store:
        body, started = store.body(record.id, "response"), store.exchange(record.id).started
        known = store.moments(record.id)
    assert b"correct" not in body
    events = body.split(b"\n\n")
    places = [sum(len(event) + 2 for event in events[: number + 1]) for number in range(3)]
    assert [moments.when(known, place) - started for place in places] == pytest.approx([0, 400_000, 600_000], abs=1)


def test_a_store_of_version_4_is_brought_up_and_knows_no_times(tmp_path: Path) -> None:
    old_store(tmp_path, 4)
    with closing(sqlite3.connect(tmp_path / FILE)) as sql, sql:
        sql.execute("INSERT INTO body VALUES (?, ?)", (7 << 32 | 1 << 31, b"old"))

    open_for_writing(tmp_path, pytest.fail).close()

    with Store(tmp_path) as store:
        assert (store.body(7, "response"), store.moments(7)) == (b"old", [])
        assert store._sql.execute("PRAGMA user_version").fetchone() == (VERSION,)
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    record = stream(recorder)
    record.timed(b"new", record.started)
    end(recorder, record, record.started + 1)
    recorder.stop(5)
    with Store(tmp_path) as store:
        assert [moment.end for moment in store.moments(record.id)] == [3]


def test_a_time_that_is_none_is_a_damaged_store(recorder: Recorder, tmp_path: Path) -> None:
    record = stream(recorder)
    record.timed(b"data: 1\n\n", record.started)
    end(recorder, record, record.started + 1)
    with closing(sqlite3.connect(tmp_path / FILE)) as sql, sql:
        sql.execute("PRAGMA writable_schema = ON")
        sql.execute("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'body'")
    with closing(sqlite3.connect(tmp_path / FILE)) as sql, sql:
        sql.execute("UPDATE body SET at = 'noon'")

    with Store(tmp_path) as store, pytest.raises(TunnelError, match="is damaged"):
        store.moments(record.id)
