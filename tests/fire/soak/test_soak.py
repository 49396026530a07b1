"""The soak: mixed traffic for minutes or hours, and afterwards nothing is left of it but its rows.

    make soak SECONDS=240         what .ci/run does
    make soak SECONDS=14400       four hours

Not part of the default run: it takes as long as it is told to.
"""

import os
import re
import signal
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.fire.soak.client import Place
from tests.fire.soak.report import Report
from tests.fire.soak.round import Soak, lasting
from tests.fire.soak.upstream import Upstream
from tests.fire.soak.vitals import look
from tests.helpers.fronts import Front
from tests.helpers.garbage import alive, no_collector
from tunnel.capture.recorder import Statistics
from tunnel.errors import TunnelError
from tunnel.model.address import Listen, Target
from tunnel.model.config import Config, Keep, Limits, Mode
from tunnel.run import run
from tunnel.terminal import Started, Terminal

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc, which only Linux has"),
]

MIB = 1024 * 1024
SECONDS = float(os.environ.get("TUNNEL_SOAK") or 60)
ROUND = 80.0  # seconds at most: after each the record is compared, and forgotten
FEWEST = 3  # rounds: the first warms up, the last is compared with it
# What memory may grow by between the calm after the first round and the last. What is no leak comes and goes by less: who
# called on the last 8192 ports (3 MiB), SQLite's pages (2), free memory that the allocator has in pieces, and garbage up to
# the 50,000 objects at which Python looks for it. It does not grow with the time: at four minutes it is some 200 bytes for
# each exchange, in an hour ten.
MOST_GROWTH = 12 * MIB
# Bytes kept of each body. With the default, a mebibyte, a round fills more than the gibibyte that a store may have, and its
# first rows are removed before they are compared.
KEPT = 16 * 1024
POOL_IDLE = 1.0  # seconds before an unused upstream connection is closed, so that calm comes soon


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[Upstream, int]]:
    upstream = Upstream()
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, upstream.serve, listeners)
        yield upstream, listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def place_of(port: int, root: Path) -> Place:
    older = ssl.create_default_context(cafile=root)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    return Place(port, ssl.create_default_context(cafile=root), older)


async def test_a_soaked_front_holds_no_more_than_before_and_has_recorded_every_request(
    upstream: tuple[Upstream, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real command, looked at from outside."""
    serves, port = upstream
    options = ("--both", "--pool-idle", f"{POOL_IDLE}s", "--keep-body-size", str(KEPT))
    with Front(port, tmp_path / "folder", *options) as front:
        rest = look(front.pid)

        async def calm() -> None:
            now = await lasting(lambda: look(front.pid), lambda now: now.held == rest.held)
            assert now.held == rest.held, f"at rest it held {rest.held}, and after the traffic {now.held}"
            said.extend(front.program.err.take())

        said: list[str] = []
        soak = Soak(place_of(front.port, front.root), serves, front.folder, calm)
        await soak.ask()
        report = Report(soak.tally)
        rounds = max(FEWEST, round(SECONDS / ROUND))
        for _ in range(rounds):
            await soak.round(SECONDS / rounds)
            await soak.ask()
            report.add(look(front.pid), soak.rows)
            assert not [line for line in said if "Traceback" in line or "a bug in tunnel" in line]
            said.clear()
    last = front.program.err.text
    with capsys.disabled():
        print(report, last, sep="\n")

    assert f"{soak.rows} exchanges recorded" in last
    assert not re.search(
        r"not recorded: \d+ exchanges", last
    )  # bodies may be: a disk that is too slow costs them first
    assert report.growth < MOST_GROWTH, str(report)


# What there is for each connection or exchange. When all have ended none is left, nor waits for the garbage collector.
PASSING = {
    "Caller", "Record", "Tap", "Exchange", "SocketWire", "TlsWire", "Http1Client", "Http1Upstream", "Taken", "SSLSocket",
}  # fmt: skip

PREPARING = "tunnel.proxy.server.Server._prepare"  # the one task that ends by itself, a second after the start


def tasks() -> Counter[str]:
    """Return how many tasks of each name live in this loop."""
    root = trio.lowlevel.current_root_task()
    found, waiting = Counter[str](), [root] if root else []
    while waiting:
        task = waiting.pop()
        found[task.name] += 1
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


class Notes(Terminal):
    """Stands for the terminal: keeps what it is told."""

    def __init__(self) -> None:
        self.up = trio.Event()
        self.port = 0
        self.said: list[str] = []
        self.statistics: Statistics | None = None

    def started(self, started: Started) -> None:
        self.port = started.port
        self.up.set()

    def notice(self, error: TunnelError) -> None:
        self.said.append(error.what)

    def stopped(self, statistics: Statistics) -> None:
        self.statistics = statistics


async def test_a_soaked_loop_runs_no_more_tasks_than_before_and_keeps_no_exchange_alive(
    upstream: tuple[Upstream, int], tmp_path: Path
) -> None:
    """The same in this process, where trio's tasks and Python's objects can be counted without a word in the product.

    A minute at most: what is counted here is exact, so more time would say nothing more.
    """
    serves, port = upstream
    notes = Notes()
    config = Config(
        target=Target("http", "localhost", port),
        folder=str(tmp_path / "folder"),
        listen=Listen(("127.0.0.1",), 0),
        mode=Mode.BOTH,
        limits=Limits(pool_idle=POOL_IDLE),
        keep=Keep(body_size=KEPT),
    )

    with no_collector():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, config, notes)
            await notes.up.wait()
            await trio.testing.wait_all_tasks_blocked()  # it says that it is up before each of its tasks has begun
            rest = await lasting(tasks, lambda now: not now[PREPARING])
            assert not rest[PREPARING], f"{PREPARING} has not ended"

            async def calm() -> None:
                now = await lasting(tasks, lambda now: now == rest)
                assert now == rest, f"more than at rest: {now - rest}; fewer: {rest - now}"

            soak = Soak(
                place_of(notes.port, tmp_path / "folder" / "authority" / "root.pem"), serves, tmp_path / "folder", calm
            )
            await soak.ask()
            await soak.round(min(SECONDS / 4, 60))
            await soak.ask()
            left = await lasting(lambda: alive(*PASSING), lambda left: not left)
            signal.raise_signal(signal.SIGINT)

    assert left == Counter()
    assert notes.statistics is not None
    assert (notes.statistics.opened, notes.statistics.written) == (soak.rows, soak.rows)
    assert notes.statistics.rows_dropped == 0
    assert not [said for said in notes.said if "bug" in said]
