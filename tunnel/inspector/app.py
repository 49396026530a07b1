"""App: the window as one ASGI app: every path it has, behind the guard. Imported with Starlette when somebody first looks.

Whoever opens it gives it a nursery, for the look that the live feed's viewers share, and closes it.
"""

from pathlib import Path

import trio
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from tunnel.inspector.answers import json, problem
from tunnel.inspector.doing import Doing
from tunnel.inspector.exchanges import Exchanges
from tunnel.inspector.export import Export
from tunnel.inspector.feed import Feed
from tunnel.inspector.files import Files
from tunnel.inspector.filters import Filters
from tunnel.inspector.guard import Guard
from tunnel.inspector.metrics import Metrics
from tunnel.inspector.parts import Parts
from tunnel.inspector.readers import Readers
from tunnel.inspector.revealing import Revealing
from tunnel.inspector.sharing import Sharing
from tunnel.inspector.timeline import Timeline

OPENAPI = Path(__file__).with_name("openapi.json")


class Inspector:
    """The app.

    Attributes:
      feed: Its viewers.
      routes: All of its paths.
    """

    def __init__(self, parts: Parts, nursery: trio.Nursery) -> None:
        self._readers = Readers(parts.folder)
        self.feed = Feed(self._readers, nursery)
        self.routes = _routes(parts, self._readers, self.feed)
        app = ExceptionMiddleware(Router(self.routes, redirect_slashes=False), {HTTPException: _refused})
        self._guarded = Guard(app, parts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["app"] = self  # Starlette's routing then refuses by an exception, which `_refused` answers in our shape
        await self._guarded(scope, receive, send)

    def close(self) -> None:
        """End what would not end by itself, and close what is idle."""
        self.feed.close()
        self._readers.close()


def _routes(parts: Parts, readers: Readers, feed: Feed) -> list[Route]:
    exchanges, doing, filters = Exchanges(parts, readers), Doing(parts, readers), Filters(parts)
    revealing, sharing = Revealing(parts, readers), Sharing(parts)
    files, described = Files(), OPENAPI.read_bytes()

    async def openapi(request: Request) -> Response:
        return json(described)

    return [
        Route("/", files.page, methods=["GET"]),
        Route("/static/{name:path}", files.one, methods=["GET"]),
        Route("/api/exchanges", exchanges.all, methods=["GET"]),
        Route("/api/exchanges/{id:int}", exchanges.one, methods=["GET"]),
        Route("/api/exchanges/{id:int}/body/{side}", exchanges.body, methods=["GET"]),
        Route("/api/exchanges/{id:int}/messages", exchanges.messages, methods=["GET"]),
        Route("/api/exchanges/{id:int}/copy/{kind}", doing.copy, methods=["GET"]),
        Route("/api/exchanges/{id:int}/replay", doing.replay, methods=["POST"]),
        Route("/api/exchanges/{id:int}/reveal", revealing.exchange, methods=["POST"]),
        Route("/api/exchanges/{id:int}/reveal/messages", revealing.messages, methods=["POST"]),
        Route("/api/compare", doing.compare, methods=["GET"]),
        Route("/api/feed", feed, methods=["GET"]),
        Route("/api/fields", filters.fields, methods=["GET"]),
        Route("/api/check", filters.check, methods=["GET"]),
        Route("/api/filters", filters.all, methods=["GET"]),
        Route("/api/filters", filters.save, methods=["POST"]),
        Route("/api/filters/{name}", filters.remove, methods=["DELETE"]),
        Route("/api/overview", Timeline(parts, readers).overview, methods=["GET"]),
        Route("/api/share", sharing.now, methods=["GET"]),
        Route("/api/share/questions/{number:int}", sharing.answer, methods=["POST"]),
        Route("/api/share/devices/{number:int}/revoke", sharing.revoke, methods=["POST"]),
        Route("/api/share/extend", sharing.extend, methods=["POST"]),
        Route("/api/share/stop", sharing.stop, methods=["POST"]),
        Route("/api/status", exchanges.status, methods=["GET"]),
        Route("/api/export", Export(readers), methods=["GET"]),
        Route("/api/openapi.json", openapi, methods=["GET"]),
        Route("/metrics", Metrics(parts, readers).text, methods=["GET"]),
    ]


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what the routing refuses, in our shape: an unknown path, a method that a path does not have."""
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return problem(404, f"there is nothing at {request.url.path[:80]!r}", "see /api/openapi.json")
        case 405:
            answer = problem(405, f"{request.method} is not for {request.url.path[:80]!r}", "see /api/openapi.json")
            answer.headers["Allow"] = (error.headers or {}).get("Allow", "")
            return answer
    return problem(error.status_code, str(error.detail))
