"""The inspector beside a real front: its listener, its link, its end; and `tunnel inspect` on what was recorded."""

import json
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.helpers.fronts import Front, tunnel
from tests.helpers.servers import APPS, PATIENCE, Program, free_port, python, served
from tunnel.inspector.headers import HEADERS
from tunnel.inspector.link import Link, found
from tunnel.net.vitals import lives

pytestmark = pytest.mark.real

ANY = ("--inspector", "127.0.0.1:0")
CLOCKS = 100_000  # µs by which the wall clock may have been set right between two looks at it


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    argv = python("-m", "uvicorn", "starlette_app:app", "--port", str(port), "--log-level", "warning")
    with served(*argv, port=port, cwd=APPS):
        yield port


def link(front: Front) -> Link:
    told = found(front.folder, lives)
    assert told is not None
    return told


def visitor(link: Link, context: ssl.SSLContext | bool, *, token: bool = True) -> httpx.Client:
    """Return a client of the window. Closed by the caller."""
    headers = {"Authorization": f"Bearer {link.token}"} if token else {}
    return httpx.Client(base_url=link.url, verify=context, trust_env=False, timeout=PATIENCE, headers=headers)


def wait_for(client: httpx.Client, target: str) -> dict:
    """Return the recorded line of a target, once it is there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for line in client.get("/api/exchanges").json()["exchanges"]:
            if line["target"] == target:
                return line
    raise AssertionError(f"{target} was not recorded")


def test_the_link_is_printed_and_opens_the_page_over_tls(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", *ANY) as front:
        said = front.said("see what passes: https://127.0.0.1:")
        address = said.removeprefix("see what passes: ")
        assert address == link(front).address
        assert front.program.out.text.splitlines() == [front.url]
        assert len(link(front).token) >= 43
        with httpx.Client(verify=front.context(), trust_env=False, timeout=PATIENCE) as browser:
            page = browser.get(address, follow_redirects=True)
            status = browser.get(f"{link(front).url}/api/status")
        with visitor(link(front), front.context(), token=False) as stranger:
            refused = stranger.get("/api/status")

        assert (page.status_code, str(page.url)) == (200, f"{link(front).url}/")
        assert page.headers["content-type"].startswith("text/html")
        assert status.json()["url"] == front.url
        assert refused.status_code == 403
        for answer in (page, status, refused):
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert not (front.folder / "inspector.json").exists()


def test_what_passes_is_seen_live_and_whole_and_counted(port: int, tmp_path: Path) -> None:
    with (
        Front(port, tmp_path / "folder", *ANY) as front,
        visitor(link(front), front.context()) as window,
        front.client() as client,
        window.stream("GET", "/api/feed") as feed,
    ):
        lines = feed.iter_lines()
        assert next(line for line in lines if line.startswith("event")) == "event: hello"
        client.get("/state?live", headers={"Cookie": "tunnel-inspector-62894=secret; mine=1"})
        told = json.loads(next(line for line in lines if "/state?live" in line).removeprefix("data: "))

        one = window.get(f"/api/exchanges/{told['id']}").json()
        assert told["status"] == one["status"] == 200
        assert one["tls"]["version"] == "TLSv1.3"
        sent = {field["name"].lower(): field["value"] for field in one["request"]["sent"]}
        assert sent["cookie"].startswith("mine=redacted-")  # and nothing of the inspector's own
        assert "tunnel-inspector" not in sent["cookie"]
        assert 'tunnel_requests_total{method="GET",code="2xx"} 1' in window.get("/metrics").text
        assert window.get("/api/overview").json()["buckets"][0]["requests"] == 1


def test_events_show_when_they_came_while_the_stream_still_runs_and_afterwards(port: int, tmp_path: Path) -> None:
    with (
        Front(port, tmp_path / "folder", *ANY) as front,
        visitor(link(front), front.context()) as window,
        front.client() as client,
        front.client() as other,
    ):
        said: list[tuple[float, float]] = []  # between which moments each event passed, µs since the epoch
        with client.stream("GET", "/events?name=times") as events:
            lines = events.iter_lines()
            id = wait_for(window, "/events?name=times")["id"]
            for word in ("one", "two", "three"):
                before = time.time() * 1e6
                other.post(f"/say?to=times&word={word}")
                assert next(line for line in lines if line) == f"data: {word}"
                said.append((before, time.time() * 1e6))
                running = events_of(window, id, len(said))  # as long as that takes the next one comes later
            assert window.get(f"/api/exchanges/{id}").json()["state"] == "running"
        shown = front.run("show", str(front.exchange("/events?name=times")["id"]))

        assert [event["data"] for event in running] == ["one", "two", "three"]
        for event, (before, after) in zip(running, said, strict=True):
            assert before - CLOCKS < event["at"] < after + CLOCKS
        assert events_of(window, id, 3) == running
        assert [line.split()[-2:] for line in shown.splitlines() if re.match(r"  \+\d.* data: ", line)] == [
            ["data:", word] for word in ("one", "two", "three")
        ]


def events_of(window: httpx.Client, id: int, count: int) -> list[dict]:
    """Return the events of an answer, once there are so many in the record."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        events: list[dict] = window.get(f"/api/exchanges/{id}/body/response").json()["events"]
        if len(events) >= count:
            return events
    raise AssertionError(f"{count} events were not recorded")


