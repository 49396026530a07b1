"""Entry: how somebody comes in, and goes: by a password, a token, a certificate, or a question that was answered with yes.

Whether a secret is right, and how soon another may be tried, is for `share.tries`; what each request may do once its device
is in for `share.gate`; what people see meanwhile for `share.pages`.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from tunnel.model.headers import Headers
from tunnel.model.own import SHARE_COOKIE
from tunnel.model.peer import Tls
from tunnel.model.share import Access, Refused, Share
from tunnel.rules.credentials import bearer, cookies, is_browser
from tunnel.share.devices import Copied, Devices, Elsewhere, Guest
from tunnel.share.naming import Called, called_by
from tunnel.share.pairing import Asker, Pairing
from tunnel.share.telling import Telling
from tunnel.share.tries import Tries


@dataclass(frozen=True, slots=True)
class Joined:
    """Who brought the pairing token.

    Attributes:
      cookie: What it is given; of a device if it is in, else of a question.
    """

    cookie: str = field(repr=False)
    is_in: bool


class Entry:
    """Lets devices in, and puts them out.

    Args:
      share: What was opened.
      telling: Hears of it.
      changed: Called when there is another question, or one less.
      closed: Called with the number of a device that is in no more.
      now: Seconds since the Unix epoch.

    Attributes:
      tries: Knows which secrets are right.

    Raises:
      UsageError: The share's own secret is no such thing: nobody could come in, or anybody.
    """

    def __init__(
        self,
        share: Share,
        telling: Telling,
        changed: Callable[[], None],
        closed: Callable[[int], None],
        now: Callable[[], float],
    ) -> None:
        self.share = share
        self.tries = Tries(share, telling, now)
        self.devices = Devices(closed, share.networks)
        self.pairing = Pairing(changed)
        self.cookie = SHARE_COOKIE.decode() + secrets.token_hex(4)
        self.ask_cookie = f"{self.cookie}-ask"
        self.now = now
        self._telling = telling

    def by_cookie(self, headers: Headers, address: str) -> Guest | None:
        """Return the device whose cookie this is. One that was copied puts its device out."""
        values = cookies(headers, self.cookie)
        if not values:
            return None
        now = self.now()
        match self.devices.by_cookie(values, address, now):
            case Guest() as guest:
                return guest
            case Copied(guest):
                self.devices.forget(guest)
                self._telling.tell(
                    "revoked",
                    f"{guest.name} was put out: a cookie that it had given back came again, so somebody has a copy",
                    address=address,
                    device=guest.number,
                    name=guest.name,
                )
            case Elsewhere(guest):
                self._telling.seldom(
                    "refused",
                    f"the cookie of {guest.name} came from {address}; it is worth nothing but at {guest.address}",
                    now,
                    address=address,
                    about="elsewhere",
                    device=guest.number,
                    name=guest.name,
                )
        return None

    async def by_password(self, password: str, address: str, headers: Headers) -> Guest | None:
        """Return the device of a tool that sends the password with every request (HTTP Basic); None if it is wrong.

        Raises:
          Refused: 429 or 503, it has to wait.
        """
        if not await self.tries.password(password, address) or self.devices.barred(address):
            return None
        return self._by_key(f"basic {address}", Access.PASSWORD, called_by(headers), address)

    def by_token(self, headers: Headers, address: str) -> Guest | None:
        """Return the device of a script that sends the token; None if it is wrong, or is not there.

        Raises:
          Refused: 429, it has to wait.
        """
        given = bearer(headers)
        if given is None:
            return None
        right = self.tries.is_token(given)
        key = f"token {address}"
        guest = self.devices.by_key(key, address, self.now()) if right else None
        if guest is not None and not self.tries.wait(address):
            return guest
        self.tries.begin(address)
        if not right:
            self.tries.wrong(address, "token")
            return None
        self.tries.right(address)
        return self._by_key(key, Access.TOKEN, called_by(headers), address)

    def by_certificate(self, tls: Tls | None, address: str) -> Guest | None:
        """Return the device with a client certificate, which the handshake has verified; None if it brought none."""
        if tls is None or not tls.client_print:
            return None
        key = f"certificate {tls.client_print}"
        if self.devices.barred(key):
            raise Refused("this certificate was revoked for this share", status=403, device=tls.client)
        return self._by_key(key, Access.CERTIFICATE, Called(tls.client), address)

    def anybody(self, headers: Headers, address: str) -> Guest:
        """Return the device at an address, on an open share."""
        return self._by_key(f"open {address}", Access.OPEN, called_by(headers), address)

    async def log_in(self, password: str, address: str, headers: Headers) -> str | None:
        """Let a browser in by its password. Returns its cookie; None if the password is wrong.

        Raises:
          Refused: 429 or 503, it has to wait.
        """
        if not await self.tries.password(password, address) or self.devices.barred(address):
            return None
        return self._come_in(headers, address, Access.PASSWORD, called_by(headers))

    def join(self, token: str, address: str, headers: Headers) -> Joined | None:
        """Take a pairing token. None if it is wrong, or was used.

        Raises:
          Refused: 429, it has to wait; or too many questions wait.
        """
        now = self.now()
        if self.pairing.full(now):
            raise Refused("too many devices are asking", status=429, hint="wait until some were answered")
        if not self.pairing.redeem(token):
            self.tries.begin(
                address
            )  # who is right never waits: nobody guesses it, so who tries is not to shut others out
            self.tries.wrong(address, "link")
            return None
        if self.share.yes:
            return Joined(self._come_in(headers, address, Access.PAIRING, called_by(headers)), is_in=True)
        return Joined(self.pairing.ask(called_by(headers), address, now), is_in=False)

    def waits(self, headers: Headers, address: str) -> Asker | None:
        """Return the device that waits for its answer, None if none does. From now on its question is put."""
        now = self.now()
        for value in cookies(headers, self.ask_cookie):
            asker = self.pairing.hear(value, address, now)
            if asker is None:
                continue
            if self.pairing.put(asker, called_by(headers)):
                sentence = f"{asker.called.who}, {address} wants in, it shows {asker.code}"
                self._telling.tell("asked", sentence, address=address, name=asker.called.name)
            return asker
        return None

    def enter(self, asker: Asker, headers: Headers) -> str:
        """Let in whoever was answered with yes. Returns the cookie."""
        self.pairing.done(asker)
        return self._come_in(headers, asker.address, Access.PAIRING, asker.called)

    def put_out(self, guest: Guest) -> None:
        """Put a device out because a person said so, with what it could come back by without another person's yes."""
        self.devices.forget(guest)
        also = ""
        match guest.rule:
            case Access.PAIRING if not self.share.yes:
                pass
            case Access.CERTIFICATE:
                self.devices.bar(guest.key)
                also = ", and its certificate is worth nothing here"
            case _:
                self.devices.bar(guest.address)
                also = ", and its address may not come back"
        sentence = f"{guest.called.who}, {guest.address} was put out{also}"
        self._telling.tell("revoked", sentence, address=guest.address, device=guest.number, name=guest.name)

    def leave(self, guest: Guest) -> None:
        """Let a device go that asked for it."""
        self.devices.forget(guest)
        self._telling.tell(
            "left", f"{guest.name} has left", address=guest.address, device=guest.number, name=guest.name
        )

    def refused(self, address: str, why: str) -> None:
        """Note that somebody was not let in."""
        self._telling.seldom("refused", f"{address} was not let in: {why}", self.now(), address=address)

    def challenge(self, headers: Headers) -> bytes:
        """Return how one comes in, for a 401 (RFC 9110 §11.6.1). Never Basic to a browser: it would open a dialog."""
        match self.share.access:
            case Access.TOKEN:
                return b'Bearer realm="tunnel share"'
            case Access.PASSWORD if not is_browser(headers):
                return b'Basic realm="tunnel share", charset="UTF-8"'
        return b'Cookie realm="tunnel share"'

    def _come_in(self, headers: Headers, address: str, rule: Access, called: Called) -> str:
        """Let a browser in. Its cookie is always a new one: one that it brought was perhaps put there (session fixation)."""
        now = self.now()
        known = self.devices.by_cookie(cookies(headers, self.cookie), address, now)
        before = known if isinstance(known, Guest) else None  # the same browser: it gives up its old place
        guest = self.devices.come(rule, called, address, now, before=before)
        self._admitted(guest)
        return self.devices.cookie(guest, now)

    def _by_key(self, key: str, rule: Access, called: Called, address: str) -> Guest:
        now = self.now()
        guest = self.devices.by_key(key, address, now)
        if guest is None:
            guest = self.devices.come(rule, called, address, now, key=key)
            if rule is Access.OPEN:  # anybody may cause as many of these as there are addresses
                sentence = f"{guest.called.who}, {address} is in"
                self._telling.seldom("admitted", sentence, now, address=address, device=guest.number, name=guest.name)
            else:
                self._admitted(guest)
        return guest

    def _admitted(self, guest: Guest) -> None:
        sentence = f"{guest.called.who}, {guest.address} is in"
        self._telling.tell("admitted", sentence, address=guest.address, device=guest.number, name=guest.name)
