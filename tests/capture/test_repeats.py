"""What many exchanges say alike stands in the store once, and nobody who reads can tell."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capture.making import request, response
from tunnel.capture import repeats, store_repeats, store_write
from tunnel.capture.alive import Claim
from tunnel.capture.gathering import Batch
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.capture.store_schema import FILE, trouble
from tunnel.capture.store_write import WriteError, Writing
from tunnel.capture.tap import Record
from tunnel.model.config import Keep
from tunnel.model.peer import Peer

SECRET = b"/?token=f3b1c9a07d2e4f58"
TARGETS = [b"/", b"/a", b"/b"]
PEERS = [Peer("127.0.0.1", 50_000 + number, "127.0.0.1", 62893, None, 0.0, 0.0) for number in range(3)]


class Front:
    """Records by the recorder's own code, in this thread, and knows what it recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.callers: dict[Peer, tuple[str, int]] = {}
        self.passed: dict[int, tuple[str, bytes, int, str]] = {}  # target, answer, port, caller, by number
        self.running: list[Record] = []
        self.recorder = Recorder(folder, Keep(), callers=self.callers.get)
        self.writer = self.recorder._writer
        self.writer._commit(Batch())

    def begin(self, target: bytes, peer: Peer) -> Record:
        record = self.recorder.open(peer, request(target), time.perf_counter())
        record.sent, record.upstream = record.request.raw, "127.0.0.1:3000"
        return record

    def end(self, record: Record, fields: bytes = b"") -> None:
        record.response, record.ended = response(fields=fields), record.started
        record.returned = record.response.raw
        self.recorder.close(record)

    def write(self) -> None:
        while (batch := self.writer._taken()).records:
            while not self.writer._commit(batch):
                pass
            assert not self.writer._counts.last_error or self.writer._counts.last_error.startswith(
                ("the disk", "recording")
            )
            for entry in batch.records:
                record = entry.record
                answer = b"" if record.response is None else record.response.raw
                caller, _ = self.callers.get(record.peer, ("", 0))
                self.passed[record.id] = (record.request.target.decode(), answer, record.peer.port, caller)

    def stop(self) -> None:
        self.writer._finish(Batch(), True)


def held(folder: Path) -> dict[int, tuple[str, bytes, int, str]]:
    with Store(folder) as store:
        found = [store.exchange(id) for id in store.ids(None)]
    return {of.id: (of.target, of.response_head, of.port, of.caller) for of in found}


def tables(folder: Path) -> tuple[list[int], list[int]]:
    """Return the numbers in `heads` and in `connection`, each of which some exchange has to refer to."""
    with closing(sqlite3.connect(folder / FILE)) as sql:
        here = [
            [id for (id,) in sql.execute(f"SELECT id FROM {table} ORDER BY id")] for table in ("heads", "connection")
        ]
        meant = [
            [id for (id,) in sql.execute(f"SELECT DISTINCT {column} FROM course ORDER BY 1")]
            for column in ("heads", "connection")
        ]
    for some, of_use in zip(here, meant, strict=True):
        assert set(of_use) <= set(some)
    return here[0], here[1]


def remove(folder: Path, ids: list[int]) -> None:
    claim = Claim(folder)
    writing = Writing(claim, folder, pytest.fail)
    with writing:
        writing.remove(ids)
    writing.close()
    claim.release()