def test_a_viewer_does_not_hold_up_ctrl_c(port: int, tmp_path: Path) -> None:
    with (
        Front(port, tmp_path / "folder", "--shutdown", "1h", *ANY) as front,
        visitor(link(front), front.context()) as window,
        window.stream("GET", "/api/feed") as feed,
    ):
        lines = feed.iter_lines()
        next(lines)
        front.program.signal(signal.SIGINT)

        assert front.ended() == 0
        assert list(lines)[-1] == ""  # its answer ended as a whole one does


def test_a_viewer_that_reads_nothing_does_not_hold_it_up_either(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", "--plain", "--shutdown", "1h", *ANY) as front, socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host = urlsplit(link(front).url).netloc
        stalled.connect(("127.0.0.1", int(host.rpartition(":")[2])))
        head = f"GET /api/feed HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {link(front).token}\r\n\r\n"
        stalled.sendall(head.encode())
        assert stalled.recv(12) == b"HTTP/1.1 200"
        with httpx.Client(base_url=front.url, trust_env=False) as client:
            for number in range(300):
                assert client.get(f"/state?{number}").status_code == 200
        front.program.signal(signal.SIGINT)

        assert front.ended() == 0


def test_plain_http_and_websockets_and_nonsense_get_an_answer_with_all_headers(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", "--plain", *ANY) as front:
        host = urlsplit(link(front).url).netloc
        asked = [
            b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: %b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: %b\r\nHost: other\r\n\r\n",
            b"GET / HTTP/1.1\nHost: %b\n\n",
            b"nonsense %b\r\n\r\n",
        ]
        for head in asked:
            with socket.create_connection(("127.0.0.1", urlsplit(link(front).url).port), PATIENCE) as wire:
                wire.sendall(head % host.encode())
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += wire.recv(65536)
            assert re.match(rb"HTTP/1\.1 4(00|03|21) ", answer), answer
            for name, value in HEADERS.items():
                assert f"\r\n{name}: {value}\r\n".lower().encode() in answer.lower(), (head, name)


def test_plain_http_on_its_tls_port_is_led_to_tls(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", *ANY) as front:
        answer = httpx.get(link(front).url.replace("https", "http"), trust_env=False, timeout=PATIENCE)

    assert (answer.status_code, answer.headers["location"]) == (308, f"{link_url(answer)}/")


def link_url(answer: httpx.Response) -> str:
    return str(answer.url).replace("http:", "https:").rstrip("/")


def test_json_has_the_link_as_a_field_and_quiet_says_nothing_of_it(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "json", "--json", *ANY) as front:
        told = json.loads(front.program.out.text.splitlines()[0])
        assert told["inspector"] == link(front).address
    with Front(port, tmp_path / "quiet", "--quiet", *ANY) as front:
        front.said("recording to")
        assert "token=" not in front.program.err.text
        assert link(front).url


def test_none_is_served_where_none_is_wanted(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", "--no-inspector") as front:
        front.said("recording to")
        assert found(front.folder, lives) is None
        assert "token=" not in front.program.err.text


def test_a_port_that_was_asked_for_and_is_held_is_told_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        words = (
            "3000",
            "--listen",
            "127.0.0.1:0",
            "--inspector",
            f"127.0.0.1:{port}",
            "--folder",
            str(tmp_path / "folder"),
        )
        done = subprocess.run(tunnel(*words), capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (done.returncode, done.stdout) == (4, "")
    assert f"127.0.0.1:{port} is held by python" in done.stderr
    assert "--inspector 127.0.0.1:" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_fronts_have_a_window_each(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "one") as one, Front(port, tmp_path / "two") as two:
        assert link(one).url != link(two).url
        with visitor(link(one), one.context()) as window:
            other = window.get("/api/status", headers={"Authorization": f"Bearer {link(two).token}"})
        assert other.status_code == 403


def test_what_was_recorded_is_looked_at_later_without_a_front(port: int, tmp_path: Path) -> None:
    with Front(port, tmp_path / "folder", *ANY) as front, front.client() as client:
        client.get("/state?before")
    words = tunnel("inspect", "--listen", "127.0.0.1:0", "--plain", "--folder", str(front.folder))
    with Program(words) as program:
        address = program.out.wait_for(lambda line: "token=" in line)
        assert "nothing can be sent again" in program.err.wait_for(lambda line: "what was recorded" in line)
        told = found(front.folder, lives)
        with visitor(Link(address.partition("/?")[0], address.partition("token=")[2], 0, None), True) as window:
            line = wait_for(window, "/state?before")
            replayed = window.post(f"/api/exchanges/{line['id']}/replay", json={})
            status = window.get("/api/status").json()
        program.signal(signal.SIGTERM)

        assert program.wait() == 0
    assert told is None, "it leaves no link: what looks for a front's window would find one that can do less"
    assert replayed.status_code == 409
    assert (status["url"], status["recorder"], status["revealable"]) == (None, None, False)


def test_without_anything_recorded_it_says_so(tmp_path: Path) -> None:
    argv = tunnel("inspect", "--folder", str(tmp_path / "folder"))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing has been recorded yet" in done.stderr
    assert list(tmp_path.iterdir()) == []
