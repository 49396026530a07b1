"""Pages: the share's own pages as an ASGI app: a login, a question that waits, the way out, the root for a phone.

It answers what the gate sends to it, and knows who asks from the fields that our own proxy writes. What the pages look
like is for `share.look`, who is let in for `share.entry`.

    GET  /.tunnel/            who this device is here
    GET  /.tunnel/join        the link in the QR code: asks for the device's model, uses the token up, goes on to wait
    GET  /.tunnel/wait        the number that stands in the question; answers when there is an answer
    GET  /.tunnel/login       the form; POST takes it
    POST /.tunnel/logout      leaves
    GET  /                    and any other path: the service's, for somebody who is not in, or whose cookie is exchanged
"""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import trio

from tunnel.model.headers import Field, Headers
from tunnel.model.share import PAGES, Access, Refused
from tunnel.rules.credentials import cookies
from tunnel.share.devices import Guest
from tunnel.share.entry import Entry
from tunnel.share.forms import (
    LONGEST_FORM,
    fields_of,
    form_token,
    is_guess_of_a_browser,
    is_ours,
    safe_path,
    same,
)
from tunnel.share.look import POLICY, Look
from tunnel.share.pairing import Asker

HELD = 20.0  # seconds that a page waits for an answer before it looks again
MOST_HELD = 2  # such pages of one device; a browser has one
KEPT = 7 * 86_400  # seconds that a browser keeps a device's cookie; how long it is worth something is for us to say
KEPT_FORM = 86_400  # seconds that it keeps that of a form or a question
Event = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


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
# Chromium on Android calls every device "K" and tells its model to whoever asks (RFC 8942 §3.1). It is asked before it is
# named, and asked no more once it is in, by the empty list: a browser holds to the last one that it got from a host. So the
# service never gets the field for our sake, and gets it as ever if it asks for it itself, which it could not if the field
# were taken out of requests. Critical-CH would have the browser drop the answer and ask again, which a redirect does as
# well; and what it asks again with, it keeps for the next hop, which with --yes is the service.
_TELL_MODEL: Field = (b"accept-ch", b"Sec-CH-UA-Model")
_TELL_NOTHING: Field = (b"accept-ch", b"")
_TOLD = "told"  # in the link: its browser was asked for the model
_READ = (b"GET", b"HEAD")


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


