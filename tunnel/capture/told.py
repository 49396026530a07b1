"""Told: an exchange as one JSON object, all of it, for programs. What people read is written in `cli`.

The keys are a promise (docs/command.md).
"""

import base64
import re
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tunnel.capture.heads import media_type_of
from tunnel.model.peer import Tls

if TYPE_CHECKING:
    from tunnel.model.exchange import Body, Exchange, Moment, RecordedMessage  # of which a line needs nothing

# What JSON leaves as it is and a terminal would obey, or show as something else: DEL, C1, separators, bidi controls.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")


def whole_fields(
    exchange: "Exchange",
    request: bytes,
    response: bytes,
    messages: "Iterable[RecordedMessage]",
    moments: "Iterable[Moment]" = (),
) -> dict[str, object]:
    """Return an exchange as the object that `tunnel show --json` prints.

    Args:
      exchange: What is told.
      request: What was kept of its request's body; `response` of its response's.
      messages: Of an upgraded connection, oldest first.
      moments: When the parts of its response's body came, where that is known.
    """
    timings, tls, failure = exchange.timings, exchange.tls, exchange.failure
    return {
        "id": exchange.id,
        "state": exchange.state.value,
        "started": iso(exchange.started),
        "method": exchange.method,
        "host": exchange.host,
        "target": exchange.target,
        "status": exchange.status,
        "upgrade": exchange.upgrade,
        "type": media_type_of(exchange.response_head),
        "client": {"address": exchange.address, "port": exchange.port},
        "listener": {"address": exchange.listener, "port": exchange.listener_port},
        "tls": tls_fields(tls),
        "caller": exchange.caller,
        "caller_pid": exchange.caller_pid,
        "upstream": exchange.upstream,
        "upstream_reused": exchange.reused,
        "timings": {
            "accepted_ms": timings.accepted / 1000,
            "ready_ms": timings.ready / 1000,
            "connected_ms": _ms(timings.connected),
            "first_byte_ms": _ms(timings.first),
            "ended_ms": _ms(timings.ended),
        },
        "failure": failure and {"error": failure.what, "hint": failure.hint, "fault": failure.fault.value},
        "repairs": list(exchange.repairs),
        "parent": exchange.parent,
        "source": exchange.source,
        "redacted": exchange.redacted,
        "device": exchange.device,
        "rule": exchange.rule,
        "request": {
            "head": exchange.request_head.decode("latin-1"),
            "sent_head": exchange.sent_head.decode("latin-1"),
            **_body_fields(exchange.request, request, exchange.request_trailers),
        },
        "informational": exchange.informational.decode("latin-1"),
        "response": {
            "head": exchange.response_head.decode("latin-1"),
            "returned_head": exchange.returned_head.decode("latin-1"),
            **_body_fields(exchange.response, response, exchange.response_trailers),
            "pieces": list(_pieces(moments)),
        },
        "messages": [
            {
                "from": "client" if message.from_client else "upstream",
                "kind": message.kind,
                "at": iso(message.at),
                "bytes": message.size,
                "payload_base64": base64.b64encode(message.payload).decode(),
            }
            for message in messages
        ],
    }


def tls_fields(tls: Tls | None) -> dict[str, str] | None:
    """Return what TLS agreed as an object; None on a plain connection."""
    return {"version": tls.version, "cipher": tls.cipher, "sni": tls.sni, "alpn": tls.alpn} if tls else None


def iso(micros: int) -> str:
    """Return µs since the epoch as an RFC 3339 time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(micros // 1_000_000)) + f".{micros % 1_000_000:06}Z"


def json_text(value: object) -> str:
    """Return a value as JSON on one line, in which nothing commands a terminal."""
    import msgspec.json  # not needed by those who only record

    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", msgspec.json.encode(value).decode())


def _body_fields(body: "Body", kept: bytes, trailers: bytes | None) -> dict[str, object]:
    return {
        "body_bytes": body.size,
        "kept_bytes": body.kept,
        "lost": body.lost,
        "body_base64": base64.b64encode(kept).decode(),
        "trailers": None if trailers is None else trailers.decode("latin-1"),
    }


def _pieces(moments: "Iterable[Moment]") -> Iterator[dict[str, object]]:
    begin = 0
    for end, at in moments:
        yield {"at": None if at is None else iso(at), "bytes": end - begin}
        begin = end


def _ms(micros: int | None) -> float | None:
    return None if micros is None else micros / 1000
