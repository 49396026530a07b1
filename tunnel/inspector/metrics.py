"""Metrics: the front in Prometheus' text format 0.0.4. Exchanges are counted from the store when somebody asks.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator, Mapping

import trio
from starlette.requests import Request
from starlette.responses import Response

from tunnel.capture.counting import BUCKETS, Counts
from tunnel.capture.recorder import Statistics
from tunnel.capture.store import NoStore
from tunnel.inspector.parts import Parts
from tunnel.inspector.readers import Readers
from tunnel.model.vitals import Vitals

TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, str]


class Metrics:
    """Answers `/metrics`."""

    def __init__(self, parts: Parts, readers: Readers) -> None:
        self._parts = parts
        self._readers = readers
        self._counts = Counts(int(parts.began * 1e6))
        self._turn = trio.Lock()

    async def text(self, request: Request) -> Response:
        """Answer all of it."""
        parts = self._parts
        async with self._turn:
            try:
                pids = parts.pids()
                await self._readers.ask(lambda store: self._counts.go_on(store, pids))
            except NoStore:
                pass  # nothing was recorded yet
            lines = list(counted(self._counts))
        if parts.running is not None:
            running = await trio.to_thread.run_sync(parts.running)
            lines += metric("tunnel_exchanges_running", "gauge", "Exchanges that run now.", [({}, running)])
        if parts.statistics is not None:
            lines += recorded(await trio.to_thread.run_sync(parts.statistics))
        if parts.vitals is not None:
            lines += process(await trio.to_thread.run_sync(parts.vitals), parts.began)
        lines += metric("tunnel_build_info", "gauge", "Which tunnel this is.", [({"version": parts.version}, 1)])
        return Response("\n".join(lines) + "\n", media_type=TYPE, headers={"Content-Type": TYPE})


def counted(counts: Counts) -> Iterator[str]:
    """Return the lines of what was counted."""
    for name, help, values in (
        (
            "tunnel_requests_total",
            "Exchanges that have ended and are in the store, by method and class of status.",
            counts.requests,
        ),
        ("tunnel_request_bytes_total", "Bytes of request bodies, as they passed.", counts.received),
        ("tunnel_response_bytes_total", "Bytes of answers' bodies, as they passed.", counts.sent),
    ):
        samples = [
            ({"method": method, "code": code(status)}, value) for (method, status), value in sorted(values.items())
        ]
        yield from metric(name, "counter", help, samples)
    name = "tunnel_request_duration_seconds"
    yield from _head(
        name, "histogram", "From a request's head to the last byte of its answer, by the first segment of its path."
    )
    for (route, status), (count, total, *least) in sorted(counts.durations.items()):
        labels = {"route": route, "code": code(status)}
        for most, number in zip(BUCKETS, least, strict=True):
            yield sample(f"{name}_bucket", {**labels, "le": f"{most:g}"}, number)
        yield sample(f"{name}_bucket", {**labels, "le": "+Inf"}, count)
        yield sample(f"{name}_sum", labels, total / 1e6)
        yield sample(f"{name}_count", labels, count)


def recorded(statistics: Statistics) -> Iterator[str]:
    """Return the lines of the recorder."""
    for name, kind, help, value in (
        ("opened_total", "counter", "Exchanges that began.", statistics.opened),
        ("written_total", "counter", "Exchanges that were written to the store.", statistics.written),
        ("dropped_total", "counter", "Exchanges that were not recorded.", statistics.rows_dropped),
        (
            "dropped_body_bytes_total",
            "counter",
            "Bytes of bodies that were not recorded.",
            statistics.body_bytes_dropped,
        ),
        ("waiting", "gauge", "Exchanges that wait to be written.", statistics.waiting_rows),
        ("waiting_body_bytes", "gauge", "Bytes of bodies that wait to be written.", statistics.waiting_bytes),
    ):
        yield from metric(f"tunnel_recorder_{name}", kind, help, [({}, value)])


def process(vitals: Vitals, began: float) -> Iterator[str]:
    """Return the lines that every Prometheus client has for its process."""
    yield from metric("process_cpu_seconds_total", "counter", "User and system time.", [({}, vitals.cpu)])
    yield from metric("process_resident_memory_bytes", "gauge", "Resident memory.", [({}, vitals.memory)])
    yield from metric("process_open_fds", "gauge", "Open descriptors.", [({}, vitals.descriptors)])
    if vitals.most_descriptors is not None:
        yield from metric("process_max_fds", "gauge", "Most descriptors.", [({}, vitals.most_descriptors)])
    yield from metric("process_start_time_seconds", "gauge", "Start, seconds since the epoch.", [({}, round(began, 3))])


def metric(name: str, kind: str, help: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Return a metric's lines."""
    yield from _head(name, kind, help)
    for labels, value in samples:
        yield sample(name, labels, value)


def _head(name: str, kind: str, help: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"


def sample(name: str, labels: Labels, value: float) -> str:
    """Return one line."""
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{told}}} {value}" if told else f"{name} {value}"


def code(status: int) -> str:
    """Return the class of a status as it is told."""
    return f"{status}xx" if status else "none"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
