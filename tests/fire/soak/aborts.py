"""Kinds of clients that break off, at each stage, and exchanges that their upstream breaks off."""

import ssl

import trio

from tests.fire.soak.bodies import body
from tests.fire.soak.client import Client, Cut
from tests.fire.soak.visit import Visit

_CHUNKED = "Transfer-Encoding: chunked"


async def in_the_handshake(visit: Visit) -> None:
    """No byte, half a ClientHello, or a certificate that is not accepted: no request, so no row."""
    async with visit.connected(tls=False) as client:
        hello = _client_hello()
        match visit.random.choice(("nothing", "part", "all")):
            case "part":
                await client.send(hello[: visit.random.randrange(1, len(hello))])
            case "all":
                await client.send(hello)
                await client.receive()
        await _leave(visit, client)
    if visit.random.random() < 0.2:
        try:
            async with visit.connected(context=ssl.create_default_context()):
                raise AssertionError("an unknown authority was trusted")
        except trio.BrokenResourceError:
            pass


async def in_the_head(visit: Visit) -> None:
    """A part of a head: no row."""
    async with visit.either() as client:
        head = visit.head("GET", "/never", "Accept: */*")
        await client.send(head[: visit.random.randrange(1, len(head) - 1)])
        await _leave(visit, client)


async def behind_the_head(visit: Visit) -> None:
    """A whole head, and gone: nobody can know whether it was read."""
    async with visit.either() as client:
        await client.send(visit.head("GET", visit.tally.may(visit.kind, "/small")))
        await _leave(visit, client)


async def in_the_body(visit: Visit) -> None:
    """A part of a body, once the upstream has its head."""
    async with visit.either() as client:
        target = visit.target("/upload", None, "client")
        if visit.random.random() < 0.5:
            await client.send(visit.head("POST", target, "Content-Length: 100000") + body(5000))
        else:
            await client.send(visit.head("POST", target, _CHUNKED) + b"1000\r\nbegun")
        await visit.upstream.has(target)
        await _leave(visit, client)


async def before_the_answer(visit: Visit) -> None:
    """An answer is awaited that would not have come."""
    async with visit.either() as client:
        target = visit.target("/wait", None, "client")
        await client.send(visit.head("GET", target))
        await visit.upstream.has(target)
        await _leave(visit, client)


async def in_the_answer(visit: Visit) -> None:
    """A part of a long answer is read."""
    async with visit.either() as client:
        chunks = visit.random.choice(("", "&chunks=yes"))
        await client.send(visit.head("GET", visit.target(f"/download?bytes=30000000{chunks}", 200, "client")))
        assert await client.begin() == 200
        await client.piece()
        await visit.random.choice((client.drop, client.reset))()


async def in_the_websocket(visit: Visit) -> None:
    """An upgraded connection is left without a close frame: nobody's fault, since nobody says when such a thing is whole."""
    async with visit.either() as client:
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        await client.send(visit.head("GET", visit.target("/socket", 101), *upgrade, key))
        assert b" 101 " in await client.receive()
        await client.send(b"\x81\x85\0\0\0\0hel")  # a frame of five bytes, and two are missing
        await _leave(visit, client)


async def no_request(visit: Visit) -> None:
    """What cannot be read is answered, and recorded without a target."""
    async with visit.either() as client:
        visit.tally.unreadable(visit.kind)
        bad = visit.random.choice((
            b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
            b"no request at all\r\n\r\n",
            b"GET / HTTP/1.1\nHost: localhost\n\n",
        ))  # fmt: skip
        await client.send(bad)
        answer = await client.answer()
        assert answer.status == 400, answer
        await client.end()


async def a_stranger(visit: Visit) -> None:
    """A Host that is not ours is told so."""
    async with visit.either() as client:
        target = visit.target("/small", 421, "client")
        assert (await visit.ask(client, "GET", target, "Host: stranger.example")).status == 421
        await client.close()


async def too_much(visit: Visit) -> None:
    """The upstream answers before the body has ended, and closes: the answer comes through."""
    async with visit.either() as client, trio.open_nursery() as nursery:
        await client.send(visit.head("POST", visit.target("/refuse", 413), "Content-Length: 3000000"))

        async def send() -> None:
            try:
                await client.send(body(3_000_000))
            except (Cut, trio.ClosedResourceError):
                pass  # it is not wanted

        nursery.start_soon(send)
        answer = await client.answer("POST")
        assert (answer.status, answer.body) == (413, b"too much")
        nursery.cancel_scope.cancel()


async def the_upstream(visit: Visit) -> None:
    """It ends in the head, in a body, in a chunk, or says what can be read in two ways."""
    where = visit.random.choice(("head", "length", "chunk", "nonsense", "at once"))
    whole = where not in ("length", "chunk")
    async with visit.either() as client:
        target = visit.target(f"/die?at={where.replace(' ', '+')}", 502 if whole else 200, "upstream")
        await client.send(visit.head(visit.random.choice(("GET", "POST")), target, "Content-Length: 0"))
        try:
            answer = await client.answer()
        except Cut:
            assert not whole
        else:
            assert whole, f"{answer.body!r} looks whole to its client"
            assert answer.status == 502


async def _leave(visit: Visit, client: Client) -> None:
    """Leave in one of three ways."""
    await visit.random.choice((client.close, client.drop, client.reset))()


def _client_hello() -> bytes:
    """Return the first flight of a TLS client."""
    came, went = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(came, went, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return went.read()
