"""Bench: what every work is given: the peers, the folders, the time it may take, and where its figures go."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import peers
from benchmarks.origins import Origin
from benchmarks.peers import Front
from benchmarks.processes import Failed
from benchmarks.results import Results


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
      name: Of the figure.
      digits: Behind the point.
      ratio: Show how many times ours it is.
    """

    name: str
    heading: str
    digits: int = 0
    ratio: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """How figures of a work are shown."""

    title: str
    columns: tuple[Column, ...]
    words: str = ""  # what a reader needs in order to read it


@dataclass(frozen=True, slots=True)
class Work:
    """Something that is measured.

    Attributes:
      needs: Tools without which it is left out.
      run: Takes one round of it.
      most_rounds: More would only take time: these figures hardly vary.
    """

    name: str
    needs: tuple[str, ...]
    tables: tuple[Table, ...]
    run: Callable[["Bench", int], None]
    most_rounds: int = 1000


@dataclass(slots=True)
class Bench:
    """One run.

    Attributes:
      peers: Names, the direct connection among them.
      seconds: For each figure that is taken by time.
    """

    peers: list[str]
    folder: Path
    pem: Path
    seconds: int
    quick: bool
    results: Results = field(default_factory=Results)

    def turn(self, work: str, turn: int, *, direct: bool = True) -> list[str]:
        """Return the peers of a work in the order of a round: each begins once, so that none is always first."""
        names = [
            name
            for name in self.peers
            if (direct if name == peers.DIRECT else work in (peers.PEERS[name].works or (work,)))
        ]
        shift = turn % len(names) if names else 0
        return names[shift:] + names[:shift]

    @contextmanager
    def fronts(self, work: str, turn: int, origin: Origin) -> Iterator[list[Front]]:
        """Start all of them, each in a folder of its own that is new in each round; ended with the block."""
        with ExitStack() as stack:
            started = []
            for name in self.turn(work, turn):
                with self.attempt(work, name):
                    folder = self.folder / f"{work}-{turn}-{name}"
                    started.append(stack.enter_context(peers.front(name, origin, folder)))
            yield started

    @contextmanager
    def attempt(self, work: str, name: str) -> Iterator[None]:
        """Turn a failure of one peer into a note: the others are measured all the same."""
        try:
            yield
        except Failed as error:
            self.results.note(f"{work}, {name}: {error}")
            say(f"! {name}: {error}")


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, file=sys.stderr, flush=True)
