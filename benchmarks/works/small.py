"""Small: GET of 128 bytes over kept connections. Requests a second, what each costs the front, and how long it takes."""

from benchmarks import origins, tools
from benchmarks.bench import Bench, Column, Table, Work, say
from benchmarks.peers import DIRECT, US, Front
from benchmarks.works import rows

KINDS = {"plain 1": (False, 1), "plain 64": (False, 64), "https 1": (True, 1), "https 64": (True, 64)}
_HEADINGS = {
    "plain 1": "plain, 1 connection",
    "plain 64": "plain, 64",
    "https 1": "HTTPS, 1 connection",
    "https 64": "HTTPS, 64",
}
_WARM = 1  # seconds


def run(bench: Bench, turn: int) -> None:
    """Take a round: kind by kind, and within a kind front by front."""
    with origins.small(bench.folder / "small-origin", bench.pem) as origin:
        answered = 0
        with bench.fronts("small", turn, origin) as fronts:
            for front in fronts:
                with bench.attempt("small", front.peer):
                    load = tools.wrk(front.url(tls=True), connections=64, seconds=_WARM)
                    answered += load.requests if front.peer == US else 0
            for kind in KINDS:
                for front in fronts:
                    with bench.attempt("small", front.peer):
                        count = _measure(bench, turn, front, kind)
                        answered += count if front.peer == US else 0
                _added(bench, turn, kind)
    if US in bench.peers:
        connections = 64 + sum(count for _, count in KINDS.values())
        rows.compare(bench, turn, "all of small GET", bench.folder / f"small-{turn}-{US}", answered, connections)


def _measure(bench: Bench, turn: int, front: Front, kind: str) -> int:
    tls, connections = KINDS[kind]
    before = front.program.rest() if front.program else 0.0
    load = tools.wrk(front.url(tls=tls), connections=connections, seconds=bench.seconds)
    figures = {"rate": load.requests / load.seconds, "p50": load.p50, "p99": load.p99}
    if front.program:
        figures["cpu"] = (front.program.rest() - before) / load.requests * 1e6
    for name, value in figures.items():
        bench.results.add("small", front.peer, f"{kind} {name}", turn, value)
    cpu = f"{figures['cpu']:7.0f} µs CPU" if "cpu" in figures else ""
    say(f"  {kind:9} {front.peer:9} {figures['rate']:9.0f}/s  p50 {load.p50:7.0f}  p99 {load.p99:7.0f} µs {cpu}")
    return load.requests


def _added(bench: Bench, turn: int, kind: str) -> None:
    """Note how much longer one connection's median request takes than without a front."""
    direct = bench.results.rounds("small", DIRECT, f"{kind} p50").get(turn)
    for peer in bench.peers:
        through = bench.results.rounds("small", peer, f"{kind} p50").get(turn)
        if KINDS[kind][1] == 1 and peer != DIRECT and direct is not None and through is not None:
            bench.results.add("small", peer, f"{kind} added", turn, through - direct)


def _table(title: str, figure: str, words: str, *, ratio: bool = True) -> Table:
    return Table(title, tuple(Column(f"{kind} {figure}", _HEADINGS[kind], ratio=ratio) for kind in KINDS), words)


WORK = Work(
    "small",
    ("nginx", "wrk"),
    (
        _table("Small GET, requests a second", "rate", "Answers of 128 bytes over kept connections. More is better."),
        _table(
            "Small GET, CPU of the front, µs a request",
            "cpu",
            "User and system time of all its threads and processes, until it has come to rest again. Less is better.",
        ),
        Table(
            "Small GET, latency, µs",
            (
                Column("https 1 added", "added by the front: HTTPS, 1 connection"),
                Column("plain 1 added", "plain, 1 connection"),
                *(
                    Column(f"{kind} {figure}", f"{_HEADINGS[kind]}: {figure}", ratio=False)
                    for kind in ("https 1", "https 64", "plain 64")
                    for figure in ("p50", "p99")
                ),
            ),
            "The first two columns are the median through the front less the median without one. Less is better.",
        ),
    ),
    run,
)
