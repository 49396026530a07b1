"""A share's questions on a real terminal: the answer arrives, lines that scroll by stay whole, and all ends in order.

The program that is started has everything of a share but its network: the printer, the keys, the desk, the control socket;
behind the desk is a gate that the test fills through lines of its own on another descriptor.
"""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.helpers.servers import PATIENCE
from tunnel.errors import TunnelError
from tunnel.share.asking import ordered, standings
from tunnel.share.orders import Answer, Stop

pytestmark = pytest.mark.real

PROGRAM = """
import sys
from functools import partial
from pathlib import Path
import trio
from tests.share.fake_gate import FakeGate, desk
from tunnel.cli.keys import Keys
from tunnel.cli.live import LivePrinter
from tunnel.cli.share_questions import Questions
from tunnel.model.share import Question
from tunnel.share.attending import attend

printer = LivePrinter(sys.stdout)
questions = Questions(Keys(0), printer.say, printer.foot, lambda: 100)
gate = FakeGate()

async def script(orders, end):
    async for data in orders:
        for word in data.decode().split():
            name, _, rest = word.partition(":")
            if name == "ask":
                number, code = rest.split("-")
                gate.waiting.append(Question(int(number), "Pixel 9", "192.0.2.7", 0.0, code, "Chrome"))
            elif name == "lines":
                for number in range(int(rest)):
                    printer.say(f"line {number:04} of what passes")
                    if number % 50 == 0:
                        await trio.sleep(0.001)
            elif name == "answers":
                printer.say(f"answers {gate.answered}")

async def main():
    steering = desk(gate)
    with trio.open_signal_receiver(2) as signals:
        async with trio.open_nursery() as nursery:
            steering._stop = nursery.cancel_scope.cancel
            nursery.start_soon(script, trio.lowlevel.FdStream(int(sys.argv[2])), None)
            nursery.start_soon(lambda: attend(steering, folder=Path(sys.argv[1]), port=1, ask=questions.now,
                                              notice=lambda error: printer.say(error.what)))
            printer.say("up")
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break

try:
    trio.run(main)
finally:
    questions.close()
    printer.say("ended")
    printer.stop(5)
"""


class Sharing:
    """The program, on a terminal of its own.

    Attributes:
      screen: What a person sees: see `rendered`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.person, ours = pty.openpty()
        reading, self._orders = os.pipe()
        argv = [sys.executable, "-c", PROGRAM, str(folder), str(reading)]
        # A terminal becomes the session's own when its first process opens it.
        argv = [sys.executable, "-c", _ADOPT, os.ttyname(ours), *argv]
        self.program = subprocess.Popen(
            argv, stdin=ours, stdout=ours, stderr=ours, start_new_session=True, pass_fds=(reading,),
            env={**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        os.close(ours)
        os.close(reading)
        self._told = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.sees(lambda screen: "up" in screen)

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self.person, 65536)
            except OSError:
                return  # the terminal's other end is closed
            if not piece:
                return
            self._told += piece

    @property
    def screen(self) -> list[str]:
        return rendered(self._told.decode("utf-8", "replace"))

    def sees(self, wanted: Callable[[list[str]], object]) -> list[str]:
        """Wait until the screen is as wanted; return it."""
        deadline = time.monotonic() + PATIENCE
        while not wanted(screen := self.screen):
            assert time.monotonic() < deadline, screen[-30:]
            self._thread.join(0.01)
        return screen

    def order(self, *words: str) -> None:
        os.write(self._orders, (" ".join(words) + "\n").encode())

    def press(self, text: str) -> None:
        os.write(self.person, text.encode())

    def read_and_press(self, text: str) -> None:
        """Type as somebody does who has read the question."""
        self._thread.join(0.7)  # longer than `share_questions.TOO_SOON`: a person's reading is what takes time here
        self.press(text)

    def nobody_asks(self) -> None:
        """Wait until every question was answered."""
        deadline = time.monotonic() + PATIENCE
        while standings(self.folder)[0].questions:
            assert time.monotonic() < deadline, self.screen[-30:]

    def ended(self) -> int:
        code = self.program.wait(PATIENCE)
        self._thread.join(PATIENCE)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self.program.poll() is None:
            self.program.kill()
            self.program.wait(PATIENCE)
        self._thread.join(PATIENCE)
        os.close(self._orders)
        os.close(self.person)


_ADOPT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[2], sys.argv[2:])
"""


