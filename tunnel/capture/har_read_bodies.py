"""Reading HAR: the body of an entry's request, and its WebSocket messages. The answer's body is for `har_read_heads`."""

from collections.abc import Iterator
from urllib.parse import urlencode

from tunnel.capture import har_parts as parts
from tunnel.capture.har_values import Map, Unreadable, base64_of, items, mapping, milliseconds, text, whole
from tunnel.model.exchange import Body, Moment, RecordedMessage

_KINDS = {0: "binary", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def request_body(request: Map) -> bytes:
    """Return the request's body: `text`, or a form put together from its `params`."""
    data = mapping(request.get("postData"))
    kind = text(data.get("mimeType"))
    said = data.get("text")
    coding = text(data.get("_encoding")) or text(data.get("encoding"))
    if not isinstance(said, str) and (beside := mapping(request.get("_content"))):  # HTTP Toolkit's
        said, coding = beside.get("text"), text(beside.get("encoding"))
    if isinstance(said, str):
        try:
            return parts.bytes_of(text(said), kind, is_base64=coding == "base64")
        except ValueError:
            raise Unreadable("request.postData.text is no base64, though its encoding says so") from None
    params = [
        (text(mapping(param).get("name")), text(mapping(param).get("value"))) for param in items(data.get("params"))
    ]
    return urlencode(params).encode() if kind.startswith("application/x-www-form-urlencoded") else b""


def size_of(request: Map, body: bytes) -> int:
    """Return a request body's true size, also where the body itself was not saved."""
    return len(body) or whole(request.get("bodySize"))


def body_of(ours: Map, side: str, body: bytes, size: int) -> Body:
    """Return how much of a body passed and was kept; `_tunnel` knows better than `size`."""
    told = mapping(ours.get(side))
    size = whole(told["size"]) if "size" in told else max(size, len(body))
    # A body from which secrets were taken has not as many bytes as were kept of what passed.
    kept = whole(told["kept"]) if "kept" in told else len(body)
    return Body(size, min(kept, size), told.get("lost") is True)


def moments(ours: Map, body: bytes) -> tuple[Moment, ...]:
    """Return when the parts of the answer's body came, which only we tell; none where they are not those of this body."""
    found: list[Moment] = []
    for said in items(mapping(ours.get("response")).get("moments")):
        pair = items(said)
        if len(pair) != 2 or whole(pair[0]) <= (found[-1].end if found else 0):
            return ()
        found.append(Moment(whole(pair[0]), None if pair[1] is None else whole(pair[1], most=parts.LATEST)))
    return tuple(found) if found and found[-1].end == len(body) else ()


def messages(entry: Map, started: int) -> Iterator[RecordedMessage]:
    """Yield the messages of an entry; one without a time is of its beginning, `started` in µs since the epoch."""
    for said in items(entry.get("_webSocketMessages")):
        message = mapping(said)
        kind = _KINDS.get(whole(message.get("opcode")), "binary")
        if message.get("_kind") == "bytes":
            kind = "bytes"
        data = text(message.get("data"))
        payload = data.encode("utf-8", "replace")
        if "_base64" in message:
            payload = base64_of(message["_base64"], "a message's _base64")
        elif kind != "text":
            try:
                payload = parts.bytes_of(data, "", is_base64=True)
            except ValueError:
                pass  # some write what they read as text
        seconds = milliseconds(message.get("time"))
        at = started if seconds is None else round(seconds * (1e6 if seconds * 1e6 <= parts.LATEST else 1e3))
        size = max(whole(message.get("_size")), len(payload))
        yield RecordedMessage(message.get("type") == "send", kind, min(at, parts.LATEST), size, payload)
