"""A Starlette app on uvicorn behind the front: what streams, streams; WebSockets talk; what is large stays in order."""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import TypeVar

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.helpers.fronts import Front
from tests.helpers.servers import APPS, PATIENCE, free_port, python, served, within

pytestmark = pytest.mark.real

Heard = TypeVar("Heard")
MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256  # 64 KiB


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    argv = python("-m", "uvicorn", "starlette_app:app", "--port", str(port), "--log-level", "warning")
    with served(*argv, port=port, cwd=APPS):
        yield port


@pytest.fixture(scope="module")
def front(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with Front(port, tmp_path_factory.mktemp("front") / "folder") as front:
        yield front


@pytest.fixture
def client(front: Front) -> Iterator[httpx.Client]:
    with within(PATIENCE), front.client() as client:
        yield client


def talk(front: Front, path: str = "/ws", **options: object) -> connect:
    # Not websockets' threaded client: over TLS it hangs now and then, against uvicorn alone too (17.4 on Python 3.11).
    url = front.url.replace("https:", "wss:") + path
    return connect(url, ssl=front.context(), proxy=None, max_size=None, **options)  # type: ignore[arg-type]


def run(conversation: Coroutine[None, None, Heard]) -> Heard:
    async def bounded() -> Heard:
        async with asyncio.timeout(PATIENCE):
            return await conversation

    return asyncio.run(bounded())


def test_each_event_arrives_before_the_next_is_sent(front: Front, client: httpx.Client) -> None:
    with client.stream("GET", "/events?name=stepwise") as answer:
        lines = answer.iter_lines()
        heard = []
        for word in ("one", "two", "three", "four"):
            client.post("/say", params={"to": "stepwise", "word": word})
            heard.append(next(line for line in lines if line))

    assert heard == ["data: one", "data: two", "data: three", "data: four"]
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_an_event_stream_whose_client_left_ends_at_the_upstream(front: Front, client: httpx.Client) -> None:
    with client.stream("GET", "/events?name=leaving") as answer:
        client.post("/say", params={"to": "leaving", "word": "hello"})
        lines = answer.iter_lines()
        next(lines)
        assert client.get("/state").json()["streaming"] >= 1

    while client.get("/state").json()["streaming"]:
        pass  # each look is a request of its own, and `within` ends what would go on for ever
    # Who closes an endless answer has had enough of it: nobody's fault.
    assert front.exchange("/events?name=leaving")["fault"] == ""


def test_a_running_event_stream_is_in_the_record_with_its_first_pieces(front: Front, client: httpx.Client) -> None:
    with client.stream("GET", "/events?name=watched") as answer:
        client.post("/say", params={"to": "watched", "word": "recorded-while-it-runs"})
        lines = answer.iter_lines()
        next(lines)

        running: list[int] = []
        while not running:
            running = [
                row["id"]
                for row in front.log()
                if row["target"] == "/events?name=watched" and row["state"] == "running"
            ]
        while "recorded-while-it-runs" not in front.run("show", str(running[0]), "--body", "response"):
            pass


def test_a_piece_of_an_upload_arrives_before_the_next_is_sent(front: Front, client: httpx.Client) -> None:
    seen = []

    def pieces() -> Iterator[bytes]:
        with front.client() as beside:
            for number in range(1, 5):
                yield PIECE
                while beside.get("/state").json()["received"] < number * len(PIECE):
                    pass
                seen.append(number)

    answer = client.post("/upload", content=pieces())

    assert answer.json() == {"size": 4 * len(PIECE), "sha256": hashlib.sha256(PIECE * 4).hexdigest()}
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "length"])
def test_fifty_megabytes_arrive_as_they_were_sent(front: Front, client: httpx.Client, chunked: bool) -> None:
    count = 50 * MIB // len(PIECE)
    body = (PIECE for _ in range(count))
    length = {} if chunked else {"Content-Length": str(count * len(PIECE))}

    target = f"/upload?chunked={chunked}"  # of its own: the record of another upload may come before this one's
    answer = client.put(target, content=body, headers=length)

    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(PIECE)
    assert answer.json() == {"size": 50 * MIB, "sha256": digest.hexdigest()}
    assert front.exchange(target)["request_bytes"] == 50 * MIB


def test_a_form_with_a_file_arrives(client: httpx.Client) -> None:
    answer = client.post("/form", data={"note": "ünï"}, files={"file": ("a.bin", b"\x00" * 100_000)})

    assert answer.json() == {"name": "a.bin", "size": 100_000, "note": "ünï"}


def test_the_app_knows_that_its_client_came_over_https(front: Front, client: httpx.Client) -> None:
    """uvicorn believes X-Forwarded-* of loopback without being asked."""
    assert client.get("/seen").json() == {"url": f"{front.url}/seen", "client": "127.0.0.1"}


def test_a_redirect_to_the_apps_own_address_leads_back_to_the_front(front: Front, client: httpx.Client) -> None:
    answer = client.get("/elsewhere")

    assert answer.headers["location"] == f"{front.url}/seen"
    repairs = front.shown(front.exchange("/elsewhere")["id"])["repairs"]
    assert any("location" in repair.lower() for repair in repairs)


# WebSocket


@pytest.mark.parametrize("message", ["text, ünï", b"\x00\x01\xff", "", "x" * (3 * MIB), b"\xfe" * (3 * MIB)])
@pytest.mark.parametrize("compression", ["deflate", None])
def test_a_message_comes_back_as_it_went(front: Front, message: str | bytes, compression: str | None) -> None:
    async def conversation() -> str | bytes:
        async with talk(front, compression=compression) as socket:
            await socket.send(message)
            return await socket.recv()

    assert run(conversation()) == message


def test_messages_are_recorded_readable_although_they_were_compressed(front: Front) -> None:
    async def conversation() -> None:
        async with talk(front, "/ws?recorded") as socket:
            for message in ("the same words " * 20, b"\x01\x02"):
                await socket.send(message)
                await socket.recv()

    run(conversation())

    row = front.exchange("/ws?recorded")
    shown = front.run("show", str(row["id"]))
    assert (row["status"], row["upgrade"], row["fault"]) == (101, "websocket", "")
    assert shown.count("the same words the same words") >= 2
    assert shown.count("01 02") == 2


def test_pings_pass(front: Front) -> None:
    async def conversation() -> float:
        async with talk(front) as socket:
            return await (await socket.ping())

    assert run(conversation()) > 0


def test_the_subprotocol_and_the_close_of_the_app_reach_the_client(front: Front) -> None:
    async def conversation() -> tuple[str | None, ConnectionClosed]:
        async with talk(front, subprotocols=["chat.v1"]) as socket:
            await socket.send("leave")
            with pytest.raises(ConnectionClosed) as end:
                await socket.recv()
        return socket.subprotocol, end.value

    subprotocol, end = run(conversation())

    assert subprotocol == "chat.v1"
    assert end.rcvd is not None
    assert (end.rcvd.code, end.rcvd.reason) == (4001, "as you wish")


def test_a_websocket_that_the_app_refuses_is_a_403(front: Front) -> None:
    async def conversation() -> None:
        async with talk(front, "/closed"):
            pass

    with pytest.raises(InvalidStatus) as refused:
        run(conversation())

    assert refused.value.response.status_code == 403


def test_many_websockets_talk_at_once(front: Front) -> None:
    async def conversation() -> list[str | bytes]:
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(talk(front)) for _ in range(50)]
            for number, socket in enumerate(sockets):
                await socket.send(str(number))
            return [await socket.recv() for socket in sockets]

    assert run(conversation()) == [str(number) for number in range(50)]