class Pages:
    """The app.

    Args:
      entry: Lets devices in.
      left: Seconds until the share ends; None for ever.
      onboarding: Hands out the root and how it is trusted.
    """

    def __init__(self, entry: Entry, left: Callable[[], float | None], onboarding: Onboarding) -> None:
        self._entry = entry
        self._left = left
        self._onboarding = onboarding
        self._key = secrets.token_bytes(32)
        self._form_cookie = f"{entry.cookie}-form"
        self._look = Look(trust=onboarding("/.tunnel/trust", "") is not None)

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Answer one request. There is nothing to start or to stop, and no WebSocket comes here."""
        if scope["type"] != "http":
            raise RuntimeError(f"the pages of a share speak HTTP, not {scope['type']}")
        asked = _asked(scope)
        try:
            answer = await self._answer(asked, receive)
        except Refused as error:
            page = self._look.wait(error.hint or "wait a moment")
            answer = _page(error.status, page, *error.fields)
        given = {name for name, _ in answer.fields}
        fields = [
            (b"content-type", answer.kind.encode()),
            (b"content-length", b"%d" % len(answer.body)),
            *answer.fields,
            *(field for field in _HEADERS if field[0] not in given),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": fields})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, asked: Asked, receive: Receive) -> Answer:
        if asked.method in _READ and (found := self._handed_out(asked)) is not None:
            return found
        if not asked.secure:
            return Answer(308, fields=((b"location", f"https://{asked.host}/".encode()),))
        path = asked.path.removeprefix(PAGES) if asked.path.startswith(PAGES) else None
        match asked.method, path:
            case b"GET" | b"HEAD", None:
                return self._instead(asked)
            case b"GET" | b"HEAD", b"" | b"logout":
                return self._who(asked)
            case b"GET" | b"HEAD", b"login":
                return self._login_page(asked, safe_path(fields_of(asked.query).get("to", "/")), 200)
            case b"GET", b"join":
                return self._join(asked)
            case b"GET", b"wait":
                return await self._wait(asked)
            case b"POST", b"login":
                return await self._log_in(asked, receive)
            case b"POST", b"logout":
                return await self._log_out(asked, receive)
            case _, b"" | b"join" | b"wait":
                return self._no_such_method(b"GET")
            case _, b"login" | b"logout":
                return self._no_such_method(b"GET, HEAD, POST")
        return _page(404, self._look.problem("There is nothing here", "This share has no such page."))

    def _handed_out(self, asked: Asked) -> Answer | None:
        """Return what belongs to the onboarding. "/" does so over plain HTTP only: over TLS it is the service's."""
        if asked.secure and not asked.path.startswith(PAGES):
            return None
        agent = (asked.headers.get(b"user-agent") or b"").decode("latin-1")
        found = self._onboarding(asked.path.decode("latin-1"), agent)
        if found is None:
            return None
        kind, body = found
        page = kind.startswith("text/html")
        return Answer(
            200, body, kind, ((b"content-security-policy", self._onboarding.policy.encode()),) if page else ()
        )

    def _instead(self, asked: Asked) -> Answer:
        """Answer for the service: with a device's next cookie, or with how one comes in."""
        guest = self._entry.by_cookie(asked.headers, asked.address)
        to = (asked.path + (b"?" + asked.query if asked.query else b"")).decode("latin-1")
        if guest is not None:
            if not self._entry.devices.due(guest, self._entry.now()):
                return _to(safe_path(to))  # another request of the same browser has exchanged it meanwhile
            return _to(safe_path(to), self._device_cookie(self._entry.devices.cookie(guest, self._entry.now())))
        challenge = (b"www-authenticate", self._entry.challenge(asked.headers))
        match self._entry.share.access:
            case Access.PASSWORD:
                return self._login_page(asked, safe_path(to), 401, challenge)
            case Access.TOKEN:
                text = "It asks for a token, which scripts send as: Authorization: Bearer TOKEN."
            case Access.CERTIFICATE:
                text = "It asks for a client certificate, made by whoever shares it: tunnel cert --client NAME."
            case _:
                return _page(401, self._look.scan(used=False), challenge)
        return _page(401, self._look.needs(text), challenge)

    def _who(self, asked: Asked) -> Answer:
        guest = self._entry.by_cookie(asked.headers, asked.address)
        if guest is None:
            return self._instead(asked)
        return _page(200, self._look.inside(guest.name, self._left(), self._leaving_token(guest)))

    def _join(self, asked: Asked) -> Answer:
        """Use the token up, for a question or, with `--yes`, for a place."""
        if self._entry.share.access is not Access.PAIRING:
            return _page(404, self._look.problem("There is nothing here", "This share is not entered by a link."))
        if is_guess_of_a_browser(asked.headers):
            return _page(503, self._look.problem("Not yet", "Open this page to come in."))
        if self._entry.by_cookie(asked.headers, asked.address) is not None:
            return _to("/")  # it is in, so its token is left for others
        if self._entry.waits(asked.headers, asked.address) is not None:
            return _to("/.tunnel/wait")
        query = fields_of(asked.query)
        token = query.get("token", "")
        if _hides_its_model(asked.headers) and _TOLD not in query:
            # Nothing has happened yet, so nothing happens twice. Who does not tell its model is not asked again.
            return _to(f"{PAGES.decode()}join?{urlencode({'token': token, _TOLD: ''})}", _TELL_MODEL)
        joined = self._entry.join(token, asked.address, asked.headers)
        if joined is None:
            challenge = (b"www-authenticate", self._entry.challenge(asked.headers))
            return _page(401, self._look.scan(used=True), challenge)
        if joined.is_in:
            return _to("/", self._device_cookie(joined.cookie), _TELL_NOTHING)
        # What was opened is left behind, so that the token stands in no history; and who waits has shown that it keeps
        # cookies.
        return _to("/.tunnel/wait", _cookie(self._entry.ask_cookie, joined.cookie, KEPT_FORM))

    async def _wait(self, asked: Asked) -> Answer:
        """Put the question, and answer when it is answered; else after a while, so that no connection looks dead."""
        asker = self._entry.waits(asked.headers, asked.address)
        if asker is None:
            return self._instead(asked)
        if asked.query == b"held" and asker.allowed is None and asker.held < MOST_HELD:
            asker.held += 1
            try:
                with trio.move_on_after(HELD):
                    await asker.answered.wait()
            finally:
                asker.held -= 1
            asker = self._entry.waits(asked.headers, asked.address)
            if asker is None:
                return self._instead(asked)  # too late, or another of its requests has had the answer
        match asker.allowed:
            case None:
                return _page(200, self._look.asking(asker.code, asker.called.who), _TELL_MODEL)
            case True:
                return self._enter(asker, asked)
            case False:
                self._entry.pairing.done(asker)
                return _page(403, self._look.denied(), _cookie(self._entry.ask_cookie, "", 0))

    def _enter(self, asker: Asker, asked: Asked) -> Answer:
        cookie = self._entry.enter(asker, asked.headers)
        return _to("/", self._device_cookie(cookie), _cookie(self._entry.ask_cookie, "", 0), _TELL_NOTHING)

    async def _log_in(self, asked: Asked, receive: Receive) -> Answer:
        if self._entry.share.access is not Access.PASSWORD:
            return _page(404, self._look.problem("There is nothing here", "This share is not entered by a password."))
        form = await _form(asked, receive)
        if form is None or not self._was_sent_here(asked, form, "login", cookies(asked.headers, self._form_cookie)):
            return self._login_page(
                asked, "/", 403, wrong="That form was not sent from here, or is too old. Try again."
            )
        to = safe_path(form.get("to", "/"))
        cookie = await self._entry.log_in(form.get("password", ""), asked.address, asked.headers)
        if cookie is None:
            challenge = (b"www-authenticate", self._entry.challenge(asked.headers))
            return self._login_page(asked, to, 401, challenge, wrong="That did not let you in.")
        return _to(to, self._device_cookie(cookie), _cookie(self._form_cookie, "", 0), _TELL_NOTHING)

    async def _log_out(self, asked: Asked, receive: Receive) -> Answer:
        guest = self._entry.by_cookie(asked.headers, asked.address)
        form = await _form(asked, receive)
        if guest is None:
            return _page(200, self._look.gone(), _cookie(self._entry.cookie, "", 0))
        if form is None or not self._was_sent_here(asked, form, "logout", [guest.fresh.hex()]):
            return _page(403, self._look.inside(guest.name, self._left(), self._leaving_token(guest)))
        self._entry.leave(guest)
        return _page(200, self._look.gone(), _cookie(self._entry.cookie, "", 0))

    def _login_page(self, asked: Asked, to: str, status: int, *fields: Field, wrong: str = "") -> Answer:
        if self._entry.share.access is not Access.PASSWORD:
            return self._instead(asked)
        known = cookies(asked.headers, self._form_cookie)
        value = known[0] if known else secrets.token_urlsafe(16)
        page = self._look.log_in(to, form_token(self._key, "login", value), wrong)
        if self._entry.by_cookie(asked.headers, asked.address) is None:  # else it has its name
            fields = (*fields, _TELL_MODEL)
        return _page(status, page, _cookie(self._form_cookie, value, KEPT_FORM, "Strict"), *fields)

    def _leaving_token(self, guest: Guest) -> str:
        return form_token(self._key, "logout", guest.fresh.hex())

    def _was_sent_here(self, asked: Asked, form: dict[str, str], purpose: str, values: list[str]) -> bool:
        given = form.get("token", "")
        return is_ours(asked.headers, asked.host) and any(
            same(form_token(self._key, purpose, value), given) for value in values
        )

    def _device_cookie(self, value: str) -> Field:
        return _cookie(self._entry.cookie, value, KEPT)

    def _no_such_method(self, allowed: bytes) -> Answer:
        page = self._look.problem("That cannot be done here", "This page takes no such request.")
        return _page(405, page, (b"allow", allowed))


