"""Feed: what passes, live, as server-sent events. One look at the store serves all viewers; nobody waits for a slow one.

    hello {"revision": n}     exchange SUMMARY     missed {"count": n}     and a comment every 15 s

The look runs four times a second while anybody watches, in a reader's thread, and takes at most `A_LOOK` exchanges for each
filter, the newest: so a feed sends at most 200 a second whatever passes, and tells how many it left out. What a viewer does
not take waits in a queue of its own, of `WAITING` events; those beyond are counted and told when it reads again. The text of
an exchange is made once for all viewers.
"""

import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import msgspec
import trio
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tunnel.capture.looking import changed, some
from tunnel.capture.query import Query
from tunnel.capture.store import NoStore, Store
from tunnel.errors import TunnelError
from tunnel.inspector import doors, shapes
from tunnel.inspector.answers import number
from tunnel.inspector.readers import Readers

EVERY = 0.25  # seconds between two looks
A_LOOK = 50  # exchanges for one viewer
MOST_CHANGED = 5000  # changes that are looked through for a filter, the newest; more are counted as missed
AT_ONCE = 500  # of them that a filter is asked about at once: each time costs the way a wait for Python's lock
WITH_BODIES = 50  # where it asks for bodies: so few that they are read, and no index is filled for them
LONGEST = 0.1  # seconds that a filter is asked in one look
PAUSE = 9  # times as long as a look took, until the next: a tenth of a core at most
WAITING = 500  # events, about 200 kB
KEEP_ALIVE = 15.0  # seconds
MOST_VIEWERS = 64
_HEAD = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


class Wanted(NamedTuple):
    """What one or several viewers wait for: what changed since a revision, and matches a filter."""

    revision: int
    filter: str
    query: Query | None


class Seen(NamedTuple):
    """What a look found for them.

    Attributes:
      latest: Where to go on.
      missed: How many more there were.
      events: The newest, in the order of their changes.
    """

    latest: int
    missed: int
    events: list[bytes]


class Viewer:
    """One who watches."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.waiting: deque[bytes] = deque()
        self.missed = 0
        self.woken = trio.Event()

    def give(self, seen: Seen) -> None:
        """Put what was seen into the queue, as far as there is room: the older ones stay, so that it reads in order."""
        self.wanted = self.wanted._replace(revision=seen.latest)
        self.missed += seen.missed
        if self.missed and not self.waiting:
            self.waiting.append(_missed(self.missed))
            self.missed = 0
        room = WAITING - len(self.waiting)
        if not self.missed:
            self.waiting.extend(seen.events[: max(room, 0)])
            self.missed += max(len(seen.events) - room, 0)
        else:
            self.missed += len(seen.events)
        if self.waiting or self.missed:
            self.woken.set()

    def take(self) -> bytes:
        """Return all that waits, as one piece; empty where nothing does."""
        pieces = list(self.waiting)
        self.waiting.clear()
        if self.missed:
            pieces.append(_missed(self.missed))
            self.missed = 0
        self.woken = trio.Event()
        return b"".join(pieces)


class Feed:
    """An ASGI app for the one path, and the look that all of its viewers share.

    Args:
      nursery: Where the look runs; whoever opened it ends it.
    """

    def __init__(self, readers: Readers, nursery: trio.Nursery) -> None:
        self._readers = readers
        self._nursery = nursery
        self.viewers: set[Viewer] = set()
        self._looking = False
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one viewer until it leaves or the window closes."""
        request = Request(scope)
        text = request.query_params.get("filter") or ""
        query = doors.parsed(text)
        again = request.headers.get("last-event-id", "")
        after = (
            int(again) if again.isascii() and again.isdecimal() and len(again) < 16 else number(request, "after", None)
        )
        if len(self.viewers) >= MOST_VIEWERS:
            raise TunnelError(
                f"{MOST_VIEWERS} viewers watch already, and more are not served", status=503, hint="close one of them"
            )
        if after is None:
            try:
                after = await self._readers.ask(Store.revision, feed=True)
            except NoStore:
                after = 0
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEAD)})
        hello = b"retry: 2000\nevent: hello\ndata: %b\n\n" % msgspec.json.encode({"revision": after})
        await send({"type": "http.response.body", "body": hello, "more_body": True})
        viewer = Viewer(Wanted(after, text, query))
        self.viewers.add(viewer)
        try:
            self._begin()
            await self._serve(viewer, send)
        finally:
            self.viewers.discard(viewer)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def close(self) -> None:
        """Have every viewer's answer end."""
        self._closing = True
        for viewer in self.viewers:
            viewer.woken.set()

    async def _serve(self, viewer: Viewer, send: Send) -> None:
        while True:
            with trio.move_on_after(KEEP_ALIVE):
                await viewer.woken.wait()
            if self._closing:
                return
            piece = viewer.take() or b": still here\n\n"
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    def _begin(self) -> None:
        if not self._looking:
            self._looking = True
            self._nursery.start_soon(self._look)

    async def _look(self) -> None:
        """Look again and again, while anybody watches."""
        try:
            while self.viewers and not self._closing:
                began = trio.current_time()
                wanted = {viewer.wanted for viewer in self.viewers}
                try:
                    seen = await self._readers.ask(partial(glance, wanted), feed=True)
                except TunnelError:
                    seen = {}  # no store yet, or one that cannot be read just now: whoever asks for more is told
                for viewer in self.viewers:
                    if viewer.wanted in seen:
                        viewer.give(seen[viewer.wanted])
                took = trio.current_time() - began
                await trio.sleep(max(EVERY, PAUSE * took))
        finally:
            self._looking = False


