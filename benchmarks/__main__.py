"""Main: `python -m benchmarks`. Words in; figures, tables and files out."""

import argparse
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import machine, origins, peers, report, tools
from benchmarks.bench import Bench, Work, say
from benchmarks.peers import DIRECT, PEERS, US
from benchmarks.works import WORKS

HERE = Path(__file__).parent
LATEST = HERE / "results" / "latest.json"
PAGE = HERE.parent / "docs" / "speed.md"
OPEN_FILES = 16_384  # what the idle connections need, with room


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell. Returns the exit code: 0 measured, 1 nothing could be, 130 interrupted."""
    asked = _parser().parse_args(arguments)
    asked.rounds = asked.rounds or (1 if asked.quick else 5)
    asked.seconds = asked.seconds or (1 if asked.quick else 3)
    if sys.platform != "linux":
        print("the benchmarks read /proc, so they run on Linux only", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what we started is ended then too
    _allow_open_files()
    works = [WORKS[name] for name in asked.only if _possible(WORKS[name])]
    here, absent = peers.versions([name for name in asked.peers if name != DIRECT])
    for name, cure in absent.items():
        say(f"{name} is left out; to have it: {cure}")
    chosen = [name for name in asked.peers if name == DIRECT or name in here]
    if not works or not here:
        return 1
    about = {
        "machine": machine.description(),
        "versions": here,
        "absent": absent,
        "rounds": asked.rounds,
        "seconds": asked.seconds,
    }
    with tempfile.TemporaryDirectory(prefix="tunnel-benchmarks-") as folder, machine.on(machine.REST):
        pem = origins.make_pem(Path(folder))
        bench = Bench(chosen, Path(folder), pem, asked.seconds, asked.quick)
        try:
            _rounds(bench, works, asked.rounds)
        except KeyboardInterrupt:
            say("interrupted; everything is stopped")
            return 130
    text = f"{report.circumstances(about, bench.results)}\n\n{report.tables(bench.results, works)}"
    print(text)
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps({**about, **bench.results.to_json()}, indent=1) + "\n")
    if asked.write_docs:
        PAGE.write_text(report.put_between(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0 if bench.results.works() else 1


def _rounds(bench: Bench, works: Sequence[Work], rounds: int) -> None:
    for turn in range(rounds):
        for work in works:
            if turn < work.most_rounds:
                say(f"round {turn + 1} of {min(rounds, work.most_rounds)}: {work.name}")
                work.run(bench, turn)


def _possible(work: Work) -> bool:
    cures = tools.missing(*work.needs)
    if cures:
        say(f"{work.name} is left out; to have it: {', '.join(cures)}")
    return not cures


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _parser() -> argparse.ArgumentParser:
    everyone = [DIRECT, *PEERS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measure {US} beside its peers. What they need is installed into {HERE.name}/.cache once.",
    )
    parser.add_argument("--rounds", type=_positive, help="medians of so many (default: 5; with --quick 1)")
    parser.add_argument("--seconds", type=_positive, help="for each figure taken by time (default: 3; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="to see that it works; figures are rough")
    parser.add_argument(
        "--only", type=_some_of(list(WORKS)), default=list(WORKS), metavar="WORK,…", help=", ".join(WORKS)
    )
    parser.add_argument(
        "--peers", type=_some_of(everyone), default=everyone, metavar="PEER,…", help=", ".join(everyone)
    )
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/speed.md")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _some_of(known: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if strangers := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{strangers[0]!r} is none of {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
