"""The inspector of several workers: one process beside them, which shows, counts, sends again and reveals for all."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.helpers.fronts import Front, tunnel
from tests.helpers.processes import listening
from tests.helpers.servers import APPS, PATIENCE, free_port, python, served, within
from tunnel.inspector.link import Link, found
from tunnel.net.vitals import lives

pytestmark = pytest.mark.real

TWO = ("--workers", "2", "--inspector", "127.0.0.1:0")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    argv = python("-m", "uvicorn", "starlette_app:app", "--port", str(port), "--log-level", "warning")
    with served(*argv, port=port, cwd=APPS):
        yield port


@pytest.fixture
def front(port: int, tmp_path: Path) -> Iterator[Front]:
    with Front(port, tmp_path / "folder", *TWO) as front:
        yield front


def link(front: Front) -> Link:
    told = found(front.folder, lives)
    assert told is not None
    return told


def visitor(front: Front) -> httpx.Client:
    """Return a client of the window. Closed by the caller."""
    told = link(front)
    headers = {"Authorization": f"Bearer {told.token}"}
    return httpx.Client(base_url=told.url, verify=front.context(), trust_env=False, timeout=PATIENCE, headers=headers)


def window_of(front: Front) -> psutil.Process:
    """Return the process that serves the window, once there is one."""
    port = urlsplit(link(front).url).port
    assert port is not None
    with within(PATIENCE):
        while not (found := listening(front.pid, port)):
            pass
    (process,) = found
    return process


def metrics(window: httpx.Client, wanted: str) -> dict[str, float]:
    """Return the metrics, by name and labels as they are written, once one of them has a value that is wanted."""
    with within(PATIENCE):
        while wanted not in (text := window.get("/metrics").text).splitlines():
            pass
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    }


def ask_each(front: Front, *targets: str) -> dict[int, int]:
    """Ask by a connection for each target, all of them open, so that the workers share them.

    Returns: The pid of the worker that served each, by its number in the record, in the order of the targets.
    """
    with ExitStack() as stack:
        for target in targets:
            assert stack.enter_context(front.client()).get(target).status_code == 200
        front.recorded(lambda row: row["status"] == 200, count=len(targets))
        with sqlite3.connect(front.folder / "records.sqlite") as store:
            rows = store.execute(
                "SELECT exchange.id, process.pid FROM exchange JOIN process ON process.id = process"
                " WHERE status = 200 ORDER BY started DESC LIMIT ?",
                (len(targets),),
            ).fetchall()
        store.close()
    return dict(reversed(rows))


def typed(front: Front, *words: str) -> subprocess.CompletedProcess[str]:
    """Run another `tunnel` command on the same folder; it must end well."""
    argv = tunnel(*words, "--folder", str(front.folder))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_its_link_is_printed_and_opens_what_all_workers_recorded(front: Front) -> None:
    said = front.said("see what passes: https://127.0.0.1:").removeprefix("see what passes: ")
    assert said == link(front).address
    assert link(front).pid == front.pid
    served_by = ask_each(front, *(f"/state?{number}" for number in range(6)))
    assert len(set(served_by.values())) == 2

    with visitor(front) as window:
        seen = window.get("/api/exchanges").json()
        status = window.get("/api/status").json()
        page = window.get("/")

    assert {line["id"] for line in seen["exchanges"]} >= served_by.keys()
    assert (status["url"], status["revealable"], status["replayable"]) == (front.url, True, True)
    assert page.headers["content-type"].startswith("text/html")
    assert window_of(front).pid not in served_by.values()


def test_counts_are_of_all_workers_together(front: Front, port: int) -> None:
    ask_each(front, *(f"/state?{number}" for number in range(8)))
    with ThreadPoolExecutor(2) as threads, front.client() as one, front.client() as two, visitor(front) as window:
        slow = [threads.submit(client.get, "/slow", params={"name": name}) for client, name in ((one, "1"), (two, "2"))]
        told = metrics(window, "tunnel_exchanges_running 2")
        status = window.get("/api/status").json()["recorder"]
        for name in ("1", "2"):
            httpx.post(f"http://127.0.0.1:{port}/say", params={"to": name, "word": "done"}, trust_env=False)
        assert [answer.result(PATIENCE).text for answer in slow] == ["done", "done"]
        after = metrics(window, 'tunnel_requests_total{method="GET",code="2xx"} 10')

    assert told["tunnel_recorder_opened_total"] == status["opened"] == 10
    assert told["tunnel_recorder_written_total"] == status["written"] == 8
    assert after['tunnel_request_duration_seconds_count{route="/state",code="2xx"}'] == 8
    family = [psutil.Process(front.pid), *psutil.Process(front.pid).children()]
    assert after["process_resident_memory_bytes"] > sum(process.memory_info().rss for process in family) / 2


def test_a_worker_that_died_is_counted_and_so_is_who_takes_its_place(front: Front) -> None:
    served_by = ask_each(front, *(f"/state?{number}" for number in range(4)))
    with visitor(front) as window:
        metrics(window, "tunnel_recorder_written_total 4")
        victim = served_by.popitem()[1]
        os.kill(victim, signal.SIGKILL)
        front.said(f"worker {victim} was killed by SIGKILL; another takes its place")
        with within(PATIENCE):
            while len(listening(front.pid, front.port)) != 2:
                pass
        assert victim not in ask_each(front, *(f"/state?{number}" for number in range(4, 8))).values()
        told = metrics(window, "tunnel_recorder_written_total 8")

    assert told['tunnel_requests_total{method="GET",code="2xx"}'] == 8


def test_what_is_sent_again_goes_to_the_shared_port(front: Front) -> None:
    (id,) = ask_each(front, "/state?again")
    with visitor(front) as window:
        (replayed,) = window.post(f"/api/exchanges/{id}/replay", json={}).json()["replays"]
    line = typed(front, "replay", str(id)).stdout

    assert (replayed["status"], replayed["error"]) == (200, "")
    assert "/state?again  200 " in line
    assert len(front.recorded(lambda row: row["parent"] == id, count=2)) == 2


def test_a_secret_is_revealed_and_sent_whichever_worker_saw_it(front: Front) -> None:
    secrets = [f"hunter2hunter{number}" for number in range(4)]
    served_by = ask_each(front, *(f"/seen?token={secret}" for secret in secrets))
    one_of_each = {pid: (id, secret) for (id, pid), secret in zip(served_by.items(), secrets, strict=True)}
    assert len(one_of_each) == 2

    for id, secret in one_of_each.values():
        shown = typed(front, "show", "--reveal", str(id))
        assert secret in shown.stdout and "redacted-" not in shown.stdout
        assert shown.stderr == ""
        typed(front, "replay", str(id))
        assert secret in typed(front, "show", "--reveal").stdout, "the latest is the replay"


def test_what_a_dead_worker_had_seen_is_gone_and_what_the_others_saw_is_not(front: Front) -> None:
    secrets = [f"hunter2hunter{number}" for number in range(4)]
    served_by = ask_each(front, *(f"/seen?token={secret}" for secret in secrets))
    victim = next(iter(served_by.values()))
    os.kill(victim, signal.SIGKILL)
    front.said(f"worker {victim} was killed by SIGKILL; another takes its place")

    for (id, pid), secret in zip(served_by.items(), secrets, strict=True):
        shown = typed(front, "show", "--reveal", str(id))
        assert (secret in shown.stdout) == (pid != victim)
        assert ("secrets are gone: " in shown.stderr) == (pid == victim)  # it is in the target and in the answer


def test_a_worker_that_hangs_holds_up_nobody_who_looks(front: Front) -> None:
    secrets = [f"hunter2hunter{number}" for number in range(4)]
    served_by = ask_each(front, *(f"/seen?token={secret}" for secret in secrets))
    hanging = psutil.Process(next(iter(served_by.values())))
    hanging.suspend()
    try:
        with visitor(front) as window:
            for (id, pid), secret in zip(served_by.items(), secrets, strict=True):
                told = window.post(f"/api/exchanges/{id}/reveal").json()
                assert (told["missing"] > 0) == (pid == hanging.pid)
                assert (secret in told["exchange"]["target"]) == (pid != hanging.pid)
            assert window.get("/api/status").json()["recorder"] is not None
    finally:
        hanging.resume()


def test_it_is_replaced_when_it_dies_and_its_link_holds(front: Front) -> None:
    ask_each(front, "/state?1", "/state?2")
    before, address = window_of(front), link(front).address
    with visitor(front) as window:
        assert window.get("/api/status").json()["recorder"]["written"] == 2
    before.kill()
    front.said(f"the inspector's process {before.pid} was killed by SIGKILL; another takes its place")
    with within(PATIENCE):
        while window_of(front) == before:
            pass
    with visitor(front) as window:
        assert window.get("/api/status").json()["recorder"]["written"] == 2
        assert 'tunnel_requests_total{method="GET",code="2xx"} 2' in window.get("/metrics").text

    assert link(front).address == address
    assert before not in listening(front.pid, front.port)


def test_ctrl_c_ends_it_last_and_a_viewer_does_not_hold_it_up(front: Front) -> None:
    everybody = psutil.Process(front.pid).children()
    assert len(everybody) == 3
    with visitor(front) as window, window.stream("GET", "/api/feed") as feed:
        lines = feed.iter_lines()
        next(lines)
        os.killpg(front.pid, signal.SIGINT)

        assert front.ended() == 0
        assert list(lines)[-1] == ""  # its answer ended as a whole one does
    assert not any(process.is_running() for process in everybody)
    assert not (front.folder / "inspector.json").exists()


def test_what_ends_last_is_still_seen(front: Front, port: int) -> None:
    with ThreadPoolExecutor(1) as threads, front.client() as client, visitor(front) as window:
        slow = threads.submit(client.get, "/slow", params={"name": "late"})
        metrics(window, "tunnel_exchanges_running 1")
        front.program.signal(signal.SIGTERM)
        front.said("waiting for 1 running")
        assert window.get("/api/status").status_code == 200
        httpx.post(f"http://127.0.0.1:{port}/say", params={"to": "late", "word": "done"}, trust_env=False)

        assert slow.result(PATIENCE).text == "done"
        assert front.ended() == 0


@pytest.mark.long
def test_one_that_hangs_is_ended_all_the_same(front: Front) -> None:
    window_of(front).suspend()
    front.program.signal(signal.SIGINT)

    assert front.ended() == 0


def test_when_the_first_process_is_killed_it_ends_too(front: Front) -> None:
    everybody = psutil.Process(front.pid).children()
    front.program.signal(signal.SIGKILL)

    assert front.ended() == -signal.SIGKILL
    assert psutil.wait_procs(everybody, timeout=PATIENCE)[1] == []
    assert found(front.folder, lives) is None


def test_none_is_forked_where_none_is_wanted(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", "--workers", "2", "--no-inspector") as front, front.client() as client:
        client.get("/state")
        assert len(psutil.Process(front.pid).children()) == 2
        assert found(front.folder, lives) is None


def test_no_secret_is_written_where_processes_ask_each_other(front: Front) -> None:
    (id,) = ask_each(front, "/seen?token=hunter2hunter2")
    with visitor(front) as window:
        told = window.post(f"/api/exchanges/{id}/reveal").text
    assert "hunter2hunter2" in told
    files = [path for path in front.folder.rglob("*") if path.is_file()]

    assert [path for path in files if b"hunter2hunter2" in path.read_bytes()] == []
    assert json.loads(told)["missing"] == 0
