"""Several at once on one folder: the store is made, brought up to date or set aside once, and nobody hears of a lock."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.capture.old_stores import old_store
from tunnel.capture.alive import Claim
from tunnel.capture.store import NoStore, Store
from tunnel.capture.store_schema import FILE, VERSION
from tunnel.capture.store_write import Writing
from tunnel.errors import TunnelError

MANY = 8
ROUNDS = 12


def at_once(do: Callable[[int], object], count: int = MANY) -> list[BaseException]:
    """Do something in as many threads, begun together; return what they failed of. SQLite locks them as processes."""
    failed: list[BaseException] = []
    together = threading.Barrier(count)

    def run(number: int) -> None:
        together.wait()
        try:
            do(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def use(folder: Path, told: list[TunnelError]) -> None:
    """Open the store for writing, use it, and leave it."""
    claim = Claim(folder)
    try:
        store = Writing(claim, folder, told.append)
        with store:
            store.reserve(10)
        store.close()
    finally:
        claim.release()


def test_many_that_begin_in_an_empty_folder_make_one_store(tmp_path: Path) -> None:
    told: list[TunnelError] = []
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert at_once(lambda _, folder=folder: use(folder, told)) == []
    assert told == []


def test_who_reads_while_it_is_made_is_in_nobodys_way(tmp_path: Path) -> None:
    told: list[TunnelError] = []

    def read_or_use(number: int, folder: Path) -> None:
        if number % 2:
            use(folder, told)
            return
        for _ in range(20):
            try:
                Store(folder).close()
            except NoStore:
                pass

    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert at_once(lambda each, folder=folder: read_or_use(each, folder)) == []
    assert told == []


def test_a_store_of_an_older_version_is_brought_up_once(tmp_path: Path) -> None:
    told: list[TunnelError] = []
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        old_store(folder, 3)
        assert at_once(lambda _, folder=folder: use(folder, told)) == []
        with closing(sqlite3.connect(folder / FILE)) as store:
            assert store.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert told == []


@pytest.mark.parametrize("rubbish", [b"rubbish" * 1000, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_store_is_set_aside_once(tmp_path: Path, rubbish: bytes) -> None:
    for number in range(ROUNDS):
        told: list[TunnelError] = []
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / FILE).write_bytes(rubbish)
        assert at_once(lambda _, folder=folder, told=told: use(folder, told)) == []
        assert len(told) == 1
        assert [path.read_bytes() for path in folder.glob("records.aside*.sqlite")] == [rubbish]
