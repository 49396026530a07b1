"""Keys, on a real pseudo-terminal: a line is read, what was typed before is forgotten, and the background reads nothing."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tunnel.cli.keys import Ended, Keys

SOON = 0.05


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A terminal: the end where a person types, and ours."""
    person, ours = pty.openpty()
    yield person, ours
    for end in (person, ours):
        try:
            os.close(end)
        except OSError:
            pass


# What runs in a session of its own, whose terminal is its stdin. Each line it prints is one fact.
TYPED = """
import os, sys, termios, fcntl
from tunnel.cli.keys import Ended, Keys
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
keys = Keys(0)
keys.prepare()
print("ready", flush=True)
assert sys.stdin.fileno() == 0
while True:
    try:
        line = keys.line(0.1)
    except Ended:
        print("ended", flush=True)
        break
    if line == "forget":
        os.read(9, 1)
        keys.forget()
        print("forgot", flush=True)
    elif line == "background":
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            print("in the background:", Keys(0).line(0.1), flush=True)
            os._exit(0)
        print("child ended with", os.waitpid(child, 0)[1], flush=True)
    elif line is not None:
        print("line", repr(line), flush=True)
"""


class Session:
    """A program on a terminal of its own."""

    def __init__(self, terminal: tuple[int, int]) -> None:
        self.person, ours = terminal
        hold, self.release = os.pipe()
        self.program = subprocess.Popen(
            [sys.executable, "-c", f"import os; os.dup2({hold}, 9)\n{TYPED}"],
            stdin=ours,
            stdout=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(hold,),
        )
        os.close(hold)
        assert self.said() == "ready"

    def type(self, text: str) -> None:
        os.write(self.person, text.encode())

    def said(self) -> str:
        assert self.program.stdout is not None
        return self.program.stdout.readline().decode().strip()

    def close(self) -> None:
        os.close(self.release)
        self.program.kill()
        self.program.wait(10)
        assert self.program.stdout is not None
        self.program.stdout.close()


@pytest.fixture
def session(terminal: tuple[int, int]) -> Iterator[Session]:
    session = Session(terminal)
    yield session
    session.close()


def test_a_line_is_read_when_it_is_whole(session: Session) -> None:
    session.type("y")
    session.type("es\n")

    assert session.said() == "line 'yes'"


def test_what_was_typed_before_is_forgotten(session: Session) -> None:
    session.type("forget\n")
    session.type("y\n")  # both lines are in the terminal when the first is read, or the second comes right behind it
    os.write(session.release, b"x")
    assert session.said() == "forgot"
    session.type("n\n")

    assert session.said() == "line 'n'"


def test_in_the_background_nothing_is_read_and_nothing_is_stopped(session: Session) -> None:
    session.type("background\n")
    session.type("y\n")

    assert session.said() == "in the background: None"
    assert session.said() == "child ended with 0"
    assert session.said() == "line 'y'"


def test_a_terminal_that_goes_away_is_told(terminal: tuple[int, int]) -> None:
    person, ours = terminal
    keys = Keys(ours)
    os.close(person)

    with pytest.raises(Ended):
        keys.line(1)


def test_nothing_typed_is_nothing_after_a_while(terminal: tuple[int, int]) -> None:
    _, ours = terminal
    began = time.monotonic()

    assert Keys(ours).line(SOON) is None
    assert time.monotonic() - began < 10


def test_the_signals_that_would_stop_the_process_are_held_back_in_the_thread_that_reads(
    terminal: tuple[int, int],
) -> None:
    import threading

    held: list[object] = []

    def read() -> None:
        Keys(terminal[1]).prepare()
        held.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    (mask,) = held
    assert isinstance(mask, set)

    assert {signal.SIGTTIN, signal.SIGTTOU} <= mask
    assert not {signal.SIGTTIN, signal.SIGTTOU} & signal.pthread_sigmask(signal.SIG_BLOCK, ())
