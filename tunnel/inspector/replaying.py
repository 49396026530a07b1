"""Replaying: what a visitor wishes to have sent again, made into a plan, sent, and found in the record.

What of a request can be sent again is decided in `rules.replaying`; sending is handed in by whoever opened the window.
"""

import base64
import binascii
import dataclasses
from collections.abc import Sequence
from typing import Annotated

import msgspec
import trio

from tunnel.capture.heads import fields_of
from tunnel.capture.recode import changed
from tunnel.capture.store import Store
from tunnel.errors import TunnelError, UsageError
from tunnel.inspector.exchanges import found
from tunnel.inspector.parts import Parts, Reveal
from tunnel.inspector.readers import Readers
from tunnel.inspector.revealing import revealing
from tunnel.model.address import parse_target
from tunnel.model.exchange import Exchange, Side
from tunnel.model.headers import Headers
from tunnel.model.replay import Draft, ReplayPlan
from tunnel.rules.replaying import Edits, addressed, edited, no_secrets, planned, pseudonyms, recalled

MOST_TIMES = 100
PATIENCE = 60.0  # seconds for one answer
_WRITTEN = 2.0  # seconds for the recorder to write what was sent; it takes 50 ms
_LOOK = 0.05  # seconds


class ReplayWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be otherwise than it was recorded; None changes nothing.

    Attributes:
      headers: All of the fields, in place of those that were recorded.
      to: Where it goes instead of to the front, as one names a target.
    """

    method: str | None = None
    target: str | None = None
    headers: list[tuple[str, str]] | None = None
    body_base64: str | None = None
    to: str = ""
    times: Annotated[int, msgspec.Meta(ge=1, le=MOST_TIMES)] = 1


async def replayed(id: int, wish: ReplayWish, parts: Parts, readers: Readers) -> list[dict[str, object]]:
    """Send it, as often as is wished, one after the other; what came of each.

    Raises:
      TunnelError: It cannot be sent again (409).
      UsageError: What is wished for is no request.
    """
    assert parts.replay is not None
    plan = await readers.ask(lambda store: _plan(store, id, wish, parts))
    told: list[dict[str, object]] = []
    for _ in range(wish.times):
        before = await readers.ask(_newest)
        try:
            answer = await parts.replay(plan)
        except TunnelError as error:
            told.append({"id": None, "status": None, "error": error.what})
            continue
        number = await _recorded(readers, id, answer.port, before) if plan.front else None
        told.append({"id": number, "status": answer.status, "error": answer.cut})
    return told


def _plan(store: Store, id: int, wish: ReplayWish, parts: Parts) -> ReplayPlan:
    exchange = found(store, id)
    kept = store.body(id, Side.REQUEST)
    try:
        return _planned(exchange, fields_of(exchange.request_head), kept, wish, parts)
    except UsageError:
        raise
    except TunnelError as error:
        raise TunnelError(error.what, hint=error.hint, status=409) from error


def _planned(exchange: Exchange, fields: Headers, kept: bytes, wish: ReplayWish, parts: Parts) -> ReplayPlan:
    draft = recalled(exchange, fields, kept, body=_body(wish))
    edits = Edits(
        method=None if wish.method is None else wish.method.encode("latin-1", "replace"),
        target=None if wish.target is None else wish.target.encode("latin-1", "replace"),
    )
    draft = edited(draft, edits)
    place = parse_target(wish.to or parts.url)
    if wish.to:
        draft = addressed(draft, place)
    if wish.headers is not None:
        # A form that shows what came shows what belongs to its connection too; that is made anew, so it may stand there.
        made = set(fields.names) - set(draft.headers.names)
        given = [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in wish.headers
        ]
        draft = dataclasses.replace(draft, headers=Headers([field for field in given if field[0].lower() not in made]))
    if where := pseudonyms(draft):
        codings = fields.tokens(b"content-encoding") if wish.body_base64 is None else []
        # Whoever edits a request that was shown with pseudonyms means the values that they stand for.
        draft, where = _with_secrets(draft, where, codings, revealing(exchange, parts.reveal))
    if where:
        why = "this process has not seen them, or has them no more"
        raise no_secrets(exchange.id, where, why)
    return planned(draft, parent=exchange.id, place=place, front=not wish.to, patience=PATIENCE)


def _with_secrets(
    draft: Draft, where: tuple[str, ...], codings: Sequence[bytes], reveal: Reveal | None
) -> tuple[Draft, tuple[str, ...]]:
    """Return a draft with its secrets, and where they are not known any more.

    What comes out may look like a pseudonym again, where the client itself sent one: it is sent as it came.
    """
    if reveal is None:
        return draft, where
    missing: set[str] = set()

    def real(place: str, text: bytes, codings: Sequence[bytes] = ()) -> bytes:
        if place not in where:
            return text
        done, gone = changed(text, codings, reveal)
        if gone or done == text:  # of one within base64 nothing can be put back
            missing.add(place)
        return done

    draft = dataclasses.replace(
        draft,
        target=real("the target", draft.target),
        headers=Headers([(name, real(name.decode("latin-1"), value)) for name, value in draft.headers]),
        body=real("the body", draft.body, codings),
    )
    return draft, tuple(place for place in where if place in missing)


def _body(wish: ReplayWish) -> bytes | None:
    if wish.body_base64 is None:
        return None
    try:
        return base64.b64decode(wish.body_base64, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("body_base64 is not base64") from None


def _newest(store: Store) -> int:
    return int(store.select("SELECT coalesce(max(id), 0) FROM course")[0][0])


async def _recorded(readers: Readers, parent: int, port: int, before: int) -> int | None:
    """Return the number under which the front recorded what was just sent; None if it does not come to be written."""

    def look(store: Store) -> int | None:
        rows = store.select(
            "SELECT id FROM exchange WHERE id > ? AND parent = ? AND json_extract(connection, '$.port') = ? LIMIT 1",
            (before, parent, port),
        )
        return int(rows[0][0]) if rows else None

    with trio.move_on_after(_WRITTEN):
        while True:
            number = await readers.ask(look)
            if number is not None:
                return number
            await trio.sleep(_LOOK)
    return None
