"""The index of bodies: what it is asked, when it is not, and that it goes with its store."""

import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.capture.making import ended
from tests.capture.tables import spoil
from tests.capture.test_query_sql import meant
from tunnel.capture import finding, patterns, query_sql, search
from tunnel.capture.patterns import TooSlow
from tunnel.capture.query import parse
from tunnel.capture.recorder import Recorder
from tunnel.capture.search import FILE
from tunnel.capture.store import Store
from tunnel.capture.store_schema import FILE as RECORDS
from tunnel.errors import TunnelError
from tunnel.model.config import Keep

TOKEN = parse("body contains token")


def recorded(folder: Path, *bodies: bytes) -> list[int]:
    recorder = Recorder(folder, Keep())
    recorder.start()
    records = [ended(recorder, body=body) for body in bodies]
    recorder.stop(10)
    return [record.id for record in records]


def entries(folder: Path) -> int:
    with closing(sqlite3.connect(folder / FILE)) as sql:
        return int(sql.execute("SELECT count(*) FROM entry").fetchone()[0])


def found(folder: Path, query=TOKEN) -> list[int]:
    with Store(folder) as store:
        ids = list(store.ids(query))
        assert ids == meant(store, query)
        return ids


@pytest.fixture
def reads(monkeypatch):
    """How many bodies were taken apart."""
    counted = [0]
    real = query_sql.body_text

    def counting(head, body):
        counted[0] += 1
        return real(head, body)

    monkeypatch.setattr(query_sql, "body_text", counting)
    return counted


def test_a_question_that_asks_no_bodies_makes_no_index(tmp_path):
    recorded(tmp_path, b"a token")
    with Store(tmp_path) as store:
        assert store.count(parse("status = 200 and body contains to")) == 1  # too short for it

    assert not (tmp_path / FILE).exists()


def test_bodies_are_read_once_and_then_found_without(tmp_path, reads):
    ids = recorded(tmp_path, b"a token", b"none", b"x" * 5000 + b"TOKEN")
    with Store(tmp_path) as store:
        assert list(store.ids(TOKEN)) == [ids[0], ids[2]]
        once = reads[0]
        assert once
        assert store.count(TOKEN) == 2
        assert store.count(parse("not token")) == 1
        assert store.count(parse("request.body contains token")) == 0
        assert store.count(parse("response.body contains token")) == 2
    with Store(tmp_path) as store:
        assert store.count(TOKEN) == 2

    assert reads[0] == once


def test_a_long_body_is_found_and_only_that_is_read(tmp_path, reads):
    filler = " ".join(map(str, range(10_000))).encode()
    ids = recorded(tmp_path, filler + b" a token", filler, b"a token", filler + b" tok oke ken")
    with Store(tmp_path) as store:
        assert list(store.ids(TOKEN)) == [ids[0], ids[2]]
        reads[0] = 0
        assert list(store.ids(TOKEN)) == [ids[0], ids[2]]

    assert reads[0] == 4  # both bodies of the first and of the one that has all of its trigrams


def test_the_index_is_private(tmp_path):
    recorded(tmp_path, b"a token")
    with Store(tmp_path) as store:
        store.count(TOKEN)
        files = list(tmp_path.glob(f"{FILE}*"))
        assert len(files) == 3
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_what_comes_later_is_found_too(tmp_path):
    first = recorded(tmp_path, b"a token")
    assert found(tmp_path) == first
    second = recorded(tmp_path, b"no", b"another token")

    assert found(tmp_path) == [*first, second[1]]


def test_what_was_removed_is_not_found_and_its_words_go(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "REFUSE", 5)
    ids = recorded(tmp_path, *[b"a token"] * 30)
    assert found(tmp_path) == ids
    with closing(sqlite3.connect(tmp_path / RECORDS)) as sql, sql:
        sql.execute("DELETE FROM course WHERE id < ?", (ids[20],))
    assert found(tmp_path) == ids[20:]
    assert entries(tmp_path) == 10


def test_a_number_that_is_given_out_again_brings_nothing_of_the_one_before(tmp_path):
    ids = recorded(tmp_path, b"a token")
    assert found(tmp_path) == ids
    with closing(sqlite3.connect(tmp_path / RECORDS)) as sql, sql:
        sql.execute("DELETE FROM course")
        sql.execute("DELETE FROM heads")
        sql.execute("DELETE FROM connection")
        sql.execute("UPDATE counter SET id = ?", (ids[0],))
    assert recorded(tmp_path, b"another") == ids

    assert found(tmp_path) == []
    assert found(tmp_path, parse("body contains another")) == ids


def test_a_new_store_is_not_answered_out_of_the_old_ones_index(tmp_path):
    recorded(tmp_path, b"a token", b"none")
    with Store(tmp_path) as old:
        assert old.count(TOKEN) == 1
        for path in tmp_path.glob(f"{RECORDS}*"):
            path.unlink()
        ids = recorded(tmp_path, b"none", b"a token")

        assert found(tmp_path) == [ids[1]]
        assert list(old.ids(TOKEN)) == meant(old, TOKEN)  # who still reads the old one is answered out of that
        assert found(tmp_path) == [ids[1]]