def glance(all: set[Wanted], store: Store) -> Mapping[Wanted, Seen]:
    """Return what there is for each; in a thread. An exchange is made into text once."""
    found: dict[Wanted, tuple[int, int, list[int]]] = {}
    changes = {revision: changed(store, revision, MOST_CHANGED) for revision in {wanted.revision for wanted in all}}
    for wanted in all:
        latest, count, ids = changes[wanted.revision]
        if wanted.query is None:
            chosen = ids[:A_LOOK]
            found[wanted] = latest, count - len(chosen), chosen
        else:
            found[wanted] = latest, *_matching(store, wanted.query, ids, count)
    texts = _texts(store, {id for _, _, ids in found.values() for id in ids})
    return {
        wanted: Seen(latest, missed, [text for id, text in texts.items() if id in chosen])
        for wanted, (latest, missed, ids) in found.items()
        for chosen in [set(ids)]
    }


def _matching(store: Store, query: Query, ids: list[int], count: int) -> tuple[int, list[int]]:
    """Return how many were not looked at or not taken, and the newest that match."""
    chosen: list[int] = []
    looked = 0
    until = time.perf_counter() + LONGEST
    while looked < len(ids) and len(chosen) < A_LOOK and time.perf_counter() < until:
        handful = ids[looked : looked + (WITH_BODIES if getattr(query, "asks_bodies", True) else AT_ONCE)]
        looked += len(handful)
        try:
            matching = doors.matching(store, query, handful)
        except TunnelError:
            return count, []  # too slow a pattern: its viewers are told that they missed all, and no others wait for it
        chosen += [id for id in handful if id in matching]
    missed = count - looked + max(len(chosen) - A_LOOK, 0)
    return missed, chosen[:A_LOOK]


def _texts(store: Store, ids: set[int]) -> dict[int, bytes]:
    """Return each exchange as an event, in the order of their last change."""
    if not ids:
        return {}
    return {
        line.id: b"id: %d\nevent: exchange\ndata: %b\n\n" % (line.revision, msgspec.json.encode(shapes.summary(line)))
        for line in some(store, ids)
    }


def _missed(count: int) -> bytes:
    return b"event: missed\ndata: %b\n\n" % msgspec.json.encode({"count": count})
