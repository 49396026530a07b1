"""ASGI, lifespan: an app's startup and shutdown, as a context around its requests. Requests are for `http.asgi`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tunnel.errors import TunnelError
from tunnel.http.asgi_words import VERSIONS, App, Event, Scope, field

SHUTDOWN = 5.0  # seconds for an app to end; then it is cancelled


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, object]]:
    """Start an app, give the state that it wants beside its requests, and shut it down again.

    An app that knows no lifespan (it raises, as the specification has it) runs without.

    Raises:
      TunnelError: The app says that it cannot start, or raised after it had started.
    Cancelled: the app still gets `SHUTDOWN` seconds to end.
    """
    life = _Life(app)
    raised: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run)
        await life.started.wait()
        try:
            if life.failure is None:
                yield life.state
        except Exception as error:
            raised = error  # raised again outside, for the nursery would wrap it in a group
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + SHUTDOWN):
                life.leave.set()
                await life.ended.wait()
            nursery.cancel_scope.cancel()
    if raised is not None:
        raise raised
    if life.failure is not None:
        raise life.failure


class _Life:
    """What an app and its surroundings tell each other, once each."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.state: dict[str, object] = {}
        self.started = trio.Event()  # or has failed to, or will run without
        self.leave = trio.Event()
        self.ended = trio.Event()
        self.failure: TunnelError | None = None
        self._asked = 0  # events given to the app

    async def run(self) -> None:
        """Run the app's lifespan call to its end."""
        scope: Scope = {"type": "lifespan", "asgi": dict(VERSIONS), "state": self.state}
        try:
            await self._app(scope, self.receive, self.send)
        except Exception as error:
            if self.started.is_set() and self.failure is None:
                self.failure = TunnelError(f"the service failed while it ran or ended: {error}")
                self.failure.__cause__ = error
        self.started.set()
        self.ended.set()

    async def receive(self) -> Event:
        """Give the app its two events."""
        self._asked += 1
        if self._asked == 1:
            return {"type": "lifespan.startup"}
        await self.leave.wait()
        if self._asked > 2:
            await trio.sleep_forever()  # there is nothing more to say
        return {"type": "lifespan.shutdown"}

    async def send(self, event: Event) -> None:
        """Take what the app answers."""
        match event["type"]:
            case "lifespan.startup.complete":
                self.started.set()
            case "lifespan.startup.failed":
                message = field(event, "message", str, "") or "no reason given"
                self.failure = TunnelError(f"the service cannot start: {message}")
                self.started.set()
            case "lifespan.shutdown.complete":
                self.ended.set()
            case "lifespan.shutdown.failed":
                self.failure = TunnelError(f"the service did not end well: {field(event, 'message', str, '')}")
                self.ended.set()
            case kind:
                raise RuntimeError(f"the app sent {kind!r} in its lifespan")
