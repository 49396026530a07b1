"""HAR's parts, both ways: times and dates, bodies and text, heads and lists. Whole entries are for `har` and `har_read`.

HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/) holds characters where HTTP holds bytes. A field's value is read
as Latin-1, which loses nothing. A body is text where its charset gives it back byte by byte, else base64.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from tunnel.capture.present import is_charset, media_type
from tunnel.model.headers import Field

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# µs since the epoch, in the year 2112: up to here a double of seconds, as Chromium writes a message's time, says each.
LATEST = 1 << 52
WEBSOCKET = {"http": "ws", "https": "wss"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")  # no text that a person wrote holds these
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what no field's value may hold (RFC 9110 §5.5)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a method or a field's name (RFC 9110 §5.6.2)


def date(micros: int) -> str:
    """Return µs since the epoch as ISO 8601 in UTC. What lies beyond 1970 and `LATEST` becomes the nearer of these."""
    moment = EPOCH + MICROSECOND * min(max(micros, 0), LATEST)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def micros(text: str) -> int:
    """Return a date with its zone, or without one in UTC, as µs since the epoch; one behind `LATEST` becomes that.

    Raises: ValueError, it is none, or one before 1970.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    found = (moment - EPOCH) // MICROSECOND
    if found < 0:
        raise ValueError(text)
    return min(found, LATEST)


def text_of(body: bytes, content_type: str) -> tuple[str, bool]:
    """Return a body as a string, and whether that is base64. `bytes_of` gives the same bytes back."""
    if not _CONTROLS.search(body):
        charset = _charset(content_type)
        try:
            text = body.decode(charset)
            if bytes_of(text, content_type, is_base64=False) == body:
                text.encode()  # UTF-7 gives surrogates, which no JSON holds
                return text, False
        except ValueError:
            pass
    return base64.b64encode(body).decode("ascii"), True


def bytes_of(text: str, content_type: str, *, is_base64: bool) -> bytes:
    """Return the bytes of a string in a HAR file.

    Raises: ValueError, it is no base64.
    """
    if is_base64:
        return base64.b64decode("".join(text.split()), validate=True)
    try:
        return text.encode(_charset(content_type)) if text else b""  # of UTF-16 nothing has a byte order mark
    except ValueError:
        return text.encode("utf-8", "replace")


def _charset(content_type: str) -> str:
    _, charset = media_type(content_type)
    return charset if charset and is_charset(charset) else "utf-8"


# Heads


def latin(value: bytes | None) -> str:
    """Return a field's value, or anything of a head, as a string: each byte as one character."""
    return (value or b"").decode("latin-1")


def listed(fields: Iterable[Field]) -> list[dict[str, str]]:
    """Return fields as HAR lists them."""
    return [{"name": name.decode("latin-1"), "value": value.decode("latin-1")} for name, value in fields]


def unlisted(headers: Iterable[tuple[str, str]]) -> tuple[list[Field], int]:
    """Return a list's fields as HTTP/1.1 has them, and how many it cannot have.

    Some writers join values of one name by a line feed; HTTP/2's own fields (":path") are no fields here.
    """
    fields: list[Field] = []
    unfit = 0
    for name, joined in headers:
        if name.startswith(":"):
            continue
        if not TOKEN.fullmatch(name):
            unfit += 1
            continue
        for value in joined.split("\n"):
            value = _NO_VALUE.sub(" ", value).strip(" \t")
            try:
                fields.append((name.encode("ascii"), value.encode("latin-1")))
            except UnicodeEncodeError:
                fields.append((name.encode("ascii"), value.encode("utf-8", "replace")))
    return fields, unfit


def head(line: str, fields: Sequence[Field]) -> bytes:
    """Return a head as it is written on an HTTP/1.1 connection, blank line included."""
    lines = [line.encode("latin-1", "replace"), *(b"%b: %b" % field for field in fields), b"", b""]
    return b"\r\n".join(lines)


def request_head(method: str, url: str, version: str, fields: Sequence[Field]) -> bytes:
    """Return a request's head. `url` was taken apart before, so it can be."""
    return head(f"{method} {target_of(url)} {http1(version)}", fields)


def response_head(version: str, status: int, reason: str, fields: Sequence[Field]) -> bytes:
    """Return a response's head; empty where there was no answer."""
    return head(f"{http1(version)} {status} {_NO_VALUE.sub(' ', reason)}", fields) if status else b""


def http1(version: str) -> str:
    """Return the version that is written into a head: what came by HTTP/2 or 3 is told as HTTP/1.1."""
    return "HTTP/1.0" if version.strip().upper() == "HTTP/1.0" else "HTTP/1.1"


def target_of(url: str) -> str:
    """Return a URL's path and query as a request's line has them, in ASCII."""
    rest = url.partition("#")[0].partition("://")[2]
    at = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    target = rest[at:]
    target = target if target.startswith("/") else "/" + target
    return quote(target.encode("utf-8", "replace"), safe=_PRINTABLE)


def place_of(url: str) -> tuple[str, str, int]:
    """Return a URL's scheme (http or https), host, with brackets where it is an IPv6 literal, and port.

    Raises: ValueError, it is none of HTTP's or WebSocket's.
    """
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(url)
    host = parts.hostname
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if not re.fullmatch(r"[0-9a-z._~:-]+", host):
        raise ValueError(url)
    return scheme, f"[{host}]" if ":" in host else host, parts.port or _DEFAULT_PORTS[scheme]


def is_authority(text: str) -> bool:
    """Whether a Host field's value can stand in a URL."""
    found = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~-]+)(?::([0-9]{1,5}))?", text)
    try:
        return found is not None and place_of(f"http://{text}/")[2] >= 0
    except ValueError:
        return False


def authority_of(url: str) -> str:
    """Return a URL's host, and its port where the scheme does not imply it: what a Host field says.

    Raises: ValueError, as `place_of`.
    """
    scheme, host, port = place_of(url)
    return host if port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"
