"""Fuzzing on demand: `make fuzz SECONDS=240` gives each target its share, and prints what was done and what was found.

python -m tests.fuzz [--seconds N] [TARGET …]      all of them, or these
python -m tests.fuzz --again TARGET FILE           one input, as a crash tells to
"""

import argparse
import importlib.util
import sys
from pathlib import Path

from tests.fuzz.inputs import load, names
from tests.fuzz.watch import Outcome, fuzz

HEADING = f"{'target':<14}{'executions':>12}{'a second':>10}{'corpus':>8}{'peak MiB':>10}{'grown MiB':>11}"


def main() -> int:
    """Run what the words say; return 0 if every target kept its law."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the parsers.")
    parser.add_argument("--seconds", type=float, default=240, help="for all targets together [240]")
    parser.add_argument("--again", type=Path, metavar="FILE", help="run one target on one input, and nothing else")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(names()))
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(names()):
        parser.error(f"there is no target {' '.join(sorted(unknown))}; there are: {', '.join(names())}")
    if asked.again:
        load(asked.targets[0]).check(asked.again.read_bytes())
        print("it breaks no law now")
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not here (it is made for Linux and Python 3.11 to 3.13); type: make fuzz", file=sys.stderr)
        return 1
    wanted = asked.targets or names()
    print(HEADING, flush=True)
    outcomes = []
    for name in wanted:
        outcomes.append(fuzz(name, asked.seconds / len(wanted)))
        print(_row(outcomes[-1]), flush=True)
    for outcome in outcomes:
        if outcome.wrong:
            print(f"\n{outcome.name}: {outcome.wrong}\n{outcome.said}")
            if outcome.input:
                print(f"run it again: {sys.executable} -m tests.fuzz {outcome.name} --again {outcome.input}")
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


def _row(outcome: Outcome) -> str:
    row = f"{outcome.name:<14}{outcome.executions:>12,}{outcome.rate:>10,.0f}{outcome.corpus:>8}"
    return f"{row}{outcome.peak / 2**20:>10.0f}{outcome.grown / 2**20:>11.0f}" + ("  FAILED" if outcome.wrong else "")


if __name__ == "__main__":
    sys.exit(main())
