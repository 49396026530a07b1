"""HAR: exchanges as an HTTP Archive 1.2, which browsers' developer tools open, and back. This file writes; `har_read` reads.

An entry tells what the client saw: the request as it came, the answer as it went to the client, its body decoded. What HAR
has no place for stands under names that begin with `_`, as its §5 wants: WebSocket messages as Chromium writes them
(`_webSocketMessages`), events of a stream (`_eventSourceMessages`), and what only tunnel knows (`_tunnel`), so that what was
exported can be imported without loss.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tunnel import __version__
from tunnel.capture import har_parts as parts
from tunnel.capture.decode import decode
from tunnel.capture.har_chromium import event_entries, message_entry, resource_type
from tunnel.capture.har_forms import pairs_of, params_of, received_cookies, sent_cookies
from tunnel.capture.har_read import HarError, Imported, Raw, entries, imported, read
from tunnel.capture.heads import fields_of, lines_of
from tunnel.capture.told import json_text, tls_fields
from tunnel.model.exchange import Body, Exchange, Moment, RecordedMessage
from tunnel.model.headers import Headers

__all__ = ["HarError", "Imported", "Raw", "entries", "entry", "imported", "log", "read"]


def entry(
    exchange: Exchange,
    request_body: bytes,
    response_body: bytes,
    messages: Iterable[RecordedMessage],
    moments: Sequence[Moment] = (),
) -> dict[str, object]:
    """Return an exchange as an entry of a HAR log.

    Args:
      exchange: What is told.
      request_body: What was kept of it, as it passed; `response_body` likewise, content-coded.
      messages: Of an upgraded connection, oldest first.
      moments: When the parts of the answer's body came, where that is known.
    """
    asked, answered = fields_of(exchange.request_head), fields_of(exchange.returned_head)
    url, timings = _url(exchange), _timings(exchange)
    content, coded = _content(exchange, answered, response_body)
    told: dict[str, object] = {
        "startedDateTime": parts.date(exchange.started),
        "time": round(sum(taken for taken in timings.values() if taken > 0), 3),
        "request": _request(exchange, url, asked, request_body),
        "response": _response(exchange, answered, content),
        "cache": {},
        "timings": timings,
        "connection": str(exchange.port),
        "_resourceType": resource_type(exchange, asked, answered),
        "_tunnel": _tunnel(exchange, url, asked, answered, coded, moments),
    }
    if _is_address(exchange.listener):
        told["serverIPAddress"] = exchange.listener
    if exchange.upgrade:
        told["_webSocketMessages"] = [message_entry(message) for message in messages]
    elif events := event_entries(exchange, answered, response_body, moments):
        told["_eventSourceMessages"] = events
    return told


def log(entries: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield a whole HAR file, piece by piece: an entry is taken when the pieces before it have been."""
    creator = json_text({"name": "tunnel", "version": __version__})
    yield f'{{"log":{{"version":"1.2","creator":{creator},"pages":[],"entries":['
    before = "\n"
    for one in entries:
        yield before + json_text(one)
        before = ",\n"
    yield "\n]}}\n"


def _url(exchange: Exchange) -> str:
    scheme = "https" if exchange.tls else "http"
    if exchange.upgrade == "websocket":
        scheme = parts.WEBSOCKET[scheme]
    host = exchange.host
    if not parts.is_authority(host):  # anybody may send any Host; the list of fields tells it as it was
        host = f"[{exchange.listener}]" if ":" in exchange.listener else exchange.listener
        host = host if parts.is_authority(host) else "localhost"
    target = exchange.target if exchange.target.startswith("/") else "/"
    return f"{scheme}://{host}{parts.target_of(f'{scheme}://-{target}')}"


def _timings(exchange: Exchange) -> dict[str, float]:
    """Return the phases in ms; -1 where there was none or nobody knows.

    Connecting is that to the upstream: how the client came here was over when its request was. The request leaves while it
    is still arriving, so the time for sending it is part of the wait. The three that must be told are never -1.
    """
    timings = exchange.timings
    connected = timings.connected or 0
    first = connected if timings.first is None else timings.first
    ended = first if timings.ended is None else timings.ended
    if timings.first is None:
        first = ended
    known = timings.connected is not None
    return {
        "blocked": connected / 1000 if known and exchange.reused else -1,
        "dns": -1,
        "connect": connected / 1000 if known and not exchange.reused else -1,
        "ssl": -1,
        "send": 0,
        "wait": max(first - connected, 0) / 1000,
        "receive": max(ended - first, 0) / 1000,
    }


def _request(exchange: Exchange, url: str, fields: Headers, body: bytes) -> dict[str, object]:
    content_type = parts.latin(fields.get(b"content-type"))
    request: dict[str, object] = {
        "method": exchange.method,
        "url": url,
        "httpVersion": _version(exchange.request_head, -1),
        "cookies": sent_cookies(fields),
        "headers": parts.listed(fields),
        "queryString": pairs_of(url.partition("?")[2]),
        "headersSize": len(exchange.request_head),
        "bodySize": 0 if exchange.upgrade else exchange.request.size,
    }
    if body and not exchange.upgrade:
        text, is_base64 = parts.text_of(body, content_type)
        data: dict[str, object] = {"mimeType": content_type, "params": params_of(body, content_type), "text": text}
        if is_base64:
            data["_encoding"] = "base64"  # HAR has this for answers only
        request["postData"] = data
    return request


