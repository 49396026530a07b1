"""Revealing: the part of the API that puts secrets back in place of their pseudonyms, where this process still has them.

What was recorded here holds no pseudonym but ours: what a client sent that looks like one was hidden like a secret. A
recording by somebody else may hold any, copied from anywhere, so of that nothing is put back.
"""

import base64
import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tunnel.capture import moments
from tunnel.capture.heads import fields_of
from tunnel.capture.recode import changed
from tunnel.capture.store import Store
from tunnel.errors import TunnelError
from tunnel.inspector import shapes, views
from tunnel.inspector.answers import json
from tunnel.inspector.exchanges import Page, found
from tunnel.inspector.parts import Parts, Reveal
from tunnel.inspector.readers import Readers
from tunnel.model.exchange import Exchange, Moment, RecordedMessage, Side
from tunnel.model.pseudonym import places

NO_FRONT = "without a running front nobody has the real values, or could send anything"
_SECRET = ("request_head", "sent_head", "response_head", "returned_head", "request_trailers", "response_trailers")


class Revealing:
    """Answers with secrets."""

    def __init__(self, parts: Parts, readers: Readers) -> None:
        self._parts = parts
        self._readers = readers

    async def exchange(self, request: Request) -> Response:
        """Answer an exchange with the real values of what was redacted."""
        id = int(request.path_params["id"])
        reveal = self._reveal(id)
        return json(await self._readers.ask(lambda store: msgspec.json.encode(_revealed(store, id, reveal))))

    async def messages(self, request: Request) -> Response:
        """Answer a page of an upgraded connection's messages with the real values of what was redacted."""
        id, page = int(request.path_params["id"]), Page.of(request)
        reveal = self._reveal(id)

        def read(store: Store) -> bytes:
            exchange = found(store, id)
            known = revealing(exchange, reveal)
            assert known is not None
            missing = 0

            def shape(number: int, message: RecordedMessage) -> shapes.Shape:
                nonlocal missing
                payload, gone = known(message.payload)
                missing += gone
                told = shapes.message(number, dataclasses.replace(message, payload=payload))
                return {**told, "payload": base64.b64encode(payload).decode()}

            return msgspec.json.encode({**page.read(store, id, shape), "missing": missing})

        return json(await self._readers.ask(read))

    def _reveal(self, id: int) -> Reveal:
        if self._parts.reveal is None:
            raise TunnelError(
                f"nothing of {id} can be revealed: {NO_FRONT}",
                status=409,
                hint="the real values were never written; only the process that saw them has them, while it runs",
            )
        return self._parts.reveal


def revealing(exchange: Exchange, reveal: Reveal | None) -> Reveal | None:
    """Return what puts an exchange's secrets back: nobody can for one that was imported."""
    return reveal if reveal is None or not exchange.source else _unknown


def _unknown(text: bytes) -> tuple[bytes, int]:
    return text, len({name for _, _, name in places(text)})


def _revealed(store: Store, id: int, reveal: Reveal) -> dict[str, object]:
    exchange = found(store, id)
    known = revealing(exchange, reveal)
    assert known is not None
    missing = 0
    heads: dict[str, Any] = {}
    for name in _SECRET:
        value = getattr(exchange, name)
        if value:
            heads[name], gone = known(value)
            # A secret of a head is in both of its forms; it is counted once.
            missing += gone if name not in ("sent_head", "returned_head") else 0
    heads["target"] = known(exchange.target.encode("utf-8", "replace"))[0].decode("utf-8", "replace")
    shown = dataclasses.replace(exchange, **heads)
    told = shapes.exchange(shown)
    for side, head, body in (
        (Side.REQUEST, shown.request_head, shown.request),
        (Side.RESPONSE, shown.response_head, shown.response),
    ):
        if told[side.value] is None:
            continue
        stored, codings = store.body(id, side), fields_of(head).tokens(b"content-encoding")
        kept, gone = changed(stored, codings, known)
        missing += gone
        came: Sequence[Moment] = ()
        if side is Side.RESPONSE and not (codings and kept != stored):
            came = moments.changed(
                moments.known(exchange, store.moments(id)), stored, lambda part: known(part)[0] if part else part
            )
        told[side.value]["view"] = views.view(
            dataclasses.replace(body, kept=len(kept), size=len(kept)) if body.whole else body, kept, head, came
        )
        told[side.value]["base64"] = base64.b64encode(kept).decode()
    return {"exchange": told, "missing": missing}
