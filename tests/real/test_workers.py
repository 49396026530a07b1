"""`--workers 2` as a user has it: one port, one store, one terminal; processes that come, die and go with the first."""

import json
import os
import signal
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path

import httpx
import psutil
import pytest

from tests.helpers.fronts import Front, tunnel
from tests.helpers.processes import listening
from tests.helpers.servers import APPS, PATIENCE, free_port, python, served, within

pytestmark = pytest.mark.real

TWO = ("--workers", "2")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    argv = python("-m", "uvicorn", "starlette_app:app", "--port", str(port), "--log-level", "warning")
    with served(*argv, port=port, cwd=APPS):
        yield port


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def workers(front: Front, count: int = 2) -> list[psutil.Process]:
    """Return the workers, once there are so many: those of its processes that listen on its port."""
    with within(PATIENCE):
        while len(found := listening(front.pid, front.port)) != count:
            pass
    return found


def get(wire: socket.socket, target: str) -> int:
    """Ask on a connection that stays, and read the whole answer; return its status."""
    wire.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % target.encode())
    return read(wire)


def read(wire: socket.socket) -> int:
    answer = HTTPResponse(wire)
    answer.begin()
    answer.read()
    return answer.status


def processes(front: Front, count: int) -> dict[int, int]:
    """Return which process served each client port, once so many exchanges are in the store."""
    front.recorded(count=count)
    with sqlite3.connect(front.folder / "records.sqlite") as store:
        rows = store.execute("SELECT connection ->> 'port', process FROM exchange").fetchall()
    store.close()
    assert len(rows) == count
    return dict(rows)


def ask_slowly(front: Front, name: str, threads: ThreadPoolExecutor) -> Future[httpx.Response]:
    """Ask for what is answered when /say says so; return when the request is on its way."""

    def ask() -> httpx.Response:
        with front.client() as client:
            return client.get("/slow", params={"name": name})

    asked = threads.submit(ask)
    front.program.err.wait_for(lambda line: f"name={name}" in line and "open" in line)
    return asked


def say(port: int, to: str) -> None:
    httpx.post(f"http://127.0.0.1:{port}/say", params={"to": to, "word": "done"}, trust_env=False).raise_for_status()


def test_connections_are_split_no_worse_than_six_to_four_and_all_rows_are_in_one_store(
    port: int, tmp_path: Path
) -> None:
    with Front(port, tmp_path / "folder", *TWO) as front, ExitStack() as stack:
        wires = [stack.enter_context(front.raw()) for _ in range(64)]
        for wire in wires:
            assert get(wire, "/state") == 200
        for wire in wires:
            assert get(wire, "/state") == 200
        served_by = processes(front, 128)

    shares = Counter(served_by.values())
    assert len(shares) == 2
    assert max(shares.values()) <= 0.6 * 64
    assert "128 exchanges recorded" in front.program.err.text
    assert front.program.out.text == f"{front.url}\n"  # said once, by whoever


