"""`tunnel replay`, as a user types it, in front of a server that notes what it hears."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.helpers.fronts import Front, Row, tunnel
from tests.helpers.origins import Heard, Origin, Says, origin
from tests.helpers.servers import PATIENCE, Program, free_port

pytestmark = pytest.mark.real

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def upstream() -> Iterator[Origin]:
    with origin() as found:
        yield found


@pytest.fixture
def front(upstream: Origin, tmp_path: Path) -> Iterator[Front]:
    with Front(upstream.port, tmp_path / "folder") as front:
        yield front


def typed(
    front: Front, *words: str, via: str | None = "", code: int = 0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `tunnel replay` with words, at the front unless said otherwise; assert how it ends, and that it is no bug."""
    where = [] if via is None else ["--via", via or front.url]
    done = subprocess.run(
        tunnel("replay", *words, *where, "--folder", str(front.folder)),
        capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "bug in tunnel" not in done.stderr, done.stderr
    return done


def asked(front: Front, method: str, target: str, **how: object) -> int:
    """Make a request through the front; return its number in the record."""
    before = {row["id"] for row in front.log()}
    with front.client() as client:
        client.request(method, target, **how)  # type: ignore[arg-type]
    (row,) = front.recorded(lambda row: row["id"] not in before)
    return int(row["id"])


def test_it_arrives_once_is_marked_leaks_nothing_and_is_compared(front: Front, upstream: Origin) -> None:
    upstream.answer = lambda heard: Says(500, b'{"items": [], "at": 1, "n": 2}', JSON)
    id = asked(front, "POST", "/api/items?x=1", content=b'{"name": "x"}', headers={"Cookie": "a=b", "X-Some": "thing"})
    upstream.answer = lambda heard: Says(201, b'{"items": [1], "at": 1, "n": 3}', JSON)

    line = typed(front, str(id)).stdout.strip()

    first, second = upstream.heard
    assert (second.method, second.target, second.body) == ("POST", "/api/items?x=1", b'{"name": "x"}')
    assert second.all("Tunnel-Replay") == []
    hop = {"via", "forwarded", "x-forwarded-for", "content-length", "connection"}
    assert [f for f in second.fields if f[0].lower() not in hop] == [f for f in first.fields if f[0].lower() not in hop]
    new = front.recorded(lambda row: row["parent"] == id)
    assert len(new) == 1
    assert re.fullmatch(
        rf"#{new[0]['id']}  POST /api/items\?x=1  201 \(was 500\)  [0-9.]+ m?s \(was [0-9.]+ m?s\)"
        r"  body differs \(2 fields\)",
        line,
    ), line
    shown = front.shown(new[0]["id"])
    assert shown["parent"] == id
    assert f"Tunnel-Replay: {id}\r\n" in shown["request"]["head"]
    assert "Tunnel-Replay" not in shown["request"]["sent_head"]
    assert f"replay of {id}" in front.run("show", str(new[0]["id"]))
    assert f"↻ {id}" in front.run("log")


def test_the_same_answer_is_said_to_be_the_same(front: Front, upstream: Origin) -> None:
    id = asked(front, "GET", "/x")

    assert typed(front, f"#{id}").stdout.strip().endswith("the same answer")


def test_json_is_one_object_each_and_says_what_differs(front: Front, upstream: Origin) -> None:
    ids = [asked(front, "GET", f"/{n}") for n in range(3)]
    upstream.answer = lambda heard: Says(302, b"", {"Location": "/elsewhere"})

    rows = [json.loads(line) for line in typed(front, f"{ids[0]}-{ids[-1]}", "--json").stdout.splitlines()]

    assert [(row["parent"], row["target"], row["status"], row["was_status"]) for row in rows] == [
        (id, f"/{n}", 302, 200) for n, id in enumerate(ids)
    ]
    assert rows[0]["differs"] == {"status": True, "fields": ["location"], "body": True, "values": 0}
    assert rows[0]["same"] is False
    assert {row["id"] for row in rows} == {row["id"] for row in front.recorded(lambda row: row["parent"] > 0, count=3)}
    assert len(upstream.heard) == 6  # no redirect was followed


def test_words_change_what_is_sent(front: Front, upstream: Origin, tmp_path: Path) -> None:
    id = asked(front, "GET", "/x", headers={"X-Old": "1", "Accept": "a"})
    (tmp_path / "body").write_bytes(b"\x00\xffbody")

    typed(
        front, str(id), "--method", "PUT", "--target", "/y?z=%20", "--set-header", "Accept: text/x", "--set-header",
        "X-New: grüße", "--remove-header", "x-old", "--body", f"@{tmp_path / 'body'}",
    )  # fmt: skip

    heard = upstream.heard[-1]
    assert (heard.method, heard.target, heard.body) == ("PUT", "/y?z=%20", b"\x00\xffbody")
    assert (heard.all("Accept"), heard.all("X-Old"), heard.all("Content-Length")) == (["text/x"], [], ["6"])
    assert heard.all("X-New")[0].encode("latin-1").decode() == "grüße"


def test_it_is_sent_so_often_and_so_many_at_once(front: Front, upstream: Origin) -> None:
    id = asked(front, "GET", "/x")
    together = threading.Barrier(4, timeout=PATIENCE)

    def answer(heard: Heard) -> Says:
        together.wait()
        return Says()

    upstream.answer = answer
    done = typed(front, str(id), "--times", "8", "--concurrency", "4")

    lines = done.stdout.splitlines()
    assert len(upstream.heard) == 9
    assert {int(line.split()[0].removeprefix("#")) for line in lines} == {
        row["id"] for row in front.recorded(lambda row: row["parent"] == id, count=8)
    }
    assert "8 sent, 0 answered otherwise" in done.stderr


def test_elsewhere_gets_it_without_the_mark_and_with_its_own_host(front: Front, upstream: Origin) -> None:
    id = asked(front, "POST", "/x", content=b"abc")
    with origin() as other:
        line = typed(front, str(id), "--to", str(other.port)).stdout.strip()

        (heard,) = other.heard
    assert (heard.method, heard.body, heard.all("Host")) == ("POST", b"abc", [f"localhost:{other.port}"])
    assert heard.all("Tunnel-Replay") == []
    assert heard.all("Via") == []
    assert line.startswith(f"to http://localhost:{other.port}  POST /x  200  ")
    assert line.endswith("the same answer")
    assert len(upstream.heard) == 1


def test_the_tunnel_is_found_by_what_it_says_of_itself(front: Front, upstream: Origin) -> None:
    id = asked(front, "GET", "/x")
    told = {"url": "https://127.0.0.1:1", "token": "t", "pid": front.pid, "authority": "x", "front": front.url}
    (front.folder / "inspector.json").write_text(json.dumps(told))

    typed(front, str(id), via=None)

    assert len(upstream.heard) == 2


# An editor.


@pytest.fixture
def editor(tmp_path: Path) -> Path:
    """A program that notes the file it was given, and puts there what EDIT says if it says something."""
    program = tmp_path / "editor.py"
    program.write_text(
        "import os, sys, pathlib\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_bytes(path.read_bytes())\n"
        f"pathlib.Path({str(tmp_path / 'mode')!r}).write_text(oct(path.stat().st_mode) + ' ' + str(path))\n"
        "edit = os.environ.get('EDIT')\n"
        "if edit is not None:\n"
        "    path.write_text(edit)\n"
        "sys.exit(int(os.environ.get('EXIT', '0')))\n"
    )
    return program


def edited(front: Front, editor: Path, id: int, *, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
    return typed(front, str(id), "--edit", code=code, env={"VISUAL": f"{sys.executable} {editor}", **env})


def test_what_a_person_makes_of_it_in_an_editor_is_sent(front: Front, upstream: Origin, editor: Path) -> None:
    id = asked(front, "POST", "/x", content=b"old", headers={"X-A": "b"})

    edited(front, editor, id, EDIT="PUT /new\nX-B: c\n\nnew\nbody\n")

    heard = upstream.heard[-1]
    assert (heard.method, heard.target, heard.body) == ("PUT", "/new", b"new\nbody")
    assert (heard.all("X-A"), heard.all("X-B"), heard.all("Host")) == ([], ["c"], [front.url.removeprefix("https://")])
    seen = (editor.parent / "seen").read_text()
    assert f"# Exchange {id}, to be sent again to {front.url}." in seen
    assert "\nPOST /x\n" in seen
    assert seen.endswith("\n\nold\n")
    mode, path = (editor.parent / "mode").read_text().split(" ", 1)
    assert stat.S_IMODE(int(mode, 8)) == 0o600
    assert not Path(path).exists()


def test_what_was_left_as_it_was_is_sent_as_it_was(front: Front, upstream: Origin, editor: Path) -> None:
    id = asked(front, "POST", "/x", content=b"\x00\xff\n")

    edited(front, editor, id)

    first, second = upstream.heard
    assert (second.method, second.target, second.body) == (first.method, first.target, first.body)


@pytest.mark.parametrize(
    ("env", "code", "said"),
    [
        ({"EDIT": ""}, 5, "nothing was sent: the request was emptied"),
        ({"EXIT": "1"}, 5, "nothing was sent: the editor failed"),
        ({"EDIT": "GET /x\nno field\n"}, 2, "line 2 of the edited request"),
        ({"VISUAL": "/nowhere/editor"}, 5, "nothing was sent: the editor failed"),
    ],
)
def test_nothing_is_sent_where_the_edit_says_nothing_or_nonsense(
    front: Front, upstream: Origin, editor: Path, env: dict[str, str], code: int, said: str
) -> None:
    id = asked(front, "GET", "/x")

    assert said in edited(front, editor, id, code=code, **env).stderr
    assert len(upstream.heard) == 1


# What cannot be sent.


def test_a_dead_front_is_told_with_how_to_start_it_and_the_rest_is_not_tried(front: Front, upstream: Origin) -> None:
    ids = [asked(front, "GET", f"/{n}") for n in range(3)]
    nowhere = f"https://127.0.0.1:{free_port()}"

    done = typed(front, *map(str, ids), via=nowhere, code=5)

    assert done.stderr.count("error: no tunnel can be reached at") == 1
    assert nowhere in done.stderr
    assert "`tunnel PORT`" in done.stderr
    assert "0 sent, 0 answered otherwise, 3 not sent" in done.stderr


def test_another_program_at_the_tunnels_address_gets_nothing(front: Front, upstream: Origin, tmp_path: Path) -> None:
    """A tunnel of another folder, so with another authority, has taken the port."""
    id = asked(front, "GET", "/x")
    with Front(upstream.port, tmp_path / "other") as other:
        done = typed(front, str(id), via=other.url, code=5)

        assert f"what answers at {other.url} is not the tunnel of this folder" in done.stderr
        assert other.log() == []
    assert len(upstream.heard) == 1


def test_a_part_of_a_body_is_not_sent_for_the_whole(upstream: Origin, tmp_path: Path) -> None:
    with Front(upstream.port, tmp_path / "folder", "--keep-body-size", "10b") as front:
        id = asked(front, "POST", "/x", content=b"0123456789abcdef")

        done = typed(front, str(id), code=5)
        assert f"exchange {id} is not sent again: of its body only 10 of 16 bytes were kept" in done.stderr
        assert len(upstream.heard) == 1

        typed(front, str(id), "--force")
        assert upstream.heard[-1].body == b"0123456789"
        typed(front, str(id), "--body", "whole")
        assert upstream.heard[-1].body == b"whole"


def test_a_body_that_nobody_took_is_not_sent_as_none(tmp_path: Path) -> None:
    """Nobody listened, so the record has a head that announces a body, and none."""
    with Front(free_port(), tmp_path / "folder", "--wait", "0s") as front:
        id = asked(front, "POST", "/x", content=b"0123456789")

        assert "had not come to its end" in typed(front, str(id), code=5).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say which exchanges"),
        (["1", "--filter", "status = 200"], "say which exchanges"),
        (["99999"], "there is no exchange 99999"),
        (["50-60"], "there is no exchange from 50 to 60"),
        (["x"], "'x' is not the number of an exchange"),
        (["5-3"], "write it as 3-5"),
        (["1-99999999"], "spans more than 10000"),
        (["1", "--target", "x y"], "is not a path"),
        (["1", "--set-header", "nonsense"], "is not a header field"),
        (["1", "--body", "@/nowhere"], "cannot read /nowhere"),
        (["1", "--to", "ftp://x"], "'ftp' is not one of"),
        (["1-2", "--edit"], "--edit is for one exchange"),
        (["1", "--times", "0"], "times"),
    ],
)
def test_a_wrong_word_is_told_with_the_cure(front: Front, upstream: Origin, words: list[str], said: str) -> None:
    for _ in range(2):
        asked(front, "GET", "/x")

    assert said in typed(front, *words, code=2).stderr
    assert len(upstream.heard) == 2


