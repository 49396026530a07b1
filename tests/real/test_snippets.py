"""Snippets, run: curl in a real shell, fetch in Node, requests in Python. What arrives is the request that was recorded."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.capture.exchanges import FIELDS, TARGETS, exchange
from tests.helpers.fronts import Front
from tests.helpers.servers import PATIENCE, needed
from tunnel.capture import snippets
from tunnel.model.exchange import Exchange
from tunnel.model.headers import Field

pytestmark = pytest.mark.real
OWN_WAY = "writes this target in its own way"  # what a snippet says where its tool cannot say the same
NEWS = {
    b"host",
    b"content-length",
    b"connection",
    b"accept-encoding",
    b"transfer-encoding",
}  # of the tool's own connection


@dataclass
class Arrived:
    """A request as it came."""

    method: str
    target: str
    fields: list[Field]
    body: bytes


class Origin:
    """A small server that notes each request as it came, byte by byte."""

    def __init__(self) -> None:
        arrived: list[Arrived] = []
        self.arrived = arrived

        class Noting(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def parse_request(self) -> bool:
                line = self.raw_requestline.decode("latin-1").split(" ")
                fine = super().parse_request()
                if not fine:
                    return False
                # The parser of the standard library would understand; what came is wanted.
                self.command, self.path = line[0], line[1]
                setattr(self, f"do_{line[0]}", self.note)
                return True

            def note(self) -> None:
                fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in self.headers.raw_items()]
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                arrived.append(Arrived(self.command, self.path, fields, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.send_header("Connection", "close")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def take(self) -> Arrived:
        """Return the one request that came."""
        (arrived,) = self.arrived
        self.arrived.clear()
        return arrived


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    origin = Origin()
    yield origin
    origin.server.shutdown()
    origin.server.server_close()
    origin.thread.join()


def run(*argv: str, script: str = "") -> None:
    done = subprocess.run(argv, input=script.encode(), capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{script}\n{done.stderr.decode(errors='replace')}"


def same_fields(wanted: list[Field], arrived: list[Field], *, joined: bool = False) -> None:
    """Assert that the fields that were recorded arrived, in their order and case; joined, where a tool joins equal names."""
    names = {name.lower() for name, _ in wanted}
    came = [(name, value) for name, value in arrived if name.lower() in names - NEWS]
    wanted = [(name, value) for name, value in wanted if name.lower() not in NEWS]
    if joined:
        assert merged(came) == merged(wanted)
    else:
        assert came == wanted


def merged(fields: list[Field]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in fields:
        key = name.lower()
        separator = b"; " if key == b"cookie" else b", "
        found[key] = found[key] + separator + value if key in found else value
    return found


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80).map(str.encode)
BODIES = st.one_of(st.just(b""), TEXTS, st.binary(max_size=80))
CORPUS: list[tuple[str, str, list[Field], bytes]] = [
    ("GET", "/", [], b""),
    ("GET", "/a?b=c&d=%20e#no", [(b"Accept", b"*/*"), (b"X-Empty", b"")], b""),
    ("GET", "/a/../b/./c//d", [(b"user-agent", b"me"), (b"X-One", b"1"), (b"X-One", b"2")], b""),
    ("POST", "/x", [(b"Content-Type", b"application/json")], b'{"it\'s": "$HOME `id` \\\\ !! \\n"}'),
    ("POST", "/x", [(b"Content-Type", b"text/plain; charset=utf-8")], "grüße 🎈\n\n'quoted' \"twice\"\n".encode()),
    ("POST", "/x", [], b"@/etc/hostname"),
    ("POST", "/x", [(b"Content-Type", b"application/octet-stream")], bytes(range(256))),
    ("POST", "/x", [(b"Content-Type", b"text/plain")], b"line\r\nline\r\n"),
    ("POST", "/x", [(b"Content-Type", b"text/plain")], b"a" * 200_000),
    ("POST", "/x", [(b"Content-Type", b"text/plain")], b"\x1b[31m\xe2\x80\xae"),
    ("POST", "/empty", [], b""),
    ("PUT", "/x", [(b"Content-Type", b"text/plain")], b"x"),
    ("PATCH", "/x", [], b"x"),
    ("DELETE", "/x", [(b"Cookie", b"a=1; b=2")], b""),
    ("DELETE", "/x", [(b"Content-Type", b"text/plain")], b"why"),
    ("OPTIONS", "/x", [(b"Origin", b"https://a.test")], b""),
    ("HEAD", "/x", [(b"X-One", b"1")], b""),
    ("GET", "/?", [], b""),
    ("GET", "/a??", [], b""),
    ("PROPFIND", "/x", [(b"Depth", b"1")], b""),
    ("GET", "/[1]{2}|\\^`'\"<>$(id)", [(b"X-One", b"it's $HOME `id` \\ !! %s")], b""),
    ("GET", "/x", [(b"X-One", b"caf\xe9 \xff \x80"), (b"X-Two", "grüße\u202e".encode())], b""),
]


def told(method: str, target: str, fields: list[Field], body: bytes) -> Exchange:
    return exchange(method, target, fields, request=body)


def check_curl(origin: Origin, method: str, target: str, fields: list[Field], body: bytes, shell: str) -> None:
    run(shell, script=snippets.curl(told(method, target, fields, body), body, origin.url) + " --silent --fail\n")
    arrived = origin.take()
    assert (arrived.method, arrived.target, arrived.body) == (method, target, body)
    same_fields(fields, arrived.fields)
    ours = {name.lower() for name, _ in fields}
    # What curl says of itself when it is left alone was switched off.
    assert (
        not {name.lower() for name, _ in arrived.fields} & {b"user-agent", b"accept", b"content-type", b"expect"} - ours
    )


def check_requests(origin: Origin, method: str, target: str, fields: list[Field], body: bytes) -> None:
    script = snippets.requests(told(method, target, fields, body), body, origin.url)
    exec(compile(script, "snippet", "exec"), {"print": lambda *_: None})
    arrived = origin.take()
    assert (arrived.method, arrived.body) == (method, body)
    assert arrived.target == target or OWN_WAY in script
    same_fields(fields, arrived.fields, joined=True)


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(("method", "target", "fields", "body"), CORPUS)
def test_curl_sends_the_same_request(
    origin: Origin, method: str, target: str, fields: list[Field], body: bytes, shell: str
) -> None:
    needed("curl", "curl")
    check_curl(origin, method, target, fields, body, needed(shell, shell))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE", "X-odd'"]), TARGETS, FIELDS, BODIES)
def test_curl_sends_whatever_was_recorded(
    origin: Origin, method: str, target: str, fields: list[Field], body: bytes
) -> None:
    check_curl(origin, method, target, fields, body, needed("sh", "dash"))


@pytest.mark.parametrize(("method", "target", "fields", "body"), CORPUS)
def test_requests_sends_the_same_request(
    origin: Origin, method: str, target: str, fields: list[Field], body: bytes
) -> None:
    check_requests(origin, method, target, fields, body)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE", "Odd"]), TARGETS, FIELDS, BODIES)
def test_requests_sends_whatever_was_recorded(
    origin: Origin, method: str, target: str, fields: list[Field], body: bytes
) -> None:
    check_requests(origin, method, target, fields, body)


def test_fetch_sends_the_same_requests(origin: Origin, node: str, tmp_path: Path) -> None:
    """All in one process, since Node takes a while to start."""
    cases = [
        (method, target, fields, body)
        for method, target, fields, body in [*CORPUS, *_drawn()]
        if not (body and method in ("GET", "HEAD"))
    ]
    script = []
    for case in cases:
        text = snippets.fetch(told(*case), case[3], origin.url)
        script.append(f"await (async () => {{\n{text}\n}})();")
    file = tmp_path / "snippets.mjs"
    file.write_text("\n".join(script), encoding="utf-8")

    run(node, str(file))

    arrived = list(origin.arrived)
    origin.arrived.clear()
    assert len(arrived) == len(cases)
    for (method, target, fields, body), came in zip(cases, arrived, strict=True):
        assert (came.method, came.body) == (method, body)
        text = snippets.fetch(told(method, target, fields, body), body, origin.url)
        assert came.target == target or OWN_WAY in text
        same_fields(fields, came.fields, joined=True)


def _drawn() -> list[tuple[str, str, list[Field], bytes]]:
    """Return some drawn requests, the same ones every time."""
    found: list[tuple[str, str, list[Field], bytes]] = []

    @settings(max_examples=80, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from(["POST", "PUT", "DELETE"]), TARGETS, FIELDS, BODIES)
    def draw(method: str, target: str, fields: list[Field], body: bytes) -> None:
        found.append((method, target, fields, body))

    draw()
    return found


def test_a_front_is_reached_with_its_own_certificate(tmp_path: Path) -> None:
    """What `tunnel show --curl` prints can be pasted: it brings the authority that curl does not know."""
    with Front(None, tmp_path / "folder") as front:
        with front.client() as client:
            client.post("/api/items", json={"name": "it's a lamp"})
        id = front.exchange("/api/items")["id"]
        command = front.run("show", str(id), "--curl")

        run("sh", script=command)

        rows = front.recorded(lambda row: row["target"] == "/api/items", count=2)
        shown = [front.shown(row["id"])["request"] for row in rows]
    assert shown[0]["body_base64"] == shown[1]["body_base64"]
    same = [line for line in shown[0]["head"].split("\r\n") if not line.startswith("Connection")]
    assert sorted(same) == sorted(shown[1]["head"].split("\r\n"))
