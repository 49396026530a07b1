"""Processes: a program started on its core, what it used, and its certain end. Knows /proc, not what the program is."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine

_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 15.0  # seconds for a program to end when asked, before it is killed; ours writes what it has recorded
_CALM = 0.2  # seconds without CPU time, and a program is at rest
_RESTLESS = 10.0  # seconds after which we no longer wait for that


class Failed(Exception):
    """A program could not do its part. Says what it said last."""


def _users() -> dict[str, str]:
    """Return our environment as a user's is: whoever develops may have told Python to compile every module anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Program:
    """A started program with its children. A context manager that ends it.

    Args:
      command: What to run.
      core: `machine.FRONT` or `machine.REST`, or several.
      log: Where what it says goes.
      environment: Added to ours.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        core: int | tuple[int, ...],
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = Path(command[0]).name
        self.log = log
        self.started = time.perf_counter()
        with machine.on(*(core if isinstance(core, tuple) else (core,))), log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**_users(), **(environment or {})},
                cwd=log.parent,
                start_new_session=True,  # so that Ctrl-C reaches us alone, and we end it in order
            )

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the program itself."""
        return self._process.pid

    def check(self) -> None:
        """Raise Failed if it has ended."""
        if self._process.poll() is not None:
            last = self.log.read_text(errors="replace").strip().splitlines()[-3:]
            raise Failed(f"{self.name} ended with {self._process.returncode}: {' / '.join(last) or 'it said nothing'}")

    def stop(self) -> None:
        """End it and its children: asked first, then killed, each by its pid."""
        children = _family(self.pid)[1:]
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pid, born in children:
            if _born(pid) == born:  # still there, and still the same
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # gone between the two lines

    def cpu(self) -> float:
        """Seconds of CPU time, user and system, of it and its children."""
        return sum(sum(map(int, stat[11:13])) for pid, _ in _family(self.pid) if (stat := _stat(pid))) / _TICK

    def rest(self) -> float:
        """Wait until it has nothing left to do, and return `cpu` then. What it put off is part of what it cost."""
        used, since = self.cpu(), time.perf_counter()
        until = since + _RESTLESS
        while (now := time.perf_counter()) < until and now - since < _CALM:
            time.sleep(0.05)
            if (more := self.cpu()) > used + 1.5 / _TICK:
                used, since = more, now
        return self.cpu()

    def memory(self) -> int:
        """Bytes resident now, of it and its children."""
        return sum(_status(pid, "VmRSS") for pid, _ in _family(self.pid))

    def peak(self) -> int:
        """Bytes resident at most since the start or `forget_peak`, of it and its children."""
        return sum(_status(pid, "VmHWM") for pid, _ in _family(self.pid))

    def forget_peak(self) -> None:
        """Begin to look for the peak anew."""
        for pid, _ in _family(self.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def await_listening(program: Program, port: int, *, patience: float = 20.0) -> None:
    """Wait until something accepts on a port.

    Raises:
      Failed: The program has ended, or nothing does in time.
    """
    until = time.perf_counter() + patience
    while time.perf_counter() < until:
        program.check()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise Failed(f"{program.name} does not listen on {port} after {patience:g} s")


def _family(pid: int) -> list[tuple[int, str]]:
    """Return a process and its descendants, each with the moment of its birth, which tells a pid's holders apart."""
    found = [(pid, _born(pid))]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += _family(int(child))
        except OSError:
            pass  # the thread has ended
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _born(pid: int) -> str:
    stat = _stat(pid)
    return stat[19] if stat else ""


def _status(pid: int, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
