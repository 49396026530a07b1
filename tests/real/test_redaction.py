"""A real front before a real service: none of the secrets that passed is found in its folder or in what it printed."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.capture.planted import QUERY, SHAPES, random_text, undone
from tests.helpers.fronts import Front

pytestmark = pytest.mark.real


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked: target, fields and body, as JSON, gzipped for whoever takes that, with a cookie."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"target": self.path, "headers": dict(self.headers), "body": body.decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", f"sid={self.headers['X-Session-Token']}; Path=/")
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            answer = gzip.compress(answer)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def service() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def ask(front: Front) -> list[str]:
    """Send secrets in every place; return them."""
    secrets = []
    with front.client() as client:
        for number, make in enumerate(SHAPES):
            text, shaped = make(5000 + number)
            plain, session, bearer = (f"{random_text(6000 + 10 * number + at, 20)}9z" for at in range(3))
            secrets += [shaped, plain, session, bearer]
            answer = client.post(
                f"/a?{QUERY[number % len(QUERY)]}={plain}",
                json={"deep": [{"password": plain, "note": text}]},
                headers={
                    "Authorization": f"Bearer {bearer}",
                    "Cookie": f"sid={session}",
                    "X-Session-Token": session,
                    "Accept-Encoding": "gzip" if number % 2 else "identity",
                },
            )
            told = answer.json()  # the client gets everything as it was
            assert told["headers"]["Authorization"] == f"Bearer {bearer}" and plain in told["target"]
            assert json.loads(told["body"])["deep"][0] == {"password": plain, "note": text}
            assert answer.headers["set-cookie"] == f"sid={session}; Path=/"
    return secrets


@pytest.mark.parametrize("options", [(), pytest.param(("--json",), marks=pytest.mark.long)])
def test_no_secret_that_passed_is_in_the_folder_or_was_printed(
    service: int, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with Front(service, tmp_path / "folder", *options) as front:
        secrets = ask(front)
        rows = front.recorded(count=len(SHAPES))
        seen = [json.dumps(rows), *(json.dumps(front.shown(row["id"])) for row in rows)]
        assert all(front.shown(row["id"])["redacted"] for row in rows)
        # While it runs, since the journal is beside the store then; and once it has ended.
        for _ in range(2):
            files = b"\0".join(path.read_bytes() for path in sorted(front.folder.rglob("*")) if path.is_file())
            seen += [files.decode("latin-1"), undone(files).decode("latin-1")]
            front.stop()
        seen += [front.program.out.text, front.program.err.text]

    assert [secret for secret in secrets if any(secret in text for text in seen)] == []


def test_keep_secrets_stores_them_and_says_so_at_the_start(service: int, tmp_path: Path) -> None:
    with Front(service, tmp_path / "folder", "--keep-secrets") as front:
        front.said("are recorded as they are")
        secrets = ask(front)
        rows = front.recorded(count=len(SHAPES))
        assert any(secrets[1] in row["target"] for row in rows)
