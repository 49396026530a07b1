"""Window: the inspector's listener. Binding it is all that a start pays for: the app is imported with the first connection.

It is an ordinary listener with our TLS, legs and ASGI, beside the front's own and never on its way. A bug in it is told, and
the front goes on. No WebSocket is spoken here, so an upgrade is not heard. Where it listens is for `tunnel.window_place`.
"""

import socket
import ssl
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import trio

from tunnel.errors import TunnelError
from tunnel.http.asgi_words import App, Receive, Scope, Send
from tunnel.http.http1 import Http1Client
from tunnel.inspector.headers import HEADERS
from tunnel.model.config import MIB, Limits
from tunnel.model.message import End, Request, Response
from tunnel.model.peer import Peer, Tls
from tunnel.net.listen import accept
from tunnel.net.sniff import Speech, sniff
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.tls import HandshakeFailed, agreed, serve_tls
from tunnel.window_place import Place

# A handful of browsers with six connections each; a viewer that takes nothing is cut off after `stall`.
LIMITS = Limits(connections=256, body_size=32 * MIB, stall=60.0)
GRACE = 0.5  # seconds for answers to end once the window closes
_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


if TYPE_CHECKING:
    from tunnel.inspector.app import Inspector
    from tunnel.inspector.parts import Parts  # with the words of replays and shares


class Window:
    """Serves one window.

    Args:
      place: Its listeners are closed by `run`.
      parts: Gives what the app is made of, when it is made.
      tls: The context for a listener's address; None where it speaks plain HTTP.
      sweep: Keeps the deadlines; runs beside this.

    Attributes:
      ended: `run` has returned.
    """

    def __init__(
        self,
        place: Place,
        parts: "Callable[[], Parts]",
        *,
        tls: Callable[[str], ssl.SSLContext] | None,
        sweep: Sweep,
        notice: Callable[[TunnelError], None],
    ) -> None:
        self._place = place
        self._parts = parts
        self._tls = tls
        self._sweep = sweep
        self._notice = notice
        self._open = 0  # connections
        self._running = 0  # answers
        self._calm = trio.Event()  # none is running
        self._calm.set()
        self._app: App | None = None
        self._close: Callable[[], None] = lambda: None
        self._making = trio.Lock()
        self.ended = trio.Event()

    async def run(self, stopping: trio.Event) -> None:
        """Serve until `stopping`, then give answers a moment to end. Never raises for a bug in the window.

        Resource handling: listeners and connections are closed when this returns.
        Cancelled: everything ends at once.
        """
        try:
            async with trio.open_nursery() as nursery:
                await self._accept(nursery, stopping)
                self._close()
                with trio.move_on_after(GRACE):
                    await self._calm.wait()
                nursery.cancel_scope.cancel()
        except Exception as error:
            self._tell(error, "ended it")
        finally:
            for listener in self._place.listeners:
                listener.close()
            self._close()
            self.ended.set()

    async def _accept(self, nursery: trio.Nursery, stopping: trio.Event) -> None:
        def start(sock: socket.socket) -> None:
            self._open += 1
            nursery.start_soon(self._connection, sock, nursery)

        def listen(listener: socket.socket) -> Awaitable[None]:
            return accept(listener, start, room=lambda: self._open < LIMITS.connections, trouble=self._notice)

        async with trio.open_nursery() as accepting:
            for listener in self._place.listeners:
                accepting.start_soon(listen, listener)
            await stopping.wait()
            accepting.cancel_scope.cancel()
        for listener in self._place.listeners:
            listener.close()

    async def _connection(self, sock: socket.socket, nursery: trio.Nursery) -> None:
        wire = SocketWire(sock, self._sweep)
        try:
            opened = await self._opened(wire)
            if opened is not None:
                wire, peer = opened
                app = await self._made(nursery)
                from tunnel.http.asgi import answer_with  # here by now, with the app

                leg = _Leg(wire, LIMITS, trio.current_time)
                await answer_with(app, leg, peer, report=lambda error: self._tell(error, "broke off an answer"))
                await wire.send_end()
        except Exception as error:
            self._tell(error, "ended one connection")
        finally:
            wire.close()
            self._open -= 1

    async def _opened(self, wire: SocketWire) -> tuple[SocketWire, Peer] | None:
        """Shake hands, if it is TLS that the client speaks; None where nothing came of it."""
        accepted = perf_counter()
        try:
            listener, client = wire.sock.getsockname(), wire.sock.getpeername()
        except OSError:
            return None  # it has left already

        def facts(tls: Tls | None) -> Peer:
            return Peer(client[0], client[1], listener[0], listener[1], tls, accepted, perf_counter())

        if self._tls is None or await sniff(wire, trio.current_time() + LIMITS.idle) is not Speech.TLS:
            return wire, facts(None)
        wire.deadline = trio.current_time() + LIMITS.handshake
        try:
            secured = await serve_tls(wire, self._tls(listener[0]))
        except HandshakeFailed as error:
            if error.distrust:
                hint = "make browsers and tools trust it with: tunnel trust"
                self._notice(TunnelError("a client refused the inspector's certificate", hint=hint))
            return None
        assert isinstance(secured.sock, ssl.SSLSocket)
        return secured, facts(agreed(secured.sock, secured.sock.server_hostname or ""))

    async def _made(self, nursery: trio.Nursery) -> App:
        """Return the app, made when it is first wanted. Importing takes a fifth of a second, so it is done in a thread."""
        async with self._making:
            if self._app is None:
                made = await trio.to_thread.run_sync(_imported)
                inspector = made(self._parts(), nursery)
                self._close = inspector.close
                app: App = inspector

                async def counted(scope: Scope, receive: Receive, send: Send) -> None:
                    self._running += 1
                    if self._calm.is_set():
                        self._calm = trio.Event()
                    try:
                        await app(scope, receive, send)
                    finally:
                        self._running -= 1
                        if not self._running:
                            self._calm.set()

                self._app = counted
            return self._app

    def _tell(self, error: Exception, what: str) -> None:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        where = traceback.extract_tb(error.__traceback__)
        place = f" ({where[-1].name}, {Path(where[-1].filename).name}:{where[-1].lineno})" if where else ""
        self._notice(
            TunnelError(
                f"a bug in tunnel's inspector {what}: {type(error).__name__}: {error}{place}",
                hint="please report this line; the front goes on",
            )
        )


class _Leg(Http1Client):
    """A leg on which every answer carries our headers, those to heads that cannot be read too; it hears no upgrade."""

    async def receive_request(self) -> Request | None:
        request = await super().receive_request()
        return request and request._replace(upgrade=b"")

    async def send_response(self, response: Response, body: bytes, end: End | None) -> bytes:
        if response.status >= 200:
            there = response.headers
            missing = [field for field in _HEADERS if field[0].lower() not in there]
            response = response._replace(headers=there.plus(missing) if missing else there)
        return await super().send_response(response, body, end)


def _imported() -> "Callable[[Parts, trio.Nursery], Inspector]":
    from tunnel.inspector.app import Inspector

    return Inspector
