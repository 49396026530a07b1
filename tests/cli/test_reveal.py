"""`tunnel show` tells of what was replaced, and `--reveal` asks the running tunnel, here a fake of its API, for it."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.capture.making import begun, response, until
from tests.capture.test_planted import Told
from tunnel.capture.heads import fields_of, lines_of
from tunnel.capture.recorder import Recorder
from tunnel.capture.store import Store
from tunnel.cli.exchanges import show
from tunnel.errors import TunnelError
from tunnel.model.config import Keep
from tunnel.model.exchange import Exchange

SECRET = "hunter2hunter2"


class Api:
    """What the running tunnel answers: the exchange with the secrets put back, for whoever has the token."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        self.folder, self.recorder = folder, recorder
        self.asked: list[tuple[str, str | None]] = []
        self.status, self.body = 200, b""
        api = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                api.asked.append((self.path, self.headers["Authorization"]))
                id, asks_messages = int(self.path.split("/")[3]), "/messages" in self.path
                body = api.body or (api.messages(id, self.path) if asks_messages else api.revealed(id))
                self.send_response(api.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Print nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        link = {"url": f"http://127.0.0.1:{self.server.server_port}", "token": "t0k", "pid": 1, "authority": None}
        (folder / "inspector.json").write_text(json.dumps(link))

    def revealed(self, id: int) -> bytes:
        with Store(self.folder) as store:
            exchange = store.exchange(id)
            assert exchange is not None
            bodies = store.body(id, "request"), store.body(id, "response")
        missing = 0

        def real(data: bytes) -> bytes:
            nonlocal missing
            data, gone = self.recorder.vault.reveal(data)
            missing = max(missing, gone)
            return data

        told = {
            "target": real(exchange.target.encode()).decode(),
            "failure": None,
            "request": self.side(real(exchange.request_head), real(exchange.sent_head), real(bodies[0])),
            "response": self.side(real(exchange.response_head), real(exchange.returned_head), real(bodies[1])),
        }
        return json.dumps({"exchange": told, "missing": missing}).encode()

    def messages(self, id: int, path: str) -> bytes:
        """Answer one message a page."""
        after = int(path.partition("after=")[2] or -1)
        with Store(self.folder) as store:
            found = list(store.messages(id))
        message = found[after + 1]
        payload, missing = self.recorder.vault.reveal(message.payload)
        told = {"from_client": message.from_client, "kind": message.kind, "at": message.at, "size": message.size,
                "payload": base64.b64encode(payload).decode()}  # fmt: skip
        following = after + 1 if after + 2 < len(found) else None
        return json.dumps({"messages": [told], "next": following, "missing": missing}).encode()

    @staticmethod
    def side(came: bytes, went: bytes, body: bytes) -> dict[str, object]:
        def fields(head: bytes) -> list[dict[str, str]]:
            return [{"name": n.decode(), "value": v.decode(), "change": ""} for n, v in fields_of(head)]

        return {
            "line": lines_of(came)[0],
            "fields": fields(came),
            "sent_line": lines_of(went)[0],
            "sent": fields(went),
            "trailers": None,
            "base64": base64.b64encode(body).decode(),
        }

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path, Keep())
    recorder.start()
    yield recorder
    recorder.stop(5)


@pytest.fixture
def api(tmp_path: Path, recorder: Recorder) -> Iterator[Api]:
    api = Api(tmp_path, recorder)
    yield api
    api.stop()


@pytest.fixture
def id(recorder: Recorder) -> int:
    record = begun(recorder, f"/x?token={SECRET}".encode())
    record.sent, record.upstream = record.request.raw, "127.0.0.1:3000"
    record.response = response(200, b"Content-Type: application/json\r\nSet-Cookie: sid=abcdef; Path=/\r\n")
    record.returned = record.response.raw
    record.response_body.add(b'{"password":"%b"}' % SECRET.encode())
    record.ended = record.started
    recorder.close(record)
    until(lambda: recorder.statistics().written == 1)
    return record.id


def run(folder: Path, *words: object) -> Result:
    return CliRunner().invoke(show, ["--folder", str(folder), *map(str, words)], catch_exceptions=False)


def stored(folder: Path, id: int) -> Exchange:
    with Store(folder) as store:
        exchange = store.exchange(id)
        assert exchange is not None
        return exchange


def test_show_says_how_many_secrets_were_replaced_and_how_to_see_them(tmp_path: Path, id: int) -> None:
    shown = run(tmp_path, id).stdout

    assert (
        f"2 secrets were replaced; they are readable while the tunnel that saw them runs: tunnel show --reveal {id}"
        in shown
    )
    assert SECRET not in shown and "abcdef" not in shown and "redacted-" in shown


