"""`tunnel export`, `tunnel import` and `tunnel compare`, on a store that a recorder wrote."""

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.capture import writers
from tests.capture.making import ended, until
from tests.helpers import har_spec
from tunnel.capture.compare import Difference
from tunnel.capture.recorder import Recorder
from tunnel.cli import export as exporting
from tunnel.cli.choice import named_numbers
from tunnel.cli.compare import compare_, table
from tunnel.cli.exchanges import show
from tunnel.cli.export import Progress, export, import_, write_whole
from tunnel.cli.lines import Look
from tunnel.errors import TunnelError, UsageError
from tunnel.model.config import Keep


@pytest.fixture
def folder(tmp_path):
    """A folder with ten exchanges: /0 to /9."""
    folder = tmp_path / "folder"
    recorder = Recorder(folder, Keep())
    recorder.start()
    for number in range(10):
        ended(recorder, b"/%d" % number, b"body %d" % number)
    until(lambda: recorder.statistics().written == 10)
    recorder.stop(5)
    return folder


@pytest.fixture
def run(folder):
    def run(command, *words):
        return CliRunner().invoke(command, ["--folder", str(folder), *map(str, words)], catch_exceptions=False)

    return run


def targets(text: str) -> list[str]:
    return [entry["request"]["url"].rpartition("/")[2] for entry in json.loads(text)["log"]["entries"]]


def test_everything_is_exported_oldest_first_as_a_valid_har(run):
    result = run(export)

    har_spec.check(json.loads(result.stdout))
    assert targets(result.stdout) == list("0123456789")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("x.har", lambda text: targets(text)),
        ("x.JSON", lambda text: [one["target"][1:] for one in json.loads(text)]),
        ("x.jsonl", lambda text: [json.loads(line)["target"][1:] for line in text.splitlines()]),
        ("x.sh", lambda text: [line.split()[1][-1] for line in text.splitlines() if line.startswith("curl")]),
    ],
)
def test_the_name_says_the_format(run, tmp_path, name, read):
    path = tmp_path / name

    result = run(export, "-o", path, "--ids", "2-3,1")

    assert read(path.read_text()) == ["1", "2", "0"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert result.stderr.startswith(f"3 exchanges in {path} (")
    assert {other.name for other in tmp_path.iterdir()} == {"folder", name}


def test_the_format_can_be_said(run, tmp_path):
    assert len(run(export, "--format", "jsonl").stdout.splitlines()) == 10
    assert run(export, "--curl", "--ids", "1").stdout == run(export, "--format", "curl", "--ids", "1").stdout
    assert run(show, "1", "--curl").stdout == run(export, "--curl", "--ids", "1").stdout
    with pytest.raises(UsageError, match="does not say in what format"):
        run(export, "-o", tmp_path / "x.txt")
    with pytest.raises(UsageError, match="do not go together"):
        run(export, "--curl", "--format", "har")


def test_a_file_that_is_there_is_left_alone(run, tmp_path):
    path = tmp_path / "x.har"
    path.write_text("precious")

    with pytest.raises(UsageError, match="is there already") as refused:
        run(export, "-o", path)
    assert "--force" in refused.value.hint
    assert path.read_text() == "precious"

    run(export, "-o", path, "--force")
    assert targets(path.read_text()) == list("0123456789")


def test_a_folder_is_no_file(run, tmp_path):
    for name in (tmp_path, "/"):
        with pytest.raises(UsageError, match="is a folder"):
            run(export, "-o", name, "--format", "har", "--force")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.har"
    path.write_text("before")

    def broken():
        yield "half"
        assert [other.name for other in tmp_path.iterdir() if other.name != "x.har"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, broken(), force=True)

    assert [(other.name, other.read_text()) for other in tmp_path.iterdir()] == [("x.har", "before")]


def test_a_file_that_came_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "x.har"

    def late():
        yield "ours"
        path.write_text("theirs")

    with pytest.raises(UsageError, match="is there already"):
        write_whole(path, late(), force=False)
    assert path.read_text() == "theirs"


def test_a_place_that_cannot_be_written_is_told(run, tmp_path):
    with pytest.raises(TunnelError, match="cannot be written: No such file or directory"):
        run(export, "-o", tmp_path / "none" / "x.har")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("12", {12: True}),
        ("12,15-17", {12: True, 15: False, 16: False, 17: False}),
        (" 3 , 1 - 2 ", {3: True, 1: False, 2: False}),
        ("5,5", {5: True}),
    ],
)
def test_numbers_are_named_one_by_one_and_by_spans(text, named):
    assert named_numbers(text) == named


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "2-1", "0", "1,,2", "99999999999", "1-2147483647", "٣"])
def test_what_names_no_numbers_is_refused(text):
    with pytest.raises(UsageError, match="names no exchanges"):
        named_numbers(text)


def test_of_a_span_some_may_be_gone_but_one_alone_must_be_there(run):
    assert targets(run(export, "--ids", "8-500").stdout) == ["7", "8", "9"]
    with pytest.raises(UsageError, match="there is no exchange 500"):
        run(export, "--ids", "1,500")
    with pytest.raises(TunnelError, match="nothing to export"):
        run(export, "--ids", "400-500")


