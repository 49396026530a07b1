"""Overview: how traffic went over time, reckoned by SQLite, which needs no Python while it does. Showing it is for others.

Upgraded connections last as long as somebody talks, so they count, and their durations do not.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tunnel.capture.rows import Value
from tunnel.capture.store import Store

MOST = 100_000  # exchanges looked at, the latest: 0.4 s
SLOWEST = 20  # paths
_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds of a bucket
_BUCKETS = 120  # at most

_SECOND = 1_000_000
# `ended` is NULL where there is nothing to measure.
_BASE = """
WITH base AS MATERIALIZED (
    SELECT started / :width * :width AS at, coalesce(status / 100, 0) AS class, state = 'failed' AS failed,
        iif(upgrade = '', ended, NULL) AS ended, method,
        substr(target, 1, instr(target || '?', '?') - 1) AS path
    FROM exchange WHERE started >= :since AND started <= :until {among} ORDER BY started DESC LIMIT :most)
"""
# The nearest rank: of c durations the p-th percentile is the one at place ceil(c * p / 100).
_PERCENTILES = """
    max(c), max(iif(place = (c * 50 + 99) / 100, ended, NULL)), max(iif(place = (c * 95 + 99) / 100, ended, NULL)),
    max(iif(place = (c * 99 + 99) / 100, ended, NULL)), max(ended)"""
# One statement, so that the rows are gathered once.
_ALL = f"""
, over_time AS (
    SELECT at, ended, row_number() OVER (PARTITION BY at ORDER BY ended) AS place, count(*) OVER (PARTITION BY at) AS c
    FROM base WHERE ended IS NOT NULL)
, by_path AS (
    SELECT method, path, ended, row_number() OVER (PARTITION BY method, path ORDER BY ended) AS place,
        count(*) OVER (PARTITION BY method, path) AS c
    FROM base WHERE ended IS NOT NULL)
SELECT 1, at, count(*), sum(class = 1), sum(class = 2), sum(class = 3), sum(class = 4), sum(class = 5), sum(failed)
    FROM base GROUP BY at
UNION ALL SELECT 2, at, NULL, NULL, {_PERCENTILES} FROM over_time GROUP BY at
UNION ALL SELECT * FROM (
    SELECT 3, method, path, NULL, {_PERCENTILES} FROM by_path GROUP BY method, path ORDER BY 7 DESC, 5 DESC LIMIT {SLOWEST})
"""


class Bucket(NamedTuple):
    """A span of time.

    Attributes:
      at: Its begin, µs since the epoch.
      classes: How many answers had a status of 1xx, 2xx … 5xx.
      failed: How many exchanges ended with an error, whatever their status.
      p50: Of their durations, µs; None where nothing has ended.
    """

    at: int
    requests: int
    classes: tuple[int, ...]
    failed: int
    p50: int | None
    p95: int | None
    p99: int | None


class Path(NamedTuple):
    """What one path took; durations in µs."""

    method: str
    path: str
    number: int
    p50: int
    p95: int
    max: int


class Overview(NamedTuple):
    """How it went.

    Attributes:
      seconds: Of each bucket.
      buckets: Those in which anything began, the earliest first.
      slowest: By their 95th percentile.
    """

    seconds: int
    buckets: list[Bucket]
    slowest: list[Path]


def overview(store: Store, *, until: int, minutes: int, ids: Sequence[int] | None = None) -> Overview:
    """Return how the minutes before a moment went, by the latest `MOST` exchanges of them.

    Args:
      until: µs since the epoch.
      ids: Only these; None for all.
    """
    import msgspec

    seconds = next((width for width in _WIDTHS if minutes * 60 <= width * _BUCKETS), _WIDTHS[-1])
    base = _BASE.format(among="" if ids is None else "AND id IN (SELECT value FROM json_each(:ids))")
    values: dict[str, Value] = {
        "width": seconds * _SECOND,
        "since": until - minutes * 60 * _SECOND,
        "until": until,
        "most": MOST,
        "ids": "" if ids is None else msgspec.json.encode(list(ids)).decode(),
    }
    counts: list[tuple[int, ...]] = []
    percentiles: dict[int, tuple[int, ...]] = {}
    slowest: list[Path] = []
    for kind, *row in store.select(base + _ALL, values):
        match kind:
            case 1:
                counts.append(tuple(row))
            case 2:
                percentiles[row[0]] = tuple(row[4:7])
            case _:
                method, path, _, number, p50, p95, _, most = row
                slowest.append(Path(method, path, number, p50, p95, most))
    buckets = [
        Bucket(at, number, tuple(classes), failed, *percentiles.get(at, (None, None, None)))
        for at, number, *classes, failed in sorted(counts)
    ]
    return Overview(seconds, buckets, slowest)


def latest_start(store: Store) -> int | None:
    """Return when the last exchange began, µs since the epoch; None where there is none."""
    return next((row[0] for row in store.select("SELECT max(started) FROM course")), None)


def first_since(store: Store, since: int) -> int:
    """Return the lowest number of those that began since, 0 where there are none; for a look at those behind it."""
    return next((row[0] or 0 for row in store.select("SELECT min(id) FROM course WHERE started >= ?", (since,))), 0)
