"""Answering: what a page of the share is asked, as our own proxy hands it on, and what it answers, both in ASGI's words.

What is answered to what is for `share.pages`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Protocol

from tunnel.model.headers import Field, Headers
from tunnel.model.share import PAGES
from tunnel.share.forms import LONGEST_FORM, fields_of
from tunnel.share.look import POLICY

Event = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_HEADERS: tuple[Field, ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: a browser would call the origin of our own form "null" (Fetch §3.2), and it could not be told
    # from others.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Onboarding(Protocol):
    """Hands out the root, and how a device comes to trust it.

    Attributes:
      policy: The Content-Security-Policy of its pages.
    """

    policy: str

    def __call__(self, path: str, agent: str = "") -> tuple[str, bytes] | None:
        """Return a path's content type and bytes; None where nothing of it is."""
        ...


class Nothing:
    """An onboarding that has nothing to hand out."""

    policy = ""

    def __call__(self, path: str, agent: str = "") -> tuple[str, bytes] | None:
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a page, as our proxy handed it on.

    Attributes:
      host: As the browser named us; `address` who asks, `secure` whether over TLS.
    """

    method: bytes
    path: bytes
    query: bytes
    headers: Headers
    address: str
    host: str
    secure: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a page, or a way to go on."""

    status: int
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    fields: tuple[Field, ...] = ()


def asked_by(scope: Event) -> Asked:
    """Read a request. Who asks is in the fields that our proxy writes anew, one of each."""
    method, path, query, fields = scope["method"], scope["raw_path"], scope["query_string"], scope["headers"]
    assert isinstance(method, str) and isinstance(path, bytes) and isinstance(query, bytes) and isinstance(fields, list)
    headers = Headers(fields)
    (address,), (host,), (proto,) = (
        headers.all(b"x-forwarded-for"), headers.all(b"x-forwarded-host"), headers.all(b"x-forwarded-proto"),
    )  # fmt: skip
    return Asked(
        method.encode(), path, query, headers, address.decode("latin-1"), host.decode("latin-1"), proto == b"https"
    )


async def form_of(asked: Asked, receive: Receive) -> dict[str, str] | None:
    """Return what a form holds; None if it is none, or too long."""
    kind = (asked.headers.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != b"application/x-www-form-urlencoded":
        return None
    body = b""
    while True:
        event = await receive()
        piece = event.get("body", b"")
        if event["type"] != "http.request" or not isinstance(piece, bytes):
            return None
        body += piece
        if len(body) > LONGEST_FORM:
            return None
        if not event.get("more_body"):
            return fields_of(body)


def handed_out(onboarding: Onboarding, asked: Asked) -> Answer | None:
    """Return what belongs to the onboarding. "/" does so over plain HTTP only: over TLS it is the service's."""
    if asked.secure and not asked.path.startswith(PAGES):
        return None
    agent = (asked.headers.get(b"user-agent") or b"").decode("latin-1")
    found = onboarding(asked.path.decode("latin-1"), agent)
    if found is None:
        return None
    kind, body = found
    page = kind.startswith("text/html")
    return Answer(200, body, kind, ((b"content-security-policy", onboarding.policy.encode()),) if page else ())


def page_of(status: int, text: str, *fields: Field) -> Answer:
    """Answer with a page."""
    return Answer(status, text.encode(), fields=fields)


def onward(path: str, *fields: Field) -> Answer:
    """Send a browser on, by a GET."""
    return Answer(303, fields=((b"location", path.encode("latin-1")), *fields))


def set_cookie(name: str, value: str, age: int, same_site: str = "Lax") -> Field:
    """Return a Set-Cookie. `__Host-` names hold browsers to Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2)."""
    text = f"{name}={value}; Max-Age={age}; Path=/; Secure; HttpOnly; SameSite={same_site}"
    return b"set-cookie", text.encode()


async def give(answer: Answer, send: Send) -> None:
    """Send an answer, with the fields that each of them has."""
    given = {name for name, _ in answer.fields}
    fields = [
        (b"content-type", answer.kind.encode()),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.fields,
        *(field for field in _HEADERS if field[0] not in given),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    await send({"type": "http.response.body", "body": answer.body})
