"""Memory: the most that a front has held after a while of small requests at full speed."""

from benchmarks import origins, tools
from benchmarks.bench import Bench, Column, Table, Work, say


def run(bench: Bench, turn: int) -> None:
    """Take a round, on fronts that have done nothing before."""
    with (
        origins.small(bench.folder / "memory-origin", bench.pem) as origin,
        bench.fronts("memory", turn, origin) as fronts,
    ):
        for front in fronts:
            if front.program:
                with bench.attempt("memory", front.peer):
                    bench.results.add("memory", front.peer, "start", turn, front.program.memory() / 2**20)
                    load = tools.wrk(front.url(tls=True), connections=64, seconds=2 * bench.seconds)
                    peak = front.program.peak() / 2**20
                    bench.results.add("memory", front.peer, "peak", turn, peak)
                    say(f"  memory    {front.peer:9} {peak:7.1f} MiB after {load.requests} requests")


WORK = Work(
    "memory",
    ("nginx", "wrk"),
    (
        Table(
            "Memory, MiB",
            (Column("start", "after the start", 1), Column("peak", "peak of 64 HTTPS connections at full speed", 1)),
            "Resident, all its processes added up; what two of them share counts twice (nginx: a master and a worker)."
            " Ours holds Python, and what waits to be written.",
        ),
    ),
    run,
    most_rounds=2,
)
