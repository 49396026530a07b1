"""Tally: what the clients of a soak asked for, and what the record must say of it. Decides without I/O."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tunnel.model.exchange import State, Summary

MOST_TOLD = 20  # differences that are told; more say nothing more


@dataclass(frozen=True, slots=True)
class Expected:
    """What the row of one request must say. `status` None: nothing was answered."""

    kind: str
    status: int | None
    fault: str


class Tally:
    """Counts by kind, and holds every request of a round to its row.

    Which requests are to have a row, exactly one each:

    - all whose whole head has reached the front for certain. A client that leaves waits for a sign of that first: some of
      the answer, or that the upstream has seen the request;
    - heads that cannot be read: their rows have no target, so they are only counted.

    Excluded, since nobody can know, is the request of a client that leaves the moment it has sent its head (`may`): the
    kernel may drop what had not been read. It has one row or none; one for certain if the upstream has seen it.
    None at all, and so unknown to the record, are connections that ended before a whole head: half a handshake, half a head.

    Attributes:
      visits: By kind, all that were made.
      requests: By kind, all that were made.
      troubles: What a client did not get as it should have, a sentence each.
    """

    def __init__(self) -> None:
        self.visits: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.troubles: list[str] = []
        self._serial = itertools.count(1)
        self._expected: dict[str, Expected] = {}
        self._may: dict[str, Expected] = {}
        self._unreadable = 0

    def target(self, kind: str, path: str, status: int | None = 200, fault: str = "") -> str:
        """Return a target that is asked for once in a soak, and expect its row."""
        target = self._name(kind, path)
        self._expected[target] = Expected(kind, status, fault)
        return target

    def may(self, kind: str, path: str) -> str:
        """Return a target that may have a row."""
        target = self._name(kind, path)
        self._may[target] = Expected(kind, None, "")
        return target

    def unreadable(self, kind: str) -> None:
        """Count a head that is no request and must have a row all the same."""
        self.requests[kind] += 1
        self._unreadable += 1

    @property
    def rows(self) -> int:
        """How many rows there must be at least."""
        return len(self._expected) + self._unreadable

    def differences(self, rows: Iterable[Summary], arrived: Mapping[str, int]) -> list[str]:
        """Return how the record of a round differs from what was asked, a sentence each; nothing where it agrees.

        Args:
          rows: All rows of the round.
          arrived: What the upstream has seen in it.
        """
        found: list[str] = []
        seen: Counter[str] = Counter()
        for row in rows:
            seen[row.target] += 1
            if row.state == State.RUNNING:
                found.append(f"{row.target} is still running")
            elif (expected := self._expected.get(row.target)) is not None:
                said = Expected(expected.kind, row.status, row.fault or "")
                if said != expected:
                    found.append(f"{row.target}: {said}, and not {expected}; {row.error}")
            elif row.target and row.target not in self._may:
                found.append(f"{row.target} is in the record, and nobody asked for it")
        unreadable = seen.pop("", 0)
        if unreadable != self._unreadable:
            found.append(f"{self._unreadable} heads were no requests, {unreadable} of them are in the record")
        found += [f"{target} is {count} times in the record" for target, count in seen.items() if count > 1]
        wanted = self._expected.keys() | arrived.keys()
        found += [f"{target} is not in the record" for target in wanted if target not in seen]
        return found

    def forget(self) -> None:
        """Begin a new round. The counts go on."""
        self._expected.clear()
        self._may.clear()
        self._unreadable = 0

    def _name(self, kind: str, path: str) -> str:
        self.requests[kind] += 1
        return f"{path}{'&' if '?' in path else '?'}n={next(self._serial)}"
