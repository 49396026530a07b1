"""The store by itself: numbers, changes, and what is removed."""

import dataclasses
import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capture.making import PEER, begun, ended, request, response, until
from tests.capture.old_stores import old_store
from tests.capture.tables import spoil
from tunnel.capture import alive
from tunnel.capture.alive import Claim
from tunnel.capture.clock import Clock
from tunnel.capture.columns import COMMON, COURSE
from tunnel.capture.gathering import SMALL, Entry
from tunnel.capture.recorder import Recorder
from tunnel.capture.retention import AT_LEAST, FOREVER, GIVEN_BACK, INTERVAL, Retention
from tunnel.capture.rows import Connection, Row, Rows, Said, connection_of, course_of, peer_text, said_of, together
from tunnel.capture.store import NoStore, Store
from tunnel.capture.store_schema import FILE, JOURNAL, PAGE, VERSION, open_for_writing, read_version
from tunnel.capture.store_write import Writing, handfuls, runs
from tunnel.capture.tap import Budget, Record
from tunnel.errors import TunnelError
from tunnel.model.config import DAYS, KIB, Keep
from tunnel.model.exchange import State
from tunnel.model.message import END


@pytest.fixture
def writing(tmp_path):
    claim = Claim(tmp_path)
    writing = Writing(claim, tmp_path, pytest.fail)
    yield writing
    writing.close()
    claim.release()


def filled(folder: Path, count: int, body: bytes = b"x" * 2000) -> None:
    recorder = Recorder(folder, Keep())
    recorder.start()
    for _ in range(count):
        ended(recorder, body=body)
    recorder.stop(10)
    assert recorder.statistics().written == count


def test_nothing_recorded_yet_is_an_answer_of_its_own(tmp_path):
    with pytest.raises(NoStore, match="nothing has been recorded"):
        Store(tmp_path)
    assert not list(tmp_path.iterdir())  # asking leaves no trace


def row(id: int, process: int) -> Rows:
    record = Record(id, PEER, request(), 0.0, 0, Budget(0))
    entry = Entry(record, State.DONE, (0, 0), 0)
    return together(*map(list, zip(rows_of(entry, process), strict=True)))


def rows_of(entry: Entry, process: int = 1) -> tuple[Row, Said, Connection]:
    said, who = said_of(entry.record), connection_of(entry.record, Clock(0, 0), None)
    return course_of(entry, said, who, process=process, clock=Clock(0, 0)), said, who


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 70), st.integers(0, 70), st.booleans()), max_size=12))
def test_blocks_of_numbers_never_collide(steps):
    """Whoever reserves, however much of it is used, and whoever leaves with or without a word."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        open_now: dict[int, tuple[Claim, Writing]] = {}
        used: list[int] = []
        for who, count, using, clean in steps:
            if who not in open_now:
                claim = Claim(folder)
                open_now[who] = claim, Writing(claim, folder, pytest.fail)
            claim, writing = open_now[who]
            with writing:
                block = writing.reserve(count)
            using = min(using, count)
            used += block[:using]
            with writing:
                for id in block[:using]:
                    made = row(id, writing.process)
                    writing.add_shared(made.said, made.connections)
                    writing.add_exchanges(made)
            if using < count:
                del open_now[who]
                if clean:
                    writing.close(block[using])
                else:
                    writing.abandon()
                claim.release()
        for claim, writing in open_now.values():
            writing.close()
            claim.release()

    assert len(set(used)) == len(used)


def test_a_claim_holds_as_long_as_its_process_and_no_longer(tmp_path):
    claim = Claim(tmp_path)
    assert alive.is_alive(tmp_path, claim.process)
    claim.release()
    claim.release()
    assert not alive.is_alive(tmp_path, claim.process)
    assert not alive.is_alive(tmp_path, 12345)


def test_a_small_body_lies_in_its_row_and_a_large_one_in_pieces(tmp_path):
    """Which of the two is the writer's affair: who reads gets the same."""
    small, large = b"s" * SMALL, b"l" * (SMALL + 1)
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    ids = [ended(recorder, body=body).id for body in (small, large, b"")]
    recorder.stop(10)

    with Store(tmp_path) as store:
        assert [store.body(id, "response") for id in ids] == [small, large, b""]
        assert [store.exchange(id).response.kept for id in ids] == [SMALL, SMALL + 1, 0]
        assert store._sql.execute("SELECT count(*) FROM body").fetchone() == (1,)


