"""The command as a program among others: signals, ports, pipes, an upstream that is killed, and how much memory it takes."""

import hashlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.fuzz.targets.hello import hello
from tests.helpers.fronts import Front, tunnel
from tests.helpers.servers import APPS, PATIENCE, Program, free_port, python, served, wait_until_it_listens, within

pytestmark = pytest.mark.real

MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256


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


# Ctrl-C


def ask_slowly(front: Front, name: str, threads: ThreadPoolExecutor) -> Future[httpx.Response]:
    """Ask for what is answered when /say says so; return when the request is on its way."""

    def ask() -> httpx.Response:
        with front.client() as client:
            return client.get("/slow", params={"name": name})

    asked = threads.submit(ask)
    front.program.err.wait_for(lambda line: f"name={name}" in line and "open" in line)
    return asked


def say(port: int, to: str, word: str) -> None:
    httpx.post(f"http://127.0.0.1:{port}/say", params={"to": to, "word": word}, trust_env=False).raise_for_status()


def test_ctrl_c_lets_a_running_request_end_and_takes_no_other(
    port: int, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    with Front(port, tmp_path / "folder", "--shutdown", "30s") as front:
        asked = ask_slowly(front, "first", threads)

        front.program.signal(signal.SIGINT)
        front.program.err.wait_for(lambda line: "waiting for 1 running; Ctrl-C again to stop at once" in line)
        with within(PATIENCE), pytest.raises(ConnectionRefusedError):
            while True:  # what came in the last moment is still accepted by the kernel, or reset
                with suppress(ConnectionResetError):
                    socket.create_connection(("127.0.0.1", front.port), PATIENCE).close()
        say(port, "first", "in time")

        assert asked.result(PATIENCE).text == "in time"
        assert front.ended() == 0
    assert front.exchange("/slow?name=first")["status"] == 200


def test_a_second_ctrl_c_stops_at_once(port: int, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    with Front(port, tmp_path / "folder", "--shutdown", "1h") as front:
        asked = ask_slowly(front, "second", threads)

        front.program.signal(signal.SIGINT)
        front.program.err.wait_for(lambda line: "waiting for 1 running" in line)
        front.program.signal(signal.SIGINT)

        assert front.ended() == 0
        assert isinstance(asked.exception(PATIENCE), httpx.TransportError)
        say(port, "second", "too late")  # so that the app has nothing left to wait for
    row = front.exchange("/slow?name=second")
    assert (row["state"], row["fault"], row["error"]) == ("failed", "tunnel", "the tunnel was stopped")


def test_sigterm_stops_as_ctrl_c_does(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder") as front:
        front.program.signal(signal.SIGTERM)

        assert front.ended() == 0


def test_an_event_stream_does_not_hold_up_the_end(port: int, tmp_path: Path) -> None:
    with (
        Front(port, tmp_path / "folder", "--shutdown", "1h") as front,
        front.client() as client,
        client.stream("GET", "/events?name=held") as answer,
    ):
        front.program.signal(signal.SIGINT)

        assert front.ended() == 0
        with pytest.raises(httpx.RemoteProtocolError):  # it did not end as if it were whole
            answer.read()


# Ports


def test_a_port_that_was_asked_for_and_is_held_is_told_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        argv = tunnel("3000", "--listen", f"127.0.0.1:{port}", "--folder", str(tmp_path / "folder"))
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (done.returncode, done.stdout) == (4, "")
    assert f"127.0.0.1:{port} is held by python" in done.stderr
    assert "--listen 127.0.0.1:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_default_port_that_is_held_gives_way_to_the_next_and_says_so(port: int, tmp_path: Path) -> None:
    held = []
    try:
        held.append(socket.create_server(("127.0.0.1", 62893)))
    except OSError:
        pass  # somebody else holds it, which serves as well
    try:
        with Front(port, tmp_path / "folder", listen=None) as front:
            said = front.program.err.wait_for(lambda line: "is busy" in line)
    finally:
        for sock in held:
            sock.close()

    assert front.port > 62893
    assert said == f"port 62893 is busy, so this is {front.port}; to insist: --listen 62893"


def test_an_address_that_others_can_reach_is_refused(tmp_path: Path) -> None:
    argv = tunnel("3000", "--listen", "0.0.0.0:0", "--folder", str(tmp_path / "folder"))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert "0.0.0.0" in done.stderr


# Pipes


def test_json_lines_parse_and_tell_each_exchange(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", "--json") as front:
        with front.client() as client:
            for number in range(5):
                client.get(f"/state?nr={number}")
        front.program.out.wait_for(lambda line: "nr=4" in line)

    lines = [json.loads(line) for line in front.program.out.text.splitlines()]
    assert "/?token=" in lines[0].pop("inspector")
    assert lines[0] == {
        "event": "started",
        "url": front.url,
        "target": f"http://localhost:{port}",
        "folder": str(tmp_path / "folder"),
    }
    assert [(line["id"], line["target"], line["status"]) for line in lines[1:]] == [
        (number + 1, f"/state?nr={number}", 200) for number in range(5)
    ]


def test_the_url_alone_is_on_stdout_where_a_script_reads_it(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder") as front, front.client() as client:
        client.get("/state")
        front.program.err.wait_for(lambda line: "/state" in line)

    assert front.program.out.text == f"{front.url}\n"


def test_a_log_that_is_followed_tells_what_comes(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder") as front, front.client() as client:
        client.get("/state?before")
        front.exchange("/state?before")
        with Program(tunnel("log", "-f", "--json", "--folder", str(front.folder))) as follower:
            follower.out.wait_for(lambda line: "before" in line)
            client.get("/state?while")
            follower.out.wait_for(lambda line: json.loads(line)["target"] == "/state?while")
            follower.signal(signal.SIGINT)

            assert follower.wait() == 0
            assert follower.err.text == ""


# An upstream that dies


def test_requests_survive_an_upstream_that_is_killed_and_comes_back(
    tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    port = free_port()
    (tmp_path / "page.txt").write_text("here again")
    argv = python("-m", "http.server", str(port), "--bind", "127.0.0.1")
    with Front(port, tmp_path / "folder", "--wait", "20s") as front, front.client() as client:
        for _ in range(3):
            with Program(argv, cwd=tmp_path) as server:
                wait_until_it_listens(server, port)
                assert client.get("/page.txt").text == "here again"
                server.signal(signal.SIGKILL)
                server.wait()
            asked = [threads.submit(client.get, "/page.txt") for _ in range(4)]
            with Program(argv, cwd=tmp_path) as server:
                assert [each.result(PATIENCE).text for each in asked] == ["here again"] * 4


def test_an_upstream_that_does_not_come_back_is_told_after_the_wait(tmp_path: Path) -> None:
    port = free_port()
    with Front(port, tmp_path / "folder", "--wait", "300ms") as front, front.client() as client:
        answer = client.get("/", headers={"Accept": "text/html"})

    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert f"nothing listens on 127.0.0.1:{port}" in answer.text.lower()
    assert 300 <= front.exchange("/")["duration_ms"] < 2000


# Memory


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc, which only Linux has")
def test_a_hundred_megabytes_each_way_pass_in_less_than_sixty_of_memory(port: int, tmp_path: Path) -> None:
    digest = hashlib.sha256()
    with Front(port, tmp_path / "folder") as front, front.client() as client:
        with client.stream("GET", "/download?mb=100") as answer:
            for piece in answer.iter_bytes():
                digest.update(piece)
        sent = client.put("/upload", content=(PIECE for _ in range(1600)), headers={"Content-Length": str(100 * MIB)})
        peak = front.peak_memory()

    assert sent.json() == {"size": 100 * MIB, "sha256": digest.hexdigest()}
    assert [row["response_bytes"] for row in front.recorded(lambda row: "/download" in row["target"])] == [100 * MIB]
    assert peak < 60 * MIB, f"{peak / MIB:.1f} MiB"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc, which only Linux has")
def test_a_client_that_reads_slowly_holds_the_upstream_back_and_not_our_memory(port: int, tmp_path: Path) -> None:
    """The kernel's buffers fill and the upstream waits; nothing piles up in between."""
    with (
        Front(port, tmp_path / "folder") as front,
        front.client() as client,
        client.stream("GET", "/download?mb=100") as answer,
    ):
        pieces = answer.iter_raw()
        next(pieces)
        looks: list[int] = []
        with within(PATIENCE):
            while len(looks) < 8 or not looks[-1] or len(set(looks[-8:])) > 1:  # until it stands still
                looks.append(front.exchange_so_far("/download?mb=100"))
        peak = front.peak_memory()

    assert looks[-1] < 20 * MIB
    assert peak < 60 * MIB, f"{peak / MIB:.1f} MiB"


def test_a_client_that_asks_for_a_name_in_no_letters_makes_it_say_nothing(tmp_path: Path) -> None:
    """Python decodes the name (SNI) before anybody is asked, and prints a traceback where it cannot."""
    with Front(9, tmp_path / "folder") as front:
        begun = len(front.program.err)
        with front.raw(tls=False) as stranger:
            stranger.sendall(hello("app.test").replace(b"app.test", b"app\xfftest"))
            with suppress(ConnectionResetError):
                while stranger.recv(4096):
                    pass
        with front.client() as client:
            assert client.get("/").status_code == 502
        front.program.err.wait_for(lambda line: "502" in line, begin=begun)
    assert "Exception ignored" not in front.program.err.text
