"""The overview: what SQLite reckons is what one reckons by hand."""

import json
import math
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.capture.making import begun, response
from tests.inspector.asking import ask, parts, recorded, window
from tunnel.capture import overview as module
from tunnel.capture.overview import overview
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.errors import UpstreamError

COURSES = st.lists(
    st.tuples(
        st.sampled_from([b"/a", b"/a?x=1", b"/b/c"]),
        st.sampled_from([None, 200, 204, 301, 404, 500]),
        st.integers(0, 9_000_000),
    ),
    min_size=1,
    max_size=60,
)


def fill(recorder: Recorder, courses: list[tuple[bytes, int | None, int]]) -> None:
    for target, status, micros in courses:
        record = begun(recorder, target)
        if status is None:
            record.error = UpstreamError("nobody is there")
        else:
            record.response = response(status)
        record.ended = record.started + micros / 1e6
        recorder.close(record)


def percentile(durations: list[int], p: int) -> int:
    return sorted(durations)[math.ceil(len(durations) * p / 100) - 1]


@given(COURSES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_buckets_and_paths_are_reckoned_as_by_hand(
    tmp_path_factory: pytest.TempPathFactory, courses: list[tuple[bytes, int | None, int]]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    recorded(folder, lambda recorder: fill(recorder, courses))
    with Store(folder) as store:
        told = overview(store, until=time.time_ns() // 1000 + 1_000_000, minutes=15)
        lines = store.latest(1000)

    assert sum(bucket.requests for bucket in told.buckets) == len(courses)
    classes = Counter((status or 0) // 100 for _, status, _ in courses)
    for number in range(1, 6):
        assert sum(bucket.classes[number - 1] for bucket in told.buckets) == classes[number]
    assert sum(bucket.failed for bucket in told.buckets) == classes[0]
    by_bucket = defaultdict(list)
    by_path = defaultdict(list)
    for line in lines:
        by_bucket[line.started // (told.seconds * 1_000_000) * told.seconds * 1_000_000].append(line.ended or 0)
        by_path[line.method, line.target.partition("?")[0]].append(line.ended or 0)
    for bucket in told.buckets:
        taken = by_bucket[bucket.at]
        assert (bucket.p50, bucket.p95, bucket.p99) == tuple(percentile(taken, p) for p in (50, 95, 99))
    assert {(path.method, path.path): path[2:] for path in told.slowest} == {
        key: (len(taken), percentile(taken, 50), percentile(taken, 95), max(taken)) for key, taken in by_path.items()
    }
    assert [path.p95 for path in told.slowest] == sorted((path.p95 for path in told.slowest), reverse=True)


def test_it_looks_at_the_latest_alone_where_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    recorded(tmp_path, lambda recorder: fill(recorder, [(b"/%d" % number, 200, 1) for number in range(50)]))
    with Store(tmp_path) as store:
        told = overview(store, until=time.time_ns() // 1000 + 1_000_000, minutes=1)
        some = overview(store, until=time.time_ns() // 1000 + 1_000_000, minutes=1, ids=[1, 2, 3])

    assert {path.path for path in told.slowest} == {f"/{number}" for number in range(40, 50)}
    assert sum(bucket.requests for bucket in some.buckets) == 3


@pytest.mark.parametrize("minutes", [1, 15, 60, 24 * 60, 7 * 24 * 60])
def test_there_are_never_more_buckets_than_a_plot_has_room_for(tmp_path: Path, minutes: int) -> None:
    recorded(tmp_path, lambda recorder: None)
    with Store(tmp_path) as store:
        seconds = overview(store, until=0, minutes=minutes).seconds

    assert minutes * 60 / seconds <= 120


@pytest.mark.anyio
async def test_many_who_ask_the_same_are_answered_by_one_reckoning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path, lambda recorder: fill(recorder, [(b"/", 200, 5)]))
    asked: list[int] = []
    real = overview
    monkeypatch.setattr("tunnel.inspector.timeline.overview", lambda *a, **k: asked.append(1) or real(*a, **k))
    async with window(parts(tmp_path)) as app:
        answers = [await ask(app, "/api/overview?minutes=5") for _ in range(10)]

    assert len(asked) == 1
    assert {answer.body for answer in answers} == {answers[0].body}
    assert json.loads(answers[0].body)["buckets"][0]["2xx"] == 1


@pytest.mark.anyio
async def test_without_a_front_it_shows_the_time_before_the_last_that_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path, lambda recorder: fill(recorder, [(b"/", 200, 5)]))
    later = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr("tunnel.inspector.timeline.time.time_ns", lambda: later)
    async with window(parts(tmp_path, url="")) as app:
        alone = await ask(app, "/api/overview?minutes=5")
    async with window(parts(tmp_path)) as app:
        front = await ask(app, "/api/overview?minutes=5")

    assert len(alone.json["buckets"]) == 1
    assert front.json["buckets"] == []
