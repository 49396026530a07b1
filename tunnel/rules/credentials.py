"""Credentials: what a request shows to a share's gate, and the request without it. Pure.

Whose it is, and whether it is right, is for `tunnel.share`.
"""

import base64
import binascii
import re
from functools import lru_cache
from itertools import islice

from tunnel.model.headers import Field, Headers
from tunnel.model.own import SHARE_COOKIE

_MOST_COOKIES = 8  # of one name that are looked at: a browser sends one
LONGEST = 1024  # bytes of a credential; a longer one is none
_REMEMBERED = 64  # heads, as many as `rules.forwarding` remembers


def cookies(headers: Headers, name: str) -> list[str]:
    """Return the values of the cookies of one name, a few."""
    if b"cookie" not in headers.names:
        return []
    pattern = _cookie(name)
    found = [value for field in headers.all(b"cookie") for value in islice(pattern.findall(field), _MOST_COOKIES)]
    return [value.decode("latin-1") for value in found[:_MOST_COOKIES] if len(value) <= LONGEST]


def bearer(headers: Headers) -> str | None:
    """Return the token of `Authorization: Bearer` (RFC 6750 §2.1); None where there is none, or two."""
    return _given(headers, b"bearer")


def basic(headers: Headers) -> str | None:
    """Return the password of `Authorization: Basic` (RFC 7617 §2). The name is not asked: anybody may choose one."""
    encoded = _given(headers, b"basic")
    if encoded is None:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    _, colon, password = text.partition(":")
    return password if colon else None


def asks_by_hand(headers: Headers) -> bool:
    """Whether a person's browser wants to show the answer, so that a page is of use."""
    accepted = b",".join(headers.all(b"accept")).lower()
    return b"text/html" in accepted or b"application/xhtml+xml" in accepted


def is_browser(headers: Headers) -> bool:
    """Whether a browser asks, for a script of a page say: a Basic challenge would open a dialog of its own."""
    return b"sec-fetch-mode" in headers.names or asks_by_hand(headers)


@lru_cache(maxsize=8)
def _cookie(name: str) -> re.Pattern[bytes]:
    """Return what finds a cookie in a field: in one go, since a stranger may send twenty thousand pairs."""
    return re.compile(rb"(?:^|;)[ \t]*" + re.escape(name.encode()) + rb"=([^;]*[^; \t])")


def _given(headers: Headers, scheme: bytes) -> str | None:
    values = headers.all(b"authorization")
    if len(values) != 1 or len(values[0]) > LONGEST:
        return None
    word, _, rest = values[0].partition(b" ")
    return rest.strip().decode("latin-1") if word.lower() == scheme else None


def without(headers: Headers, *, authorization: bool) -> Headers:
    """Return a request's fields without the cookies of any share, and without Authorization if that was for the gate."""
    if b"cookie" not in headers.names and not authorization:
        return headers
    return _without(headers, authorization)


@lru_cache(maxsize=_REMEMBERED)
def _without(headers: Headers, authorization: bool) -> Headers:
    kept: list[Field] = []
    for name, field in zip(headers.names, headers.fields, strict=True):
        if name == b"cookie" and SHARE_COOKIE in field[1]:
            if others := _others(field[1]):
                kept.append((field[0], others))
        elif name != b"authorization" or not authorization:
            kept.append(field)
    return Headers(kept)


def _others(cookies: bytes) -> bytes:
    """Return the cookies without those of any share, and without whatever a lax reader could take for one."""
    pairs = [pair.strip() for pair in cookies.split(b";")]
    return b"; ".join(pair for pair in pairs if pair and SHARE_COOKIE not in pair)
