"""Bulk: 100 MB down and up, plain and HTTPS. How fast, and how much memory the front takes for it."""

from benchmarks import origins, tools
from benchmarks.bench import Bench, Column, Table, Work, say
from benchmarks.peers import Front

KINDS = {
    "down plain": "down, plain",
    "down https": "down, HTTPS",
    "up plain": "up, plain",
    "up https": "up, HTTPS",
}


def run(bench: Bench, turn: int) -> None:
    """Take a round."""
    file = bench.folder / "upload"
    if not file.exists():
        file.write_bytes(bytes(origins.BULK))
    with (
        origins.bulk(bench.folder / "bulk-origin", bench.pem) as origin,
        bench.fronts("bulk", turn, origin) as fronts,
    ):
        for front in fronts:
            if front.program:
                front.program.forget_peak()
        for kind in KINDS:
            for front in fronts:
                with bench.attempt("bulk", front.peer):
                    url = front.url(tls=kind.endswith("https"))
                    before = front.program.rest() if front.program else 0.0
                    speed = tools.download(url) if kind.startswith("down") else tools.upload(url, file)
                    bench.results.add("bulk", front.peer, kind, turn, speed / 1e6)
                    if front.program:
                        spent = (front.program.rest() - before) * 1e3
                        bench.results.add("bulk", front.peer, f"{kind} cpu", turn, spent)
                    say(f"  {kind:10} {front.peer:9} {speed / 1e6:7.0f} MB/s")
        for front in fronts:
            _peak(bench, turn, front)


def _peak(bench: Bench, turn: int, front: Front) -> None:
    if front.program:
        bench.results.add("bulk", front.peer, "peak", turn, front.program.peak() / 2**20)


WORK = Work(
    "bulk",
    ("curl",),
    (
        Table(
            "100 MB, MB a second",
            (*(Column(kind, heading) for kind, heading in KINDS.items()), Column("peak", "peak memory, MiB")),
            "One transfer at a time; the client is curl, on one core with the origin, and limits the fast fronts; see"
            " the CPU below for those. More is better, but for memory, which is the most the front held"
            " during all four.",
        ),
        Table(
            "100 MB, CPU of the front, ms",
            tuple(Column(f"{kind} cpu", heading) for kind, heading in KINDS.items()),
            "Less is better.",
        ),
    ),
    run,
)
