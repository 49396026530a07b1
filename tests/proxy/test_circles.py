"""Circles: what failed is freed at once, by counting references. Garbage is collected seldom here (cli/serve.py)."""

import gc
import weakref
from collections.abc import Iterator
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.helpers.waiting import until
from tests.helpers.way import Talk, answering, front
from tests.helpers.wire import contexts, socket_wires
from tunnel.net.sweep import Sweep
from tunnel.net.tls import HandshakeFailed, serve_tls

pytestmark = pytest.mark.anyio

HOST = b"Host: localhost\r\n"
FAILURES = {
    "in the middle of a body": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nhalf",
    "with a body that cannot be read": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\nhalf\r\n\r\n",
    "by an upstream that breaks off": b"GET /broken HTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("how", FAILURES)
async def test_an_exchange_that_failed_lets_go_of_its_connection(how: str, no_collection: None) -> None:
    async def serve(talk: Talk) -> None:
        if b"/broken" not in await talk.hear_head():
            await talk.hear_all()

    async with front(serve, wires=partial(socket_wires, Sweep())) as here:
        client = here.connect()
        wire = weakref.ref(here.callers.pop().client.wire)
        await client.say(FAILURES[how])
        await wait_all_tasks_blocked()
        client.wire.close()
        await until(lambda: here.notes.records)
        await wait_all_tasks_blocked(0.01)

        error = here.notes.records[0].error
        assert error is not None and error.what
        assert wire() is None


async def test_a_handshake_that_failed_lets_go_of_its_connection(no_collection: None) -> None:
    near, far = socket_wires(Sweep())
    wire = weakref.ref(far)
    sock = weakref.ref(far.sock)
    await near.send(b"this is no TLS hello, and long enough to be seen as none")
    with pytest.raises(HandshakeFailed):
        await serve_tls(far, contexts()[0])
    del far
    near.close()

    assert wire() is None
    assert sock() is None


async def test_an_answered_exchange_lets_go_of_its_connection(no_collection: None) -> None:
    async with front(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), wires=partial(socket_wires, Sweep())
    ) as here:
        client = here.connect()
        wire = weakref.ref(here.callers.pop().client.wire)
        await client.say(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await client.hear_head()
        client.wire.close()
        await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked(0.01)

        assert wire() is None
