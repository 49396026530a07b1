"""Secret names: whether what is called so is a secret: a header field, a parameter, a JSON key, an attribute.

A name is taken apart into words ("X-CSRFToken", "user[api_key]" and "accessToken" alike), and its last words decide: a
`token_type` is none. The words are those of Sentry's scrubbers (getsentry/sentry-python, sentry_sdk/scrubber.py; and
docs.sentry.io, "Server-Side Data Scrubbing"), of detect-secrets (Yelp/detect-secrets, plugins/keyword.py), and of the
specifications that name a parameter: OAuth 2.0 (RFC 6749 §4, RFC 7636, RFC 7523), SAML, signed URLs of AWS and Azure.
"""

import enum
import re
import string
from collections.abc import Iterator
from functools import lru_cache

PARTED = "\0"  # in an ending: what may part two words, or nothing


class Kind(enum.Enum):
    """How the value of a secret name is hidden."""

    NONE = 0
    VALUE = 1  # whatever it is
    RANDOM = 2  # only where it looks random: the name says little
    DIGITS = 3  # only where it holds digits: a PIN, but not the place where something is pinned
    CREDENTIALS = 4  # a scheme, which stays, and credentials (RFC 9110 §11.4)
    COOKIES = 5  # pairs, of which the names stay (RFC 6265 §4.2.1)
    SET_COOKIE = 6  # a pair, of which the name stays, and attributes, which stay (RFC 6265 §4.1.1)

    __hash__ = object.__hash__


_PASSWORDS = frozenset(("password", "passwd", "passwort", "pwd", "pass"))
# How a name may end, also where nothing parts its words: `newpassword`, `connectionstring`.
_ENDINGS = (
    "password", "passwd", "passphrase", "secret", "token", "apikey", "accountkey", "secretkey", "privatekey", "accesskey",
    "authkey", "connectionstring",
)  # fmt: skip
# The last word, or the last words without what parts them.
_LAST = _PASSWORDS | {
    "passcode", "passphrase", "credential", "apikey", "jwt", "bearer", "csrf", "xsrf", "sessionid", "sessid", "phpsessid",
    "jsessionid", "aspxauth", "samlresponse", "assertion",
}  # fmt: skip
# The last two words.
_PAIRS = frozenset(
    (first, last)
    for last, firsts in {
        "key": "api app application private priv secret access auth account encryption encrypt decryption signing sign"
        " master session client service services storage subscription shared consumer license db database functions admin"
        " server deploy webhook primary secondary master hmac aes rsa ssh pgp gpg recovery write read host instrumentation",
        "code": "verification security confirmation auth authorization mfa otp sms login recovery backup device",
        "id": "session sess php sid",
        "sid": "connect",
        "verifier": "code",
        "session": "aiohttp user laravel",
        "value": "secret",
        "hash": "password passwd",
        "string": "connection secret",
        "url": "webhook",
        "data": "secret",
    }.items()
    for first in firsts.split()
)
# A password is asked for twice, or is the new one: `password_confirmation`, `password2`, `pass1`, `passwordNew`.
_AGAIN = frozenset((
    "confirmation", "confirm", "confirmed", "again", "repeat", "repeated", "new", "old", "current", "verify", "value",
    "text", "plain", "raw",
))  # fmt: skip
_DIGITS = frozenset(("pin", "otp", "totp", "cvv", "cvc", "cvv2", "csc"))
_CODES = frozenset(first for first, last in _PAIRS if last == "code")
_RANDOM = frozenset(("auth", "authentication", "session", "sid", "sess"))
# In a query these two carry signed URLs and OAuth's grants; elsewhere `key` and `code` name anything.
RANDOM_IN_QUERY = frozenset(("key", "code", "state", "sig", "sign", "signature", "hash", "hmac", "ticket", "k", "t"))
_FIELDS = {
    b"authorization": Kind.CREDENTIALS,
    b"proxy-authorization": Kind.CREDENTIALS,
    b"x-authorization": Kind.CREDENTIALS,
    b"x-forwarded-authorization": Kind.CREDENTIALS,
    b"x-original-authorization": Kind.CREDENTIALS,
    b"cookie": Kind.COOKIES,
    b"cookie2": Kind.COOKIES,
    b"set-cookie": Kind.SET_COOKIE,
    b"set-cookie2": Kind.SET_COOKIE,
}
# Fields that end in Key and are no secret.
_NO_KEYS = frozenset(
    (b"sec-websocket-key", b"idempotency-key", b"x-idempotency-key", b"surrogate-key", b"cache-key", b"x-cache-key",
     b"partition-key", b"x-sort-key", b"x-amz-copy-source-key", b"sec-websocket-key1", b"sec-websocket-key2")
)  # fmt: skip
# Fields whose values are made by servers and hold nothing of a person: with these alone a head need not be read.
PLAIN_FIELDS = frozenset(
    (b"accept-ranges", b"access-control-allow-credentials", b"access-control-allow-headers",
     b"access-control-allow-methods", b"access-control-allow-origin", b"access-control-max-age", b"age", b"allow",
     b"cache-control", b"connection", b"content-encoding", b"content-language", b"content-length", b"content-range",
     b"content-type", b"cross-origin-opener-policy", b"cross-origin-resource-policy", b"date", b"etag", b"expires",
     b"keep-alive", b"last-modified", b"pragma", b"referrer-policy", b"server", b"strict-transport-security",
     b"transfer-encoding", b"vary", b"x-content-type-options", b"x-frame-options", b"x-powered-by", b"x-xss-protection",
     b"x-request-id", b"x-correlation-id", b"x-runtime", b"x-response-time", b"x-cache")
)  # fmt: skip

