"""Servers: real programs that a test starts, waits for and ends. What fronts them is `helpers.fronts`.

A program is waited for by connecting to it or by reading what it prints, and ended by its process id. Nothing sleeps: a
wait between two attempts is a wait for the program's own end, so that one which dies early is told with its last words.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Self

import pytest

APPS = Path(__file__).parent.parent / "real" / "apps"
PATIENCE = 30.0  # seconds for a program to come up or to end; ten times what the slowest needs here
_AGAIN = 0.02  # seconds between two attempts to connect


class Lines:
    """What a program prints on one stream, read by a thread so that its pipe never fills."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="lines", daemon=True)
        self._thread.start()

    def wait_for(self, wanted: Callable[[str], bool], *, begin: int = 0, patience: float = PATIENCE) -> str:
        """Return the first line, from number `begin` on, that is wanted."""
        deadline = time.monotonic() + patience
        at = begin
        with self._changed:
            while True:
                for line in self._lines[at:]:
                    if wanted(line):
                        return line
                at = max(at, len(self._lines))
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError(f"not printed within {patience:g} s; what was:\n" + "\n".join(self._lines))
                self._changed.wait(left)

    def __len__(self) -> int:
        with self._changed:
            return len(self._lines)

    @property
    def text(self) -> str:
        """All of it until now; until its end, once the program has ended and `finish` was called."""
        with self._changed:
            return "".join(f"{line}\n" for line in self._lines)

    def take(self) -> list[str]:
        """Return the lines until now, and forget them: for a program that prints for hours. Not while one is waited for."""
        with self._changed:
            lines, self._lines = self._lines, []
            return lines

    def finish(self) -> None:
        """Read to the end and close. Grandchildren that hold the pipe open are not waited for."""
        self._thread.join(5)
        if not self._thread.is_alive():
            self._stream.close()

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self._lines.append(line.decode(errors="replace").rstrip("\r\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class Program:
    """A process with its output. `async`-free on purpose: what it talks to is a real client, not this."""

    def __init__(self, argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        self.argv = list(argv)
        self.process = subprocess.Popen(
            self.argv,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that what it starts itself (a reloader's child) can be ended with it
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)
        self.told_to_end = False

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: int) -> None:
        self.told_to_end = True
        self.process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for its end; return its exit code."""
        code = self.process.wait(patience)
        self.out.finish()
        self.err.finish()
        return code

    def stop(self) -> None:
        """End it, gently and then not; safe to call twice."""
        if self.process.poll() is None:
            self.told_to_end = True
            os.killpg(self.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_until_it_listens(program: Program, port: int, host: str = "127.0.0.1") -> None:
    """Connect until somebody accepts, or the program has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError as error:
            try:
                code = program.process.wait(_AGAIN)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, f"{program.argv} does not listen on {port}: {error}"
                continue
            program.wait()
            raise AssertionError(f"{program.argv} ended with {code}:\n{program.out.text}{program.err.text}") from error
        return


@contextmanager
def served(
    *argv: str, port: int, host: str = "127.0.0.1", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Run a server that will listen on `port`, until the block ends. One that crashes meanwhile fails the test."""
    with Program(argv, cwd=cwd, env=env) as program:
        wait_until_it_listens(program, port, host)
        yield program
    assert program.told_to_end, f"{program.argv} ended by itself:\n{program.out.text}{program.err.text}"


def python(*arguments: str) -> list[str]:
    """Return the argv that runs this Python. Warnings of the served frameworks are theirs, not ours."""
    return [sys.executable, *arguments]


def needed(program: str, package: str) -> str:
    """Return a program's path; skip the test where it is missing, with what would install it."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed; type: apt-get install {package}")
    return path


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail the block where it hangs, by an alarm: a blocked read is broken off too. Main thread only."""

    def late(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not done within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
