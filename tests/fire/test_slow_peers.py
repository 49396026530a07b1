"""Slow peers: 5,000 of every kind at once, in front of the real command, and what honest clients notice of them.

This is the one place in the tests where a timing is asserted, since it is what is promised: with 5,000 slow peers honest
clients' p99 is within twice the normal. Both are measured here, one after the other, on the same machine with the same
program; each figure is the median of several short rounds, and of three such measurements the best counts, so that it
takes a machine that is busy all the time to spoil it.
"""

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from tests.fire.crawlers import Kind
from tests.helpers.fronts import Front
from tests.helpers.servers import free_port, python, served, within

pytestmark = pytest.mark.fire

ROOT = Path(__file__).parent.parent.parent
CROWD = 5000
EVERY = 10.0  # seconds between two bytes of one slow peer; 500 little steps a second, all together
ROUNDS, SECONDS, TRIES = 3, 1.5, 3
NOISE = 0.001  # seconds: what a timer or another process on a core may add to one answer in a hundred
EACH = 100 * 1024  # bytes of memory that a slow peer may take: 25 KiB if it is idle, two pieces more if it reads slowly
LEFT = 1 / 2  # of what a crowd took, may stay when it has left: Python's own pools, in pieces, for the next one
AGAIN = 1.2  # times what the first crowd took, may be taken when a second one is here: nothing adds up
OPEN_FILES = 2 * CROWD + 500  # the front's, two for each slow peer that reaches the upstream
LONG = ["--handshake", "10m", "--head", "10m", "--idle", "10m", "--stall", "10m"]  # so that all are held at once
SHORT = ["--handshake", "1s", "--head", "1s", "--idle", "10m"]


class Helper:
    """A program beside the front that is told and answers in lines, JSON where it has something to tell."""

    def __init__(self, module: str, *words: object) -> None:
        argv = python("-m", f"tests.fire.{module}", *map(str, words))
        self._process = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            _, told = self._process.communicate()
            raise AssertionError(f"{self._process.args} ended with {self._process.returncode}: {told[-2000:]}")
        return line

    def ask(self, line: object = "") -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.hear())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # closes its input, which ends it


@contextmanager
def fronted(tmp_path: Path, *options: str) -> Iterator[Front]:
    """The real command in front of a real upstream that has something slow for everybody."""
    port = free_port()
    with (
        served(*python("-m", "tests.fire.slow_upstream", str(port)), port=port, cwd=ROOT),
        Front(port, tmp_path, "--quiet", *options) as front,
    ):
        yield front


@pytest.fixture
def enough_files() -> None:
    """Skip where a crowd of this size cannot be: the front raises its own limit, but not above the system's."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        pytest.skip(f"{OPEN_FILES} open files are wanted, {hard} allowed; type: ulimit -Hn {OPEN_FILES}")


def memory(front: Front) -> int:
    """Bytes of memory that are the front's own now (PSS)."""
    rollup = Path(f"/proc/{front.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))


def p99(honest: Helper) -> float:
    """The median, over some rounds, of how long the slowest hundredth waited; in seconds."""
    return statistics.median(honest.ask(SECONDS)["p99"] for _ in range(ROUNDS))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_five_thousand_slow_peers_leave_honest_clients_their_pace_and_memory_bounded(
    tmp_path: Path, enough_files: None
) -> None:

    def crowd() -> Helper:
        return Helper("crawlers", front.port, front.root, CROWD, EVERY)

    with within(150), fronted(tmp_path, *LONG) as front, Helper("honest", front.port, front.root) as honest:
        assert honest.hear() == "ready"
        honest.ask(SECONDS)  # to warm up
        normal, start = p99(honest), memory(front)
        with crowd() as first:
            assert first.hear() == "held"
            steps = first.ask()["steps"]
            tries = []
            while len(tries) < TRIES and (not tries or tries[-1] > 2 * normal + NOISE):
                tries.append(p99(honest))
            grown = memory(front) - start
            told = first.ask()
        most = [honest.ask(SECONDS)["p99"] for _ in range(2)]  # while they leave all at once, and after
        left = memory(front) - start
        with crowd() as second:
            assert second.hear() == "held"
            honest.ask(SECONDS)
            again = memory(front) - start

    figures = (
        f"p99 {normal * 1000:.2f} ms before, {', '.join(f'{took * 1000:.2f}' for took in tries)} ms during,"
        f" {most[0] * 1000:.2f} ms while they leave, {most[1] * 1000:.2f} ms after;"
        f" {grown / CROWD / 1024:.1f} KiB each, {left / 2**20:.0f} MiB left,"
        f" {again / CROWD / 1024:.1f} KiB each again; {told['steps'] - steps} steps"
    )
    print(figures)
    assert sum(told["open"].values()) == CROWD, f"not all were held: {told}"
    assert set(told["open"]) == {kind.name for kind in Kind}
    assert told["steps"] - steps > CROWD / EVERY, "they were asleep"
    assert min(tries) <= 2 * normal + NOISE, figures
    assert grown <= CROWD * EACH, figures
    assert left <= grown * LEFT, figures
    assert again <= grown * AGAIN, figures


def test_slow_senders_of_heads_and_hellos_are_cut_off_and_all_others_kept(tmp_path: Path) -> None:
    with within(60), fronted(tmp_path, *SHORT) as front:
        with Helper("crawlers", front.port, front.root, 70, 0.5) as crowd:
            assert crowd.hear() == "held"
            told = crowd.ask()
            while "HELLO" in told["open"] or "HEAD" in told["open"]:
                told = crowd.ask()

        kept = [kind.name for kind in Kind if kind not in (Kind.HELLO, Kind.HEAD)]
        assert told["open"] == dict.fromkeys(kept, 10)
        assert [row["status"] for row in front.recorded(lambda row: row["status"] == 408, count=10)] == [408] * 10
