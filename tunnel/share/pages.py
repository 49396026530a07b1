"""Pages: the share's own pages as an ASGI app: a login, a question that waits, the way out, the root for a phone.

It answers what the gate sends to it, and knows who asks from the fields that our own proxy writes. What the pages look
like is for `share.look`, who is let in for `share.entry`, what they are asked and answer in ASGI's words for
`share.answering`.

    GET  /.tunnel/            who this device is here
    GET  /.tunnel/join        the link in the QR code: asks for the device's model, uses the token up, goes on to wait
    GET  /.tunnel/wait        the number that stands in the question; answers when there is an answer
    GET  /.tunnel/login       the form; POST takes it
    POST /.tunnel/logout      leaves
    GET  /                    and any other path: the service's, for somebody who is not in, or whose cookie is exchanged
"""

import secrets
from collections.abc import Callable
from urllib.parse import urlencode

import trio

from tunnel.model.headers import Field
from tunnel.model.share import PAGES, Access, Refused
from tunnel.rules.credentials import cookies
from tunnel.share.answering import (
    Answer,
    Asked,
    Event,
    Onboarding,
    Receive,
    Send,
    asked_by,
    form_of,
    give,
    handed_out,
    onward,
    page_of,
    set_cookie,
)
from tunnel.share.devices import Guest
from tunnel.share.entry import Entry
from tunnel.share.forms import fields_of, form_token, is_guess_of_a_browser, is_ours, safe_path, same
from tunnel.share.look import Look
from tunnel.share.naming import TELL_MODEL, TELL_NOTHING, hides_its_model
from tunnel.share.pairing import Asker

