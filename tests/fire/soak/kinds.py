"""Kinds of clients that get what they ask for: small, huge, streamed, slow. Those that do not are in `aborts`.

Each is one visit: it ends by itself within seconds, and asserts what it was answered.
"""

from collections.abc import Iterator

import trio
import wsproto
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request, TextMessage

from tests.fire.soak.bodies import Sum, body, digest, pieces
from tests.fire.soak.client import Client
from tests.fire.soak.visit import Visit, serial

_MIB = 1024 * 1024
_NAMES = 16  # names to be called by: each has a leaf and a context of its own, made in the first round


async def keep_alive(visit: Visit) -> None:
    """Small requests, one after the other on one connection."""
    async with visit.either() as client:
        for _ in range(20):
            method = visit.random.choice(("GET", "GET", "HEAD", "OPTIONS"))
            target = visit.target("/small")
            answer = await visit.ask(client, method, target, "Accept: */*", "User-Agent: soak")
            assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else serial(target))
        await client.close()


async def pipelined(visit: Visit) -> None:
    """Ten requests in one send, answered in their order."""
    async with visit.either() as client:
        targets = [visit.target("/small") for _ in range(10)]
        await client.send(b"".join(visit.head("GET", target) for target in targets))
        for target in targets:
            assert (await client.answer()).body == serial(target)
        await client.close()


async def churn(visit: Visit) -> None:
    """A new TLS connection for each request, which the front closes."""
    older = visit.random.random() < 0.25
    async with visit.connected(context=visit.place.older if older else None) as client:
        target = visit.target("/small")
        answer = await visit.ask(client, "GET", target, "Connection: close")
        assert answer.body == serial(target)
        await client.end()
        await client.close()


async def named(visit: Visit) -> None:
    """A connection by one name of many, and requests for hosts of many more."""
    name = f"app{visit.random.randrange(_NAMES)}.localhost"
    async with visit.connected(name=name) as client:
        for _ in range(3):
            target = visit.target("/small")
            host = f"Host: app{visit.random.randrange(100_000)}.localhost"
            assert (await visit.ask(client, "GET", target, host)).body == serial(target)
        await client.close()


async def statuses(visit: Visit) -> None:
    """Errors and bodiless answers, and what comes before an answer."""
    async with visit.either() as client:
        for status in (200, 204, 304, 404, 500, 503):
            answer = await visit.ask(client, "GET", visit.target(f"/status?status={status}", status))
            assert (answer.status, answer.body) == (status, b"" if status in (204, 304) else b"as asked")
        answer = await visit.ask(client, "GET", visit.target("/hints"))
        assert (answer.informational, answer.body) == ([103], b"hinted")
        await client.close()


async def echo(visit: Visit) -> None:
    """A body there and back, in each framing, compared byte for byte."""
    async with visit.either() as client:
        for back in ("length", "chunks", "close"):
            sent = body(visit.random.choice((1, 1000, 60_000, 300_000)))
            target = visit.target(f"/echo?as={back}")
            if visit.random.random() < 0.5:
                answer = await visit.ask(client, "POST", target, body=sent)
                trailers = []
            else:
                trailers = [(b"x-sum", b"of no matter")]
                await client.send(
                    visit.head("POST", target, "Transfer-Encoding: chunked", "Trailer: X-Sum", "TE: trailers")
                )
                for piece in _chunks(sent):
                    await client.send(piece)
                await client.send(b"0\r\nX-Sum: of no matter\r\n\r\n")
                answer = await client.answer("POST")
            assert answer.body == sent
            assert answer.trailers == (trailers if back == "chunks" else [])
        await client.close()


async def waiting_for_100(visit: Visit) -> None:
    """A body that is sent when the upstream says so."""
    async with visit.either() as client:
        await client.send(visit.head("POST", visit.target("/upload"), "Content-Length: 5000", "Expect: 100-continue"))
        async with trio.open_nursery() as nursery:

            async def answered() -> None:
                answer = await client.answer("POST")
                assert (answer.informational, answer.body) == ([100], digest(5000).encode())

            nursery.start_soon(answered)
            await client.continued.wait()
            await client.send(body(5000))
        await client.close()


