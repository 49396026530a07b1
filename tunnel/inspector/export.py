"""Export: a download of what a filter lets through, streamed: read some, send them, read on. Nothing holds it whole."""

from collections.abc import Iterator
from itertools import islice

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tunnel.capture.query import Query
from tunnel.capture.store import Store
from tunnel.errors import UsageError
from tunnel.inspector import doors
from tunnel.inspector.readers import Readers
from tunnel.model.exchange import Exchange, Side

TYPES = {"har": "application/json", "json": "application/json", "jsonl": "application/x-ndjson"}
PIECE = 256 * 1024  # bytes after which a reading ends
AT_ONCE = 20  # exchanges after which it ends too, so that others get their turn
_NUMBERS = 500  # read at once


class Export:
    """An ASGI app for `/api/export`."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send one file. A client that leaves ends it with its next piece."""
        request = Request(scope)
        form = request.query_params.get("format") or "har"
        if form not in TYPES:
            raise UsageError(f"format is har, json or jsonl, not {form[:40]!r}")
        download = Download(doors.parsed(request.query_params.get("filter") or ""), form)
        piece = await self._readers.ask(download.some)  # what is wrong from the beginning is still an answer of its own
        disposition = f'attachment; filename="tunnel-export.{form}"'
        head = Response(media_type=TYPES[form], headers={"Content-Disposition": disposition})
        fields = [(name, value) for name, value in head.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        while not download.done:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await self._readers.ask(download.some)
        await send({"type": "http.response.body", "body": piece, "more_body": False})


class Download:
    """How far one download has come. Each reading is with a store of its own.

    Attributes:
      done: Nothing follows.
    """

    def __init__(self, query: Query | None, form: str) -> None:
        self._query = query
        self._store: Store | None = None
        self._taken = 0  # exchanges
        self.done = False
        match form:
            case "har":
                self._pieces = doors.har_log(self._each(doors.har_entry))
            case "json":
                self._pieces = _as_list(self._each(doors.told))
            case _:
                self._pieces = (_text(told) + "\n" for told in self._each(doors.told))

    def some(self, store: Store) -> bytes:
        """Return the next piece of the file; in a thread."""
        self._store = store
        enough = self._taken + AT_ONCE
        pieces: list[bytes] = []
        size = 0
        while size < PIECE and self._taken < enough:
            piece = next(self._pieces, None)
            if piece is None:
                self.done = True
                break
            pieces.append(piece.encode("utf-8", "replace"))
            size += len(pieces[-1])
        self._store = None
        return b"".join(pieces)

    def _each(self, make: doors.Make) -> Iterator[dict[str, object]]:
        last = 0
        while numbers := list(islice(doors.ids(self._reading(), self._query, after=last), _NUMBERS)):
            for last in numbers:
                self._taken += 1
                exchange = self._reading().exchange(last)
                if exchange is not None:  # it may have been removed meanwhile
                    yield self._made(exchange, make)

    def _made(self, exchange: Exchange, make: doors.Make) -> dict[str, object]:
        store = self._reading()
        request, response = store.body(exchange.id, Side.REQUEST), store.body(exchange.id, Side.RESPONSE)
        messages = store.messages(exchange.id) if exchange.messages else ()
        return make(exchange, request, response, messages, store.moments(exchange.id))

    def _reading(self) -> Store:
        assert self._store is not None, "pieces are taken by `some` alone"
        return self._store


def _as_list(all: Iterator[dict[str, object]]) -> Iterator[str]:
    before = "[\n"
    for told in all:
        yield before + _text(told)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _text(told: dict[str, object]) -> str:
    return msgspec.json.encode(told).decode()