def test_an_index_that_was_deleted_is_made_anew(tmp_path):
    recorded(tmp_path, b"a token")
    with Store(tmp_path) as store:
        assert store.count(TOKEN) == 1
        search.forget(tmp_path)
        assert not list(tmp_path.glob(f"{FILE}*"))
        assert store.count(TOKEN) == 1
        assert entries(tmp_path) == 1


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_an_index_that_is_no_database_is_made_anew(tmp_path, content):
    recorded(tmp_path, b"a token")
    (tmp_path / FILE).write_bytes(content)

    assert len(found(tmp_path)) == 1
    assert len(found(tmp_path)) == 1
    assert entries(tmp_path) == 1


def test_an_index_whose_pages_are_damaged_is_made_anew(tmp_path):
    recorded(tmp_path, *[b"a token %d" % number * 50 for number in range(200)])
    assert len(found(tmp_path)) == 200
    path = tmp_path / FILE
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)

    for _ in range(3):
        with Store(tmp_path) as store:
            assert store.count(TOKEN) == 200
    assert entries(tmp_path) == 200


def test_an_index_of_another_version_is_made_anew(tmp_path):
    recorded(tmp_path, b"a token")
    assert len(found(tmp_path)) == 1
    with closing(sqlite3.connect(tmp_path / FILE)) as sql, sql:
        sql.execute("DROP TABLE words")
        sql.execute("PRAGMA user_version = 99")

    assert len(found(tmp_path)) == 1


def test_while_somebody_else_fills_it_what_is_not_in_it_is_read(tmp_path):
    recorded(tmp_path, b"a token")
    assert len(found(tmp_path)) == 1
    recorded(tmp_path, b"another token")
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(found(tmp_path)) == 2
        other.execute("ROLLBACK")
    assert len(found(tmp_path)) == 2


def test_what_there_was_no_time_for_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "BATCH", 0)
    monkeypatch.setattr(finding, "FILLING", 0)
    recorded(tmp_path, *[b"a token"] * 20)

    assert len(found(tmp_path)) == 20
    assert entries(tmp_path) == 0
    monkeypatch.setattr(finding, "FILLING", 10)
    assert len(found(tmp_path)) == 20
    assert entries(tmp_path) == 20


def test_many_readers_fill_it_at_once(tmp_path):
    ids = recorded(tmp_path, *[b"a token %d" % number for number in range(500)])
    wrong: list[object] = []

    def read():
        try:
            for number in (7, 77, 499):
                with Store(tmp_path) as store:
                    wanted = parse(f'body contains "token {number}"')
                    got = set(store.ids(wanted))
                    if ids[number] not in got or got != set(meant(store, wanted)):
                        wrong.append((number, got))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong
    assert entries(tmp_path) == 500


def test_a_folder_that_cannot_be_written_is_searched_by_reading(tmp_path, monkeypatch):
    ids = recorded(tmp_path, b"a token", b"none")

    def refused(*args, **how):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(search.os, "open", refused)

    assert found(tmp_path) == [ids[0]]
    assert not (tmp_path / FILE).exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_read_only_copy_is_searched(tmp_path):
    ids = recorded(tmp_path / "one", b"a token", b"none")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two").chmod(0o500)
    try:
        with Store(tmp_path / "two") as store:
            assert list(store.ids(TOKEN)) == [ids[0]]
    finally:
        (tmp_path / "two").chmod(0o700)


def test_a_sqlite_without_trigrams_is_enough(tmp_path, monkeypatch):
    schema = tuple(text.replace("trigram case_sensitive 1", "nothing_that_is_there") for text in search._SCHEMA)
    monkeypatch.setattr(search, "_SCHEMA", schema)
    ids = recorded(tmp_path, b"a token")

    assert found(tmp_path) == ids


def test_a_question_that_takes_too_long_ends_with_a_sentence(tmp_path, monkeypatch):
    recorded(tmp_path, b"a token")
    monkeypatch.setattr(finding, "DEADLINE", 0)
    monkeypatch.setattr(finding, "STEPS", 1)

    with Store(tmp_path) as store:
        for text in ("status = 200", 'path ~ "x"', "body contains token"):
            with pytest.raises(TooSlow, match="longer than 0 seconds") as caught:
                store.page(parse(text))
            assert "started > 1h" in caught.value.hint


def test_a_pattern_that_takes_too_long_ends_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(patterns, "PATIENCE", 0.05)
    recorded(tmp_path, b"a" * 3000 + b"b")

    with Store(tmp_path) as store:
        with pytest.raises(TooSlow, match=r"the pattern '\(a\+\)\+\$' takes too long"):
            store.page(parse('body ~ "(a+)+$"'))
        assert store.count(parse("status = 200")) == 1  # it goes on with the next


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("request_head", "'text'"),
        ("response_kept", "'x'"),
        ("response_body", "5"),
        ("target", "x'ff'"),
        ("heads", "99"),
    ],
)
@pytest.mark.parametrize("text", ["body contains token", "body contains to", "header.a = b", "path ~ x", "type = json"])
def test_values_of_another_kind_are_a_damaged_store_or_are_not_read(tmp_path, column, value, text):
    recorded(tmp_path, b"a token")
    spoil(tmp_path, column, value)

    with Store(tmp_path) as store:
        try:
            assert store.count(parse(text)) in (0, 1)
        except TunnelError as error:
            assert "is damaged" in error.what
