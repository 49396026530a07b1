"""Workers: one process against two. What a request costs where both share a core, how connections split, and how much more
passes where each has a core of its own."""

import time
from pathlib import Path

from benchmarks import machine, origins, peers, tools
from benchmarks.bench import Bench, Column, Table, Work, say
from benchmarks.origins import Origin
from benchmarks.peers import US
from benchmarks.works import rows

KINDS = {"https": True, "plain": False}
_CONNECTIONS = 64
_WARM = 1  # seconds


def run(bench: Bench, turn: int) -> None:
    """Take a round: one and two, in the order of the round."""
    if US not in bench.peers:
        return
    with origins.small(bench.folder / "workers-origin", bench.pem) as origin:
        for workers in (1, 2) if turn % 2 else (2, 1):
            with bench.attempt("workers", _row(workers)):
                _measure(bench, turn, origin, workers)
                if machine.spare():
                    _measure(bench, turn, origin, workers, core=machine.SEVERAL)
    for name in ("cpu", "rate, a core each"):
        for kind in KINDS:
            one, two = (bench.results.rounds("workers", _row(n), f"{kind} {name}").get(turn) for n in (1, 2))
            if one and two:
                bench.results.add("workers", _row(2), f"{kind} {name} ratio", turn, two / one)


def _measure(
    bench: Bench, turn: int, origin: Origin, workers: int, core: int | tuple[int, ...] = machine.FRONT
) -> None:
    wide = core != machine.FRONT
    folder = bench.folder / f"workers-{turn}-{workers}{'-wide' if wide else ''}"
    with peers.front(US, origin, folder, options=["--workers", str(workers)], core=core) as front:
        assert front.program is not None
        for kind, tls in KINDS.items():
            tools.wrk(front.url(tls=tls), connections=_CONNECTIONS, seconds=_WARM)
            before, since = front.program.rest(), time.time()
            load = tools.wrk(front.url(tls=tls), connections=_CONNECTIONS, seconds=bench.seconds)
            cpu = (front.program.rest() - before) / load.requests * 1e6
            rate = load.requests / load.seconds
            said = f"  workers {workers} {kind}: {rate:9.0f}/s {cpu:7.1f} µs CPU"
            if wide:
                bench.results.add("workers", _row(workers), f"{kind} rate, a core each", turn, rate)
                said += ", a core each"
            else:
                bench.results.add("workers", _row(workers), f"{kind} cpu", turn, cpu)
            if workers > 1 and not wide:
                share = _larger_share(folder, since)
                bench.results.add("workers", _row(workers), f"{kind} share", turn, share)
                said += f", larger share of connections {share:.0f} %"
            say(said)


def _larger_share(folder: Path, since: float) -> float:
    served = rows.shares(folder, since)
    return 100 * max(served) / sum(served)


def _row(workers: int) -> str:
    return f"{workers} worker{'s' if workers > 1 else ''}"


WORK = Work(
    "workers",
    ("nginx", "wrk"),
    (
        Table(
            "One worker and two",
            (
                Column("https cpu", "HTTPS, 64: CPU, µs a request", 1, ratio=False),
                Column("https cpu ratio", "× one worker's", 2, ratio=False),
                Column("plain cpu", "plain, 64: CPU, µs a request", 1, ratio=False),
                Column("plain cpu ratio", "× one worker's", 2, ratio=False),
                Column("https share", "HTTPS: larger share of connections, %", 1, ratio=False),
                Column("plain share", "plain: the same", 1, ratio=False),
                Column("https rate, a core each", "HTTPS: requests a second, a core each", ratio=False),
                Column("https rate, a core each ratio", "× one worker's", 2, ratio=False),
                Column("plain rate, a core each", "plain: the same", ratio=False),
                Column("plain rate, a core each ratio", "× one worker's", 2, ratio=False),
            ),
            "`--workers 2` against one worker. CPU is that of all processes, where they share one core; what passes with a"
            " core each is measured on a machine with three cores or more.",
        ),
    ),
    run,
)
