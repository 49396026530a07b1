"""Disks fill up, files vanish, processes die. Traffic is never affected, and a person is told once, in a clear sentence."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.capture.making import begun, ended, until
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.errors import TunnelError
from tunnel.model.config import Keep
from tunnel.model.exchange import State

ROOT = Path(__file__).parents[2]


@pytest.fixture
def told():
    return []


@pytest.fixture
def start(tmp_path, told):
    """Start recorders, and stop those that a test has not stopped itself."""
    running = []

    def started(folder: Path = tmp_path, keep: Keep = Keep()) -> Recorder:  # noqa: B008
        recorder = Recorder(folder, keep, on_trouble=told.append)
        recorder.start()
        running.append(recorder)
        return recorder

    yield started
    for recorder in running:
        recorder.stop(2)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one mebibyte, as only root can make one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounts a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip("may not mount here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_said_once_and_what_waited_is_written_when_there_is_room(small_disk, start, told):
    recorder = start(small_disk, Keep(memory=100_000))
    ballast = small_disk / "ballast"
    room = os.statvfs(small_disk)
    ballast.write_bytes(b"x" * (room.f_bavail * room.f_frsize - 8192))
    for _ in range(40):
        ended(recorder, body=os.urandom(10_000))
    until(lambda: told)

    assert "the disk is full" in told[0].what and str(small_disk) in told[0].what and "df -h" in told[0].hint
    started = time.perf_counter()
    late = [ended(recorder, b"/late", body=b"x" * 20_000) for _ in range(1000)]
    assert time.perf_counter() - started < 1  # the way is not held up
    assert recorder.statistics().waiting_bytes <= 100_000
    assert recorder.statistics().body_bytes_dropped > 0

    ballast.unlink()
    until(lambda: recorder.statistics().written > 20)
    assert len([error for error in told if "disk is full" in error.what]) == 1
    assert late[-1].response_body.lost  # bodies went before rows


def test_a_disk_that_is_full_from_the_start_keeps_nothing_from_running(small_disk, start, told):
    (small_disk / "ballast").write_bytes(b"x" * (1 << 20))
    recorder = start(small_disk)
    record = ended(recorder)

    assert record.id == 0
    assert "the disk is full" in told[0].what
    (small_disk / "ballast").unlink()
    until(lambda: recorder.statistics().written == 1)
    assert "works again" in told[-1].what


def test_a_folder_that_cannot_be_written_is_said_with_a_way_out(tmp_path, start, told):
    (tmp_path / "file").write_bytes(b"")
    recorder = start(tmp_path / "file" / "folder")
    ended(recorder)
    recorder.stop(0.2)

    assert len(told) == 1 and str(tmp_path) in told[0].what
    assert recorder.statistics().rows_dropped == 1


def test_a_file_system_mounted_for_reading_only_is_named_as_such(small_disk, start, told):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    ended(start(small_disk))

    assert "cannot be opened for writing" in told[0].what and "--folder" in told[0].hint


def test_a_store_on_a_read_only_file_system_can_be_read(small_disk, start):
    recorder = start(small_disk)
    record = ended(recorder)
    recorder.stop(5)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    with Store(small_disk) as store:
        assert store.body(record.id, "response") == b"hello"


def test_a_deleted_store_is_begun_anew_and_numbers_go_on(tmp_path, start, told):
    recorder = start()
    first = ended(recorder)
    until(lambda: recorder.statistics().written == 1)
    for path in tmp_path.glob("records.sqlite*"):
        path.unlink()
    second = ended(recorder)
    until(lambda: recorder.statistics().written == 2)

    assert "deleted" in told[0].what
    with Store(tmp_path) as store:
        assert [s.id for s in store.latest(5)] == [second.id]
    assert second.id > first.id


def test_what_went_on_in_a_deleted_store_is_marked_as_lost_not_shown_as_the_beginning(tmp_path, start):
    recorder = start()
    record = begun(recorder)
    recorder.show(record)
    record.response_body.add(b"one")
    with Store(tmp_path) as store:
        until(lambda: store.body(record.id, "response") == b"one")
    for path in tmp_path.glob("records.sqlite*"):
        path.unlink()
    record.response_body.add(b"two")
    record.ended = record.started
    recorder.close(record)
    until(lambda: recorder.statistics().written == 1)

    with Store(tmp_path) as store:
        exchange = store.exchange(record.id)
        assert store.body(record.id, "response") == b""
    assert (exchange.response.size, exchange.response.kept, exchange.response.lost) == (6, 0, True)


@pytest.mark.parametrize("rubbish", [b"this is no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_store_is_renamed_with_a_sentence(tmp_path, start, told, rubbish):
    (tmp_path / "records.sqlite").write_bytes(rubbish)
    with pytest.raises(TunnelError, match="damaged"):
        Store(tmp_path)

    recorder = start()
    ended(recorder)
    until(lambda: recorder.statistics().written == 1)

    assert "was renamed to" in told[0].what
    (aside,) = tmp_path.glob("records.aside-*.sqlite")
    assert aside.read_bytes() == rubbish
    with Store(tmp_path) as store:
        assert len(store.latest(5)) == 1


def test_a_store_damaged_while_in_use_is_renamed_too(tmp_path, start, told):
    recorder = start()
    ended(recorder)
    until(lambda: recorder.statistics().written == 1)
    recorder.stop(5)
    with (tmp_path / "records.sqlite").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 3)
    again = start()
    ended(again)
    until(lambda: again.statistics().written == 1)

    assert any("was renamed to" in error.what for error in told)


def test_a_newer_store_is_refused_and_left_alone(tmp_path, start, told):
    with sqlite3.connect(tmp_path / "records.sqlite") as sql:
        sql.execute("PRAGMA user_version = 99")
    sql.close()
    recorder = start()
    ended(recorder)

    assert "made by a newer tunnel" in told[0].what and "upgrade" in told[0].hint
    with pytest.raises(TunnelError, match="newer tunnel"):
        Store(tmp_path)


def test_another_programs_database_is_set_aside_whole(tmp_path, start, told):
    with sqlite3.connect(tmp_path / "records.sqlite") as sql:
        sql.execute("CREATE TABLE recipes (name)")
    sql.close()
    recorder = start()
    ended(recorder)
    until(lambda: recorder.statistics().written == 1)

    assert "tables of another program" in told[0].what


def test_everything_is_private(tmp_path, start):
    old = os.umask(0)
    try:
        folder = tmp_path / "new"
        recorder = start(folder)
        ended(recorder)
        until(lambda: recorder.statistics().written == 1)
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    finally:
        os.umask(old)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes == {
        "records.sqlite": 0o600, "records.sqlite-wal": 0o600, "records.sqlite-shm": 0o600, "records.alive": 0o700,
        "pseudonyms.key": 0o600, "records.lock": 0o600,
    }  # fmt: skip


KILLED = """
import sys, time, itertools
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.capture.making import begun, ended, until
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.model.config import Keep
recorder = Recorder(Path({folder!r}), Keep())
recorder.start()
recorder.show(begun(recorder, b"/long"))
with Store(Path({folder!r})) as store:
    until(lambda: store.latest(1))
