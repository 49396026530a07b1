"""Recording: exactly so many requests at full speed, and how many rows the store holds afterwards. They must be equal."""

from benchmarks import origins, peers, tools
from benchmarks.bench import Bench, Column, Table, Work, say
from benchmarks.peers import US
from benchmarks.works import rows

REQUESTS, QUICK = 60_000, 10_000
_LONGEST = 60  # seconds; shorter than the time after which an idle connection is closed


def run(bench: Bench, turn: int) -> None:
    """Take a round, plain and HTTPS, each with a new store."""
    if US not in bench.peers:
        return
    requests = QUICK if bench.quick else REQUESTS
    with origins.small(bench.folder / "recording-origin", bench.pem) as origin:
        for name, tls in (("plain, 64 connections", False), ("HTTPS, 64 connections", True)):
            folder = bench.folder / f"recording-{turn}-{'tls' if tls else 'plain'}"
            with bench.attempt("recording", US):
                with peers.front(US, origin, folder) as front:
                    load = tools.wrk(front.url(tls=tls), connections=64, seconds=_LONGEST, exactly=requests)
                    behind = load.requests - rows.count(folder)
                bench.results.add("recording", name, "behind", turn, behind)
                say(f"  recording {name}: {load.requests / load.seconds:.0f}/s, {behind} rows behind at the end")
                rows.compare(bench, turn, name, folder, load.requests, 0)


WORK = Work(
    "recording",
    ("nginx", "wrk"),
    (
        Table(
            "Recording: rows in the store",
            (
                Column("answered", "requests answered", ratio=False),
                Column("in flight", "at most in flight at the end", ratio=False),
                Column("rows", "rows", ratio=False),
                Column("missing", "missing", ratio=False),
                Column("behind", "rows not yet written some 0.1 s after the last answer", ratio=False),
            ),
            "Recording is never off here. Where wrk stops by the clock it leaves a request on each connection unanswered for"
            " itself, but not for the front; told a number, it sends that many and waits for all. Equal is right.",
        ),
    ),
    run,
    most_rounds=3,
)
