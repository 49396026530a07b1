"""Report: what a soak tells its maintainer at the end, as a small table."""

from tests.fire.soak.tally import Tally
from tests.fire.soak.vitals import Vitals

_MIB = 1024 * 1024


class Report:
    """Collects a look after each round."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._looks: list[tuple[Vitals, int]] = []

    def add(self, vitals: Vitals, rows: int) -> None:
        """Add the calm after a round.

        Args:
          rows: All of the soak until now.
        """
        self._looks.append((vitals, rows))

    @property
    def growth(self) -> int:
        """Bytes of memory from the calm after the first round to the last."""
        return self._looks[-1][0].memory - self._looks[0][0].memory

    def __str__(self) -> str:
        kinds = [
            f"{kind:<18} {self._tally.visits[kind]:>8} {requests:>9}"
            for kind, requests in sorted(self._tally.requests.items() | {(kind, 0) for kind in self._silent()})
        ]
        looks = [
            f"{number:>5} {rows:>9} {vitals.memory / _MIB:>10.1f} {vitals.descriptors.total():>12} {vitals.threads:>8}"
            for number, (vitals, rows) in enumerate(self._looks, 1)
        ]
        return "\n".join([
            "",
            f"{'clients':<18} {'visits':>8} {'requests':>9}",
            *kinds,
            "",
            f"{'round':>5} {'rows':>9} {'memory MiB':>10} {'descriptors':>12} {'threads':>8}",
            *looks,
            f"growth of memory: {self.growth / _MIB:+.1f} MiB",
        ])  # fmt: skip

    def _silent(self) -> set[str]:
        """Return the kinds that make no request."""
        return set(self._tally.visits) - set(self._tally.requests)
