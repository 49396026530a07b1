"""New: TLS connections opened one after the other, a full handshake and one request each."""

from benchmarks import origins, tools
from benchmarks.bench import Bench, Column, Table, Work, say


def run(bench: Bench, turn: int) -> None:
    """Take a round."""
    with (
        origins.small(bench.folder / "new-origin", bench.pem) as origin,
        bench.fronts("new", turn, origin) as fronts,
    ):
        for front in fronts:
            with bench.attempt("new", front.peer):
                tools.handshakes(front.tls, 0.5)
                before = front.program.rest() if front.program else 0.0
                count, took = tools.handshakes(front.tls, bench.seconds)
                bench.results.add("new", front.peer, "rate", turn, count / took)
                if front.program:
                    cpu = (front.program.rest() - before) / count * 1e6
                    bench.results.add("new", front.peer, "cpu", turn, cpu)
                say(f"  new       {front.peer:9} {count / took:9.0f}/s")


WORK = Work(
    "new",
    ("nginx",),
    (
        Table(
            "New TLS connections",
            (Column("rate", "connections a second"), Column("cpu", "CPU of the front, µs each")),
            "A full handshake with a P-256 certificate and one request on each; no session is resumed. The client is"
            " Python's `ssl` in eight threads (`benchmarks/programs/handshakes.py`); it shares its core with the origin,"
            " so the direct connection does both ends' cryptography on one core, and a fast front waits for the client.",
        ),
    ),
    run,
)