def _asked(scope: Event) -> Asked:
    method, path, query, fields = scope["method"], scope["raw_path"], scope["query_string"], scope["headers"]
    assert isinstance(method, str) and isinstance(path, bytes) and isinstance(query, bytes) and isinstance(fields, list)
    headers = Headers(fields)
    (address,), (host,), (proto,) = (
        headers.all(b"x-forwarded-for"), headers.all(b"x-forwarded-host"), headers.all(b"x-forwarded-proto"),
    )  # fmt: skip
    return Asked(
        method.encode(), path, query, headers, address.decode("latin-1"), host.decode("latin-1"), proto == b"https"
    )


async def _form(asked: Asked, receive: Receive) -> dict[str, str] | None:
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


def _hides_its_model(headers: Headers) -> bool:
    """Whether a browser that would tell its model has not: one of Chromium's family on Android, over HTTPS."""
    return headers.get(b"sec-ch-ua-platform") == b'"Android"' and headers.get(b"sec-ch-ua-model") is None


def _page(status: int, text: str, *fields: Field) -> Answer:
    return Answer(status, text.encode(), fields=fields)


def _to(path: str, *fields: Field) -> Answer:
    """Send a browser on, by a GET."""
    return Answer(303, fields=((b"location", path.encode("latin-1")), *fields))


def _cookie(name: str, value: str, age: int, same_site: str = "Lax") -> Field:
    """Return a Set-Cookie. `__Host-` names hold browsers to Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2)."""
    text = f"{name}={value}; Max-Age={age}; Path=/; Secure; HttpOnly; SameSite={same_site}"
    return b"set-cookie", text.encode()