def test_nothing_recorded_is_told(tmp_path):
    for command, words in ((export, []), (compare_, ["1", "2"])):
        with pytest.raises(TunnelError, match="nothing has been recorded yet"):
            CliRunner().invoke(command, ["--folder", str(tmp_path), *words], catch_exceptions=False)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_told_to_a_person_once_it_takes_long(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(exporting.time, "monotonic", lambda: now[0])
    stream = Terminal()
    progress = Progress(1000, "exported", stream)
    for number in range(3):
        progress.tell(number, 1000)
    assert stream.getvalue() == ""
    now[0] += 1.1
    progress.tell(500, 1000)
    progress.tell(501, 1000)
    progress.end()

    assert stream.getvalue() == "\r500 of 1000 exported\r\x1b[K"
    pipe = io.StringIO()
    progress = Progress(5, "exported", pipe)
    now[0] += 10
    progress.tell(1, 5)
    progress.end()
    assert pipe.getvalue() == ""


# Import


def recording(tmp_path: Path, *entries: object) -> Path:
    path = tmp_path / "theirs.har"
    path.write_text(json.dumps({"log": {"entries": entries}}))
    return path


def test_an_import_says_what_came_and_how_to_see_it(run, tmp_path):
    path = recording(tmp_path, writers.CHROMIUM, writers.FIREFOX)

    result = run(import_, path)

    assert result.exit_code == 0
    assert result.stdout.startswith("2 exchanges from theirs.har: ")
    first = int(result.stdout.split("tunnel show ")[1])
    assert "POST https://app.test/api/items?q=1  201" in run(show, first).stdout
    assert "imported" in run(show, first).stdout
    assert "theirs.har" in run(show, first).stdout
    again = run(import_, path)
    assert "the same was imported before" in again.stderr


def test_entries_that_are_no_http_are_told(run, tmp_path):
    result = run(import_, recording(tmp_path, {"request": {"url": "data:,x"}}, writers.FIREFOX))

    assert result.stdout.startswith("1 exchange from theirs.har: number ")
    assert result.stderr == "1 entries were left out: they are no HTTP\n"


def test_a_file_that_cannot_be_imported_is_told(run, tmp_path):
    with pytest.raises(TunnelError, match=r"entry 1 cannot be read: request\.url is missing"):
        run(import_, recording(tmp_path, {}))


# Compare


def test_two_exchanges_are_compared_in_lines(run):
    result = run(compare_, 1, 2)

    assert "≠ path\n    - /0\n    + /1\n" in result.stdout
    assert "≠ line 1\n    - body 0\n    + body 1\n" in result.stdout
    assert "2 differences, " in result.stdout


def test_noise_can_be_left_out_and_the_same_shown(run):
    everything = run(compare_, 1, 2, "--all").stdout
    without = run(compare_, 1, 2, "--no-noise").stdout

    assert "  method: GET" in everything
    assert "~" not in without
    rows = [json.loads(line) for line in run(compare_, 1, 2, "--all", "--json").stdout.splitlines()]
    assert {"where": "request.head", "name": "path", "left": "/0", "right": "/1", "same": False, "noise": False} in rows
    assert any(row["same"] for row in rows)


def test_an_exchange_that_is_not_there_is_told(run):
    with pytest.raises(UsageError, match="there is no exchange 500"):
        run(compare_, 1, 500)


def test_a_terminal_without_letters_gets_escapes(folder, tmp_path):
    path = recording(tmp_path, writers.CHROMIUM, writers.CHARLES)
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    argv = [sys.executable, "-m", "tunnel"]
    done = subprocess.run(
        [*argv, "import", str(path), "--folder", str(folder)], capture_output=True, check=True, env=environ
    )
    first = int(done.stdout.split(b"tunnel show ")[1])

    argv += ["compare", str(first), str(first + 1), "--folder", str(folder)]
    done = subprocess.run(argv, capture_output=True, check=True, env=environ)

    assert b"# method\n    - POST\n    + GET\n" in done.stdout


def test_beside_each_other_where_there_is_room():
    rows = [
        Difference("request.head", "path", "/a", "/b", False, False),
        Difference("response.head", "date", "x" * 80, None, False, True),
        Difference("response.head", "evil\x1b[2J", "\x9b", "y", False, False),
    ]

    lines = list(table(rows, ("4", "7"), Look(120), 120))

    assert lines[0].split() == ["request.head", "4", "7"]
    assert lines[1].split() == ["≠", "path", "/a", "/b"]
    column = lines[1].index("/a")
    assert lines[3].startswith("~ date") and lines[3][column:].startswith("x" * 43)
    assert lines[4][column:].startswith("x" * 37)  # a long value goes on below
    assert not any("\x1b" in line or "\x9b" in line for line in lines)
    assert all(len(line) <= 120 for line in lines)


def test_an_export_to_a_pipe_is_utf8_whatever_the_locale(folder):
    argv = [sys.executable, "-m", "tunnel", "export", "--folder", str(folder)]
    done = subprocess.run(argv, capture_output=True, check=True, env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"})

    assert targets(done.stdout.decode("utf-8")) == list("0123456789")
