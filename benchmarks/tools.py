"""Tools: the load generators, and what they tell. wrk for keep-alive requests, curl for bulk, ours for the rest."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.processes import Failed

PROGRAMS = Path(__file__).parent / "programs"
_SLACK = 60.0  # seconds that a tool may take beyond the time it was told to run
_TOLERATED = 0.001  # of the requests may break and the run still counts; it is said in the results then

# What each tool is had by.
PACKAGES = {"wrk": "apt-get install wrk", "curl": "apt-get install curl", "nginx": "apt-get install nginx"}


@dataclass(frozen=True, slots=True)
class Load:
    """A run of wrk.

    Attributes:
      p50, p99: Latency, µs.
      broken: Requests that came to nothing.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int
    broken: int


def missing(*names: str) -> list[str]:
    """Return how to get each of these tools that is not here."""
    return [PACKAGES[name] for name in names if shutil.which(name) is None]


def wrk(url: str, *, connections: int, seconds: int, exactly: int | None = None) -> Load:
    """Ask again and again on kept connections.

    Args:
      exactly: So many requests and not one more; `seconds` is the most it may take then.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(PROGRAMS / "summary.lua"), url]
    said = _run([*command, "--", str(exactly)] if exactly else command, seconds)
    load = Load(**json.loads(said.strip().splitlines()[-1]))
    if load.refused or load.broken > load.requests * _TOLERATED or not load.requests:
        raise Failed(f"{url}: {load.requests} answered, {load.refused} with an error, {load.broken} not at all")
    return load


def handshakes(port: int, seconds: float) -> tuple[int, float]:
    """Return how many new TLS connections were answered, each one request, and in how many seconds."""
    count, took = _run([sys.executable, PROGRAMS / "handshakes.py", port, seconds], seconds).split()
    return int(count), float(took)


def download(url: str) -> float:
    """Return bytes a second."""
    return _curl("%{speed_download}", url)


def upload(url: str, file: Path) -> float:
    """Return bytes a second. Without Expect, so that nobody waits for a 100."""
    return _curl("%{speed_upload}", "-H", "Expect:", "-T", str(file), url)


def _curl(figure: str, *words: str) -> float:
    # `time_starttransfer` and the like do not count: curl's own speed is bytes by the whole time.
    said = _run(["curl", "-sSk", "--fail", "--http1.1", "-o", "/dev/null", "-w", figure, *words], 0)
    return float(said)


def _run(command: Sequence[object], seconds: float) -> str:
    words = [str(word) for word in command]
    with machine.on(machine.REST):
        try:
            ran = subprocess.run(
                words, capture_output=True, text=True, timeout=seconds + _SLACK, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{words[0]} took longer than {error.timeout:g} s") from error
    if ran.returncode:
        raise Failed(f"{' '.join(words)}: {ran.stderr.strip() or ran.returncode}")
    return ran.stdout