def test_a_row_that_says_nothing_rare_is_short_and_reads_like_a_long_one(tmp_path):
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    common = begun(recorder)
    common.response, common.returned, common.ended = response(), b"x", common.started + 1
    common.request_trailers = common.response_trailers = END.trailers
    recorder.close(common)
    recorder.stop(10)
    entry = Entry(common, State.DONE, (0, 0), 0)
    short, said, who = rows_of(entry)
    common.repairs = ("a repair",)
    long, *_ = rows_of(entry)

    assert len(short) == len(COMMON) and len(long) == len(COURSE)
    one = together([short, short], [said] * 2, [who] * 2)
    two, mixed = together([long], [said], [who]), together([short, long], [said] * 2, [who] * 2)
    mixed.number(range(7, 9))
    assert (len(one), len(two), len(mixed)) == (2, 1, 2)
    assert one.summaries() == two.summaries() * 2
    assert [summary.revision for summary in mixed.summaries()] == [7, 8]
    with Store(tmp_path) as store:
        read = store.exchange(common.id)
    assert (read.failure, read.repairs, read.upgrade, read.request_trailers) == (None, (), "", b"")


@given(st.integers(0, 300))
def test_handfuls_are_all_in_order_and_of_few_sizes(count):
    taken = list(handfuls(range(count)))

    assert [thing for some in taken for thing in some] == list(range(count))
    assert {len(some) for some in taken} <= {128, 64, 32, 16, 8, 4, 2, 1}


def test_since_tells_of_new_ones_and_of_ends_in_their_order_and_in_parts(tmp_path):
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    long = begun(recorder, b"/long")
    recorder.show(long)
    with _store(tmp_path) as store:
        until(lambda: store.since(0, 10))
        for number in range(5):
            ended(recorder, b"/%d" % number)
            until(lambda: recorder.statistics().written == number + 1)  # noqa: B023
        long.ended = long.started
        recorder.close(long)
        recorder.stop(5)
        seen, revision = [], 0
        while some := store.since(revision, 2):
            seen += some
            revision = some[-1].revision

    assert [(s.target, s.state) for s in seen] == [*((f"/{n}", "done") for n in range(5)), ("/long", "done")]


def _store(folder: Path) -> Store:
    until(lambda: (folder / "records.sqlite").exists())
    return Store(folder)


def test_latest_is_by_time_and_not_by_number(tmp_path):
    """Two processes hold different blocks of numbers, so the numbers alone say little."""
    one, two = Recorder(tmp_path, Keep()), Recorder(tmp_path, Keep())
    one.start()
    two.start()
    for number, recorder in enumerate([two, one, two, one]):
        ended(recorder, b"/%d" % number)
    one.stop(5)
    two.stop(5)

    with Store(tmp_path) as store:
        assert [s.target for s in store.latest(3)] == ["/1", "/2", "/3"]


def test_a_reader_sees_whole_transactions_while_others_write(tmp_path):
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    enough = threading.Event()

    def write():
        while not enough.is_set():
            ended(recorder)
            until(lambda: recorder.statistics().waiting_rows < 500)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with _store(tmp_path) as store:
            until(lambda: len(store.latest(1000)) == 1000)
            for summary in store.latest(200):
                assert store.body(summary.id, "response") == b"hello"
    finally:
        enough.set()
        thread.join()
        recorder.stop(20)


@given(st.sets(st.integers(0, 60)).map(sorted))
def test_runs_cover_the_numbers_and_nothing_else(ids):
    assert [id for first, last in runs(ids) for id in range(first, last + 1)] == ids


def steps(retention: Retention, writing: Writing, now: int) -> int:
    """Take steps until there is nothing to do; return how many it took."""
    for count in range(1, 10_000):
        retention.step(writing, now)
        if retention.pause > 1:
            return count
    raise AssertionError("it never ends")


def test_what_is_too_old_goes_and_the_file_shrinks(tmp_path, writing):
    filled(tmp_path, 1500)
    with Store(tmp_path) as store:
        cut = store.latest(100)[0].started
    writing._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = writing.path.stat().st_size

    taken = steps(Retention(Keep(age=1 * DAYS)), writing, cut + int(1 * DAYS * 1e6))

    writing._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert taken > 3  # in small steps
    assert writing.path.stat().st_size < before / 5
    with Store(tmp_path) as store:
        left = store.latest(2000)
        assert len(left) == 100 and left[0].started == cut
        assert store.body(left[0].id, "response") == b"x" * 2000


