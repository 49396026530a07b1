"""ASGI, in memory: an app of this process as an upstream. Its connections are wires in memory; nothing is dialled."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from tunnel.http.asgi import answer_with
from tunnel.http.asgi_lifespan import lifespan
from tunnel.http.asgi_words import App, Report, ignore
from tunnel.http.http1 import Http1Client, Http1Upstream
from tunnel.model.config import Limits
from tunnel.model.peer import Peer
from tunnel.net.wire import memory_wires


@asynccontextmanager
async def in_memory(
    app: App, limits: Limits, name: str, *, port: int = 0, report: Report = ignore
) -> AsyncIterator[Callable[[], Awaitable[Http1Upstream]]]:
    """Run an app, and give what opens a connection to it.

    Args:
      app: An ASGI 3 application.
      limits: Of its side of the connections, and of ours.
      name: What the record calls it, in place of an address.
      port: That the app takes for its own.
      report: Told what the app raised.
    Cancelled: what the app still does is cancelled; so it is when the block ends.
    """
    peer = Peer("127.0.0.1", 0, "127.0.0.1", port, None, 0.0, 0.0)
    async with lifespan(app) as state, trio.open_nursery() as nursery:

        async def connect() -> Http1Upstream:
            ours, theirs = memory_wires()
            leg = Http1Client(theirs, limits, trio.current_time)
            nursery.start_soon(lambda: answer_with(app, leg, peer, state=state, report=report))
            return Http1Upstream(ours, limits, trio.current_time, name)

        yield connect
        nursery.cancel_scope.cancel()
