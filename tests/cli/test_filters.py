"""`tunnel log FILTER`, what is said of a wrong one, and what the shell completes."""

import json

import pytest
from click.shell_completion import ShellComplete

from tests.capture.making import begun, ended
from tests.cli.test_exchanges import recorder, run, saved, started  # noqa: F401 (fixtures)
from tunnel.cli.exchanges import log
from tunnel.cli.filters import pointed
from tunnel.cli.main import main, tunnel
from tunnel.errors import UsageError


@pytest.fixture
def some(recorder):  # noqa: F811
    ended(recorder, b"/one", b"a token")
    ended(recorder, b"/two", status=500)
    ended(recorder, b"/three", status=503)
    saved(recorder)


def targets(result):
    return [text.split()[3] for text in result.stdout.splitlines()]


def test_log_lists_what_the_filter_means(some, run):  # noqa: F811
    assert targets(run(log, "status >= 500")) == ["/two", "/three"]
    assert targets(run(log, "status", ">=", "500", "-n", "1")) == ["/three"]  # words are joined, options stand anywhere
    assert targets(run(log, 'path ~ "^/t" not status = 503')) == ["/two"]
    assert targets(run(log, "token")) == ["/one"]
    assert [json.loads(line)["status"] for line in run(log, "--json", "status = 503").stdout.splitlines()] == [503]


def test_nothing_found_is_said(some, run):  # noqa: F811
    result = run(log, "status = 418")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Nothing of what was recorded is meant by: status = 418\n"


def test_an_empty_store_is_told_from_a_filter_that_finds_nothing(recorder, run):  # noqa: F811
    assert "Nothing has been recorded yet" in run(log, "status = 418").stderr


def test_follow_goes_on_with_what_the_filter_means(recorder, tmp_path):  # noqa: F811
    ended(recorder, b"/before", status=500)
    ended(recorder, b"/fine")
    saved(recorder)
    following = started(tmp_path, "log", "-f", "status = 500 or duration > 1h")
    assert "/before" in following.stdout.readline()
    long = begun(recorder, b"/long")
    recorder.show(long)
    ended(recorder, b"/fine")
    ended(recorder, b"/broken", status=500)
    assert "/broken" in following.stdout.readline()
    long.ended = long.started + 7200  # it is meant only now that it has ended
    recorder.close(long)
    assert "/long" in following.stdout.readline()

    following.terminate()
    following.communicate()


def test_a_mistake_is_told_with_a_mark_under_its_place(capsys):
    with pytest.raises(SystemExit) as left:
        main(["log", "method = GET and staus = 3"])

    assert left.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: there is no field staus",
        "       method = GET and staus = 3",
        "                        ^",
        "       did you mean status?",
    ]


def test_a_mistake_is_told_before_there_is_a_store(run):  # noqa: F811
    with pytest.raises(UsageError):
        run(log, "staus = 3")


@pytest.mark.parametrize("column", [0, 5, 37, 38, 39, 200, 461, 500])
def test_the_mark_is_under_its_place_in_a_long_filter(column):
    text = "x" * column + "!" + "y" * (500 - column)

    line, mark = pointed(text, column).split("\n")

    assert len(line) <= 78
    assert line[mark.index("^")] == "!"


def test_nothing_of_a_filter_commands_the_terminal(run):  # noqa: F811
    with pytest.raises(UsageError) as caught:
        run(log, "\x1b]0;x\x07 = \x9b")

    assert not set(caught.value.what + caught.value.hint) & {"\x1b", "\x07", "\x9b"}


def completed(*words, incomplete=""):
    found = ShellComplete(tunnel, {}, "tunnel", "_TUNNEL_COMPLETE").get_completions(["log", *words], incomplete)
    return [item.value for item in found]


def test_the_shell_completes_fields_operators_and_values():
    assert completed(incomplete="sta") == ["status", "started", "state"]
    assert "response.header." in completed(incomplete="resp")
    assert completed("status", incomplete=">") == [">", ">="]
    assert completed("path", incomplete="c") == ["contains"]
    assert completed("state", "=", incomplete="r") == ["running"]
    assert completed("method", "=", incomplete="p") == ["POST", "PUT", "PATCH"]
    assert completed("tls", "=") == ["yes", "no"]
    assert completed("status", ">", "500", incomplete="an") == ["and"]
    assert "path" in completed("status > 500 and", incomplete="p")
    assert completed(incomplete="state = running and fau") == ["state = running and fault"]  # in quotes
