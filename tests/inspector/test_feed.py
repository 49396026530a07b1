"""The live feed: what passes comes to all viewers, in order, bounded; a slow one costs nobody and is told what it missed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.capture.making import ended
from tests.helpers.waiting import until
from tests.inspector.asking import Answer, ask, parts, recorded, window
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.errors import TunnelError
from tunnel.inspector import doors, feed
from tunnel.inspector.app import Inspector
from tunnel.inspector.feed import A_LOOK, WAITING, Feed, Seen, Viewer, Wanted, glance
from tunnel.inspector.readers import Readers
from tunnel.model.config import Keep

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "EVERY", 0.01)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    yield recorder
    recorder.stop(10)


class Events:
    """What a viewer has heard."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []
        self.answer = Answer()
        self._wanted: tuple[str, int] = ("", 0)
        self._came = trio.Event()

    def hear(self, answer: Answer) -> None:
        self.answer = answer
        *whole, _ = answer.body.decode().split("\n\n")
        self.all = []
        for text in whole:
            fields = dict(line.split(": ", 1) for line in text.split("\n") if not line.startswith(":"))
            if "event" in fields:
                self.all.append((fields["event"], json.loads(fields["data"])))
        if self._wanted[0] and len(self.named(self._wanted[0])) >= self._wanted[1]:
            self._came.set()

    def named(self, name: str) -> list[Any]:
        return [told for event, told in self.all if event == name]

    async def until(self, name: str, count: int = 1) -> list[Any]:
        self._wanted, self._came = (name, count), trio.Event()
        if len(self.named(name)) < count:
            await self._came.wait()
        return self.named(name)


def watch(app: Inspector, nursery: trio.Nursery, query: str = "", **fields: str) -> Events:
    events = Events()

    async def run() -> None:
        await ask(app, f"/api/feed{query}", heard=events.hear, fields=fields)

    nursery.start_soon(run)
    return events


async def test_what_passes_comes_to_every_viewer_in_order(tmp_path: Path, recorder: Recorder) -> None:
    async with window(parts(tmp_path)) as app, trio.open_nursery() as nursery:
        both = [watch(app, nursery), watch(app, nursery)]
        for events in both:
            assert await events.until("hello") == [{"revision": 0}]
        for number in range(5):
            ended(recorder, b"/%d" % number)

        for events in both:
            lines = await events.until("exchange", 5)
            assert [line["target"] for line in lines] == ["/0", "/1", "/2", "/3", "/4"]
            assert events.answer.headers["content-type"].startswith("text/event-stream")
        nursery.cancel_scope.cancel()


async def test_a_viewer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    recorded(tmp_path, lambda recorder: [ended(recorder, b"/%d" % number) for number in range(5)])
    async with window(parts(tmp_path)) as app, trio.open_nursery() as nursery:
        asked = watch(app, nursery, "?after=3")
        again = watch(app, nursery, "?after=1", **{"last-event-id": "4"})  # what a browser sends when it comes back

        assert [line["target"] for line in await asked.until("exchange", 2)] == ["/3", "/4"]
        assert [line["target"] for line in await again.until("exchange", 1)] == ["/4"]
        nursery.cancel_scope.cancel()


async def test_no_look_is_taken_while_nobody_watches(tmp_path: Path, recorder: Recorder) -> None:
    ended(recorder)
    async with window(parts(tmp_path)) as app:
        async with trio.open_nursery() as nursery:
            await watch(app, nursery, "?after=0").until("exchange")
            assert app.feed._looking
            nursery.cancel_scope.cancel()
        await until(lambda: not app.feed._looking)

        assert not app.feed.viewers


async def test_it_ends_cleanly_when_the_window_closes(tmp_path: Path, recorder: Recorder) -> None:
    async with window(parts(tmp_path)) as app, trio.open_nursery() as nursery:
        events = watch(app, nursery)
        await events.until("hello")

        app.close()

    assert events.answer.whole


async def test_a_viewer_that_left_is_forgotten(tmp_path: Path, recorder: Recorder) -> None:
    def leave(answer: Answer) -> None:
        if b"exchange" in answer.body:
            raise ConnectionResetError("it left")

    ended(recorder)
    async with window(parts(tmp_path)) as app:
        with pytest.raises(ConnectionResetError):
            await ask(app, "/api/feed?after=0", heard=leave)

        assert not app.feed.viewers


