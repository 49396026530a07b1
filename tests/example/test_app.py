"""The example service over our own ASGI leg: each path shows what it says it shows."""

import gzip
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h11
import pytest
import trio
from starlette.types import ASGIApp
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, Event, Request, TextMessage

from tunnel.example.app import example_app
from tunnel.example.items import LARGEST, MOST
from tunnel.http.asgi import answer_with
from tunnel.http.http1 import Http1Client
from tunnel.model.config import Limits
from tunnel.model.peer import Peer
from tunnel.net.wire import MemoryWire, WireError, memory_wires

pytestmark = pytest.mark.anyio

PEER = Peer("127.0.0.1", 50000, "127.0.0.1", 3000, None, 0.0, 0.0)


class Visitor:
    """A client that asks one thing after another."""

    def __init__(self, wire: MemoryWire) -> None:
        self.wire = wire
        self.judge = h11.Connection(h11.CLIENT)
        self.ended = trio.Event()

    async def begin(self, method: str, target: str, body: bytes = b"", **fields: str) -> h11.Response:
        headers = [("Host", b"app.test"), ("Content-Length", b"%d" % len(body))]
        headers += [(name.replace("_", "-"), value.encode("latin-1")) for name, value in fields.items()]
        sent = self.judge.send(h11.Request(method=method, target=target, headers=headers)) or b""
        sent += (self.judge.send(h11.Data(data=body)) or b"") + (self.judge.send(h11.EndOfMessage()) or b"")
        await self.wire.send(sent)
        event = await self.event()
        assert isinstance(event, h11.Response)
        return event

    async def event(self) -> object:
        while (event := self.judge.next_event()) is h11.NEED_DATA:
            self.judge.receive_data(await self.wire.receive())
        return event

    async def ask(self, method: str, target: str, body: bytes = b"", **fields: str) -> tuple[h11.Response, bytes]:
        head, answer = await self.begin(method, target, body, **fields), b""
        while isinstance(event := await self.event(), h11.Data):
            answer += event.data
        assert isinstance(event, h11.EndOfMessage)
        self.judge.start_next_cycle()
        return head, answer

    async def json(self, method: str, target: str, body: bytes = b"", **fields: str) -> tuple[int, object]:
        head, answer = await self.ask(method, target, body, **fields)
        return head.status_code, json.loads(answer) if answer else None


def named(head: h11.Response, name: bytes) -> list[bytes]:
    return [value for each, value in head.headers if each == name]


@asynccontextmanager
async def visiting(app: ASGIApp | None = None) -> AsyncIterator[Visitor]:
    client, server = memory_wires()
    visitor = Visitor(client)

    async def serve() -> None:
        await answer_with(app or example_app(), Http1Client(server, Limits(), trio.current_time), PEER)
        server.close()
        visitor.ended.set()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            yield visitor
            nursery.cancel_scope.cancel()


async def test_the_page_names_every_path_and_loads_nothing_from_elsewhere() -> None:
    async with visiting() as visitor:
        head, page = await visitor.ask("GET", "/")
        parts = [await visitor.ask("GET", path) for path in ("/page.css", "/page.js")]

    text = page.decode()
    for path in ("/api/items", "/events", "/ws", "/upload", "/slow", "/fail/500", "/fail/cut", "/redirect", "/cookies"):
        assert path in text, path
    for path in ("/gzip", "/large", "/headers"):
        assert path in text, path
    everything = text + "".join(body.decode() for _, body in parts)
    assert not re.findall(r"(?:src|href)=\"(?!/|data:)|@import|https?://(?!www\.w3\.org/2000/svg)", everything)
    assert named(head, b"content-type") == [b"text/html; charset=utf-8"]
    assert [part.status_code for part, _ in parts] == [200, 200]


async def test_an_item_lives_from_post_to_delete() -> None:
    async with visiting() as visitor:
        created, _ = await visitor.ask("POST", "/api/items", b'{"name": "lamp"}')
        place = named(created, b"location")[0].decode()

        assert created.status_code == 201
        assert await visitor.json("GET", place) == (200, {"id": 1, "value": {"name": "lamp"}})
        assert await visitor.json("PUT", place, b'"moon"') == (200, {"id": 1, "value": "moon"})
        assert await visitor.json("GET", "/api/items") == (200, [{"id": 1, "value": "moon"}])
        assert await visitor.json("DELETE", place) == (204, None)
        assert (await visitor.json("GET", place))[0] == 404
        assert (await visitor.json("DELETE", place))[0] == 404
        assert (await visitor.json("PUT", place, b"1"))[0] == 404


async def test_items_are_bounded_in_number_and_size() -> None:
    async with visiting() as visitor:
        statuses = [(await visitor.json("POST", "/api/items", b"1"))[0] for _ in range(MOST + 1)]
        too_large, _ = await visitor.json("POST", "/api/items", b'"' + bytes(LARGEST) + b'"')

    assert statuses == [201] * MOST + [409]
    assert too_large == 413


async def test_what_is_not_json_is_told_so() -> None:
    async with visiting() as visitor:
        assert (await visitor.json("POST", "/api/items", b"{"))[0] == 400
        assert (await visitor.json("POST", "/api/items", b"[" * 10_000))[0] == 400


