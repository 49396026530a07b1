"""Views: a body decoded and made readable for the page: which kind it is, its text, its parts, its events. Pure.

What it is, is judged by its Content-Type and then by its bytes; the page shows text as text, whatever it holds. Bytes that a
browser may show as an image have a type out of a fixed list, in which nothing can run.
"""

import re
from collections.abc import Callable, Sequence
from email.message import Message
from typing import Any

import msgspec

from tunnel.capture import moments as times
from tunnel.capture.decode import decode
from tunnel.capture.events import events_of
from tunnel.capture.heads import fields_of
from tunnel.capture.present import as_text, hex_view, media_type, present
from tunnel.model.exchange import Body, Moment

MOST = 1024 * 1024  # bytes, decoded, that are shown
PART_MOST = 64 * 1024  # bytes of one part of a form that are shown
MOST_PARTS = 200
IMAGES = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
)

Shape = dict[str, Any]


def view(body: Body, kept: bytes, head: bytes, moments: Sequence[Moment] = ()) -> Shape:
    """Return a body as the page shows it.

    Args:
      body: Of its true size.
      kept: What was recorded of it.
      head: That it came with.
      moments: When its parts came, where that is known.
    """
    fields = fields_of(head)
    content_type = (fields.get(b"content-type") or b"").decode("latin-1")
    codings = fields.tokens(b"content-encoding")
    decoded = decode(kept, codings, most=MOST)
    data = decoded.body[:MOST]
    shape: Shape = {"kind": "empty", "text": "", "notes": [], "parts": [], "events": []}
    if data:
        shape |= _shown(data, content_type, lambda: times.decoded(moments, kept, codings))
    notes = [*decoded.notes, *shape["notes"]]
    if not body.whole:
        why = "the recorder could not keep up" if body.lost else "the rest was not kept"
        notes.insert(0, f"{body.kept} of {body.size} bytes were recorded: {why}")
    if len(decoded.body) > MOST:
        notes.append(f"only the first {MOST} bytes are shown")
    return {**shape, "notes": notes, "truncated": not body.whole or bool(decoded.notes) or len(decoded.body) > MOST}


def upgraded() -> Shape:
    """Return what is shown in place of the bodies of an upgraded connection: it has messages."""
    note = "the connection was upgraded: what passed is in its messages"
    return {"kind": "empty", "text": "", "notes": [note], "parts": [], "events": [], "truncated": False}


def decoded(kept: bytes, head: bytes) -> bytes:
    """Return a body without its content codings, as far as they can be undone."""
    return decode(kept, fields_of(head).tokens(b"content-encoding")).body


def coded(head: bytes) -> bool:
    """Whether a body passed with a content coding."""
    return bool(fields_of(head).tokens(b"content-encoding"))


def image_type(head: bytes) -> str:
    """Return the type of a body that a browser may show as an image, else an empty string."""
    kind, _ = media_type((fields_of(head).get(b"content-type") or b"").decode("latin-1"))
    return kind if kind in IMAGES else ""


def _shown(data: bytes, content_type: str, moments: Callable[[], Sequence[Moment]]) -> Shape:
    kind, _ = media_type(content_type)
    if kind in IMAGES:
        return {"kind": "image"}
    if kind == "multipart/form-data" and (parts := _parts(data, content_type)) is not None:
        return {"kind": "multipart", **parts}
    if kind == "application/grpc":
        return {"kind": "hex", "text": hex_view(data)}
    shown = present(data, content_type)
    shape: Shape = {"kind": shown.kind, "text": shown.text, "notes": list(shown.notes)}
    events = events_of(data, kind)
    if events or (events is not None and shown.kind == "text"):
        came = moments()
        told = [{"id": e.id, "event": e.name, "data": e.data, "at": times.when(came, e.end)} for e in events]
        text = as_text(data, content_type) or data.decode("utf-8", "replace")
        return {**shape, "kind": "events", "text": text, "events": told}
    match shown.kind:
        case "text" if kind in ("text/html", "application/xhtml+xml"):
            return {**shape, "kind": "html"}
        case "text" if kind == "application/graphql":
            return {**shape, "kind": "graphql"}
        case "json" if (graphql := _graphql(data)) is not None:
            return {**shape, "kind": "graphql", **graphql}
    return shape


def _graphql(data: bytes) -> Shape | None:
    """Return the query of a GraphQL request (https://graphql.github.io/graphql-over-http), or None."""
    try:
        asked = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(asked, dict) or not set(asked) <= {"query", "variables", "operationName", "extensions"}:
        return None
    query = asked.get("query")
    if not isinstance(query, str) or "{" not in query:
        return None
    parts = [
        _part(name, text=msgspec.json.format(msgspec.json.encode(asked[name]), indent=2).decode())
        for name in ("operationName", "variables", "extensions")
        if asked.get(name)
    ]
    return {"text": query, "parts": parts}


def _parts(data: bytes, content_type: str) -> Shape | None:
    """Take a multipart/form-data body apart (RFC 7578, RFC 2046 §5.1.1); None where it has no boundary to go by."""
    boundary = _parameters("content-type", content_type).get("boundary", "")
    if not boundary or len(boundary) > 200:
        return None
    mark = b"--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + data).split(b"\r\n" + mark)
    notes = []
    found: list[Shape] = []
    for piece in pieces[1 : MOST_PARTS + 1]:
        if piece.startswith(b"--"):
            break
        head, _, content = piece.partition(b"\r\n\r\n")
        found.append(_multipart_part(head, content))
    else:
        notes.append("the last boundary is missing: the body ends early, or has more parts than are shown")
    return {"parts": found, "notes": notes, "text": ""}


def _multipart_part(head: bytes, content: bytes) -> Shape:
    fields = fields_of(b"\r\n" + head.lstrip(b"\r\n"))
    kind = (fields.get(b"content-type") or b"").decode("latin-1")
    told = _parameters("content-disposition", (fields.get(b"content-disposition") or b"").decode("utf-8", "replace"))
    shown = present(content[:PART_MOST], kind or "")
    return _part(
        told.get("name", ""),
        text=None if shown.kind == "hex" else shown.text,
        filename=told.get("filename"),
        type=kind,
        size=len(content),
        hex=hex_view(content[:512]) if shown.kind == "hex" else None,
    )


def _part(
    name: str,
    *,
    text: str | None,
    filename: str | None = None,
    type: str = "",
    size: int | None = None,
    hex: str | None = None,
) -> Shape:
    return {
        "name": name,
        "filename": filename,
        "type": type,
        "size": len((text or "").encode("utf-8", "replace")) if size is None else size,
        "text": text,
        "hex": hex,
    }


def _parameters(name: str, value: str) -> dict[str, str]:
    """Return a field's parameters, by the standard library's reading of them (RFC 2231 and quoted strings)."""
    message = Message()
    try:
        message[name] = re.sub(r"[\r\n]", " ", value)
        pairs: Sequence[tuple[str, str]] = message.get_params(header=name, unquote=True) or []
        return {key.lower(): text for key, text in pairs if isinstance(text, str)}
    except (ValueError, TypeError, IndexError):
        return {}
