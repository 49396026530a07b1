"""`/metrics`: what a Prometheus reads, judged by its own readers; counted once, however often it is asked."""

import os
from pathlib import Path
from typing import Any

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from tests.capture.making import begun, ended, response
from tests.helpers.servers import needed
from tests.inspector.asking import ask, parts, recorded, window
from tunnel.capture.counting import MOST_ROUTES, OTHER, Counts
from tunnel.capture.recorder import Recorder, Statistics
from tunnel.capture.store import Store
from tunnel.inspector.app import Inspector
from tunnel.model.config import Keep
from tunnel.net.vitals import vitals

pytestmark = pytest.mark.anyio


def front(folder: Path, **more: Any) -> Any:
    return parts(
        folder,
        pids=lambda: (os.getpid(),),
        statistics=lambda: Statistics(7, 5, 1, 100, 2, 1, ""),
        running=lambda: 3,
        vitals=vitals,
        **{"began": 0.0, **more},
    )


def fill(recorder: Recorder) -> None:
    ended(recorder, b"/api/items/1?x=1")
    ended(recorder, b"/api/items/2", b"x" * 100)
    ended(recorder, b"/", status=503)
    record = begun(recorder, '/"quoted\\ü'.encode("latin-1"), method=b"PROPFIND")
    record.response = response(301)
    record.ended = record.started + 3.0
    recorder.close(record)


async def read(app: Inspector) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = await ask(app, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def of(found: dict[Any, float], name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


async def test_exchanges_are_counted_by_method_class_and_route(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    fill(recorder)
    try:
        async with window(front(tmp_path)) as app:
            found: dict[Any, float] = {}
            while sum(value for (name, _), value in found.items() if name == "tunnel_requests_total") < 4:
                found = await read(app)
            again = await read(app)
    finally:
        recorder.stop(10)

    assert of(found, "tunnel_requests_total", method="GET", code="2xx") == 2
    assert of(found, "tunnel_requests_total", method="GET", code="5xx") == 1
    assert of(found, "tunnel_requests_total", method=OTHER, code="3xx") == 1
    assert of(found, "tunnel_response_bytes_total", method="GET", code="2xx") == 105
    name = "tunnel_request_duration_seconds"
    assert of(found, f"{name}_count", route="/api", code="2xx") == 2
    assert of(found, f"{name}_bucket", route="/api", code="2xx", le="0.0025") == 2
    assert of(found, f"{name}_bucket", route="/api", code="2xx", le="0.001") == 0
    assert of(found, f"{name}_bucket", route='/"quoted\\ü', code="3xx", le="2.5") == 0
    assert of(found, f"{name}_bucket", route='/"quoted\\ü', code="3xx", le="5") == 1
    assert of(found, f"{name}_sum", route='/"quoted\\ü', code="3xx") == pytest.approx(3)
    assert of(found, "tunnel_exchanges_running") == 3
    assert of(found, "tunnel_recorder_dropped_total") == 1
    assert of(found, "process_resident_memory_bytes") > 1_000_000
    assert {key: value for key, value in again.items() if key[0].startswith("tunnel_req")} == {
        key: value for key, value in found.items() if key[0].startswith("tunnel_req")
    }


def test_what_comes_between_two_times_is_added_and_nothing_twice(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    counts = Counts(0)
    try:
        with Store(tmp_path) as store:
            for number in range(1, 4):
                ended(recorder, b"/%d" % number)
                while sum(counts.requests.values()) < number:
                    counts.go_on(store, [os.getpid()])
                counts.go_on(store, [os.getpid()])
                assert sum(counts.requests.values()) == number
            others = Counts(0)
            others.go_on(store, [os.getpid() + 1])
    finally:
        recorder.stop(10)

    assert sum(others.requests.values()) == 0, "another process's exchanges are not this one's"
    assert len(counts.durations) == 3


def test_what_a_process_recorded_before_it_ended_is_counted_afterwards_too(tmp_path: Path) -> None:
    recorder, counts = Recorder(tmp_path, Keep()), Counts(0)
    recorder.start()
    ended(recorder, b"/1")
    with Store(tmp_path) as store:
        while sum(counts.requests.values()) < 1:
            counts.go_on(store, [os.getpid()])
        ended(recorder, b"/2")
        recorder.stop(10)
        counts.go_on(store, [])

    assert sum(counts.requests.values()) == 2


def test_routes_are_bounded_and_all_exchanges_counted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    counts = Counts(0)
    try:
        with Store(tmp_path) as store:
            for number in range(3 * MOST_ROUTES):
                ended(recorder, b"/%d/x" % number)
            while sum(counts.requests.values()) < 3 * MOST_ROUTES:
                counts.go_on(store, [os.getpid()])
    finally:
        recorder.stop(10)

    assert len({route for route, _ in counts.durations}) == MOST_ROUTES + 1
    assert sum(durations[0] for durations in counts.durations.values()) == 3 * MOST_ROUTES


async def test_without_a_store_there_is_still_something_to_tell(tmp_path: Path) -> None:
    async with window(front(tmp_path)) as app:
        assert of(await read(app), "tunnel_exchanges_running") == 3


@pytest.mark.real
async def test_prometheus_own_checker_finds_nothing_wrong(tmp_path: Path) -> None:
    promtool = needed("promtool", "prometheus")
    recorded(tmp_path, fill)
    async with window(front(tmp_path)) as app:
        answer = await ask(app, "/metrics")
    judged = await trio.run_process(
        [promtool, "check", "metrics"], stdin=answer.body, capture_stdout=True, capture_stderr=True, check=False
    )

    assert (judged.returncode, judged.stdout, judged.stderr) == (0, b"", b"")