async def huge_up(visit: Visit) -> None:
    """Tens of megabytes to the upstream, compared by their hash."""
    size = visit.random.randrange(20 * _MIB, 40 * _MIB)
    async with visit.either() as client:
        await client.send(visit.head("PUT", visit.target("/upload"), f"Content-Length: {size}"))
        for piece in pieces(size):
            await client.send(piece)
        assert (await client.answer("PUT")).body.decode() == digest(size)
        await client.close()


async def huge_down(visit: Visit) -> None:
    """Tens of megabytes from the upstream, compared by their hash."""
    size = visit.random.randrange(20 * _MIB, 40 * _MIB)
    chunks = visit.random.choice(("", "&chunks=yes"))
    async with visit.either() as client:
        await client.send(visit.head("GET", visit.target(f"/download?bytes={size}{chunks}")))
        assert await client.begin() == 200
        assert await _sum(client) == digest(size)
        await client.close()


async def events(visit: Visit) -> None:
    """An event stream, read for a while and left: nobody's fault."""
    async with visit.either() as client:
        await client.send(visit.head("GET", visit.target("/events"), "Accept: text/event-stream"))
        assert await client.begin() == 200
        for _ in range(visit.random.randrange(10, 60)):
            assert b"data: an event" in await client.piece()
        await visit.random.choice((client.close, client.drop, client.reset))()


async def websocket(visit: Visit) -> None:
    """Messages both ways, until one side or the other closes."""
    async with visit.either() as client:
        socket = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        await client.send(socket.send(Request(host=visit.place.host, target=visit.target("/socket", 101))))
        assert isinstance(await _next(client, socket), AcceptConnection)
        for number in range(visit.random.randrange(5, 40)):
            sent = TextMessage("a word" * number) if number % 2 else BytesMessage(body(number * 3000))
            await client.send(socket.send(sent))
            came = type(sent.data)()
            while True:
                event = await _next(client, socket)
                assert isinstance(event, type(sent))
                came += event.data
                if event.message_finished:
                    break
            assert came == sent.data
        ending = visit.random.choice(("ours", "theirs", "none"))
        if ending != "none":
            await client.send(socket.send(CloseConnection(1000) if ending == "ours" else TextMessage("close")))
            close = await _next(client, socket)
            assert isinstance(close, CloseConnection)
            if ending == "theirs":
                await client.send(socket.send(close.response()))
            await client.close()


async def slow_sender(visit: Visit) -> None:
    """A head and a body that come a little at a time."""
    async with visit.either() as client:
        for piece in _parts(visit.head("POST", visit.target("/upload"), "Content-Length: 3000"), 5):
            await client.send(piece)
            await trio.sleep(0.1)
        for piece in _parts(body(3000), 10):
            await client.send(piece)
            await trio.sleep(0.1)
        assert (await client.answer("POST")).body.decode() == digest(3000)
        await client.close()


async def slow_reader(visit: Visit) -> None:
    """An answer of some megabytes, taken a little at a time: more than all buffers between us hold."""
    size = 8 * _MIB
    async with visit.either() as client:
        await client.send(visit.head("GET", visit.target(f"/download?bytes={size}")))
        assert await client.begin() == 200
        assert await _sum(client, pause=0.005) == digest(size)
        await client.close()


async def _sum(client: Client, pause: float = 0) -> str:
    """Read the rest of an answer; return what `digest` says of it."""
    sum = Sum()
    while piece := await client.piece():
        sum.add(piece)
        if pause:
            await trio.sleep(pause)
    return str(sum)


async def _next(client: Client, socket: wsproto.WSConnection) -> wsproto.events.Event:
    """Return the next event of a WebSocket."""
    while (event := next(socket.events(), None)) is None:
        socket.receive_data(await client.receive() or None)
    return event


def _parts(data: bytes, count: int) -> Iterator[bytes]:
    size = -(-len(data) // count)
    yield from (data[at : at + size] for at in range(0, len(data), size))


def _chunks(data: bytes) -> Iterator[bytes]:
    yield from (b"%x\r\n%b\r\n" % (len(part), part) for part in _parts(data, 7))
