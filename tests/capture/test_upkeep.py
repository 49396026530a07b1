"""A store made smaller on demand: what goes, what stays, and that nobody who writes is hindered."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capture.making import begun, ended, until
from tunnel.capture import search
from tunnel.capture import upkeep as module
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import NoStore, Store
from tunnel.capture.store_schema import FILE
from tunnel.capture.upkeep import family_size, set_aside_stores, upkeep
from tunnel.errors import TunnelError
from tunnel.model.config import KIB, Keep


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    yield recorder
    recorder.stop(10)
    assert recorder.statistics().last_error == ""


def filled(folder: Path, count: int, body: bytes = b"x" * 2000) -> list[int]:
    """Record so many exchanges and stop; return their numbers, the oldest first."""
    recorder = Recorder(folder, Keep())
    recorder.start()
    for number in range(count):
        ended(recorder, b"/%d" % number, body=body)
    recorder.stop(10)
    assert recorder.statistics().written == count
    return left(folder)


def left(folder: Path) -> list[int]:
    with Store(folder) as store:
        return [summary.id for summary in store.latest(100_000)]


def fail(error: TunnelError) -> None:
    pytest.fail(error.what)


class Said:
    def __init__(self) -> None:
        self.counts: list[int] = []

    def __call__(self, count: int) -> None:
        self.counts.append(count)


def test_what_began_before_a_moment_goes_in_steps_that_are_told(tmp_path: Path) -> None:
    ids = filled(tmp_path, 1500)
    with Store(tmp_path) as store:
        moment = store.latest(100)[0].started
    said = Said()

    with upkeep(tmp_path, fail) as at:
        removed = at.remove_before(moment, said)

    assert removed == 1400
    assert left(tmp_path) == ids[-100:]
    assert said.counts == [500, 1000, 1400]


def test_the_oldest_go_until_the_rest_is_small_enough(tmp_path: Path) -> None:
    ids = filled(tmp_path, 1500)

    with upkeep(tmp_path, fail) as at:
        removed = at.remove_to_size(1000 * KIB, Said())
        assert 900 * KIB < at.size <= 1000 * KIB

    assert left(tmp_path) == ids[removed:]
    assert 0 < removed < 1500


def test_what_is_named_goes_and_nothing_else(tmp_path: Path) -> None:
    ids = filled(tmp_path, 1200)

    with upkeep(tmp_path, fail) as at:
        removed = at.remove_these(iter([*ids[::2], 10**6]), Said())

    assert removed == 600
    assert left(tmp_path) == ids[1::2]
    with Store(tmp_path) as store:
        assert store.body(ids[0], "response") == b""
        assert store.body(ids[1], "response") == b"x" * 2000


def test_what_still_runs_is_never_removed(recorder: Recorder, tmp_path: Path) -> None:
    running = begun(recorder, b"/running")
    recorder.show(running)
    done = ended(recorder)
    until(lambda: recorder.statistics().written == 1)
    until(lambda: len(left(tmp_path)) == 2)

    with upkeep(tmp_path, fail) as at:
        assert at.remove_these([running.id], Said()) == 0
        assert at.remove_to_size(0, Said()) == 1

    assert left(tmp_path) == [running.id]
    assert done.id != running.id
    running.ended = running.started
    recorder.close(running)
    until(lambda: recorder.statistics().written == 2)


def test_free_space_is_given_back(tmp_path: Path) -> None:
    filled(tmp_path, 1500)
    before, said = family_size(tmp_path / FILE), Said()

    with upkeep(tmp_path, fail) as at:
        at.remove_to_size(200 * KIB, Said())
        given = at.shrink(said)

    assert given == said.counts[-1] > before // 2
    assert family_size(tmp_path / FILE) < before // 4


def test_a_store_that_nobody_writes_to_is_written_anew_without_gaps(tmp_path: Path) -> None:
    """Every other exchange removed leaves pages half empty, which giving back whole pages cannot help."""
    ids = filled(tmp_path, 1000, body=b"x" * 500)
    with upkeep(tmp_path, fail) as at:
        at.remove_these(ids[::2], Said())
        at.shrink(Said())
        before = at.size

        assert at.alone
        assert at.write_anew()

        assert at.size < before * 0.75
    assert left(tmp_path) == ids[1::2]


def test_a_store_that_somebody_writes_to_is_not_locked_for_long(recorder: Recorder, tmp_path: Path) -> None:
    ended(recorder)
    until(lambda: recorder.statistics().written == 1)

    with upkeep(tmp_path, fail) as at:
        assert not at.alone
        assert not at.write_anew()


def test_a_recorder_goes_on_while_thousands_are_removed(tmp_path: Path) -> None:
    filled(tmp_path, 5000)
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    enough = threading.Event()
    new: list[object] = []

    def record() -> None:
        while not enough.is_set():
            new.append(ended(recorder, b"/new"))
            time.sleep(0.001)  # a load, not a wait

    thread = threading.Thread(target=record)
    thread.start()
    try:
        moment = time.time_ns() // 1000
        with upkeep(tmp_path, fail) as at:
            removed = at.remove_before(moment, Said())
            at.shrink(Said())
        until(lambda: recorder.statistics().written > 0)
    finally:
        enough.set()
        thread.join()
        recorder.stop(20)

    assert removed >= 5000
    statistics = recorder.statistics()
    assert (statistics.last_error, statistics.rows_dropped, statistics.body_bytes_dropped) == ("", 0, 0)
    assert statistics.written == len(new)
    with Store(tmp_path) as store:
        latest = store.latest(100_000)
    assert len(latest) == 5000 + len(new) - removed
    assert {summary.target for summary in latest} == {"/new"}


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 1)

    def refused(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "Claim", refused)

    with pytest.raises(TunnelError, match="cannot be opened for writing"), upkeep(tmp_path, fail):
        pass


def test_what_was_set_aside_is_found_with_its_size(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    (tmp_path / "records.aside-20260101-000000-1.sqlite").write_bytes(b"x" * 10)
    (tmp_path / "records.aside-20260101-000000-1.sqlite-wal").write_bytes(b"x" * 5)

    assert [(path.name, size) for path, size in set_aside_stores(tmp_path)] == [
        ("records.aside-20260101-000000-1.sqlite", 15)
    ]


def test_what_makes_bodies_searchable_is_forgotten_whole(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"search.sqlite{suffix}").touch()
    search.forget(tmp_path)
    search.forget(tmp_path)

    assert not list(tmp_path.iterdir())


def test_the_facts_of_a_store(recorder: Recorder, tmp_path: Path) -> None:
    with pytest.raises(NoStore):
        Store(tmp_path / "nowhere")
    with Store(tmp_path) as store:
        empty = store.facts()
        assert (empty.exchanges, empty.oldest, empty.newest, empty.writers) == (0, None, None, 1)
        for _ in range(3):
            ended(recorder)
        until(lambda: recorder.statistics().written == 3)
        facts, latest = store.facts(), store.latest(3)
    recorder.stop(10)
    with Store(tmp_path) as store:
        assert store.facts().writers == 0
    assert (facts.exchanges, facts.oldest, facts.newest) == (3, latest[0].started, latest[-1].started)
    assert facts.size >= facts.free == 0
