"""Results: every figure of every round, and what is made of them: medians, and ratios within one round."""

from statistics import median
from typing import Any

Rounds = dict[int, float]


class Results:
    """Figures by work, row (a peer, mostly), name and round."""

    def __init__(self) -> None:
        self._figures: dict[str, dict[str, dict[str, Rounds]]] = {}
        self.notes: list[str] = []  # what went wrong or was left out, a sentence each

    def add(self, work: str, row: str, name: str, turn: int, value: float) -> None:
        """Note a figure of one round."""
        self._figures.setdefault(work, {}).setdefault(row, {}).setdefault(name, {})[turn] = value

    def note(self, sentence: str) -> None:
        """Note something that a reader of the figures must know; once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def works(self) -> list[str]:
        """Return the works that have figures."""
        return list(self._figures)

    def rows(self, work: str) -> list[str]:
        """Return a work's rows."""
        return list(self._figures.get(work, {}))

    def rounds(self, work: str, row: str, name: str) -> Rounds:
        """Return a figure of each round; empty if it was never taken."""
        return self._figures.get(work, {}).get(row, {}).get(name, {})

    def median(self, work: str, row: str, name: str) -> float | None:
        """Return the median of all rounds."""
        values = self.rounds(work, row, name)
        return median(values.values()) if values else None

    def ratio(self, work: str, row: str, name: str, base: str) -> float | None:
        """Return how many times the base's figure this one is: the median of the ratios of each round.

        The machine drifts between rounds, and hardly within one.
        """
        ours, theirs = self.rounds(work, row, name), self.rounds(work, base, name)
        ratios = [ours[turn] / theirs[turn] for turn in ours if theirs.get(turn)]
        return median(ratios) if ratios else None

    def spread(self) -> list[float]:
        """Return how far apart the lowest and the highest round of each figure lie, as a share of its median, in order.

        Not the distance from the median: of three rounds one is the median itself, and would make any run look calm.
        """
        return sorted(
            (max(rounds.values()) - min(rounds.values())) / middle
            for rows in self._figures.values()
            for names in rows.values()
            for rounds in names.values()
            if len(rounds) > 1 and (middle := median(rounds.values())) > 0
        )

    def to_json(self) -> dict[str, Any]:
        """Return all of it, for a file."""
        return {"figures": self._figures, "notes": self.notes}