def test_reveal_shows_the_exchange_as_it_passed(tmp_path: Path, api: Api, id: int) -> None:
    result = run(tmp_path, "--reveal", id)

    assert result.stdout.count(SECRET) >= 3 and "sid=abcdef; Path=/" in result.stdout
    assert "redacted-" not in result.stdout and "were replaced" not in result.stdout
    assert api.asked == [(f"/api/exchanges/{id}/reveal", "Bearer t0k")]
    assert run(tmp_path, "--reveal", "--body", "response", id).stdout == f'{{"password":"{SECRET}"}}'
    whole = json.loads(run(tmp_path, "--reveal", "--json", id).stdout)
    assert whole["target"] == f"/x?token={SECRET}" and whole["redacted"] == 0


@pytest.fixture
def socket(recorder: Recorder) -> int:
    record = begun(recorder, b"/ws", upgrade=b"websocket")
    record.sent, record.upstream = record.request.raw, "127.0.0.1:3000"
    record.response = response(101)
    record.returned = record.response.raw
    record.watch = Told([(True, "text", b'{"token":"%b"}' % SECRET.encode()), (False, "text", b"hello")] * 2)
    for _ in range(4):
        record.passed(True, record.started, b"x")
    record.ended = record.started
    recorder.close(record)
    until(lambda: recorder.statistics().written == 1)
    return record.id


def test_reveal_shows_messages_too_page_by_page(tmp_path: Path, api: Api, socket: int) -> None:
    shown, told = run(tmp_path, socket), run(tmp_path, "--reveal", socket)

    assert SECRET not in shown.stdout and shown.stdout.count("redacted-") == 2
    assert told.stdout.count(f'{{"token":"{SECRET}"}}') == 2 and told.stdout.count("hello") == 2
    assert "gone" not in told.stderr
    whole = json.loads(run(tmp_path, "--reveal", "--json", socket).stdout)
    assert base64.b64decode(whole["messages"][2]["payload_base64"]) == b'{"token":"%b"}' % SECRET.encode()
    pages = [path.partition("?")[2] for path, _ in api.asked[1:5]]
    assert pages == ["limit=200", *(f"limit=200&after={number}" for number in range(3))]


def test_secrets_of_messages_that_are_gone_are_counted(tmp_path: Path, api: Api, socket: int) -> None:
    api.recorder.vault = type(api.recorder.vault)()

    assert "2 secrets of the messages are gone" in run(tmp_path, "--reveal", socket).stderr


@pytest.mark.parametrize("following", [-1, "a", []])
def test_an_answer_about_messages_that_would_never_end_is_not_believed(
    tmp_path: Path, api: Api, socket: int, following: object
) -> None:
    api.messages = lambda id, path: json.dumps({"messages": [], "next": following, "missing": 0}).encode()  # type: ignore[method-assign]

    with pytest.raises(TunnelError, match="does not understand"):
        run(tmp_path, "--reveal", socket)


def test_without_a_running_tunnel_there_is_a_sentence(tmp_path: Path, id: int) -> None:
    with pytest.raises(TunnelError, match="no tunnel is running that records to") as error:
        run(tmp_path, "--reveal", id)

    assert "only the tunnel that saw them has them" in error.value.hint


def test_a_tunnel_that_has_ended_is_a_sentence_too(tmp_path: Path, api: Api, id: int) -> None:
    api.stop()

    with pytest.raises(TunnelError, match="has ended, and its secrets with it"):
        run(tmp_path, "--reveal", id)
    api.server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    api.thread = threading.Thread(target=api.server.serve_forever, args=(0.01,))
    api.thread.start()


def test_secrets_that_are_gone_are_counted(tmp_path: Path, api: Api, id: int) -> None:
    api.recorder.vault = type(api.recorder.vault)()

    result = run(tmp_path, "--reveal", id)

    assert "1 secret is gone" in result.stderr
    assert "redacted-" in result.stdout and SECRET not in result.stdout


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (409, b'{"error": "nothing can be revealed", "hint": "try again"}', "nothing can be revealed"),
        (200, b'{"exchange": {}, "missing": 0}', "does not understand"),
        (200, b"nonsense", "does not understand"),
        (500, b"nonsense", "answered 500"),
    ],
)
def test_what_the_running_tunnel_says_is_told(
    tmp_path: Path, api: Api, id: int, status: int, body: bytes, said: str
) -> None:
    api.status, api.body = status, body

    with pytest.raises(TunnelError, match=said) as error:
        run(tmp_path, "--reveal", id)
    assert error.value.hint


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"url": "ftp://x", "token": "a"}', b'{"url": 1, "token": "a"}', b"\xff"]
)
def test_a_damaged_link_is_a_sentence(tmp_path: Path, id: int, text: bytes) -> None:
    (tmp_path / "inspector.json").write_bytes(text)

    with pytest.raises(TunnelError, match="is damaged"):
        run(tmp_path, "--reveal", id)


def test_an_exchange_without_secrets_needs_no_running_tunnel(tmp_path: Path, recorder: Recorder) -> None:
    record = begun(recorder, b"/plain")
    record.ended = record.started
    recorder.close(record)
    until(lambda: recorder.statistics().written == 1)

    assert run(tmp_path, "--reveal", record.id).exit_code == 0
    assert stored(tmp_path, record.id).redacted == 0