def test_of_several_those_that_can_be_are_sent(front: Front, upstream: Origin) -> None:
    good = asked(front, "GET", "/good")
    with front.raw() as client:
        client.sendall(b"nonsense\r\n\r\n")
        while client.recv(1000):
            pass
    (bad,) = front.recorded(lambda row: row["method"] == "")

    done = typed(front, str(bad["id"]), str(good), code=5)

    assert "no request could be read there" in done.stderr
    assert "GET /good  200" in done.stdout
    assert "1 sent, 0 answered otherwise, 1 not sent" in done.stderr


# Secrets.

PSEUDONYM = "redacted-0123456789abcdef"


class Window:
    """Stands for the API of a running tunnel: notes what it is asked, and answers as a test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, Row]] = []
        self.answer: tuple[int, Row] = (200, {})


@pytest.fixture
def window(front: Front) -> Iterator[Window]:
    found = Window()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append((self.path, self.headers["Authorization"], body))
            status, said = found.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    told = {"url": f"http://127.0.0.1:{server.server_address[1]}/", "token": "T0k", "front": front.url}
    (front.folder / "inspector.json").write_text(json.dumps(told))
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def test_who_still_knows_the_secrets_is_asked_to_send_them(front: Front, upstream: Origin, window: Window) -> None:
    id = asked(front, "GET", "/x", headers={"Authorization": f"Bearer {PSEUDONYM}"})
    new = asked(front, "GET", "/x")  # what the tunnel will say that it became
    window.answer = (200, {"replays": [{"id": new, "status": 200, "error": ""}], "more": 1})

    line = typed(front, str(id), via=None).stdout

    assert window.asked == [(f"/api/exchanges/{id}/replay", "Bearer T0k", {"to": "", "times": 1})]
    assert line.startswith(f"#{new}  GET /x  200  ")
    assert line.strip().endswith("the same answer")
    assert len(upstream.heard) == 2  # nothing was sent by the command itself


def test_what_was_edited_is_said_with_it(front: Front, upstream: Origin, window: Window) -> None:
    id = asked(front, "POST", "/x", content=b"abc", headers={"X-Api-Key": PSEUDONYM})
    window.answer = (200, {"replays": [{"id": None, "status": 204, "error": ""}]})

    line = typed(
        front, str(id), "--target", "/y", "--to", "4000", "--set-header", "X-New: 1", "--body", "new", via=None
    ).stdout

    wish = window.asked[0][2]
    assert {**wish, "headers": []} == {
        "to": "http://localhost:4000", "times": 1, "target": "/y", "headers": [], "body_base64": "bmV3",
    }  # fmt: skip
    names = [name.lower() for name, _ in wish["headers"]]
    (kept,) = (value for name, value in wish["headers"] if name.lower() == "x-api-key")
    assert re.fullmatch("redacted-[0-9a-f]{16}", kept) and kept != PSEUDONYM, "what stands for what the client sent"
    assert "x-new" in names
    assert not {"tunnel-replay", "content-length"} & set(names)
    assert line.startswith("to http://localhost:4000  POST /y  204 (was 200)")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((409, {"error": "the real values are gone", "hint": ""}), "the real values are gone"),
        (
            (
                409,
                {"error": "exchange 1 is not sent again: it holds secrets in Cookie, and …", "hint": "--set-header …"},
            ),
            "error: exchange 1 is not sent again: it holds secrets in Cookie, and …\n",
        ),
        ((200, {"replays": [{"id": None, "status": None, "error": "they are gone"}]}), "they are gone"),
        ((501, {}), "it answered with the status 501"),
    ],
)
def test_secrets_that_are_gone_are_named_with_how_to_give_them(
    front: Front, upstream: Origin, window: Window, answer: tuple[int, Row], said: str
) -> None:
    id = asked(front, "GET", "/x", headers={"Cookie": f"s={PSEUDONYM}"})
    window.answer = answer

    done = typed(front, str(id), via=None, code=5)

    assert f"exchange {id} is not sent again: it holds secrets in cookie" in done.stderr.lower()
    assert said in done.stderr
    assert "--set-header" in done.stderr
    assert len(upstream.heard) == 1


def test_secrets_without_a_window_to_ask_are_not_made_up(upstream: Origin, tmp_path: Path) -> None:
    with Front(upstream.port, tmp_path / "folder", "--no-inspector") as front:
        id = asked(front, "GET", f"/x?token={PSEUDONYM}")

        assert "no tunnel runs that could still know them" in typed(front, str(id), code=5).stderr
        assert len(upstream.heard) == 1


def test_secrets_without_a_tunnel_that_knows_them_are_not_made_up(upstream: Origin, tmp_path: Path) -> None:
    with Front(upstream.port, tmp_path / "folder") as saw:
        id = asked(saw, "GET", "/x?token=hunter2")
    with Front(upstream.port, tmp_path / "folder") as front:
        assert "has not seen them" in typed(front, str(id), code=5).stderr
        assert len(upstream.heard) == 1
        typed(front, str(id), "--target", "/x?token=real")
        assert upstream.heard[-1].target == "/x?token=real"
        typed(front, str(id), "--force")
    assert re.fullmatch(r"/x\?token=redacted-[0-9a-f]{16}", upstream.heard[-1].target)


def test_a_pseudonym_that_a_client_copied_is_sent_again_as_it_came(front: Front, upstream: Origin) -> None:
    first = asked(front, "GET", "/x?token=hunter2")
    copied = next(row["target"] for row in front.log() if row["id"] == first)
    assert "redacted-" in copied
    id = asked(front, "GET", copied)

    typed(front, str(id))

    assert [heard.target for heard in upstream.heard] == ["/x?token=hunter2", copied, copied]
    typed(front, str(first))
    assert upstream.heard[-1].target == "/x?token=hunter2"


# Ctrl-C, and the store beside a tunnel that records.


def test_ctrl_c_ends_it_without_a_word_of_a_bug(front: Front, upstream: Origin) -> None:
    id = asked(front, "GET", "/x")
    go_on = threading.Event()

    def answer(heard: Heard) -> Says:
        go_on.wait(PATIENCE)
        return Says()

    upstream.answer = answer
    with Program(tunnel("replay", str(id), "--via", front.url, "--folder", str(front.folder))) as program:
        front.program.err.wait_for(lambda line: "GET" in line and " open " in line)
        program.signal(signal.SIGINT)
        code = program.wait()
    go_on.set()

    assert code == 130
    assert program.err.text.strip() == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prune", "--older-than", "0s"], "3 exchanges removed"),
        (["clear", "--yes"], "3 exchanges removed"),
        (["vacuum"], "a tunnel is recording"),
    ],
)
def test_the_store_is_made_smaller_beside_a_tunnel_that_goes_on_recording(
    front: Front, upstream: Origin, words: list[str], said: str
) -> None:
    for number in range(3):
        asked(front, "GET", f"/{number}")

    assert said in front.run("store", *words)
    asked(front, "GET", "/after")

    assert front.log()[-1]["target"] == "/after"
    assert "a tunnel is recording" in front.run("store")
