"""Reading HAR: the heads of an entry, and the body of its answer, which depends on what the head says of it.

A head is put together from the entry's lists, or taken as it was where `_tunnel` holds it, once it was seen to be one.
"""

import re

from tunnel.capture import har_parts as parts
from tunnel.capture.har_values import Map, Unreadable, base64_of, fields_in, mapping, text, whole
from tunnel.model.headers import Field

_HEAD = re.compile(rb"[\x20-\x7e\x80-\xff]+\r\n(?:[\x21-\x39\x3b-\x7e]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n")
HEADS = re.compile(rb"(?:%b)*" % _HEAD.pattern)
_TRAILERS = re.compile(rb"(?:[\x21-\x39\x3b-\x7e]+:[\t\x20-\x7e\x80-\xff]*\r\n)*")


def asked(request: Map, url: str, notes: list[str]) -> bytes:
    """Return the request's head out of its lists. HTTP/2 has no Host; HTTP/1.1 does (RFC 9112 §3.2)."""
    listed = fields_in(request.get("headers"))
    fields, unfit = parts.unlisted(listed)
    _tell_unfit(notes, unfit, "request")
    if not any(name.lower() == b"host" for name, _ in fields):
        fields.insert(0, (b"Host", parts.authority_of(url).encode("ascii")))
    return parts.request_head(text(request.get("method")), url, text(request.get("httpVersion")), fields)


def answered(response: Map, status: int, ours: Map, notes: list[str]) -> tuple[bytes, bytes, int]:
    """Return the answer's head and body out of its lists, and the body's true size.

    A HAR file holds a body decoded. The head must not say then that it is coded, else nobody could read it.
    """
    fields, unfit = parts.unlisted(fields_in(response.get("headers")))
    _tell_unfit(notes, unfit, "response")
    version, reason = text(response.get("httpVersion")), text(response.get("statusText"))
    content = mapping(response.get("content"))
    kept = content.get("text")
    if ours:
        told = mapping(ours.get("response"))
        body = base64_of(told.get("coded"), "_tunnel.response.coded") if "coded" in told else _content(content, fields)
        size = len(body)
    elif isinstance(kept, str) and kept:
        body = _content(content, fields)
        size = len(body)
        coded = [value for name, value in fields if name.lower() == b"content-encoding"]
        if coded:
            fields = [field for field in fields if field[0].lower() != b"content-encoding"]
            said = b", ".join(coded).decode("latin-1")
            notes.append(f"Content-Encoding: {said} was left out: the imported file holds this body decoded")
    else:
        body = b""
        size = max(whole(response.get("bodySize")), whole(content.get("size")))
    return parts.response_head(version, status, reason, fields), body, size


def _content(content: Map, fields: list[Field]) -> bytes:
    declared = next((value for name, value in fields if name.lower() == b"content-type"), b"").decode("latin-1")
    coding = text(content.get("encoding")).lower()
    try:
        return parts.bytes_of(
            text(content.get("text")), declared or text(content.get("mimeType")), is_base64=coding == "base64"
        )
    except ValueError:
        raise Unreadable("response.content.text is no base64, though its encoding says so") from None


def as_it_was(heads: Map, name: str, otherwise: bytes, form: re.Pattern[bytes] = _HEAD) -> bytes:
    """Return a head as it was, where the file says so and it is one."""
    if name not in heads:
        return otherwise
    head = text(heads.get(name)).encode("latin-1", "replace")
    if head and not form.fullmatch(head):
        raise Unreadable(f"_tunnel.heads.{name} is no head")
    return head


def trailers(ours: Map, side: str) -> bytes | None:
    """Return a body's trailers, which HAR has no place for; None where the body has not ended."""
    if not ours:
        return b""
    told = mapping(ours.get(side)).get("trailers")
    lines = text(told).encode("latin-1", "replace")
    return None if told is None or not _TRAILERS.fullmatch(lines) else lines


def _tell_unfit(notes: list[str], unfit: int, side: str) -> None:
    if unfit:
        notes.append(f"{unfit} fields of the {side} were left out: their names are none of HTTP's")
