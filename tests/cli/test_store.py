"""`tunnel store`, `prune`, `vacuum`, `clear`, on stores that a recorder wrote."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.capture.making import begun, ended, until
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import NoStore, Store
from tunnel.cli.store import store
from tunnel.errors import UsageError
from tunnel.model.config import Keep


def run(folder: Path, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(store, [*words, "--folder", str(folder)], catch_exceptions=False, input=typed)


def filled(folder: Path, count: int = 300) -> None:
    recorder = Recorder(folder, Keep())
    recorder.start()
    for number in range(count):
        ended(recorder, b"/%d" % number, body=b"x" * 2000)
    recorder.stop(10)


def targets(folder: Path) -> list[str]:
    with Store(folder) as opened:
        return [summary.target for summary in opened.latest(100_000)]


def test_it_says_where_how_large_from_when_and_what_is_kept(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "search.sqlite").write_bytes(b"x" * 5000)
    (tmp_path / "records.aside-1.sqlite").write_bytes(b"x" * 3000)

    text = run(tmp_path).stdout

    for fact in (
        f"where  {tmp_path / 'records.sqlite'}", "holds  300 exchanges, from 20", "for 7 d (--keep-age)",
        "1 GiB in all (--keep-size)", "1 MiB of each body", "by default", "no tunnel is recording",
        "search 5.0 kB in search.sqlite", "set aside: ", "records.aside-1.sqlite, 3.0 kB", "rm ",
    ):  # fmt: skip
        assert fact in text, (fact, text)


def test_what_is_kept_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    config = tmp_path / "tunnel.toml"
    config.write_text("[keep]\nage = '2d'\n")

    text = run(tmp_path, "--config", str(config)).stdout

    assert "for 2 d (--keep-age)" in text
    assert "by default" not in text


def test_json_has_the_keys_that_were_promised(tmp_path: Path) -> None:
    filled(tmp_path, 2)

    told = json.loads(run(tmp_path, "--json").stdout)

    assert told["bytes"] > 0 and told["oldest"] < told["newest"]
    assert {**told, "bytes": 0, "oldest": "", "newest": ""} == {
        "path": str(tmp_path / "records.sqlite"), "bytes": 0, "free_bytes": 0, "exchanges": 2, "oldest": "",
        "newest": "", "writers": 0, "search_bytes": 0,
        "keep": {"age_seconds": 604800.0, "bytes": 1 << 30, "body_bytes": 1 << 20}, "set_aside": [],
    }  # fmt: skip


def test_who_records_now_is_said(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    assert "a tunnel is recording" in run(tmp_path).stdout
    assert "no exchange" in run(tmp_path).stdout
    recorder.stop(5)


def test_where_nothing_was_recorded_it_says_what_to_type(tmp_path: Path) -> None:
    assert "`tunnel 3000`" in run(tmp_path).stderr
    for words in (["prune", "--older-than", "1d"], ["vacuum"], ["clear", "--yes"], ["--json"]):
        with pytest.raises(NoStore):
            run(tmp_path, *words)
    assert not list(tmp_path.iterdir())  # asking leaves no trace


def test_the_folder_may_stand_before_the_verb(tmp_path: Path) -> None:
    filled(tmp_path, 1)

    found = CliRunner().invoke(store, ["--folder", str(tmp_path), "vacuum"], catch_exceptions=False)

    assert found.exit_code == 0


def test_prune_by_age_removes_what_is_older(tmp_path: Path) -> None:
    filled(tmp_path)

    assert "0 exchanges removed" in run(tmp_path, "prune", "--older-than", "1h").stdout
    assert "300 exchanges removed; " in run(tmp_path, "prune", "--older-than", "0s").stdout
    assert targets(tmp_path) == []


def test_prune_by_size_leaves_the_latest(tmp_path: Path) -> None:
    filled(tmp_path)

    run(tmp_path, "prune", "--larger-than", "300kb")

    kept = targets(tmp_path)
    assert 10 < len(kept) < 200
    assert kept == [f"/{n}" for n in range(300 - len(kept), 300)]
    assert (tmp_path / "records.sqlite").stat().st_size < 400_000


@pytest.mark.parametrize("words", [[], ["--older-than", "1d", "--larger-than", "1mb"]])
def test_prune_is_told_what_in_one_way(tmp_path: Path, words: list[str]) -> None:
    filled(tmp_path, 1)

    with pytest.raises(UsageError, match="say what to remove"):
        run(tmp_path, "prune", *words)
    assert len(targets(tmp_path)) == 1


def test_prune_by_filter_removes_what_matches(tmp_path: Path) -> None:
    filled(tmp_path, 10)

    assert "2 exchanges removed" in run(tmp_path, "prune", "--filter", "path in (/3, /5)").stdout
    assert targets(tmp_path) == [f"/{n}" for n in range(10) if n not in (3, 5)]


def test_vacuum_gives_back_what_is_free(tmp_path: Path) -> None:
    filled(tmp_path)
    size = (tmp_path / "records.sqlite").stat().st_size

    assert " before, " in run(tmp_path, "vacuum").stdout

    assert (tmp_path / "records.sqlite").stat().st_size <= size
    assert len(targets(tmp_path)) == 300


def test_vacuum_beside_a_tunnel_says_what_it_left(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    ended(recorder)
    until(lambda: recorder.statistics().written == 1)

    assert "a tunnel is recording" in run(tmp_path, "vacuum").stdout
    recorder.stop(5)
    assert recorder.statistics().last_error == ""


def test_clear_asks_somebody_or_wants_to_be_told(tmp_path: Path) -> None:
    filled(tmp_path, 3)

    with pytest.raises(UsageError, match="3 exchanges would be removed for good") as caught:
        run(tmp_path, "clear")
    assert "--yes" in caught.value.hint
    assert len(targets(tmp_path)) == 3


def test_clear_removes_all_and_what_makes_it_searchable(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "search.sqlite").touch()

    assert "300 exchanges removed" in run(tmp_path, "clear", "--yes").stdout

    assert targets(tmp_path) == []
    assert not (tmp_path / "search.sqlite").exists()
    assert b"xxxx" not in (tmp_path / "records.sqlite").read_bytes()


def test_clear_keeps_what_still_runs_and_says_so(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    running = begun(recorder, b"/running")
    recorder.show(running)
    ended(recorder)
    until(lambda: recorder.statistics().written == 1)
    until(lambda: len(targets(tmp_path)) == 2)

    text = run(tmp_path, "clear", "--yes").stdout

    assert "1 exchange removed" in text
    assert "1 began meanwhile or still run, and are kept" in text
    recorder.stop(5)
    assert recorder.statistics().last_error == ""
