"""Idle: what 2,000 TLS connections cost that have asked once and then say nothing."""

import subprocess
import sys

from benchmarks import machine, origins
from benchmarks.bench import Bench, Column, Table, Work, say
from benchmarks.peers import Front
from benchmarks.processes import Failed
from benchmarks.tools import PROGRAMS

CONNECTIONS, QUICK = 2000, 500
_LONGEST = 120.0  # seconds


def run(bench: Bench, turn: int) -> None:
    """Take a round, one front after the other."""
    count = QUICK if bench.quick else CONNECTIONS
    with (
        origins.small(bench.folder / "idle-origin", bench.pem) as origin,
        bench.fronts("idle", turn, origin) as fronts,
    ):
        for front in fronts:
            with bench.attempt("idle", front.peer):
                _measure(bench, turn, front, count)


def _measure(bench: Bench, turn: int, front: Front, count: int) -> None:
    if front.program is None:
        return
    _hold(front, 1)
    front.program.rest()
    before = front.program.memory()
    held = _hold(front, count)
    each = (held - before) / count / 1024
    bench.results.add("idle", front.peer, "each", turn, each)
    say(f"  idle      {front.peer:9} {each:7.1f} KiB each")


def _hold(front: Front, count: int) -> int:
    """Open connections, return the front's memory while they are, and close them."""
    assert front.program is not None
    words = [sys.executable, str(PROGRAMS / "hold.py"), str(front.tls), str(count)]
    with machine.on(machine.REST):
        client = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    try:
        assert client.stdout is not None
        said = client.stdout.readline().strip()
        if said != "held":
            raise Failed(f"connections could not be held: {said}")
        front.program.rest()
        return front.program.memory()
    finally:
        try:
            client.communicate(timeout=_LONGEST)  # closes its input, which ends it
        finally:
            client.kill()


WORK = Work(
    "idle",
    ("nginx",),
    (
        Table(
            "Idle TLS connections",
            (Column("each", "KiB each"),),
            f"{CONNECTIONS:,} of them ({QUICK} with --quick); each has asked once. Less is better.",
        ),
    ),
    run,
    most_rounds=2,
)
