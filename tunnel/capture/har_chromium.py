"""What Chromium puts into HAR beyond its specification, and its developer tools read: kinds of resources, messages."""

import base64
import re
from collections.abc import Sequence

from tunnel.capture.decode import decode
from tunnel.capture.events import EVENT_STREAM, events_of
from tunnel.capture.har_parts import latin
from tunnel.capture.moments import decoded, known, when
from tunnel.capture.present import media_type
from tunnel.model.exchange import Exchange, Moment, RecordedMessage
from tunnel.model.headers import Headers

OPCODES = {"text": 1, "binary": 2, "bytes": 2, "close": 8, "ping": 9, "pong": 10}  # RFC 6455 §11.8
_KINDS = {  # of resource, in Chromium's words, by what a browser says that it wants it for (Fetch §2.2.5)
    "document": "document", "iframe": "document", "frame": "document", "style": "stylesheet", "script": "script",
    "image": "image", "font": "font", "audio": "media", "video": "media", "track": "texttrack", "manifest": "manifest",
    "worker": "script", "sharedworker": "script", "serviceworker": "script", "report": "csp-violation-report",
}  # fmt: skip
_TYPES = (  # and by what it got
    (r"text/event-stream", "eventsource"), (r"text/html|application/xhtml\+xml", "document"), (r"text/css", "stylesheet"),
    (r"\w+/(x-)?(java|ecma)script", "script"), (r"image/.*", "image"), (r"font/.*|application/font.*", "font"),
    (r"(audio|video)/.*", "media"), (r"application/manifest\+json", "manifest"), (r".*[/+]json", "fetch"),
)  # fmt: skip


def message_entry(message: RecordedMessage) -> dict[str, object]:
    """Return a message as Chromium writes one: a text as it is, the rest in base64; its time in seconds."""
    is_text = message.kind == "text"
    told: dict[str, object] = {
        "type": "send" if message.from_client else "receive",
        "time": message.at / 1e6,
        "opcode": OPCODES.get(message.kind, 2),
        "data": message.payload.decode("utf-8", "replace")
        if is_text
        else base64.b64encode(message.payload).decode("ascii"),
    }
    if message.kind == "bytes":
        told["_kind"] = "bytes"  # of a protocol that nobody here reads
    if message.size != len(message.payload):
        told["_size"] = message.size  # only its beginning was kept
    if is_text and str(told["data"]).encode() != message.payload:
        told["_base64"] = base64.b64encode(message.payload).decode("ascii")  # cut within a character, or no UTF-8
    return told


def event_entries(
    exchange: Exchange, answered: Headers, body: bytes, moments: Sequence[Moment]
) -> list[dict[str, object]]:
    """Return the events of an event stream, as its developer tools know them; times are in seconds since the epoch."""
    if media_type(latin(answered.get(b"content-type")))[0] != EVENT_STREAM:
        return []
    codings = answered.tokens(b"content-encoding")
    came = decoded(known(exchange, moments), body, codings)
    told: list[dict[str, object]] = []
    for event in events_of(decode(body, codings).body, EVENT_STREAM) or ():
        at = when(came, event.end)
        one: dict[str, object] = {"eventName": event.name, "eventId": event.id, "data": event.data}
        told.append(one if at is None else {"time": at / 1e6, **one})
    return told


def resource_type(exchange: Exchange, asked: Headers, answered: Headers) -> str:
    """Return what was fetched: by what the browser said that it wants it for, else by what came."""
    if exchange.upgrade == "websocket":
        return "websocket"
    wanted = _KINDS.get(latin(asked.get(b"sec-fetch-dest")).lower())
    if wanted:
        return wanted
    if asked.get(b"x-requested-with") == b"XMLHttpRequest":
        return "xhr"
    got = latin(answered.get(b"content-type")).partition(";")[0].strip().lower()
    return next((kind for pattern, kind in _TYPES if re.fullmatch(pattern, got)), "other")