async def test_too_many_viewers_are_refused(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_VIEWERS", 1)
    async with window(parts(tmp_path)) as app, trio.open_nursery() as nursery:
        await watch(app, nursery).until("hello")

        assert (await ask(app, "/api/feed")).status == 503
        nursery.cancel_scope.cancel()


async def test_a_comment_keeps_a_quiet_feed_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "KEEP_ALIVE", 0.01)
    async with window(parts(tmp_path)) as app, trio.open_nursery() as nursery:
        events = watch(app, nursery)
        await until(lambda: events.answer.body.count(b": still here\n\n") > 2)
        nursery.cancel_scope.cancel()


# Bounds


def event(number: int) -> bytes:
    return b"event %d\n\n" % number


def test_a_viewer_that_takes_nothing_keeps_the_first_and_counts_the_rest() -> None:
    viewer = Viewer(Wanted(0, "", None))
    for look in range(100):
        viewer.give(Seen(look, 0, [event(look * A_LOOK + at) for at in range(A_LOOK)]))

    assert len(viewer.waiting) == WAITING
    assert sum(map(len, viewer.waiting)) < 1_000_000
    taken = viewer.take()
    assert taken.startswith(event(0))
    assert taken.endswith(b'event: missed\ndata: {"count":%d}\n\n' % (100 * A_LOOK - WAITING))
    assert viewer.take() == b""


def test_after_what_was_missed_the_new_comes_behind_the_count() -> None:
    viewer = Viewer(Wanted(0, "", None))
    viewer.give(Seen(9, 7, [event(8), event(9)]))

    assert viewer.take() == b'event: missed\ndata: {"count":7}\n\n' + event(8) + event(9)
    assert viewer.wanted.revision == 9


def test_a_look_takes_the_newest_and_counts_the_others(tmp_path: Path) -> None:
    recorded(tmp_path, lambda recorder: [ended(recorder) for _ in range(A_LOOK + 30)])
    everything, later = Wanted(0, "", None), Wanted(A_LOOK + 25, "", None)
    with Store(tmp_path) as store:
        seen = glance({everything, later}, store)

    assert (seen[everything].missed, len(seen[everything].events)) == (30, A_LOOK)
    assert seen[everything].events[-1].startswith(b"id: %d\n" % (A_LOOK + 30))
    assert (seen[later].missed, len(seen[later].events)) == (0, 5)
    assert seen[everything].latest == seen[later].latest == A_LOOK + 30


def test_a_filter_finds_the_few_among_the_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def matching(store: Store, query: object, ids: list[int]) -> set[int]:
        asked.append(len(ids))
        return {id for id in ids if id % 100 == 0}

    monkeypatch.setattr(doors, "matching", matching)
    recorded(tmp_path, lambda recorder: [ended(recorder) for _ in range(1000)])
    wanted = Wanted(0, "few", object())  # type: ignore[arg-type]
    with Store(tmp_path) as store:
        seen = glance({wanted}, store)[wanted]

    assert [json.loads(text.split(b"data: ")[1])["id"] for text in seen.events] == list(range(100, 1001, 100))
    assert (seen.missed, max(asked)) == (0, 50)


def test_a_filter_that_fails_misses_all_and_takes_nothing_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def matching(store: Store, query: object, ids: list[int]) -> set[int]:
        raise TunnelError("the pattern takes too long")

    monkeypatch.setattr(doors, "matching", matching)
    recorded(tmp_path, lambda recorder: [ended(recorder) for _ in range(10)])
    slow, everything = Wanted(0, "slow", object()), Wanted(0, "", None)  # type: ignore[arg-type]
    with Store(tmp_path) as store:
        seen = glance({slow, everything}, store)

    assert (seen[slow].missed, seen[slow].events, seen[slow].latest) == (10, [], 10)
    assert len(seen[everything].events) == 10


def test_a_store_that_was_begun_anew_is_told_from_its_begin(tmp_path: Path) -> None:
    recorded(tmp_path, ended)
    wanted = Wanted(5000, "", None)
    with Store(tmp_path) as store:
        seen = glance({wanted}, store)[wanted]

    assert (seen.latest, len(seen.events)) == (1, 1)


async def test_a_viewer_that_never_reads_costs_the_others_nothing(tmp_path: Path, recorder: Recorder) -> None:
    stuck = trio.Event()

    async def never(event: Any) -> None:
        stuck.set()
        await trio.sleep_forever()

    readers = Readers(tmp_path)
    async with trio.open_nursery() as nursery:
        one = Feed(readers, nursery)
        scope = {"type": "http", "method": "GET", "path": "/api/feed", "query_string": b"", "headers": []}
        nursery.start_soon(one, scope, None, never)
        await stuck.wait()
        async with window(parts(tmp_path)) as app:
            events = watch(app, nursery)
            await events.until("hello")
            ended(recorder)
            await events.until("exchange")
        nursery.cancel_scope.cancel()