def rendered(told: str) -> list[str]:
    """Return the lines that a terminal shows of this, as far as what we print goes: line ends, returns, erasing, colours."""
    lines, column = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", told):
        if piece == "\n":
            lines.append("")
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[K":
            lines[-1] = lines[-1][:column]
        elif not piece.startswith("\x1b"):
            lines[-1] = lines[-1][:column] + piece + lines[-1][column + len(piece) :]
            column += len(piece)
    return lines


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Sharing]:
    with Sharing(tmp_path) as sharing:
        yield sharing


ASKED = "Pixel 9, Chrome, 192.0.2.7 wants in, it shows {}: allow? [y/N] "


def test_a_person_lets_a_device_in_while_lines_scroll_by_whole(sharing: Sharing) -> None:
    sharing.order("ask:1-42")
    sharing.sees(lambda screen: screen[-1] == ASKED.format("42"))
    sharing.order("lines:600")
    screen = sharing.sees(lambda screen: "line 0599 of what passes" in screen and screen[-1] == ASKED.format("42"))
    assert [line for line in screen if line.startswith("line ")] == [f"line {n:04} of what passes" for n in range(600)]
    sharing.read_and_press("y\n")
    sharing.nobody_asks()
    sharing.sees(lambda screen: f"{ASKED.format('42')}y" in screen)
    sharing.order("answers")

    sharing.sees(lambda screen: screen[-2:] == ["answers [(1, True)]", ""])


def test_an_enter_pressed_to_make_room_turns_nobody_away(sharing: Sharing) -> None:
    sharing.press("\n\n\ny\n")
    sharing.sees(lambda screen: "y" in screen)
    sharing.order("ask:1-42")
    sharing.sees(lambda screen: screen[-1] == ASKED.format("42"))
    sharing.order("answers")

    sharing.sees(lambda screen: "answers []" in screen and screen[-1] == ASKED.format("42"))


def test_a_question_that_is_answered_at_another_terminal_goes_from_this_one(sharing: Sharing) -> None:
    sharing.order("ask:1-42", "ask:2-07")
    sharing.sees(lambda screen: "it shows 42; 1 more asks: allow?" in screen[-1])
    ordered(sharing.folder, Answer(True, 1))
    sharing.sees(lambda screen: screen[-1] == ASKED.format("07"))
    sharing.read_and_press("n\n")
    sharing.nobody_asks()
    sharing.order("answers")

    screen = sharing.sees(lambda screen: "answers [(1, True), (2, False)]" in screen)
    assert not any("it shows 42" in line for line in screen)


def test_ctrl_c_ends_it_while_a_question_stands_and_leaves_the_terminal_as_it_was(sharing: Sharing) -> None:
    import termios

    before = termios.tcgetattr(sharing.person)
    sharing.order("ask:1-42")
    sharing.sees(lambda screen: screen[-1] == ASKED.format("42"))
    sharing.press("\x03")

    assert sharing.ended() == 0
    assert sharing.screen[-2:] == ["ended", ""]
    assert not any("it shows 42" in line for line in sharing.screen)
    assert termios.tcgetattr(sharing.person) == before
    assert standings(sharing.folder) == []


def test_a_share_that_was_killed_is_no_share_any_more_and_leaves_nothing(sharing: Sharing) -> None:
    assert len(standings(sharing.folder)) == 1
    sharing.program.send_signal(signal.SIGKILL)
    sharing.program.wait(PATIENCE)

    with pytest.raises(TunnelError, match="nothing is shared just now"):
        ordered(sharing.folder, Stop())
    assert [path for path in sharing.folder.rglob("*") if path.is_socket()] == []


def test_it_is_stopped_from_another_terminal_while_a_question_stands(sharing: Sharing) -> None:
    sharing.order("ask:1-42")
    sharing.sees(lambda screen: screen[-1] == ASKED.format("42"))
    ordered(sharing.folder, Stop(), until_end=PATIENCE)

    assert sharing.ended() == 0
    assert sharing.screen[-2:] == ["ended", ""]