def test_the_oldest_go_when_the_store_is_too_large(tmp_path, writing):
    filled(tmp_path, 1500)
    before = _latest_ids(tmp_path)

    steps(Retention(Keep(size=1000 * KIB)), writing, INTERVAL)

    writing._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert 700 * KIB < writing.path.stat().st_size <= 1000 * KIB
    left = _latest_ids(tmp_path)
    assert left and left == before[-len(left) :]  # by when they began, which is not always by number


def test_as_many_free_pages_are_given_back_as_were_asked_for(tmp_path, writing):
    filled(tmp_path, 500)
    with writing:
        writing.remove_oldest(500, FOREVER, 1 << 40)
    free = writing.free()
    assert free > 50

    writing.shrink(20)

    assert writing.free() == free - 20


def pragma(folder: Path, name: str) -> int:
    with closing(sqlite3.connect(folder / FILE)) as sql:
        return int(sql.execute(f"PRAGMA {name}").fetchone()[0])


def test_a_new_store_has_large_pages_and_gives_them_back(tmp_path):
    filled(tmp_path, 10)

    assert (pragma(tmp_path, "page_size"), pragma(tmp_path, "auto_vacuum")) == (PAGE, 2)


def test_a_store_of_small_pages_goes_on_with_them(tmp_path):
    """The journal is carried over after as many bytes, and as many are given back at once."""
    old_store(tmp_path, 4)
    filled(tmp_path, 1500)
    with closing(open_for_writing(tmp_path, pytest.fail)) as sql:
        assert sql.execute("PRAGMA wal_autocheckpoint").fetchone()[0] * 4096 == JOURNAL
    claim = Claim(tmp_path)
    writing = Writing(claim, tmp_path, pytest.fail)
    before = writing.path.stat().st_size

    steps(Retention(Keep(size=1000 * KIB)), writing, INTERVAL)
    writing.close()
    claim.release()

    assert pragma(tmp_path, "page_size") == 4096
    assert writing.path.stat().st_size <= 1000 * KIB < before
    with Store(tmp_path) as store:
        assert {store.body(summary.id, "response") for summary in store.latest(2000)} == {b"x" * 2000}


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("SELECT id, status FROM exchange WHERE status >= 500", ["course"]),
        ("SELECT target FROM exchange ORDER BY started DESC, id DESC LIMIT 9", ["course_started", "heads"]),
        ("SELECT id FROM exchange WHERE state = 'running'", ["course_running"]),
        ("SELECT revision FROM exchange WHERE revision > 5 ORDER BY revision LIMIT 9", ["course_revision"]),
    ],
)
def test_of_the_view_only_the_tables_are_read_that_are_asked_for_and_by_their_indexes(tmp_path, asked, read):
    filled(tmp_path, 1)

    with closing(sqlite3.connect(tmp_path / FILE)) as sql:
        plan = [step for *_, step in sql.execute(f"EXPLAIN QUERY PLAN {asked}")]

    assert [next(name for name in read if name in step) for step in plan if "BLOOM" not in step] == read, plan


def test_exchanges_of_a_store_of_version_5_are_read_as_they_were_and_new_ones_stand_beside_them(tmp_path):
    heads = (
        b"GET /a HTTP/1.1\r\nHost: app.test\r\n\r\n",
        b"GET /a HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n",
    )
    row = {
        "id": 1, "revision": 1, "process": 9, "state": "done", "started": 1_800_000_000_000_000, "ended": 5, "method": "GET",
        "host": "app.test", "target": "/a", "status": 200, "request_size": 3, "response_size": 4, "caller": "curl",
        "caller_pid": 7, "parent": 2, "device": "Pixel 9", "rule": "pairing", "request_kept": 3, "response_kept": 4,
        "connected": 1, "first": 2, "upstream": "127.0.0.1:3000", "reused": 1,
        "connection": peer_text(PEER, 1_800_000_000_000_000, 1_800_000_000_000_001), "request_head": heads[0],
        "sent_head": heads[1], "response_head": heads[2], "request_body": b"abc", "response_body": b"efgh",
    }  # fmt: skip
    old_store(tmp_path, 5)
    with closing(sqlite3.connect(tmp_path / FILE)) as sql, sql:
        for id in (1, 2):
            of = row | {"id": id, "revision": id}
            sql.execute(f"INSERT INTO exchange ({', '.join(of)}) VALUES ({', '.join('?' * len(of))})", [*of.values()])
        sql.execute("UPDATE counter SET id = 3, revision = 3")
    filled(tmp_path, 1)

    with Store(tmp_path) as store:
        first, second, new = (store.exchange(id) for id in (1, 2, 3))
        assert (first.method, first.host, first.target, first.status, first.caller) == (
            "GET",
            "app.test",
            "/a",
            200,
            "curl",
        )
        assert (first.request_head, first.sent_head, first.response_head) == heads
        assert (first.returned_head, first.device, first.rule, first.parent) == (heads[2], "Pixel 9", "pairing", 2)
        assert (first.port, first.tls, first.timings.first, first.upstream) == (
            PEER.port,
            PEER.tls,
            2,
            "127.0.0.1:3000",
        )
        assert (store.body(1, "request"), store.body(1, "response")) == (b"abc", b"efgh")
        assert dataclasses.replace(first, id=2, revision=2) == second
        assert new.id == 3
        assert store.summary(1).type == "a/b"


