"""HAR's lists of what heads and bodies hold: cookies, the query, a form's fields. Nothing reads them back: `har` says all.

They are for people and for tools that do not look further. What cannot be read is left out; nothing here raises.
"""

import email.utils
import re
from urllib.parse import parse_qsl

from tunnel.capture import har_parts as parts
from tunnel.capture.present import media_type
from tunnel.model.headers import Headers

MOST = 1000  # members of one list
MOST_VALUE = 64 * 1024  # characters of a form's value: a file is told by its name
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_PARAMETER = re.compile(r'\b(name|filename)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))', re.IGNORECASE)


def pairs_of(query: str) -> list[dict[str, str]]:
    """Return the names and values of a query or a form (https://url.spec.whatwg.org/#urlencoded-parsing)."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=MOST)
    except ValueError:
        return []  # more than anybody wants to see one by one
    return [{"name": name, "value": value} for name, value in pairs]


def params_of(body: bytes, content_type: str) -> list[dict[str, str]]:
    """Return a form's fields; none for a body that is no form."""
    match media_type(content_type)[0]:
        case "application/x-www-form-urlencoded":
            return pairs_of(body.decode("latin-1"))
        case "multipart/form-data":
            return _multipart(body, content_type)
        case _:
            return []


def sent_cookies(fields: Headers) -> list[dict[str, object]]:
    """Return what a request's Cookie fields hold (RFC 6265 §4.2)."""
    pairs = [pair for value in fields.all(b"cookie") for pair in value.decode("latin-1").split(";")[:MOST]]
    return [_named(pair) for pair in pairs if pair.strip()]


def received_cookies(fields: Headers) -> list[dict[str, object]]:
    """Return what an answer's Set-Cookie fields hold (RFC 6265 §4.1)."""
    return [_set_cookie(value.decode("latin-1")) for value in fields.all(b"set-cookie")[:MOST]]


def _named(pair: str) -> dict[str, object]:
    name, _, value = pair.partition("=")
    return {"name": name.strip(), "value": value.strip()}


def _set_cookie(text: str) -> dict[str, object]:
    pair, *attributes = text.split(";")
    cookie = {**_named(pair), "httpOnly": False, "secure": False}
    for attribute in attributes[:20]:
        name, _, value = attribute.partition("=")
        value = value.strip()
        match name.strip().lower():
            case "path":
                cookie["path"] = value
            case "domain":
                cookie["domain"] = value
            case "httponly":
                cookie["httpOnly"] = True
            case "secure":
                cookie["secure"] = True
            case "samesite":
                cookie["sameSite"] = value
            case "expires" if expires := _http_date(value):
                cookie["expires"] = expires
    return cookie


def _http_date(text: str) -> str:
    try:
        moment = email.utils.parsedate_to_datetime(text.replace("-", " ")[:100])
        return parts.date((moment.astimezone(parts.EPOCH.tzinfo) - parts.EPOCH) // parts.MICROSECOND)
    except (ValueError, TypeError, OverflowError, IndexError):
        return ""


def _multipart(body: bytes, content_type: str) -> list[dict[str, str]]:
    """Return the parts of a multipart form (RFC 7578): a value as text, a file by its name and type."""
    found = _BOUNDARY.search(content_type)
    if not found:
        return []
    boundary = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    listed: list[dict[str, str]] = []
    for part in (b"\r\n" + body).split(b"\r\n" + boundary, MOST + 1)[1 : MOST + 1]:
        if part.startswith(b"--"):
            break
        # An empty line ends the part's head, which begins behind the boundary's own line.
        head, _, content = part.partition(b"\r\n\r\n")
        text = head[:4096].decode("utf-8", "replace")
        names = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(text)}
        param = {"name": names.get("name", "")}
        if "filename" in names:
            param["fileName"] = names["filename"]
        else:
            param["value"] = content[:MOST_VALUE].decode("utf-8", "replace")
        kind = re.search(r"^content-type:\s*(.+?)\s*$", text, re.IGNORECASE | re.MULTILINE)
        if kind:
            param["contentType"] = kind[1]
        listed.append(param)
    return listed