# Capitals that begin a word, capitals on their own, small letters, digits.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")


@lru_cache(maxsize=2048)
def field_kind(name: bytes) -> Kind:
    """Return how a header field's value is hidden. `name` is in lower case."""
    if (kind := _FIELDS.get(name)) is not None:
        return kind
    if name in _NO_KEYS:
        return Kind.NONE
    kind = name_kind(name, False)
    return Kind.VALUE if kind is Kind.NONE and name.endswith((b"-key", b"-auth")) and name.startswith(b"x-") else kind


@lru_cache(maxsize=8192)
def name_kind(name: bytes, in_query: bool) -> Kind:
    """Return how the value of a parameter, key or attribute is hidden.

    Args:
      name: As it was written, percent-encoded or not.
      in_query: It is a parameter of a query or a form.
    """
    kind = _FIELDS.get(name.lower())
    if kind is not None:
        return kind
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name.decode("latin-1"))
    words = [word.lower() for word in _WORD.findall(text)]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    if not words:
        return Kind.NONE
    last = words[-1]
    if last in _LAST or last.endswith(_ENDINGS) or "".join(words[-3:]) in _LAST or "".join(words[-2:]) in _LAST:
        return Kind.VALUE
    if len(words) > 1:
        if (words[-2], last) in _PAIRS:
            return Kind.DIGITS if last == "code" and words[-2] in _CODES else Kind.VALUE
        if last in _AGAIN and words[-2] in _PASSWORDS:
            return Kind.VALUE
    if last in _DIGITS:
        return Kind.DIGITS
    plural = last.removesuffix("s")
    if (
        last in _RANDOM
        or (in_query and last in RANDOM_IN_QUERY)
        or plural in _LAST
        or plural.endswith(_ENDINGS)
        or plural in ("cookie", "key")
    ):
        return (
            Kind.RANDOM
            if plural != "key" or in_query or (words[-2:-1] and (words[-2], plural) in _PAIRS)
            else Kind.NONE
        )
    return Kind.NONE


def endings() -> Iterator[str]:
    """Return how names end that `name_kind` finds secret outside of queries, in small letters; `PARTED` parts words."""
    words = {*_LAST, *_ENDINGS, "cookie"}
    yield from words
    yield from (f"{word}s" for word in words)
    yield from _DIGITS
    yield from _RANDOM
    yield from (name.decode().rpartition("-")[2].rstrip("0123456789") for name in _FIELDS)
    yield from (f"{first}{PARTED}{last}" for first, last in _PAIRS if last != "key")
    yield from (f"{first}{PARTED}{last}" for first in _PASSWORDS for last in _AGAIN)
    yield from (f"pass{PARTED}phrase", f"pass{PARTED}code", f"saml{PARTED}response")
    yield from (f"{letter}key{plural}" for letter in f"{string.ascii_lowercase}{PARTED}" for plural in ("", "s"))
