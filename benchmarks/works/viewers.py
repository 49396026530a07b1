"""Viewers: what ten open pages of the inspector, one of them stalled, cost what passes. Law 1: watching costs nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks import machine, origins, peers, tools
from benchmarks.bench import Bench, Column, Table, Work, say
from benchmarks.origins import Origin
from benchmarks.peers import US
from benchmarks.processes import Failed, Program, await_listening, free_port
from benchmarks.tools import PROGRAMS

VIEWERS = 10
_CONNECTIONS = 64
_WARM = 1  # seconds
_PATIENCE = 30.0  # seconds for the viewers to end when told
_READ = 5.0  # seconds of an event stream


def run(bench: Bench, turn: int) -> None:
    """Take a round: without and with them, in the order of the round."""
    if US not in bench.peers:
        return
    for viewers in (0, VIEWERS) if turn % 2 else (VIEWERS, 0):
        with bench.attempt("viewers", _row(viewers)):
            _load(bench, turn, viewers)
            _events(bench, turn, viewers)
    without, watched = (bench.results.rounds("viewers", _row(n), "rate").get(turn) for n in (0, VIEWERS))
    if without and watched:
        bench.results.add("viewers", _row(VIEWERS), "ratio", turn, watched / without)
    alone, beside = (bench.results.rounds("viewers", _row(n), "p99").get(turn) for n in (0, VIEWERS))
    if alone is not None and beside is not None:
        bench.results.add("viewers", _row(VIEWERS), "added", turn, (beside - alone) / 1e3)


def _load(bench: Bench, turn: int, viewers: int) -> None:
    folder = bench.folder / f"viewers-{turn}-{viewers}"
    with (
        origins.small(bench.folder / "viewers-origin", bench.pem) as origin,
        peers.front(US, origin, folder) as front,
        _watching(folder, viewers) if viewers else nullcontext(),
    ):
        tools.wrk(front.url(tls=True), connections=_CONNECTIONS, seconds=_WARM)
        load = tools.wrk(front.url(tls=True), connections=_CONNECTIONS, seconds=bench.seconds)
    rate = load.requests / load.seconds
    bench.results.add("viewers", _row(viewers), "rate", turn, rate)
    say(f"  viewers {viewers:2} {rate:9.0f}/s")


def _events(bench: Bench, turn: int, viewers: int) -> None:
    folder = bench.folder / f"viewers-events-{turn}-{viewers}"
    folder.mkdir()
    port = free_port()
    serving: list[str | Path] = [sys.executable, PROGRAMS / "events.py", "serve", str(port)]
    with (
        Program(serving, core=machine.REST, log=folder / "origin.log") as origin,
        machine.on(machine.REST),
    ):
        await_listening(origin, port)
        with (
            peers.front(US, Origin(port, port, bench.pem), folder) as front,
            _watching(folder, viewers) if viewers else nullcontext(),
        ):
            words = [sys.executable, str(PROGRAMS / "events.py"), "read", str(front.plain), str(_READ)]
            ran = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE, check=False)
            if ran.returncode:
                raise Failed(f"the event stream could not be read: {ran.stderr.strip()[-200:]}")
            late = json.loads(ran.stdout)
    bench.results.add("viewers", _row(viewers), "p99", turn, late["p99"])
    say(f"  viewers {viewers:2} event stream p50 {late['p50']:.0f}  p99 {late['p99']:.0f} µs")


@contextmanager
def _watching(folder: Path, count: int) -> Iterator[None]:
    with machine.on(machine.REST):
        process = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "viewers.py"), str(folder), str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        if (said := process.stdout.readline().strip()) != "watching":
            raise Failed(f"nobody watches: {said}")
        yield
        said, _ = process.communicate(timeout=_PATIENCE)
        say(f"  {count - 1} viewers read {said.strip()} events")
    finally:
        process.kill()


def _row(viewers: int) -> str:
    return f"{viewers} viewers" if viewers else "nobody watches"


WORK = Work(
    "viewers",
    ("nginx", "wrk"),
    (
        Table(
            "With the inspector open",
            (
                Column("rate", "HTTPS, 64 connections: requests a second", ratio=False),
                Column("ratio", "× with nobody", 2, ratio=False),
                Column("p99", "an event stream's p99, µs", ratio=False),
                Column("added", "added, ms", 2, ratio=False),
            ),
            f"{VIEWERS} viewers follow the live feed, one of which never reads. They share a core with client and origin."
            " The event stream runs beside 200 requests a second.",
        ),
    ),
    run,
    most_rounds=5,
)
