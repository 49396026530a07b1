"""Node's http behind the front: each thing that HTTP/1.1 can do, both ways, by Node as a client and by raw sockets."""

import concurrent.futures
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.fronts import Front
from tests.helpers.servers import APPS, PATIENCE, Program, free_port, served, within

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server(node: str) -> Iterator[tuple[Program, int]]:
    port = free_port()
    with served(node, str(APPS / "node_http.cjs"), str(port), port=port) as program:
        yield program, port


@pytest.fixture(scope="module")
def front(server: tuple[Program, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with Front(server[1], tmp_path_factory.mktemp("front") / "folder", "--both") as front:
        yield front


@pytest.fixture(params=[True, False], ids=["tls", "plain"])
def wire(front: Front, request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A connection to the front without any HTTP, over TLS and plain."""
    with within(PATIENCE), front.raw(tls=request.param) as sock:
        yield sock


def node_says(node: str, front: Front, manner: str) -> Any:
    done = subprocess.run(
        [node, str(APPS / "node_client.cjs"), front.url, manner],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(front.root)},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def asking(method: str, path: str, *fields: str, body: str = "", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def until(sock: socket.socket, marker: bytes) -> bytes:
    """Receive until the marker has come; the connection's end before that is a failure."""
    data = b""
    while marker not in data:
        piece = sock.recv(65536)
        assert piece, data
        data += piece
    return data


def rest(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


# As Node's own client sees it


def test_fetch_posts_streams_and_asks_fifty_at_once(node: str, front: Front) -> None:
    assert node_says(node, front, "fetch") == {"posted": "by fetch", "streamed": "piece by piece", "plain": 50}


def test_trailers_pass_both_ways_and_are_recorded(node: str, front: Front) -> None:
    told = node_says(node, front, "trailers")

    assert told["status"] == 200
    assert json.loads(told["body"]) == {"body": "body", "trailers": ["X-Check", "of the client"], "te": "trailers"}
    assert told["trailers"] == {"x-sum": "4", "x-also": "this"}
    shown = front.shown(front.exchange("/trailers")["id"])
    assert "X-Check: of the client" in shown["request"]["trailers"]
    assert "X-Sum: 4" in shown["response"]["trailers"]


def test_early_hints_come_before_the_answer(node: str, front: Front) -> None:
    told = node_says(node, front, "hints")

    assert told["informational"] == [[103, "</style.css>; rel=preload; as=style"]]
    assert (told["status"], told["body"]) == (200, "after the hints")
    assert "103 Early Hints" in front.shown(front.exchange("/hints")["id"])["informational"]


def test_a_100_continue_is_the_upstreams_own(node: str, front: Front) -> None:
    told = node_says(node, front, "continue")

    assert (told["continued"], told["status"], told["body"]) == (True, 200, "asked")


def test_an_upstream_that_does_not_want_the_body_says_so_before_it_is_sent(node: str, front: Front) -> None:
    told = node_says(node, front, "refused")

    assert (told["continued"], told["status"], told["body"]) == (False, 417, "kept out")


# Upgrades


def test_a_made_up_protocol_is_carried_until_both_directions_have_ended(front: Front) -> None:
    with within(PATIENCE), front.raw(tls=False) as sock:
        sock.sendall(asking("GET", "/up", "Connection: Upgrade", "Upgrade: shout") + b"at once, ")
        until(sock, b"AT ONCE, ")
        sock.sendall(b"and later")
        until(sock, b"AND LATER")
        sock.shutdown(socket.SHUT_WR)

        assert rest(sock) == b"heard 18 bytes"

    row = front.exchange("/up")
    assert (row["status"], row["upgrade"], row["error"]) == (101, "shout", "")


def test_a_made_up_protocol_is_carried_inside_tls(front: Front) -> None:
    with within(PATIENCE), front.raw() as sock:
        sock.sendall(asking("GET", "/up-tls", "Connection: Upgrade", "Upgrade: shout"))
        head = until(sock, b"\r\n\r\n")
        sock.sendall(b"hello")

        assert until(sock, b"HELLO")

    assert b"upgrade: shout\r\n" in head.lower()


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_an_upstream_that_ends_its_direction_first_still_hears_the_client(
    server: tuple[Program, int], front: Front, tls: bool
) -> None:
    """Again and again, since the client answers at the very moment at which our end is sent."""
    program, _ = server
    for number in range(25):
        printed = len(program.out)
        with within(PATIENCE), front.raw(tls=tls) as wire:
            wire.sendall(asking("GET", "/bye", "Connection: Upgrade", "Upgrade: farewell"))
            head = until(wire, b"\r\n\r\nfarewell")
            ended = wire.recv(100)
            wire.sendall(b"still here %d" % number)
            wire.shutdown(socket.SHUT_WR)
            program.out.wait_for(lambda line: line.startswith("heard all"), begin=printed)

        assert head.startswith(b"HTTP/1.1 101 ")
        assert ended == b""
        assert program.out.wait_for(lambda line: line.startswith("heard all"), begin=printed) == (
            f"heard all: still here {number}"
        )


# Framing


def test_a_chunked_answer_arrives_whole(front: Front) -> None:
    with front.client() as client:
        answer = client.get("/chunked")

    assert (answer.text, answer.headers["transfer-encoding"]) == ("one two three", "chunked")


def test_pieces_arrive_as_they_are_written(front: Front) -> None:
    with front.client() as client, client.stream("GET", "/pieces") as answer:
        pieces = list(answer.iter_raw())

    assert pieces == [b"piece %d\n" % number for number in range(1, 6)]


def test_a_client_of_http_1_0_gets_no_chunks_and_an_end_it_understands(wire: socket.socket) -> None:
    wire.sendall(b"GET /chunked HTTP/1.0\r\n\r\n")
    head, _, body = rest(wire).partition(b"\r\n\r\n")

    assert body == b"one two three"
    assert b"transfer-encoding" not in head.lower()


def test_a_client_of_http_1_0_may_keep_its_connection(wire: socket.socket) -> None:
    wire.sendall(asking("GET", "/204", "Connection: keep-alive", version="1.0"))
    first = until(wire, b"\r\n\r\n")
    wire.sendall(asking("GET", "/204", version="1.0"))

    assert first.startswith(b"HTTP/1.1 204 ")
    assert rest(wire).startswith(b"HTTP/1.1 204 ")


def test_pipelined_requests_are_answered_in_their_order(wire: socket.socket) -> None:
    asked = [asking("POST", "/echo", "Content-Length: 8", body=f"number {number}") for number in range(8)]
    last = asking("HEAD", "/plain") + asking("GET", "/plain", "Connection: close")
    wire.sendall(b"".join(asked) + last)
    answered = rest(wire)

    places = [answered.index(b"number %d" % number) for number in range(8)]
    assert places == sorted(places)
    assert answered.count(b"HTTP/1.1 200 ") == 10
    assert answered.endswith(b"\r\n\r\nplain")


def test_answers_that_have_no_body_have_none_and_the_connection_goes_on(front: Front) -> None:
    with front.client() as client:
        answers = [client.head("/plain"), client.get("/204"), client.get("/304"), client.get("/plain")]

    assert [answer.status_code for answer in answers] == [200, 204, 304, 200]
    assert [answer.content for answer in answers] == [b"", b"", b"", b"plain"]
    assert answers[1].headers["x-kind"] == "nothing"
    assert answers[2].headers["etag"] == '"one"'


def test_fields_arrive_in_their_case_and_order_and_ours_behind_them(front: Front, wire: socket.socket) -> None:
    fields = ["X-oDD-Case: 1", "accept: a/b", "X-oDD-Case: 2", "X-Forwarded-For: 203.0.113.9", "Cookie: a=1"]
    wire.sendall(asking("GET", "/headers", *fields, "X-Hop: 1", "Connection: close, X-Hop"))
    told = json.loads(rest(wire).partition(b"\r\n\r\n")[2])

    pairs = list(zip(told["raw"][::2], told["raw"][1::2], strict=True))
    assert pairs[:5] == [
        ("Host", "127.0.0.1"), ("X-oDD-Case", "1"), ("accept", "a/b"), ("X-oDD-Case", "2"), ("Cookie", "a=1"),
    ]  # fmt: skip
    assert ("X-Forwarded-For", "127.0.0.1") in pairs
    assert not {"X-Hop", "203.0.113.9"} & {word for pair in pairs for word in pair}


def test_options_of_the_server_itself_reaches_it(wire: socket.socket) -> None:
    wire.sendall(asking("OPTIONS", "*", "Connection: close"))

    assert rest(wire).startswith(b"HTTP/1.1 404 ")  # this app's own: it knows no path "*"


# Ends that come too early


@pytest.mark.parametrize("path", ["/dies", "/dies-chunked"])
def test_an_answer_cut_short_is_not_taken_for_a_whole_one(front: Front, path: str) -> None:
    with front.client() as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(path)

    row = front.exchange(path)
    assert (row["status"], row["fault"], row["response_bytes"]) == (200, "upstream", 100)


def test_an_upstream_that_dies_without_a_word_is_a_502_that_says_so(front: Front) -> None:
    with front.client() as client:
        answer = client.get("/dies-silent", headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json()["fault"]) == (502, "upstream")
    assert "closed the connection without an answer" in answer.json()["error"]


def test_an_answer_that_comes_before_the_body_has_ended_is_passed_on_at_once(wire: socket.socket) -> None:
    wire.sendall(asking("POST", "/early", "Content-Length: 1000000") + b"x" * 1000)

    assert until(wire, b"not you").startswith(b"HTTP/1.1 403 ")


def test_an_upstream_that_answers_and_closes_in_the_middle_of_an_upload_is_heard(front: Front) -> None:
    with front.client() as client:
        answer = client.post("/early-close", content=b"x" * 20_000_000)

    assert (answer.status_code, answer.text) == (413, "too much")


def test_a_client_that_leaves_frees_the_upstream(front: Front, server: tuple[Program, int]) -> None:
    program, _ = server
    printed = len(program.out)
    with within(PATIENCE), front.raw() as sock:
        sock.sendall(asking("POST", "/echo?leaves", "Content-Length: 100") + b"half")
        until(sock, b"half")

    program.out.wait_for(lambda line: line.startswith("closed"), begin=printed)
    assert front.exchange("/echo?leaves")["fault"] == "client"


# Connections that the upstream closes while they are idle


def test_a_connection_that_closed_while_idle_loses_nothing(
    front: Front, server: tuple[Program, int], node: str
) -> None:
    port = free_port()
    with (
        served(node, str(APPS / "node_http.cjs"), str(port), "100", port=port) as program,
        Front(port, front.folder.parent / "idle") as short,
        short.client() as client,
    ):
        for number in range(2, 6):  # the first connection was the one that waited for the server
            client.put("/echo", content=b"kept")
            program.out.wait_for(lambda line, number=number: line == f"closed {number}")
            assert client.put("/echo", content=b"kept").content == b"kept"
            program.out.wait_for(lambda line, number=number: line.startswith("closed"), begin=number)


def test_requests_that_race_with_a_keep_alive_of_a_millisecond_are_never_lost(front: Front, node: str) -> None:
    port = free_port()

    def ask(short: Front) -> list[int]:
        with short.client() as client:
            return [client.request("DELETE" if n % 2 else "GET", "/plain").status_code for n in range(250)]

    with (
        served(node, str(APPS / "node_http.cjs"), str(port), "1", port=port),
        Front(port, front.folder.parent / "race") as short,
        concurrent.futures.ThreadPoolExecutor(4) as pool,
    ):
        statuses = [status for done in [pool.submit(ask, short) for _ in range(4)] for status in done.result()]

        assert statuses == [200] * 1000


@pytest.mark.parametrize(
    ("method", "body", "statuses", "seen"),
    [
        ("GET", b"", [200, 200, 200], 5),
        ("PUT", b"sent behind its head", [200, 200, 200], 5),
        ("POST", b"", [200, 502, 200], 3),
    ],
)
def test_what_may_be_sent_twice_is_repeated_once_on_a_fresh_connection(
    node: str, tmp_path: Path, method: str, body: bytes, statuses: list[int], seen: int
) -> None:
    """The server closes when the second request of a connection has come: a POST may have been heard, so it is told."""
    port = free_port()
    with (
        served(node, str(APPS / "node_http.cjs"), str(port), port=port),
        Front(port, tmp_path / "folder") as front,
        front.client() as client,
    ):
        assert [client.request(method, "/stale", content=body).status_code for _ in range(3)] == statuses
        assert client.get("/seen").json()[f"{method} /stale"] == seen
