"""Exchanges: the part of the API that reads them: the list, one whole, its bodies, its messages. In readers' threads."""

import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response

from tunnel.capture.looking import messages_after, size
from tunnel.capture.moments import known
from tunnel.capture.store import NoStore, Store
from tunnel.errors import TunnelError, UsageError
from tunnel.inspector import doors, shapes, views
from tunnel.inspector.answers import json, number
from tunnel.inspector.parts import Parts
from tunnel.inspector.readers import Readers
from tunnel.model.exchange import Exchange, RecordedMessage, Side

MOST_LINES = 500  # in one answer
MOST_COUNTED = 100_000
MOST_MESSAGES = 1000  # in one answer
MOST_PAYLOAD = 4 * 1024 * 1024  # bytes of messages in one answer; at least one message comes whatever its size
# A body is a stranger's: it is never shown as what it says it is, unless it is an image, and nothing in it may run.
_BODY_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


class Page(NamedTuple):
    """Which messages are asked for: at most `limit` behind number `after` (-1 for the first)."""

    after: int
    limit: int

    @classmethod
    def of(cls, request: Request) -> "Page":
        """Return what a request asks for.

        Raises: UsageError, it is no number.
        """
        after = number(request, "after", None)
        limit = number(request, "limit", 200, least=1, most=MOST_MESSAGES) or 1
        return cls(-1 if after is None else after, limit)

    def read(self, store: Store, id: int, shape: Callable[[int, RecordedMessage], shapes.Shape]) -> shapes.Shape:
        """Return them, and where the next page begins."""
        told: list[shapes.Shape] = []
        left = MOST_PAYLOAD
        more = False
        for place, message in messages_after(store, id, self.after, self.limit):
            left -= len(message.payload)
            if told and left < 0:
                more = True
                break
            told.append(shape(place, message))
        more = more or len(told) == self.limit
        return {"messages": told, "next": told[-1]["number"] if more else None}


class Exchanges:
    """Answers what asks for recorded exchanges."""

    def __init__(self, parts: Parts, readers: Readers) -> None:
        self._parts = parts
        self._readers = readers

    async def all(self, request: Request) -> Response:
        """Answer a page of the list, newest first."""
        query = doors.parsed(request.query_params.get("filter") or "")
        before = number(request, "before", None)
        limit = number(request, "limit", 100, least=1, most=MOST_LINES) or 1

        def read(store: Store) -> bytes:
            revision = store.revision()  # before the list: what comes in between is in both, and known by its revision
            lines = doors.page(store, query, before=before, limit=limit)
            told = {
                "exchanges": [shapes.summary(line) for line in lines],
                "next": lines[-1].id if len(lines) == limit else None,
                "revision": revision,
                "total": doors.count(store, query, MOST_COUNTED),
            }
            return msgspec.json.encode(told)

        try:
            return json(await self._readers.ask(read))
        except NoStore:
            return json({"exchanges": [], "next": None, "revision": 0, "total": 0})

    async def one(self, request: Request) -> Response:
        """Answer one exchange whole."""
        id = int(request.path_params["id"])
        return json(await self._readers.ask(lambda store: msgspec.json.encode(shapes.exchange(found(store, id)))))

    async def body(self, request: Request) -> Response:
        """Answer one body: as the page shows it, as it passed, or decoded."""
        id, side = int(request.path_params["id"]), _side(request.path_params["side"])
        form = request.query_params.get("form") or "view"
        if form not in ("view", "raw", "decoded"):
            raise UsageError(f"form is view, raw or decoded, not {form[:40]!r}")

        def read(store: Store) -> tuple[bytes, str]:
            exchange = found(store, id)
            kept = store.body(id, side)
            head = exchange.request_head if side is Side.REQUEST else exchange.response_head
            match form:
                case "view":
                    of = exchange.request if side is Side.REQUEST else exchange.response
                    if exchange.upgrade:
                        return msgspec.json.encode(views.upgraded()), ""
                    moments = known(exchange, store.moments(id)) if side is Side.RESPONSE else ()
                    return msgspec.json.encode(views.view(of, kept, head, moments)), ""
                case "raw":
                    return kept, views.image_type(head) if not views.coded(head) else ""
            return views.decoded(kept, head), views.image_type(head)

        data, image = await self._readers.ask(read)
        return json(data) if form == "view" else _bytes(data, image, f"exchange-{id}-{side.value}")

    async def messages(self, request: Request) -> Response:
        """Answer a page of an upgraded connection's messages, oldest first."""
        id, page = int(request.path_params["id"]), Page.of(request)

        def read(store: Store) -> bytes:
            found(store, id)
            return msgspec.json.encode(page.read(store, id, shapes.message))

        return json(await self._readers.ask(read))

    async def status(self, request: Request) -> Response:
        """Answer what this window looks at."""
        parts = self._parts

        def read(store: Store) -> dict[str, object]:
            used, count = size(store)
            return {"path": str(store.path), "bytes": used, "exchanges": count}

        try:
            stored: dict[str, object] | None = await self._readers.ask(read)
        except NoStore:
            stored = None
        statistics = await trio.to_thread.run_sync(parts.statistics) if parts.statistics else None
        return json({
            "version": parts.version,
            "url": parts.url or None,
            "target": parts.target,
            "revealable": parts.reveal is not None,
            "replayable": parts.replay is not None,
            "uptime": round(time.time() - parts.began, 1),
            "recorder": statistics and {name: getattr(statistics, name) for name in statistics.__slots__},
            "store": stored,
        })  # fmt: skip


def found(store: Store, id: int) -> Exchange:
    """Return an exchange.

    Raises:
      TunnelError: 404.
    """
    exchange = store.exchange(id)
    if exchange is None:
        raise TunnelError(
            f"there is no exchange {id}", status=404, hint="it may have been removed for its age: see --keep-age"
        )
    return exchange


def _side(text: str) -> Side:
    try:
        return Side(text)
    except ValueError:
        raise TunnelError(f"there is no body {text[:40]!r}", status=404, hint="name `request` or `response`") from None


def _bytes(data: bytes, image: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": _BODY_POLICY}
    return Response(data, media_type=image or "application/octet-stream", headers=headers)
