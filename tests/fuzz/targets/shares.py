"""Shares: whatever a stranger sends to one, over TLS or plain, in whatever pieces, nothing is dialled for it.

Input: `T` for a connection under TLS, another byte for a plain one; then all that the client sends, who ends it then.
Behind the front stand the real gate, by token, and its pages. The token is new for each input, so no mutation holds it.
What comes back is answers of ours: nothing switches protocols, and nothing is raised.
"""

import secrets
import time
from ipaddress import ip_network

import trio
from trio.testing import MockClock

from tests.fuzz.splits import splits
from tests.fuzz.targets import requests
from tests.helpers.way import Talk, front
from tests.share.attacks import WITHOUT_A_CREDENTIAL, at
from tunnel.http.asgi import answer_with
from tunnel.http.http1 import Http1Client
from tunnel.model.config import Limits
from tunnel.model.peer import Peer
from tunnel.model.share import Access, Share
from tunnel.net.wire import WireError
from tunnel.share.gate import Gate

EXAMPLES = 100
LIMITS = Limits(head_size=4000, target_size=1000, body_size=10_000)
_HERE = Peer("127.0.0.1", 0, "127.0.0.1", 0, None, 0.0, 0.0)
_SMALL = [at("localhost:62893", request) for request in WITHOUT_A_CREDENTIAL.values() if len(request) < 1000]
SEEDS = [*(b"T" + request for request in _SMALL), *(b"P" + request for request in _SMALL)]
WORDS = [
    *requests.WORDS, b"/.tunnel/login", b"/.tunnel/join?token=", b"/.tunnel/wait", b"/.tunnel/root.crt",
    b"/.tunnel/logout",
    b"Cookie: __Host-tunnel-share-", b"Authorization: Bearer ", b"Authorization: Basic ", b"Accept: text/html\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"%2e", b"%2f", b"..", b"//", b";", b"\\",
    b"Sec-Fetch-Mode: navigate\r\n",
    b"Origin: https://localhost:62893\r\n", b"Content-Type: application/x-www-form-urlencoded\r\n", b"https://localhost:62893/",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    for pieces in list(splits(data[1:]))[:2]:
        trio.run(_story, pieces, data[:1] == b"T", clock=MockClock(autojump_threshold=0))


async def _story(pieces: list[bytes], tls: bool) -> None:
    dialled = []

    async def service(talk: Talk) -> None:
        dialled.append(talk)

    async def pages(talk: Talk) -> None:
        await answer_with(gate.app, Http1Client(talk.wire, LIMITS, trio.current_time), _HERE)

    token = secrets.token_urlsafe()
    share = Share(
        address="127.0.0.1", interface="lo", network=ip_network("127.0.0.0/8"), access=Access.TOKEN, token=token
    )
    gate = Gate(share, port=62893, told=lambda happening: None, closed=lambda device: None, now=time.time)
    async with front(service, limits=LIMITS, gate=gate, pages=pages) as here:
        client = here.connect(tls=tls)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_say, client, pieces)
            heard = await client.hear_all()
        assert not dialled, "a stranger reached the service"
        assert b"HTTP/1.1 101 " not in heard
        assert all(record.device == "" for record in here.notes.records)


async def _say(client: Talk, pieces: list[bytes]) -> None:
    try:
        for piece in pieces:
            await client.say(piece)
        await client.wire.send_end()
    except WireError:
        pass  # it was ended before it had said all