for number in itertools.count():
    ended(recorder, b"/%d" % number)
    if number % 20 == 0:
        print(number, time.time(), flush=True)
        time.sleep(0.001)
"""


@pytest.mark.parametrize("attempt", [0, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 2, 3))])
def test_kill_9_costs_the_last_moments_and_nothing_else(tmp_path, start, attempt):
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED.format(root=str(ROOT), folder=str(tmp_path))], stdout=subprocess.PIPE, text=True
    )
    said: list[tuple[int, float]] = []
    enough = random.uniform(1.1, 2)  # seconds: past the one that may be lost
    for text in child.stdout:
        number, at = text.split()
        said.append((int(number), float(at)))
        if said[-1][1] > said[0][1] + enough:
            break
    child.kill()
    killed = time.time()
    child.wait()
    child.stdout.close()

    with Store(tmp_path) as store:
        latest = store.latest(100_000)
        targets = {summary.target: summary.state for summary in latest}
    with sqlite3.connect(tmp_path / "records.sqlite") as sql:
        assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sql.close()
    assert targets.pop("/long") == "interrupted"
    assert set(targets.values()) == {"done"}
    must = max(number for number, at in said if at < killed - 1)
    assert must > 0
    assert {f"/{number}" for number in range(must)} <= set(targets)

    recorder = start()
    record = ended(recorder)
    until(lambda: recorder.statistics().written == 1)
    newest = max(summary.id for summary in latest)
    assert record.id == newest + 1  # what the dead one had reserved and not used is given out again
    with Store(tmp_path) as store:
        assert [s.state for s in store.latest(100_000) if s.target == "/long"] == [State.INTERRUPTED]


def test_two_processes_write_to_one_store_without_taking_each_others_numbers(tmp_path, start):
    endless = KILLED.format(root=str(ROOT), folder=str(tmp_path))
    code = endless.replace("itertools.count()", "range(2000)") + "recorder.stop(20)"
    children = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) for _ in range(2)]
    recorder = start()
    mine = [ended(recorder, b"/mine") for _ in range(500)]
    assert [child.wait(60) for child in children] == [0, 0]
    until(lambda: recorder.statistics().written == 500)

    with Store(tmp_path) as store:
        latest = store.latest(10_000)
    assert len(latest) == 500 + 2 * 2001
    assert len([s for s in latest if s.target == "/mine"]) == len({r.id for r in mine}) == 500
