"""Shapes: exchanges and messages as the objects of the API. Pure; openapi.json says the same, and a test compares them.

Heads are shown as they came and as they were sent on, each field marked with what became of it.
"""

import base64
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tunnel.capture.heads import fields_of, lines_of, media_type_of
from tunnel.capture.told import tls_fields
from tunnel.model.exchange import Body, Exchange, RecordedMessage, Summary

Shape = dict[str, Any]
TEXT_MOST = 256 * 1024  # bytes of one message that are shown


def summary(summary: Summary) -> Shape:
    """Return a line of the list."""
    return summary._asdict()


def exchange(exchange: Exchange) -> Shape:
    """Return an exchange whole, without its bodies and messages."""
    timings, tls, failure = exchange.timings, exchange.tls, exchange.failure
    answered = bool(exchange.response_head or exchange.response.size)
    return {
        "id": exchange.id,
        "revision": exchange.revision,
        "state": exchange.state.value,
        "started": exchange.started,
        "ended": timings.ended,
        "method": exchange.method,
        "host": exchange.host,
        "target": exchange.target,
        "status": exchange.status,
        "upgrade": exchange.upgrade,
        "type": media_type_of(exchange.response_head),
        "request_size": exchange.request.size,
        "response_size": exchange.response.size,
        "messages": exchange.messages,
        "caller": exchange.caller,
        "caller_pid": exchange.caller_pid,
        "error": failure.what if failure else "",
        "fault": failure.fault.value if failure else "",
        "parent": exchange.parent,
        "source": exchange.source,
        "redacted": exchange.redacted,
        "device": exchange.device,
        "rule": exchange.rule,
        "timings": {
            "accepted": timings.accepted,
            "ready": timings.ready,
            "connected": timings.connected,
            "first": timings.first,
            "ended": timings.ended,
        },
        "address": exchange.address,
        "port": exchange.port,
        "listener": exchange.listener,
        "listener_port": exchange.listener_port,
        "upstream": exchange.upstream,
        "reused": exchange.reused,
        "tls": tls_fields(tls),
        "failure": {"what": failure.what, "hint": failure.hint, "fault": failure.fault.value} if failure else None,
        "repairs": list(exchange.repairs),
        "http_version": _version(exchange.request_head),
        "request": _side(exchange.request_head, exchange.sent_head, exchange.request, exchange.request_trailers),
        "response": _side(exchange.response_head, exchange.returned_head, exchange.response, exchange.response_trailers)
        if answered
        else None,
        "informational": [text for text in lines_of(exchange.informational) if text.startswith("HTTP/")],
    }


def message(number: int, message: RecordedMessage) -> Shape:
    """Return a message of an upgraded connection: text as text, the rest in base64; a close frame as its code and reason."""
    payload = message.payload[:TEXT_MOST]
    text: str | None = None
    match message.kind:
        case "text":
            text = payload.decode("utf-8", "replace")
        case "close":
            text = (
                f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode('utf-8', 'replace')}".rstrip()
                if payload
                else ""
            )
    return {
        "number": number,
        "from_client": message.from_client,
        "kind": message.kind,
        "at": message.at,
        "size": message.size,
        "text": text,
        "base64": base64.b64encode(payload).decode() if text is None else None,
    }


def _side(came: bytes, went: bytes, body: Body, trailers: bytes | None) -> Shape:
    first, *fields = lines_of(came) or [""]
    sent_first, *sent = lines_of(went) or [""]
    both = Counter(fields) & Counter(sent)
    names = {_name(text) for text in fields}
    head = fields_of(came)
    return {
        "line": first,
        "fields": _marked(fields, both, lambda text: "removed" if went else ""),
        "sent_line": sent_first,
        "sent": _marked(sent, both, lambda text: "changed" if _name(text) in names else "added"),
        "body": {
            "size": body.size,
            "kept": body.kept,
            "lost": body.lost,
            "type": (head.get(b"content-type") or b"").decode("latin-1"),
            "coding": b", ".join(head.tokens(b"content-encoding")).decode("latin-1"),
        },
        "trailers": None if trailers is None else _marked(lines_of(trailers), None, lambda text: ""),
    }


def _marked(lines: list[str], unchanged: Mapping[str, int] | None, mark: Any) -> list[Shape]:
    """Return fields, those beyond the unchanged ones marked."""
    left = Counter(lines if unchanged is None else unchanged)
    found = []
    for text in lines:
        name, _, value = text.partition(":")
        kept = left[text] > 0
        left[text] -= kept
        found.append({"name": name, "value": value.strip(" \t"), "change": "" if kept else mark(text)})
    return found


def _name(line: str) -> str:
    return line.partition(":")[0].lower()


def _version(head: bytes) -> str:
    """Return "1.1" of a request's first line; empty where it could not be read."""
    first = lines_of(head)[0] if head else ""
    return first.rpartition(" HTTP/")[2] if " HTTP/" in first else ""