HELD = 20.0  # seconds that a page waits for an answer before it looks again
MOST_HELD = 2  # such pages of one device; a browser has one
KEPT = 7 * 86_400  # seconds that a browser keeps a device's cookie; how long it is worth something is for us to say
KEPT_FORM = 86_400  # seconds that it keeps that of a form or a question
_TOLD = "told"  # in the link: its browser was asked for the model
_READ = (b"GET", b"HEAD")


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
        asked = asked_by(scope)
        try:
            answer = await self._answer(asked, receive)
        except Refused as error:
            page = self._look.wait(error.hint or "wait a moment")
            answer = page_of(error.status, page, *error.fields)
        await give(answer, send)

    async def _answer(self, asked: Asked, receive: Receive) -> Answer:
        if asked.method in _READ and (found := handed_out(self._onboarding, asked)) is not None:
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
        return page_of(404, self._look.problem("There is nothing here", "This share has no such page."))

    def _instead(self, asked: Asked) -> Answer:
        """Answer for the service: with a device's next cookie, or with how one comes in."""
        guest = self._entry.by_cookie(asked.headers, asked.address)
        to = (asked.path + (b"?" + asked.query if asked.query else b"")).decode("latin-1")
        if guest is not None:
            if not self._entry.devices.due(guest, self._entry.now()):
                return onward(safe_path(to))  # another request of the same browser has exchanged it meanwhile
            return onward(safe_path(to), self._device_cookie(self._entry.devices.cookie(guest, self._entry.now())))
        challenge = (b"www-authenticate", self._entry.challenge(asked.headers))
        match self._entry.share.access:
            case Access.PASSWORD:
                return self._login_page(asked, safe_path(to), 401, challenge)
            case Access.TOKEN:
                text = "It asks for a token, which scripts send as: Authorization: Bearer TOKEN."
            case Access.CERTIFICATE:
                text = "It asks for a client certificate, made by whoever shares it: tunnel cert --client NAME."
            case _:
                return page_of(401, self._look.scan(used=False), challenge)
        return page_of(401, self._look.needs(text), challenge)

    def _who(self, asked: Asked) -> Answer:
        guest = self._entry.by_cookie(asked.headers, asked.address)
        if guest is None:
            return self._instead(asked)
        return page_of(200, self._look.inside(guest.name, self._left(), self._leaving_token(guest)))

    def _join(self, asked: Asked) -> Answer:
        """Use the token up, for a question or, with `--yes`, for a place."""
        if self._entry.share.access is not Access.PAIRING:
            return page_of(404, self._look.problem("There is nothing here", "This share is not entered by a link."))
        if is_guess_of_a_browser(asked.headers):
            return page_of(503, self._look.problem("Not yet", "Open this page to come in."))
        if self._entry.by_cookie(asked.headers, asked.address) is not None:
            return onward("/")  # it is in, so its token is left for others
        if self._entry.waits(asked.headers, asked.address) is not None:
            return onward("/.tunnel/wait")
        query = fields_of(asked.query)
        token = query.get("token", "")
        if hides_its_model(asked.headers) and _TOLD not in query:
            # Nothing has happened yet, so nothing happens twice. Who does not tell its model is not asked again.
            return onward(f"{PAGES.decode()}join?{urlencode({'token': token, _TOLD: ''})}", TELL_MODEL)
        joined = self._entry.join(token, asked.address, asked.headers)
        if joined is None:
            challenge = (b"www-authenticate", self._entry.challenge(asked.headers))
            return page_of(401, self._look.scan(used=True), challenge)
        if joined.is_in:
            return onward("/", self._device_cookie(joined.cookie), TELL_NOTHING)
        # What was opened is left behind, so that the token stands in no history; and who waits has shown that it keeps
        # cookies.
        return onward("/.tunnel/wait", set_cookie(self._entry.ask_cookie, joined.cookie, KEPT_FORM))

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
                return page_of(200, self._look.asking(asker.code, asker.called.who), TELL_MODEL)
            case True:
                return self._enter(asker, asked)
            case False:
                self._entry.pairing.done(asker)
                return page_of(403, self._look.denied(), set_cookie(self._entry.ask_cookie, "", 0))

    def _enter(self, asker: Asker, asked: Asked) -> Answer:
        cookie = self._entry.enter(asker, asked.headers)
        return onward("/", self._device_cookie(cookie), set_cookie(self._entry.ask_cookie, "", 0), TELL_NOTHING)

    async def _log_in(self, asked: Asked, receive: Receive) -> Answer:
        if self._entry.share.access is not Access.PASSWORD:
            return page_of(404, self._look.problem("There is nothing here", "This share is not entered by a password."))
        form = await form_of(asked, receive)
        if form is None or not self._was_sent_here(asked, form, "login", cookies(asked.headers, self._form_cookie)):
            return self._login_page(
                asked, "/", 403, wrong="That form was not sent from here, or is too old. Try again."
            )
        to = safe_path(form.get("to", "/"))
        cookie = await self._entry.log_in(form.get("password", ""), asked.address, asked.headers)
        if cookie is None:
            challenge = (b"www-authenticate", self._entry.challenge(asked.headers))
            return self._login_page(asked, to, 401, challenge, wrong="That did not let you in.")
        return onward(to, self._device_cookie(cookie), set_cookie(self._form_cookie, "", 0), TELL_NOTHING)

    async def _log_out(self, asked: Asked, receive: Receive) -> Answer:
        guest = self._entry.by_cookie(asked.headers, asked.address)
        form = await form_of(asked, receive)
        if guest is None:
            return page_of(200, self._look.gone(), set_cookie(self._entry.cookie, "", 0))
        if form is None or not self._was_sent_here(asked, form, "logout", [guest.fresh.hex()]):
            return page_of(403, self._look.inside(guest.name, self._left(), self._leaving_token(guest)))
        self._entry.leave(guest)
        return page_of(200, self._look.gone(), set_cookie(self._entry.cookie, "", 0))

    def _login_page(self, asked: Asked, to: str, status: int, *fields: Field, wrong: str = "") -> Answer:
        if self._entry.share.access is not Access.PASSWORD:
            return self._instead(asked)
        known = cookies(asked.headers, self._form_cookie)
        value = known[0] if known else secrets.token_urlsafe(16)
        page = self._look.log_in(to, form_token(self._key, "login", value), wrong)
        if self._entry.by_cookie(asked.headers, asked.address) is None:  # else it has its name
            fields = (*fields, TELL_MODEL)
        return page_of(status, page, set_cookie(self._form_cookie, value, KEPT_FORM, "Strict"), *fields)

    def _leaving_token(self, guest: Guest) -> str:
        return form_token(self._key, "logout", guest.fresh.hex())

    def _was_sent_here(self, asked: Asked, form: dict[str, str], purpose: str, values: list[str]) -> bool:
        given = form.get("token", "")
        return is_ours(asked.headers, asked.host) and any(
            same(form_token(self._key, purpose, value), given) for value in values
        )

    def _device_cookie(self, value: str) -> Field:
        return set_cookie(self._entry.cookie, value, KEPT)

    def _no_such_method(self, allowed: bytes) -> Answer:
        page = self._look.problem("That cannot be done here", "This page takes no such request.")
        return page_of(405, page, (b"allow", allowed))