@contextmanager
def spans_of(bits: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (repeats, store_repeats, store_write):
            patch.setattr(module, "SPAN_BITS", bits)
        yield


def test_equal_heads_and_a_connection_stand_in_the_store_once(tmp_path):
    front = Front(tmp_path)
    for number in range(100):
        front.end(front.begin(b"/", PEERS[number % 2]))
    front.write()
    front.stop()

    assert held(tmp_path) == front.passed
    assert len(front.passed) == 100
    heads, connections = tables(tmp_path)
    assert (len(heads), len(connections)) == (1, 2)


def test_a_program_whose_name_comes_late_is_told_of_the_exchanges_that_follow(tmp_path):
    front = Front(tmp_path)
    for caller in (None, ("curl", 7), ("curl", 7)):
        if caller:
            front.callers[PEERS[0]] = caller
        front.end(front.begin(b"/", PEERS[0]))
        front.write()
    front.stop()

    assert [caller for _, _, _, caller in held(tmp_path).values()] == ["", "curl", "curl"]
    assert len(tables(tmp_path)[1]) == 2


def test_a_secret_that_comes_again_is_hidden_again_and_counted_for_each(tmp_path):
    front = Front(tmp_path)
    for _ in range(3):
        front.end(front.begin(SECRET, PEERS[0]))
        front.write()

    with Store(tmp_path) as store:
        found = [store.exchange(id) for id in store.ids(None)]
    assert len(tables(tmp_path)[0]) == 1
    assert {of.redacted for of in found} == {1}
    assert "f3b1c9a07d2e4f58" not in found[0].target
    assert front.recorder.vault.reveal(found[2].target.encode()) == (SECRET, 0)
    front.stop()


def test_exchanges_of_two_spans_share_nothing(tmp_path):
    front = Front(tmp_path)
    with spans_of(4):
        for _ in range(40):
            front.end(front.begin(b"/", PEERS[0]))
        front.write()
    front.stop()

    heads, _ = tables(tmp_path)
    assert [id >> 4 for id in heads] == [0, 1, 2]
    assert held(tmp_path) == front.passed


def test_what_is_remembered_takes_no_more_memory_than_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(repeats, "MOST_HELD", 1000)
    front = Front(tmp_path)
    for number in range(200):
        front.end(front.begin(b"/%d" % number, PEERS[0]))
    front.write()

    remembered = front.writer._repeats._known
    assert sum(len(part) for key in remembered for part in key) <= 1000 + 300
    front.stop()
    assert held(tmp_path) == front.passed


def test_one_that_is_read_while_it_runs_is_shared_by_nobody(tmp_path):
    front = Front(tmp_path)
    long, longer = front.begin(b"/", PEERS[0]), front.begin(b"/", PEERS[0])
    front.recorder.show(long)
    front.recorder.show(longer)
    front.write()
    front.end(front.begin(b"/", PEERS[0]))
    front.write()
    front.end(long, b"X-Late: yes\r\n")
    front.write()
    assert held(tmp_path) == front.passed
    front.end(longer)
    front.write()
    front.stop()

    assert held(tmp_path) == front.passed
    assert front.passed[long.id][1] != b""


def test_what_was_dropped_with_a_batch_is_said_again(tmp_path, monkeypatch):
    front = Front(tmp_path)
    front.end(front.begin(b"/", PEERS[0]))
    with monkeypatch.context() as patch:
        patch.setattr(front.writer._store, "add_exchanges", lambda rows: 1 / 0)
        assert front.writer._commit(front.writer._taken())
    assert front.writer._counts.dropped == 1
    front.writer._counts.last_error = ""
    front.end(front.begin(b"/", PEERS[0]))
    front.write()
    front.stop()

    assert held(tmp_path) == front.passed
    assert len(front.passed) == 1


def test_what_another_process_has_removed_is_said_again(tmp_path):
    front = Front(tmp_path)
    for _ in range(2):
        front.end(front.begin(b"/", PEERS[0]))
        front.write()
        remove(tmp_path, list(front.passed)[:1])
        remove(tmp_path, list(front.passed)[1:])
        front.passed.clear()
        assert tables(tmp_path) == ([], [])
    front.end(front.begin(b"/", PEERS[0]))
    front.write()
    front.stop()

    assert held(tmp_path) == front.passed


def test_a_number_that_a_killed_process_gave_back_is_of_no_heads_that_others_share(tmp_path):
    """Its newest exchange was removed, and an older one, which ended later, refers to what that one said first."""
    front = Front(tmp_path)
    late = front.begin(b"/", PEERS[0])
    front.end(front.begin(b"/", PEERS[0]))
    front.write()
    front.end(late)
    front.write()
    remove(tmp_path, [late.id + 1])
    front.writer._store.abandon()  # killed
    front.writer._claim.release()

    other = Front(tmp_path)
    for _ in range(3):
        other.end(other.begin(b"/other", PEERS[1]))
    other.write()
    other.stop()

    assert held(tmp_path)[late.id] == front.passed[late.id]
    assert {id: said for id, said in held(tmp_path).items() if id != late.id} == other.passed


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans()), max_size=12)),
    st.tuples(st.just("show"), st.tuples(st.integers(0, 2), st.integers(0, 2))),
    st.tuples(st.just("end"), st.booleans()),
    st.tuples(st.just("name"), st.integers(0, 2)),
    st.tuples(st.just("remove"), st.one_of(st.lists(st.integers(0, 40), max_size=20), st.just(range(200)))),
    st.tuples(st.just("fail"), st.just(0)),
    st.tuples(st.just("write"), st.just(0)),
    st.tuples(st.just("write"), st.just(0)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25), st.integers(1, 4))
def test_sharing_changes_nothing_of_what_is_read(steps, bits):
    """Whoever passes, ends late, is removed by another process, or was in a batch that could not be written."""
    with tempfile.TemporaryDirectory() as name, spans_of(bits):
        front = Front(Path(name))
        for kind, of in steps:
            match kind:
                case "pass":
                    for target, peer, other in of:
                        front.end(front.begin(TARGETS[target], PEERS[peer]), b"X-Other: 1\r\n" if other else b"")
                case "show":
                    record = front.begin(TARGETS[of[0]], PEERS[of[1]])
                    front.recorder.show(record)
                    front.running.append(record)
                case "end" if front.running:
                    front.end(front.running.pop(0 if of else -1))
                case "name":
                    front.callers[PEERS[of]] = ("curl", of)
                case "remove":
                    front.write()
                    remove(front.folder, sorted(set(of)))
                    left = held(front.folder)
                    front.passed = {id: said for id, said in front.passed.items() if id in left}
                case "fail":
                    fail_once(front)
                case "write":
                    front.write()
            if kind == "write":
                assert held(front.folder) == front.passed
        front.write()
        assert held(front.folder) == front.passed
        ids = sorted(front.passed)
        front.stop()
        remove(front.folder, ids)
        assert tables(front.folder) == ([], [])


def fail_once(front: Front) -> None:
    """Have the next batch fail in the midst of its transaction."""
    store = front.writer._store
    if store is None:
        return

    def full(rows: object) -> None:
        del store.add_exchanges  # type: ignore[method-assign]
        raise WriteError(trouble(store.path, OSError(28, "No space left on device")))

    store.add_exchanges = full  # type: ignore[method-assign]
