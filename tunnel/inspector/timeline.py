"""Timeline: the overview as the API tells it, reckoned at most every two seconds for one question, however many ask."""

import time

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response

from tunnel.capture.overview import MOST, Overview, first_since, latest_start, overview
from tunnel.capture.query import Query
from tunnel.capture.store import NoStore, Store
from tunnel.inspector import doors
from tunnel.inspector.answers import json, number
from tunnel.inspector.parts import Parts
from tunnel.inspector.readers import Readers

FRESH = 2.0  # seconds for which an answer serves others who ask the same, and
SHARE = 10  # times as long as it took to reckon: a tenth of a core at most, however many watch
MOST_MINUTES = 7 * 24 * 60
_REMEMBERED = 32


class Timeline:
    """Answers `/api/overview`."""

    def __init__(self, parts: Parts, readers: Readers) -> None:
        self._live = bool(parts.url)
        self._readers = readers
        self._turn = trio.Lock()  # one is reckoned at a time
        self._known: dict[tuple[str, int], tuple[float, bytes]] = {}

    async def overview(self, request: Request) -> Response:
        """Answer how the last minutes went: those before now, or without a front before the last that was recorded."""
        text = request.query_params.get("filter") or ""
        minutes = number(request, "minutes", 15, least=1, most=MOST_MINUTES) or 1
        query = doors.parsed(text)
        async with self._turn:
            until, told = self._known.get((text, minutes), (0.0, b""))
            began = trio.current_time()
            if began < until:
                return json(told)
            try:
                told = await self._readers.ask(lambda store: _reckoned(store, query, minutes, live=self._live))
            except NoStore:
                told = _told(Overview(1, [], []))
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            now = trio.current_time()
            self._known[text, minutes] = now + max(FRESH, SHARE * (now - began)), told
        return json(told)


def _reckoned(store: Store, query: Query | None, minutes: int, *, live: bool) -> bytes:
    now = time.time_ns() // 1000
    until = now if live else (latest_start(store) or now)
    ids = None
    if query is not None:
        first = first_since(store, until - minutes * 60_000_000)
        ids = (
            []
            if not first
            else [id for id, _ in zip(doors.ids(store, query, after=first - 1), range(MOST), strict=False)]
        )
    return _told(overview(store, until=until, minutes=minutes, ids=ids))


def _told(found: Overview) -> bytes:
    buckets = [
        {
            "at": bucket.at,
            "requests": bucket.requests,
            **{f"{number}xx": count for number, count in enumerate(bucket.classes, 1)},
            "failed": bucket.failed,
            "p50": bucket.p50,
            "p95": bucket.p95,
            "p99": bucket.p99,
        }
        for bucket in found.buckets
    ]
    slowest = [
        {"method": one.method, "path": one.path, "count": one.number, "p50": one.p50, "p95": one.p95, "max": one.max}
        for one in found.slowest
    ]
    return msgspec.json.encode({"seconds": found.seconds, "buckets": buckets, "slowest": slowest})
