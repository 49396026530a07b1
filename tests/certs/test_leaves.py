"""The cache on disk tells from file names alone which leaf may be used, and stays small."""

import os
import stat

import pytest

from certs import leaves, limits
from certs.leaves import find, keep
from certs.names import parse

ROOT, OTHER_ROOT = "a" * 64, "b" * 64
NAME = parse("app.test")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "leaves"


LONG = ".".join([letter * 60 for letter in "abcd"]) + ".test"


@pytest.mark.parametrize("text", ["app.test", "my_app.localhost", "127.0.0.1", "::1", LONG])
def test_what_was_kept_is_found_by_its_name_and_by_no_other(cache, clock, text):
    kept = keep(cache, ROOT, parse(text), b"pem", expires=int(clock()) + limits.DAYS, now=clock())

    assert find(cache, ROOT, parse(text), now=clock()) == kept
    assert find(cache, ROOT, parse("other.test"), now=clock()) is None
    assert find(cache, OTHER_ROOT, parse(text), now=clock()) is None


def test_the_cache_is_private(cache, clock):
    before = os.umask(0)
    try:
        kept = keep(cache, ROOT, NAME, b"pem", expires=int(clock()) + limits.DAYS, now=clock())
    finally:
        os.umask(before)

    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_an_empty_cache_finds_nothing(cache, clock):
    assert find(cache, ROOT, NAME, now=clock()) is None


def test_a_leaf_that_others_could_read_is_not_used(cache, clock):
    keep(cache, ROOT, NAME, b"pem", expires=int(clock()) + limits.DAYS, now=clock()).path.chmod(0o644)

    assert find(cache, ROOT, NAME, now=clock()) is None


def test_a_leaf_is_fresh_until_a_third_of_its_life_is_left_and_valid_to_its_last_second(cache, clock):
    kept = keep(cache, ROOT, NAME, b"pem", expires=int(clock()) + limits.LEAF_LIFETIME - 1, now=clock())

    assert kept.is_fresh(kept.expires - limits.LEAF_LIFETIME / 3)
    assert not kept.is_fresh(kept.expires - limits.LEAF_LIFETIME / 3 + 1)
    assert kept.is_valid(kept.expires)
    assert not kept.is_valid(kept.expires + 1)


def test_a_leaf_made_by_a_clock_that_was_ahead_is_not_used(cache, clock):
    keep(cache, ROOT, NAME, b"pem", expires=int(clock()) + limits.LEAF_LIFETIME, now=clock())

    assert find(cache, ROOT, NAME, now=clock()) is None


def test_a_new_leaf_removes_the_old_the_expired_and_those_of_another_root(cache, clock):
    soon = int(clock()) + limits.DAYS
    keep(cache, OTHER_ROOT, parse("a.test"), b"", expires=soon, now=clock())
    keep(cache, ROOT, parse("expired.test"), b"", expires=int(clock()) - 1, now=clock())
    keep(cache, ROOT, parse("b.test"), b"", expires=soon, now=clock())
    keep(cache, ROOT, NAME, b"", expires=soon, now=clock())
    keep(cache, ROOT, NAME, b"", expires=soon + 1, now=clock())

    assert sorted(path.name for path in cache.iterdir()) == [
        f"{'a' * 16}_{soon}_b.test.pem",
        f"{'a' * 16}_{soon + 1}_app.test.pem",
    ]


def test_beyond_the_limit_those_that_end_first_go_first(cache, clock, monkeypatch):
    monkeypatch.setattr(leaves, "MOST_LEAVES", 3)
    for number in range(6):
        keep(cache, ROOT, parse(f"n{number}.test"), b"", expires=int(clock()) + 100 + number, now=clock())

    assert [find(cache, ROOT, parse(f"n{number}.test"), now=clock()) is not None for number in range(6)] == [
        False, False, False, True, True, True,
    ]  # fmt: skip


def test_what_a_killed_process_left_is_swept_after_an_hour_and_strange_files_stay(cache, clock):
    cache.mkdir(mode=0o700)
    for name, age in [(".old.tmp", 2 * limits.HOURS), (".new.tmp", 0), ("notes.pem", 2 * limits.HOURS)]:
        (cache / name).write_text("")
        os.utime(cache / name, (clock() - age, clock() - age))

    kept = keep(cache, ROOT, NAME, b"", expires=int(clock()) + limits.DAYS, now=clock())

    assert sorted(path.name for path in cache.iterdir()) == sorted([".new.tmp", "notes.pem", kept.path.name])
