"""Counting: exchanges by method, status and route, and how long they took, counted by SQLite when somebody asks.

Counting each exchange as it passes would cost the way whether anybody asks or not. So only what has come since the last
time is counted, in one go, and added up here. What was removed from the store before it was ever counted is missing.
"""

from collections import Counter
from collections.abc import Sequence

from tunnel.capture.rows import Value
from tunnel.capture.store import Store

# Seconds; an exchange is in the first that is not below it. The usual ones of Prometheus, and more for what waits.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MOST_ROUTES = 50  # first segments of paths; those that come later are counted together
OTHER = "(other)"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_DONE = """
WITH done AS MATERIALIZED (
    SELECT id, method, coalesce(status / 100, 0) AS class, ended, upgrade, request_size, response_size,
        substr(target, 1, instr(target || '?', '?') - 1) AS path
    FROM exchange WHERE revision > :after AND revision <= :until AND started >= :began AND state != 'running'
        AND source = '' AND process IN (SELECT value FROM json_each(:processes))
), routed AS MATERIALIZED (
    SELECT *, '/' || substr(path, 2, instr(substr(path, 2) || '/', '/') - 1) AS route FROM done)
"""
_TOTALS = """
SELECT iif(method IN (SELECT value FROM json_each(:methods)), method, :other), class,
    count(*), sum(request_size), sum(response_size)
FROM routed GROUP BY 1, 2
"""
_ROUTES = """
SELECT route FROM routed WHERE route NOT IN (SELECT value FROM json_each(:routes))
GROUP BY route ORDER BY count(*) DESC, route LIMIT :room
"""
_DURATIONS = f"""
SELECT iif(route IN (SELECT value FROM json_each(:routes)), route, :other), class, count(*), sum(ended),
    {", ".join(f"sum(ended <= {round(most * 1e6)})" for most in BUCKETS)}
FROM routed WHERE ended IS NOT NULL AND upgrade = '' GROUP BY 1, 2
"""


class Counts:
    """What has been counted. Not for several threads at once.

    Attributes:
      requests: By method and class of status (0 for none).
      received: Bytes of request bodies, by the same; `sent` of answers' bodies.
      durations: By route and class: how many, µs in all, and how many at most as long as each of `BUCKETS`.
    """

    def __init__(self, began: int) -> None:
        """Count nothing yet.

        Args:
          began: When to begin, µs since the epoch.
        """
        self.requests: Counter[tuple[str, int]] = Counter()
        self.received: Counter[tuple[str, int]] = Counter()
        self.sent: Counter[tuple[str, int]] = Counter()
        self.durations: dict[tuple[str, int], list[int]] = {}
        self._routes: list[str] = []
        self._processes: set[int] = set()  # by their numbers in the store, which forgets those that have died
        self._began = began
        self._after = -1  # the last revision that was counted; -1 before the first time

    def go_on(self, store: Store, pids: Sequence[int]) -> None:
        """Count what has come since the last time.

        Args:
          pids: The processes whose exchanges are counted, besides those that were named before.
        """
        import msgspec

        until = store.revision()
        named = msgspec.json.encode(list(pids)).decode()
        self._processes |= {
            process
            for (process,) in store.select(
                "SELECT id FROM process WHERE pid IN (SELECT value FROM json_each(?))", (named,)
            )
        }
        if self._after > until:
            self._after = -1  # another store was begun
        if self._after < 0:
            # By time, which has an index: what lies before may be a gibibyte.
            row = store.select("SELECT min(revision) FROM course WHERE started >= ?", (self._began,))[0]
            self._after = until if row[0] is None else row[0] - 1
        values: dict[str, Value] = {
            "after": self._after,
            "until": until,
            "began": self._began,
            "processes": msgspec.json.encode(sorted(self._processes)).decode(),
            "methods": msgspec.json.encode(METHODS).decode(),
            "other": OTHER,
        }
        for method, status, count, received, sent in store.select(_DONE + _TOTALS, values):
            self.requests[method, status] += count
            self.received[method, status] += received
            self.sent[method, status] += sent
        room = MOST_ROUTES - len(self._routes)
        known = msgspec.json.encode(self._routes).decode()
        if room:
            found = store.select(_DONE + _ROUTES, {**values, "routes": known, "room": room})
            self._routes += [route for (route,) in found]
            known = msgspec.json.encode(self._routes).decode()
        for route, status, *counts in store.select(_DONE + _DURATIONS, {**values, "routes": known}):
            before = self.durations.get((route, status), [0] * len(counts))
            self.durations[route, status] = [a + b for a, b in zip(before, counts, strict=True)]
        self._after = until