def _response(exchange: Exchange, fields: Headers, content: dict[str, object]) -> dict[str, object]:
    size = 0 if exchange.upgrade else exchange.response.size
    failure = exchange.failure
    return {
        "status": exchange.status or 0,
        "statusText": _reason(exchange.returned_head),
        "httpVersion": _version(exchange.returned_head, 0),
        "cookies": received_cookies(fields),
        "headers": parts.listed(fields),
        "content": content,
        "redirectURL": parts.latin(fields.get(b"location")),
        "headersSize": len(exchange.returned_head) or -1,
        "bodySize": size,
        "_transferSize": len(exchange.returned_head) + size,
        "_error": None if failure is None else failure.what,
    }


def _content(exchange: Exchange, fields: Headers, body: bytes) -> tuple[dict[str, object], bytes]:
    """Return the answer's body as HAR tells it, decoded, and as it passed where that was something else."""
    content_type = parts.latin(fields.get(b"content-type"))
    size = exchange.response.size
    if exchange.upgrade or not (size or body):
        return {"size": 0, "mimeType": content_type}, b""
    decoded = decode(body, fields.tokens(b"content-encoding"))
    text, is_base64 = parts.text_of(decoded.body, content_type)
    coded = decoded.body != body
    content: dict[str, object] = {
        "size": len(decoded.body) if coded else size,
        "mimeType": content_type,
        "text": text,
    }
    if is_base64:
        content["encoding"] = "base64"
    if coded:
        content["compression"] = len(decoded.body) - size
    notes = list(decoded.notes)
    if not exchange.response.whole:
        notes.insert(0, f"only the first {exchange.response.kept} of {size} bytes were recorded")
    if notes:
        content["comment"] = "; ".join(notes)
    return content, body if coded else b""


def _tunnel(
    exchange: Exchange, url: str, asked: Headers, answered: Headers, coded: bytes, moments: Sequence[Moment]
) -> dict[str, object]:
    """Return what HAR has no place for. Heads are left out where the entry's own lists say the same."""
    timings, tls, failure = exchange.timings, exchange.tls, exchange.failure
    version = _version(exchange.request_head, -1)
    heads: dict[str, str] = {}
    if exchange.request_head != parts.request_head(exchange.method, url, version, list(asked)):
        heads["request"] = parts.latin(exchange.request_head)
    if exchange.sent_head != exchange.request_head:
        heads["sent"] = parts.latin(exchange.sent_head)
    if exchange.informational:
        heads["informational"] = parts.latin(exchange.informational)
    version, reason = _version(exchange.returned_head, 0), _reason(exchange.returned_head)
    if exchange.returned_head != parts.response_head(version, exchange.status or 0, reason, list(answered)):
        heads["returned"] = parts.latin(exchange.returned_head)
    if exchange.response_head != exchange.returned_head:
        heads["response"] = parts.latin(exchange.response_head)
    response = _body(exchange.response, exchange.response_trailers)
    if coded:
        response["coded"] = base64.b64encode(coded).decode("ascii")
    if moments:
        response["moments"] = [list(moment) for moment in moments]
    return {
        "id": exchange.id,
        "state": exchange.state.value,
        "client": {"address": exchange.address, "port": exchange.port},
        "caller": {"name": exchange.caller, "pid": exchange.caller_pid},
        "listener": {"address": exchange.listener, "port": exchange.listener_port},
        "tls": tls_fields(tls),
        "upstream": exchange.upstream,
        "reused": exchange.reused,
        "upgrade": exchange.upgrade,
        "timings": {
            "accepted": timings.accepted, "ready": timings.ready, "connected": timings.connected,
            "first": timings.first, "ended": timings.ended,
        },
        "error": failure and {"what": failure.what, "hint": failure.hint, "fault": failure.fault.value},
        "repairs": list(exchange.repairs),
        "parent": exchange.parent,
        "source": exchange.source,
        "redacted": exchange.redacted,
        "device": exchange.device,
        "rule": exchange.rule,
        "request": _body(exchange.request, exchange.request_trailers),
        "response": response,
        "heads": heads,
    }  # fmt: skip


def _body(body: Body, trailers: bytes | None) -> dict[str, object]:
    told: dict[str, object] = {"size": body.size, "kept": body.kept, "lost": body.lost}
    return {**told, "trailers": None if trailers is None else parts.latin(trailers)}


def _version(head: bytes, place: int) -> str:
    lines = lines_of(head)
    return lines[0].split(" ")[place] if lines else ""


def _reason(head: bytes) -> str:
    lines = lines_of(head)
    return lines[0].partition(" ")[2].partition(" ")[2] if lines else ""


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", text))
