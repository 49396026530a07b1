"""Importing: whole or not there, beside a tunnel that writes, kept as long as what was recorded on its day."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.capture import writers
from tests.capture.exchanges import STARTED, exchange, recorded
from tests.capture.making import ended, until
from tests.capture.old_stores import old_store
from tunnel.capture import har, importing
from tunnel.capture.alive import Claim
from tunnel.capture.importing import Outcome, import_har
from tunnel.capture.recorder import Recorder
from tunnel.capture.retention import FOREVER, Retention
from tunnel.capture.store import Store
from tunnel.capture.store_schema import FILE, VERSION, open_for_writing
from tunnel.capture.store_write import MANY, Writing
from tunnel.errors import TunnelError
from tunnel.model.config import DAYS, KIB, Keep
from tunnel.model.exchange import Moment, Side

NOW = 1_800_000_000_000_000
DAY = int(DAYS * 1e6)


def saved(folder: Path, *entries: object, name: str = "theirs.har") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(json.dumps({"log": {"version": "1.2", "creator": {}, "entries": entries}}))
    return path


def take(folder: Path, path: Path, *, now: int = NOW, **options) -> Outcome:
    return import_har(folder, path, now=now, notice=pytest.fail, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "folder"


def ids(folder: Path) -> list[int]:
    with Store(folder) as store:
        return sorted(summary.id for summary in store.latest(100_000))


def rows(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / FILE)) as sql:
        return int(sql.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_recording_of_another_program_is_read_like_our_own(folder, tmp_path):
    outcome = take(folder, saved(tmp_path, *writers.ALL.values()))

    assert (outcome.count, outcome.left_out, outcome.before) == (len(writers.ALL), 0, None)
    with Store(folder) as store:
        first = store.exchange(outcome.first)
        assert (first.source, first.method, first.status) == ("theirs.har", "POST", 201)
        assert store.body(first.id, Side.RESPONSE) == b'{"id":1}'
        assert [message.payload for message in store.messages(outcome.first + 1)] == [b"hello", b"\0\xff"]
        assert [s.source for s in store.since(0, 100)] == ["theirs.har"] * outcome.count


@settings(max_examples=30, deadline=None)
@given(recorded())
def test_what_was_exported_and_imported_is_what_it_was(tmp_path_factory, whole):
    tmp_path = tmp_path_factory.mktemp("round")
    path = saved(tmp_path, json.loads("".join(har.log([har.entry(*whole)])))["log"]["entries"][0])

    id = take(tmp_path / "folder", path).first

    exchange, request, response, messages = whole
    with Store(tmp_path / "folder") as store:
        read = store.exchange(id)
        for name in type(exchange).__dataclass_fields__:
            if name not in ("id", "revision", "source"):
                assert getattr(read, name) == getattr(exchange, name), name
        assert (store.body(id, "request"), store.body(id, "response")) == (request, response)
        assert list(store.messages(id)) == messages


def test_the_times_of_an_event_stream_come_back_too(folder, tmp_path):
    body = b"data: one\n\ndata: two\n\n"
    whole = exchange(answered=[(b"Content-Type", b"text/event-stream")], response=body)
    moments = (Moment(11, STARTED + 200_000), Moment(22, None))
    told = json.loads("".join(har.log([har.entry(whole, b"", body, (), moments)])))["log"]["entries"][0]

    id = take(folder, saved(tmp_path, told)).first

    with Store(folder) as store:
        assert (tuple(store.moments(id)), store.body(id, "response")) == (moments, body)


def test_a_large_body_is_in_pieces_and_whole(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "AT_ONCE", 64 * KIB)
    entry = json.loads(json.dumps(writers.CHARLES))
    entry["response"]["content"]["text"] = "x" * 200_000

    outcome = take(folder, saved(tmp_path, entry, entry))

    with Store(folder) as store:
        assert store.body(outcome.last, "response") == b"x" * 200_000
    assert rows(folder, "body") == 8


def test_an_entry_that_cannot_be_read_leaves_nothing_behind(folder, tmp_path):
    path = saved(tmp_path, *[writers.CHARLES] * 200, {"request": {}})

    with pytest.raises(
        TunnelError, match=r"theirs\.har cannot be imported: entry 201 cannot be read: request.url is missing"
    ):
        take(folder, path)

    assert [rows(folder, table) for table in ("exchange", "body", "message", "import", "process")] == [0] * 5


def test_ctrl_c_leaves_nothing_behind(folder, tmp_path):
    def press(done: int, total: int) -> None:
        assert (done, total) == (MANY, 200)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(folder, saved(tmp_path, *[writers.CHROMIUM_SOCKET] * 200), progress=press)

    assert [rows(folder, table) for table in ("exchange", "message", "import")] == [0] * 3


KILLED = """
import os, sys
from pathlib import Path
from tunnel.capture.importing import import_har
import_har(Path(sys.argv[1]), Path(sys.argv[2]), now=1, notice=print, progress=lambda done, total: os.kill(os.getpid(), 9))
"""


def test_what_a_killed_import_left_is_removed_by_the_next_who_writes(folder, tmp_path):
    path = saved(tmp_path, *[writers.CHROMIUM_SOCKET] * 200)
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(path)], check=False, timeout=30)
    assert (done.returncode, len(ids(folder))) == (-9, MANY)

    claim = Claim(folder)
    Writing(claim, folder, pytest.fail).close()
    claim.release()

    assert [rows(folder, table) for table in ("exchange", "message", "import", "process")] == [0] * 4


def test_the_same_file_twice_is_allowed_and_told(folder, tmp_path):
    path = saved(tmp_path, writers.CHARLES, writers.INSOMNIA)
    first = take(folder, path)

    again = take(folder, path.rename(tmp_path / "renamed.har"))

    assert again.before is not None
    assert (again.before.first, again.before.last, again.before.source) == (first.first, first.last, "theirs.har")
    assert len(ids(folder)) == 4


def test_numbers_are_those_of_the_exchanges_that_came(folder, tmp_path):
    picture = {"request": {"url": "data:,x"}}

    outcome = take(folder, saved(tmp_path, picture, writers.CHARLES, picture, writers.FIREFOX))

    assert (outcome.left_out, ids(folder)) == (2, [outcome.first, outcome.last])
    assert take(folder, saved(tmp_path, writers.CHARLES)).first > outcome.last


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be imported: it is no JSON"),
        (b"[]", "cannot be imported: it is no HAR file"),
        (b'{"log":{"entries":[]}}', "cannot be imported: it holds no entries"),
        (b'{"log":{"entries":[{"request":{"url":"blob:x"}}]}}', "cannot be imported: it holds no HTTP"),
    ],
)
def test_a_file_that_is_none_is_told_with_its_name(folder, tmp_path, content, said):
    path = tmp_path / "odd.har"
    path.write_bytes(content)

    with pytest.raises(TunnelError) as refused:
        take(folder, path)

    assert refused.value.what.startswith(f"{path} {said}")


def test_a_file_that_is_not_there_or_too_large_is_told(folder, tmp_path, monkeypatch):
    with pytest.raises(TunnelError, match="cannot be read: No such file or directory"):
        take(folder, tmp_path / "none.har")
    with pytest.raises(TunnelError, match="cannot be read: Is a directory"):
        take(folder, tmp_path)
    monkeypatch.setattr(importing, "MOST_FILE", 100)
    monkeypatch.setattr(importing, "GIB", 100)
    with pytest.raises(TunnelError, match="is larger than 1 GiB"):
        take(folder, saved(tmp_path, writers.CHARLES))


def test_a_tunnel_may_write_meanwhile(folder, tmp_path):
    recorder = Recorder(folder, Keep())
    recorder.start()
    recording = 0

    def record(done: int, total: int) -> None:
        nonlocal recording
        for _ in range(50):
            ended(recorder)
        recording += 50
        until(lambda: recorder.statistics().written == recording)

    outcome = take(folder, saved(tmp_path, *[writers.CHROMIUM_SOCKET] * 500), progress=record)
    recorder.stop(10)

    assert outcome.last - outcome.first == 499
    assert recorder.statistics().last_error == ""
    assert len(ids(folder)) == 500 + recording
    with Store(folder) as store:
        assert {s.source for s in store.latest(1000) if outcome.first <= s.id <= outcome.last} == {"theirs.har"}


# How long it is kept


def step(folder: Path, keep: Keep, now: int) -> None:
    """Remove what is to be removed at a moment."""
    claim = Claim(folder)
    writing = Writing(claim, folder, pytest.fail)
    retention = Retention(keep)
    retention.step(writing, now)
    while retention.pause < 1:
        retention.step(writing, now)
    writing.close()
    claim.release()


def test_an_old_recording_is_kept_as_long_from_its_import_as_any_exchange(folder, tmp_path):
    take(folder, saved(tmp_path, *[writers.CHARLES] * 3))  # of half a year before NOW

    step(folder, Keep(age=7 * DAYS), NOW + 6 * DAY)
    assert len(ids(folder)) == 3

    step(folder, Keep(age=7 * DAYS), NOW + 8 * DAY)
    assert ids(folder) == []
    assert rows(folder, "import") == 0


def test_several_imports_go_each_in_its_time(folder, tmp_path):
    for day in range(4):
        take(folder, saved(tmp_path, *[writers.CHARLES] * 600, name=f"{day}.har"), now=NOW + day * DAY)

    step(folder, Keep(age=7 * DAYS), NOW + 9 * DAY - DAY // 2)

    with Store(folder) as store:
        assert {summary.source for summary in store.latest(10_000)} == {"2.har", "3.har"}
    assert rows(folder, "import") == 2


def test_when_the_store_is_too_large_what_was_recorded_before_the_import_goes_first(folder, tmp_path):
    recorder = Recorder(folder, Keep())
    recorder.start()
    for _ in range(500):
        ended(recorder, body=b"x" * 2000)
    until(lambda: recorder.statistics().written == 500)
    recorder.stop(10)
    with Store(folder) as store:
        ours = {summary.id for summary in store.latest(1000)}
        middle = store.latest(200)[0].started  # imported when 300 had been recorded
    take(folder, saved(tmp_path, *[writers.CHARLES] * 100), now=middle)
    claim = Claim(folder)
    writing = Writing(claim, folder, pytest.fail)

    removed: list[str] = []
    while True:
        with Store(folder) as store:
            before = {summary.id for summary in store.latest(1000)}
        with writing:
            count = writing.remove_oldest(50, FOREVER, 1 << 40)
        if not count:
            break
        with Store(folder) as store:
            gone = before - {summary.id for summary in store.latest(1000)}
        removed.append("ours" if gone <= ours else "theirs" if not gone & ours else "both")
    writing.close()
    claim.release()

    assert removed == ["ours"] * 6 + ["theirs"] * 2 + ["ours"] * 4


def test_a_store_of_version_3_takes_imports_too(folder, tmp_path):
    old_store(folder, 3)

    open_for_writing(folder, pytest.fail).close()

    assert take(folder, saved(tmp_path, writers.CHARLES)).count == 1
    with closing(sqlite3.connect(folder / FILE)) as sql:
        assert sql.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_store_of_version_4_is_told_of_devices_too(folder, tmp_path):
    old_store(folder, 4)

    first = take(folder, saved(tmp_path, writers.CHARLES)).first

    with Store(folder) as store:
        read = store.exchange(first)
        assert (read.device, read.rule) == ("", "")


def test_what_is_imported_can_be_changed_before_it_is_written(folder, tmp_path):
    """So that secrets of somebody else's recording need not touch the disk either."""

    def change(imported: har.Imported) -> har.Imported:
        return imported._replace(response_body=b"changed")

    outcome = take(folder, saved(tmp_path, writers.CHARLES), change=change)

    with Store(folder) as store:
        assert store.body(outcome.first, "response") == b"changed"
