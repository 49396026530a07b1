"""Steering a share from another terminal: what is typed, what is printed, and what a wrong word gets."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import trio

from tests.capture.making import until
from tests.share.fake_gate import ANOTHER, GALAXY, PIXEL, FakeGate, Stops, desk
from tunnel.cli.lines import Look
from tunnel.cli.main import tunnel
from tunnel.cli.share_control import WORDS, Steered
from tunnel.cli.share_lines import clock, happening_line, span, standing_lines
from tunnel.errors import TunnelError
from tunnel.model.share import Access, Happening
from tunnel.share import control
from tunnel.share.places import places

PLAIN = Look()


@click.command(cls=Steered)
@click.argument("target", required=False)
@click.option("--list", is_flag=True)
@click.option("--open", is_flag=True)
def share(target: str | None, list: bool, open: bool) -> None:
    """Share a service."""
    click.echo(f"would share {target}, open={open}")


class Running:
    """A share that runs, in a thread of this process: its control socket, and the gate behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gate = FakeGate()
        self.stop = Stops()
        self._scope = trio.CancelScope()
        self._thread = threading.Thread(target=trio.run, args=(self._serve,))
        self._thread.start()
        until(lambda: places(folder))

    async def _serve(self) -> None:
        def end() -> None:
            self.stop()
            self._scope.cancel()

        steering = desk(self.gate)
        steering._stop = end
        with self._scope:
            await control.serve(steering, self.folder, 62893, lambda error: None)

    def close(self) -> None:
        if self._thread.is_alive() and not self.stop.count:
            run("stop", self.folder)
        self._thread.join(10)
        assert not self._thread.is_alive()


def run(*words: object) -> int:
    """Type words after `tunnel share`, the folder last."""
    *typed, folder = words
    result = share.main([*map(str, typed), "--folder", str(folder)], prog_name="tunnel share", standalone_mode=False)
    return result if isinstance(result, int) else 0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.close()


def test_the_list_shows_what_is_shared_until_when_with_whom_and_who_asks(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    running.gate.waiting = [GALAXY]
    run("--list", running.folder)
    told = capsys.readouterr().out

    assert "https://192.0.2.10:62893 → http://localhost:3000" in told
    assert "by pairing; ends " in told and ", in 42 min" in told
    assert "one more device may ask with: https://192.0.2.10:62893/.tunnel/join?token=once" in told
    assert "  1  Pixel 9               Chrome " in told and "192.0.2.7" in told and "12 requests" in told
    assert "Galaxy S25, Firefox, 192.0.2.44 wants in, it shows 42; let it in: tunnel share allow 3" in told


def test_list_is_a_word_too_and_prints_json_for_programs(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    run("list", "--json", running.folder)
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)

    assert (told["port"], told["left"], told["devices"][0]["name"]) == (62893, 2520.0, "Pixel 9")


def test_where_nothing_is_shared_the_list_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--list", tmp_path)

    assert capsys.readouterr().out == "nothing is shared just now; begin: tunnel share 3000\n"


def test_a_device_is_revoked_by_its_name(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    run("revoke", "pixel", running.folder)

    assert capsys.readouterr().out == "device 1, Pixel 9, Chrome, 192.0.2.7, is out\n"
    assert PIXEL not in running.gate.all_devices


def test_the_end_is_moved(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    run("extend", "30m", running.folder)

    assert capsys.readouterr().out.endswith(", in 1 h 12 min\n")
    assert running.gate.remaining == 4320.0


def test_who_asks_is_let_in_or_not(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running.gate.waiting = [GALAXY, ANOTHER]
    run("allow", "3", running.folder)
    run("deny", running.folder)

    assert running.gate.answered == [(3, True), (4, False)]
    assert capsys.readouterr().out.splitlines() == [
        "Galaxy S25, Firefox, 192.0.2.44, is let in",
        "curl, 192.0.2.45, is not let in",
    ]


def test_a_share_is_stopped_and_that_it_has_ended_is_said_when_it_has(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    run("stop", running.folder)

    assert capsys.readouterr().out == "the share on port 62893 has ended\n"
    assert running.stop.count == 1
    until(lambda: places(running.folder) == [])


@pytest.mark.parametrize("words", [("stop",), ("extend", "1m"), ("revoke", "1"), ("allow",), ("deny", "1")])
def test_where_nothing_is_shared_each_word_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(TunnelError, match="nothing is shared just now"):
        run(*words, tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("extend", "soon"), "write it like"),
        (("extend",), "Missing argument 'TIME'"),
        (("revoke",), "Missing argument 'DEVICE'"),
        (("allow", "who"), "not a valid integer"),
        (("stop", "--share", "70000"), "range"),
    ],
)
def test_a_wrong_word_is_told(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        run(*words, tmp_path)

    assert said in caught.value.format_message()


def test_any_other_first_word_is_a_target(capsys: pytest.CaptureFixture[str]) -> None:
    share.main(["3000", "--open"], standalone_mode=False)

    assert capsys.readouterr().out == "would share 3000, open=True\n"


def test_the_help_names_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    share.main(["--help"], standalone_mode=False)
    told = capsys.readouterr().out

    for name in ("--list", "revoke DEVICE", "extend TIME", "stop", "allow [QUESTION]", "deny [QUESTION]"):
        assert f"  {name} " in told


@pytest.mark.parametrize("word", WORDS)
def test_a_words_own_help_names_it_as_it_is_typed(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    share.main([word, "--help"], prog_name="tunnel share", standalone_mode=False)

    assert capsys.readouterr().out.startswith(f"Usage: tunnel share {word} ")


def test_no_word_is_a_command_of_tunnel_itself() -> None:
    assert not set(WORDS) & set(tunnel.list_commands(click.Context(tunnel)))


def test_what_devices_call_themselves_commands_no_terminal() -> None:
    hostile = FakeGate(waiting=[GALAXY.__class__(1, "\x1b[2J" * 40, "\x07", 0.0, "4\x1b2")])
    lines = "\n".join(standing_lines(desk(hostile).standing(), 1_700_000_200.0, PLAIN))

    assert "\x1b" not in lines and "\x07" not in lines
    assert "\x1b" not in happening_line(Happening("refused", 0, "", "", "GET /\x1b[2J"), PLAIN)


@pytest.mark.parametrize("access", Access)
def test_each_rule_is_said(access: Access) -> None:
    _, rule, *_ = standing_lines(desk(access=access).standing(), 1_700_000_200.0, PLAIN)

    assert rule.strip().startswith(("by ", "OPEN to everybody"))


def test_a_share_for_ever_says_that_it_has_no_end() -> None:
    _, rule, *_ = standing_lines(desk(FakeGate(remaining=None)).standing(), 0.0, PLAIN)

    assert rule == "  by pairing; no end"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (40, "40 s"), (99.4, "99 s"), (100, "2 min"), (3540, "59 min"), (3599, "1 h 00 min"),
     (3900, "1 h 05 min"), (86_400, "1 d 0 h"), (187_200, "2 d 4 h")],
)  # fmt: skip
def test_lengths_of_time(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_another_day_is_said() -> None:
    assert clock(86_400 * 365.0).startswith(("1970-", "1971-"))
