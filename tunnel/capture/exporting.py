"""Exporting: many exchanges out of the store as one text, piece by piece, so that a long export never holds everything.

Where the text goes is for `cli` and the inspector.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tunnel.capture import snippets
from tunnel.capture.store import Store
from tunnel.capture.told import json_text, whole_fields
from tunnel.model.exchange import Exchange, Moment, RecordedMessage, Side


class Format(enum.StrEnum):
    """What an export is written as."""

    HAR = "har"
    JSON = "json"
    JSONL = "jsonl"
    CURL = "curl"


class Whole(NamedTuple):
    """An exchange with its bodies, as they passed, its messages, read as they are asked for, and when parts came."""

    exchange: Exchange
    request_body: bytes
    response_body: bytes
    messages: Iterator[RecordedMessage]
    moments: Sequence[Moment]


def wholes(store: Store, ids: Iterable[int]) -> Iterator[Whole]:
    """Yield exchanges by their numbers, one at a time; one that was removed meanwhile is left out."""
    for id in ids:
        exchange = store.exchange(id)
        if exchange is not None:
            bodies = store.body(id, Side.REQUEST), store.body(id, Side.RESPONSE)
            yield Whole(exchange, *bodies, store.messages(id), store.moments(id))


def pieces(found: Iterable[Whole], form: Format, *, root: str = "") -> Iterator[str]:
    """Yield the text of an export.

    Args:
      found: What is exported, in its order.
      form: As what.
      root: For curl: the file of an authority's certificate that it would not know by itself, or empty.
    """
    match form:
        case Format.HAR:
            from tunnel.capture import har  # brings msgspec, which `tunnel --help` need not load

            yield from har.log(har.entry(*whole) for whole in found)
        case Format.JSON:
            yield "["
            before = "\n"
            for whole in found:
                yield before + json_text(whole_fields(*whole))
                before = ",\n"
            yield "\n]\n"
        case Format.JSONL:
            for whole in found:
                yield json_text(whole_fields(*whole)) + "\n"
        case Format.CURL:
            between = ""
            for exchange, body, *_ in found:
                url = snippets.front_of(exchange)
                known = root if url.startswith("https:") and exchange.listener else ""
                yield between + snippets.curl(exchange, body, url, root=known) + "\n"
                between = "\n"
