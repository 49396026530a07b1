"""Inputs: the targets by name, and what each is tried on: its seeds, its corpus, and mutations of both.

A target is a module of `tests.fuzz.targets` with

    check(data)    raises where the law in its docstring is broken
    SEEDS, WORDS   whole inputs, written by hand; and parts that make sense to its parser
    EXAMPLES       how many mutations the default run tries, where 200 would take too long

Files in `corpus/<target>/` are inputs that once broke a law, made small, or that lead where seeds do not.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"


class Target(NamedTuple):
    """One parser and its law."""

    name: str
    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    examples: int

    def corpus(self) -> dict[str, bytes]:
        """What is kept in the tree, by file name."""
        return {path.name: path.read_bytes() for path in sorted((CORPUS / self.name).glob("*"))}

    @property
    def inputs(self) -> list[bytes]:
        """Everything to begin with."""
        return [*self.seeds, *self.corpus().values()]


def names() -> list[str]:
    """Return the names of all targets: a file that is put there joins."""
    return sorted(path.stem for path in (HERE / "targets").glob("*.py"))


def load(name: str) -> Target:
    """Import one target."""
    module = importlib.import_module(f"tests.fuzz.targets.{name}")
    return Target(name, module.check, module.SEEDS, module.WORDS, getattr(module, "EXAMPLES", 200))


def mutations(target: Target) -> st.SearchStrategy[bytes]:
    """Inputs that are nearly right: cut, repeated, spliced, with words and bytes put in; or any bytes at all."""
    known, words = st.sampled_from(target.inputs), st.one_of(st.sampled_from(target.words), st.binary(max_size=4))

    @st.composite
    def mutated(draw: st.DrawFn) -> bytes:
        data = draw(known)
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(data)))
            to = min(len(data), at + draw(st.sampled_from([0, 0, 1, 2, 8, 64])))
            match draw(st.sampled_from("iiirs")):
                case "i":
                    data = data[:at] + draw(words) + data[to:]
                case "r":
                    data = data[:to] + data[at:]
                case _:
                    data = data[:at] + draw(known)[at:]
        return data

    return st.one_of(mutated(), mutated(), mutated(), st.binary(max_size=100))
