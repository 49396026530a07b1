"""Doing: the part of the API that does something with what was recorded: copy, compare, send again.

What a request is as a command, what differs, and what is sent is decided in other rooms (`inspector.doors`,
`inspector.replaying`); here it is read and answered.
"""

import dataclasses
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from tunnel.capture.store import Store
from tunnel.errors import TunnelError, UsageError
from tunnel.inspector import doors
from tunnel.inspector.answers import body_as, json, number
from tunnel.inspector.exchanges import found
from tunnel.inspector.parts import Parts
from tunnel.inspector.readers import Readers
from tunnel.inspector.replaying import ReplayWish, replayed
from tunnel.inspector.revealing import NO_FRONT
from tunnel.model.exchange import Exchange, Side

KINDS = ("curl", "fetch", "requests", "har")
MOST_BODY = 24 * 1024 * 1024  # bytes of a JSON body that may hold one in base64


class Doing:
    """Answers what asks for something to be done."""

    def __init__(self, parts: Parts, readers: Readers) -> None:
        self._parts = parts
        self._readers = readers

    async def copy(self, request: Request) -> Response:
        """Answer a request as text to paste elsewhere."""
        id, kind = int(request.path_params["id"]), request.path_params["kind"]
        if kind not in KINDS:
            raise TunnelError(
                f"a request cannot be copied as {kind[:40]!r}", status=404, hint=f"name one of {', '.join(KINDS)}"
            )
        url = self._parts.url

        def read(store: Store) -> str:
            exchange = found(store, id)
            body = store.body(id, Side.REQUEST)
            if kind == "har":
                messages = store.messages(id) if exchange.messages else ()
                answer = store.body(id, Side.RESPONSE)
                return "".join(doors.har_log([doors.har_entry(exchange, body, answer, messages, store.moments(id))]))
            return doors.copied(kind, exchange, body, url or _address_of(exchange))

        return json({"text": await self._readers.ask(read)})

    async def compare(self, request: Request) -> Response:
        """Answer what differs between two exchanges."""
        left, right = number(request, "left", None), number(request, "right", None)
        if left is None or right is None:
            raise UsageError("two exchanges are compared", hint="name both: /api/compare?left=1&right=2")

        def read(store: Store) -> list[object]:
            rows = doors.compared(store, found(store, left), found(store, right))
            return [dataclasses.asdict(row) for row in rows]

        return json({"rows": await self._readers.ask(read)})

    async def replay(self, request: Request) -> Response:
        """Send a recorded request again, edited or not, once or more."""
        id = int(request.path_params["id"])
        wish = cast(ReplayWish, await body_as(request, ReplayWish, MOST_BODY))
        if self._parts.replay is None:
            raise TunnelError(
                f"{id} is not sent again: {NO_FRONT}", status=409, hint=f"start the front, or type: tunnel replay {id}"
            )
        return json({"replays": await replayed(id, wish, self._parts, self._readers)})


def _address_of(exchange: Exchange) -> str:
    scheme = "https" if exchange.tls else "http"
    return f"{scheme}://{exchange.host or f'{exchange.listener}:{exchange.listener_port}'}"