def test_a_tls_session_resumes_with_the_other_worker(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", *TWO) as front, ExitStack() as stack:
        context, session = front.context(), None
        resumed = []
        for _ in range(4):  # each stays open, so that the next falls to the other
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", front.port), PATIENCE))
            wire = stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1", session=session))
            get(wire, "/state")  # with the answer came the tickets
            resumed.append(wire.session_reused)
            session = wire.session
            assert wire.version() == "TLSv1.3"
        served_by = processes(front, 4)

    assert resumed == [False, True, True, True]
    assert sorted(Counter(served_by.values()).values()) == [2, 2]


def test_a_worker_that_is_killed_is_replaced_and_said(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", *TWO) as front, ExitStack() as stack:
        before = workers(front)
        wires = [stack.enter_context(front.raw()) for _ in range(2)]
        for wire in wires:
            get(wire, "/state")
        front.recorded(count=2)
        before[0].kill()
        front.program.err.wait_for(
            lambda line: line == f"worker {before[0].pid} was killed by SIGKILL; another takes its place"
        )
        served_by: dict[int, int] = {}
        with within(PATIENCE):
            while len(set(served_by.values())) < 3:  # until the new one has begun, the other serves all
                wires.append(stack.enter_context(front.raw()))
                assert get(wires[-1], "/state") == 200
                served_by = processes(front, len(wires))
        after = workers(front)

    assert before[1] in after
    assert before[0] not in after


def test_a_worker_that_hangs_holds_up_nobody_who_comes(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", *TWO) as front, ExitStack() as stack:
        hanging = workers(front)[0]
        hanging.suspend()
        for _ in range(10):
            assert get(stack.enter_context(front.raw()), "/state") == 200
        served_by = processes(front, 10)
        hanging.resume()

    assert len(set(served_by.values())) == 1


def test_ctrl_c_at_a_terminal_reaches_all_and_counts_once(
    port: int, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    """A terminal sends SIGINT to each process of the group. What runs in any worker may end; its sum is said once."""
    with Front(port, tmp_path / "folder", "--shutdown", "30s", *TWO) as front:
        both = workers(front)
        asked = [ask_slowly(front, name, threads) for name in ("one", "two")]
        os.killpg(front.pid, signal.SIGINT)
        front.program.err.wait_for(lambda line: "waiting for 2 running; Ctrl-C again to stop at once" in line)
        with within(PATIENCE), pytest.raises(ConnectionRefusedError):
            while True:  # what came in the last moment is still accepted by the kernel
                socket.create_connection(("127.0.0.1", front.port), PATIENCE).close()
        for name in ("one", "two"):
            say(port, name)

        assert [answer.result(PATIENCE).text for answer in asked] == ["done", "done"]
        assert front.ended() == 0
    assert front.program.err.text.count("waiting for") == 1
    assert front.program.err.text.endswith("2 exchanges recorded\n")
    assert not any(process.is_running() for process in both)
    assert len(set(processes(front, 2).values())) == 2


def test_a_second_signal_stops_at_once(port: int, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    with Front(port, tmp_path / "folder", "--shutdown", "1h", *TWO) as front:
        both = workers(front)
        asked = ask_slowly(front, "held", threads)
        front.program.signal(signal.SIGTERM)
        front.program.err.wait_for(lambda line: "waiting for 1 running" in line)
        front.program.signal(signal.SIGTERM)

        assert front.ended() == 0
        assert isinstance(asked.exception(PATIENCE), httpx.TransportError)
        say(port, "held")
    assert not any(process.is_running() for process in both)
    assert front.exchange("/slow?name=held")["error"] == "the tunnel was stopped"


@pytest.mark.long
def test_when_the_first_process_is_killed_the_workers_end_and_their_rows_are_written(
    port: int, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    with Front(port, tmp_path / "folder", *TWO) as front:
        both = workers(front)
        asked = ask_slowly(front, "orphan", threads)
        front.program.signal(signal.SIGKILL)

        assert front.ended() == -signal.SIGKILL
        assert psutil.wait_procs(both, timeout=PATIENCE)[1] == []
        assert isinstance(asked.exception(PATIENCE), httpx.TransportError)
        say(port, "orphan")
    assert front.exchange("/slow?name=orphan")["error"] == "the tunnel was stopped"
    with Front(port, tmp_path / "folder", *TWO, listen=f"127.0.0.1:{front.port}") as again:
        assert again.url == front.url  # nobody holds the port


def test_lines_of_two_workers_never_mix(port: int, tmp_path: Path) -> None:
    """Lines longer than a pipe takes in one piece, of both workers at once."""
    target = f"/state?{'x' * 6000}"
    with Front(port, tmp_path / "folder", "--json", *TWO) as front, ExitStack() as stack:
        wires = [stack.enter_context(front.raw()) for _ in range(8)]
        for _ in range(25):
            for wire in wires:
                wire.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % target.encode())
            for wire in wires:
                assert read(wire) == 200
        front.recorded(count=200)

    lines = [json.loads(line) for line in front.program.out.text.splitlines()]
    assert [line["target"] for line in lines[1:]] == [target] * 200


def test_one_worker_is_the_process_that_was_started(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", "--workers", "1") as front, front.client() as client:
        client.get("/state")
        assert psutil.Process(front.pid).children() == []


def test_a_store_that_cannot_be_written_is_said_once_and_traffic_passes(port: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    (folder / "records.sqlite").mkdir()  # where root too cannot write
    with Front(port, folder, *TWO) as front, ExitStack() as stack:
        for wire in [stack.enter_context(front.raw()) for _ in range(4)]:
            assert get(wire, "/state") == 200
        front.program.err.wait_for(lambda line: "cannot be used" in line)

    said = front.program.err.text
    assert said.count("cannot be used") == 2  # at once, and at the end, where what was lost is counted
    assert "not recorded: 4 exchanges" in said


def test_without_an_authority_nothing_is_forked(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "authority").mkdir(parents=True, mode=0o700)
    (folder / "authority" / "root-key.pem").write_text("damaged")
    program = psutil.Popen(
        tunnel("3000", "--listen", "127.0.0.1:0", "--folder", str(folder), *TWO), stdout=-1, stderr=-1
    )
    out, err = program.communicate(timeout=PATIENCE)

    assert (program.returncode, out) == (1, b"")
    assert err.startswith(b"error: ")