async def test_events_come_one_by_one_with_numbers_that_go_on_and_end_with_the_client() -> None:
    async with visiting(example_app(tick=0.001)) as visitor:
        head = await visitor.begin("GET", "/events", Last_Event_ID="41")
        events = [await visitor.event() for _ in range(3)]
        visitor.wire.close()
        await visitor.ended.wait()

    texts = [bytes(event.data).decode() for event in events if isinstance(event, h11.Data)]
    assert named(head, b"content-type")[0].startswith(b"text/event-stream")
    assert [text.split("\n")[:2] for text in texts] == [[f"id: {number}", "event: tick"] for number in (42, 43, 44)]
    assert json.loads(texts[0].split("\n")[2].removeprefix("data: "))["number"] == 42


@pytest.mark.parametrize("last", ["²", "-1", "x", "9" * 5000])
async def test_a_strange_last_event_id_begins_anew(last: str) -> None:
    async with visiting(example_app(tick=0.001)) as visitor:
        await visitor.begin("GET", "/events", Last_Event_ID=last)
        event = await visitor.event()

    assert isinstance(event, h11.Data)
    assert bytes(event.data).startswith(b"id: 1\n")


async def test_the_websocket_echoes_text_and_bytes() -> None:
    side = WSConnection(ConnectionType.CLIENT)

    async def event(visitor: Visitor) -> Event:
        while True:
            for found in side.events():
                return found
            side.receive_data(await visitor.wire.receive())

    async with visiting() as visitor:
        await visitor.wire.send(side.send(Request(host="app.test", target="/ws")))
        accepted = await event(visitor)
        await visitor.wire.send(side.send(TextMessage("hello")) + side.send(BytesMessage(b"\x00")))
        said = [await event(visitor), await event(visitor)]

    assert isinstance(accepted, AcceptConnection)
    assert said == [TextMessage("hello"), BytesMessage(bytearray(b"\x00"))]


async def test_an_upload_is_measured() -> None:
    body = bytes(range(256)) * 5000
    async with visiting() as visitor:
        status, told = await visitor.json("POST", "/upload", body, Content_Type="image/png")

    assert isinstance(told, dict)
    assert (status, told["size"], told["type"]) == (200, len(body), "image/png")
    assert told["sha256"] == hashlib.sha256(body).hexdigest()


async def test_slow_answers_after_a_while_and_knows_bounds() -> None:
    async with visiting() as visitor:
        assert await visitor.json("GET", "/slow?seconds=0.01") == (200, {"slept": 0.01})
        for seconds in ("61", "-1", "nan", "inf", "soon"):
            assert (await visitor.json("GET", f"/slow?seconds={seconds}"))[0] == 400


async def test_failing_in_order_is_a_500() -> None:
    async with visiting() as visitor:
        assert (await visitor.json("GET", "/fail/500"))[0] == 500


async def test_failing_in_the_middle_cuts_the_answer() -> None:
    async with visiting() as visitor:
        head = await visitor.begin("GET", "/fail/cut")
        first = await visitor.event()

        with pytest.raises((WireError, h11.RemoteProtocolError)):
            await visitor.event()

    assert named(head, b"content-length") == [b"1000"]
    assert isinstance(first, h11.Data)


async def test_the_redirect_names_the_services_own_address() -> None:
    async with visiting() as visitor:
        head, _ = await visitor.ask("GET", "/redirect")

    assert (head.status_code, named(head, b"location")) == (302, [b"http://127.0.0.1:3000/headers"])


async def test_cookies_are_set_in_several_kinds_and_told_back() -> None:
    async with visiting() as visitor:
        head, body = await visitor.ask("GET", "/cookies", Cookie="session=mine")

    set_cookies = [value.decode() for value in named(head, b"set-cookie")]
    assert len(set_cookies) == 5
    assert any("__Host-locked" in each and "Secure" in each and "Path=/" in each for each in set_cookies)
    assert json.loads(body)["received"] == {"session": "mine"}


async def test_gzip_is_for_those_who_read_it() -> None:
    async with visiting() as visitor:
        packed, body = await visitor.ask("GET", "/gzip", Accept_Encoding="br, gzip")
        plain, text = await visitor.ask("GET", "/gzip")

    assert named(packed, b"content-encoding") == [b"gzip"]
    assert named(plain, b"content-encoding") == []
    assert gzip.decompress(body) == text
    assert json.loads(text)


async def test_large_is_as_large_as_asked_in_pieces_that_can_be_told_apart() -> None:
    async with visiting() as visitor:
        head, body = await visitor.ask("GET", "/large?mb=1.5")
        refused, _ = await visitor.json("GET", "/large?mb=5000")

    assert named(head, b"content-length") == [b"1572864"]
    assert len(body) == 1572864
    assert [int(body[at : at + 15]) for at in range(0, len(body), 65536)] == list(range(0, len(body), 65536))
    assert refused == 400


async def test_headers_tells_what_arrived() -> None:
    async with visiting() as visitor:
        status, told = await visitor.json("PUT", "/headers?a=b", X_Forwarded_Proto="https")

    assert status == 200
    assert isinstance(told, dict)
    assert (told["method"], told["target"]) == ("PUT", "/headers?a=b")
    assert told["headers"]["x-forwarded-proto"] == "https"


async def test_head_is_get_without_a_body_everywhere() -> None:
    async with visiting() as visitor:
        for path in ("/", "/events", "/large", "/headers?x"):
            head, body = await visitor.ask("HEAD" if path != "/headers?x" else "GET", path)
            assert head.status_code == 200
            assert (body == b"") is (path != "/headers?x")