def test_a_store_that_an_older_tunnel_still_writes_to_is_left_as_it_is_until_that_one_stops(tmp_path):
    old_store(tmp_path, 5)
    older = Claim(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as sql, sql:
        sql.execute("INSERT INTO process VALUES (?, 1, -1)", (older.process,))
    told: list[str] = []
    recorder = Recorder(tmp_path, Keep(), on_trouble=lambda error: told.append(error.what))
    recorder.start()
    ended(recorder)
    until(lambda: told)

    assert told == [
        f"a tunnel of an older version is recording to the store {tmp_path / FILE}, which this one would change"
    ]
    assert pragma(tmp_path, "user_version") == 5
    older.release()
    until(lambda: recorder.statistics().written)
    recorder.stop(5)
    assert told[1:] == ["recording works again"]
    with Store(tmp_path) as store:
        assert [summary.target for summary in store.latest(5)] == ["/"]


@pytest.mark.parametrize("size", [4096, PAGE])
def test_free_pages_are_given_back_by_their_bytes_however_large_one_is(size):
    class Removing(SimpleNamespace):
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    given: list[int] = []
    for free in (AT_LEAST // size, AT_LEAST // size + 1):
        store = Removing(size=lambda: 0, page_size=lambda: size, remove_oldest=lambda *of: 0, shrink=given.append)
        store.free = [free].pop
        Retention(Keep()).step(store, INTERVAL)

    assert [pages * size for pages in given] == [GIVEN_BACK]


def _latest_ids(folder: Path) -> list[int]:
    with Store(folder) as store:
        return [s.id for s in store.latest(100_000)]


def test_retention_runs_beside_the_recording(tmp_path):
    recorder = Recorder(tmp_path, Keep(size=600 * KIB))
    recorder._writer._retention._next = 0
    recorder.start()
    recorder._writer._retention._next = 0
    for _ in range(1000):
        ended(recorder, body=b"x" * 2000)
    until(lambda: recorder.statistics().written == 1000)
    recorder._writer._retention._next = 0
    ended(recorder)
    with Store(tmp_path) as store:
        until(lambda: len(store.latest(2000)) < 400)
    recorder.stop(5)

    assert recorder.statistics().last_error == ""


def test_a_store_that_another_process_makes_meanwhile_is_not_taken_for_a_strangers(tmp_path):
    """Two processes that begin at once, in an empty folder: between the version and the tables lies the other's commit."""

    class Meanwhile(sqlite3.Connection):
        looks = 0

        def execute(self, sql, *values):
            self.looks += 1
            found = super().execute(sql, *values).fetchall()
            if self.looks == 1:
                open_for_writing(tmp_path, lambda error: None).close()
            return SimpleNamespace(fetchone=lambda: found[0])

    connection = sqlite3.connect(tmp_path / FILE, factory=Meanwhile)
    version = read_version(connection, tmp_path / FILE)
    connection.close()

    assert version == VERSION


def test_a_number_that_no_exchange_can_have_finds_none(tmp_path):
    filled(tmp_path, 1)

    with Store(tmp_path) as store:
        assert store.exchange(2**70) is None
        assert store.exchange(-1) is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "'dne'"), ("fault", "'ups'"), ("connection", "'{}'"), ("method", "x'ff00'"), ("messages", "5.5"),
        ("heads", "99"),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_a_damaged_store_and_not_a_traceback(tmp_path, column, value):
    filled(tmp_path, 1)
    path = tmp_path / FILE
    spoil(tmp_path, column, value)

    with Store(tmp_path) as store, pytest.raises(TunnelError, match="is damaged") as refused:
        store.exchange(store.latest(1)[0].id)

    assert refused.value.hint == f"put it away: mv {path} {path}.damaged"
