"""Reading of fields: the Python that makes a field's values of an exchange's raw ones. Both readings of a filter call it."""

import re
from collections.abc import Sequence

from tunnel.capture.heads import fields_of, media_type_of

_PORT = re.compile(r":[0-9]")
_KINDS = (
    ("sse", ("text/event-stream",)),
    ("grpc", ("application/grpc",)),
    ("html", ("text/html", "application/xhtml+xml")),
    ("css", ("text/css",)),
    ("script", ("text/javascript", "application/javascript", "application/x-javascript", "application/ecmascript",
                "text/ecmascript", "application/wasm")),
    ("image", ("image/",)),
    ("font", ("font/", "application/font", "application/vnd.ms-fontobject", "application/x-font")),
    ("media", ("audio/", "video/", "application/vnd.apple.mpegurl", "application/dash+xml")),
    ("form", ("multipart/", "application/x-www-form-urlencoded")),
    ("xml", ("text/xml", "application/xml")),
    ("text", ("text/",)),
)  # fmt: skip


def flag(value: object) -> Sequence[int]:
    """Return a truth as SQLite has it."""
    return (int(bool(value)),)


def host_values(host: str) -> Sequence[str]:
    """Return a Host as it was sent, and without its port."""
    return (host, host.rstrip("0123456789").rstrip(":") if _PORT.search(host) else host)


def path_of(target: str) -> Sequence[str]:
    """Return a target's path."""
    return (target.partition("?")[0],)


def query_of(target: str) -> Sequence[str]:
    """Return a target's query, without the question mark."""
    return (target.partition("?")[2],)


def url_of(tls: object, host: str, target: str) -> Sequence[str]:
    """Return the whole address that was asked for."""
    return (f"{'https' if tls else 'http'}://{host}{target}",)


def text_of_head(*heads: bytes) -> Sequence[str]:
    """Return heads as text in which bytes that are no UTF-8 stay apart from every character."""
    return [head.decode("utf-8", "surrogateescape") for head in heads]


def header_values(name: bytes, *heads: bytes) -> Sequence[str]:
    """Return the values of a header field in these heads; an empty one where it is not there at all.

    Args:
      name: In lower case.
      heads: As they came.
    """
    found: list[str] = []
    for head in heads:
        if name in head.lower():  # most heads do not have it, and taking one apart takes longer
            found += [value.decode("utf-8", "surrogateescape") for value in fields_of(head).all(name)]
    return found or [""]


def types_of(upgrade: str, response_head: bytes) -> Sequence[str]:
    """Return what kind of exchange it is: how it went, what it brought, where that is told, and the media type of that."""
    if upgrade:
        return ("ws" if upgrade.lower() == "websocket" else "upgrade",)
    kind = media_type_of(response_head)
    if not kind:
        return ("http",)
    if kind == "application/json" or kind.endswith("+json") or kind in ("application/x-ndjson", "application/jsonl"):
        return ("http", "json", kind)
    for name, prefixes in _KINDS:
        if kind.startswith(prefixes):
            return ("http", name, kind)
    return ("http", "xml" if kind.endswith("+xml") else "binary", kind)
