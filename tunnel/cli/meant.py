"""Meant: what a word that is none of the known ones was probably meant to be."""

from collections.abc import Iterable


def meant(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """Return the nearest of the known words, or an empty string where none is like it; `likeness` is 0 to 1."""
    import difflib  # only who mistypes waits for it

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=likeness)), "")


def command_meant(word: str, known: Iterable[str]) -> str:
    """Return the command that was meant where a target may stand too: one of letters alone has no port, so it is none."""
    return meant(word, known) if word.isalpha() else ""
