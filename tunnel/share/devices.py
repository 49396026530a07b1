"""Devices: who was let in, by what each is known again, and how it is put out.

A browser is known by a cookie: 256 random bits, of which only the SHA-256 is kept, bound to the address that it was
given to. It is exchanged for a new one now and then; once the new one has come back, the old one is worth nothing, and
who shows it later has a copy: the device is put out, since nobody can tell which of the two is the thief. Everything
else (a tool with a token, a client's certificate, anybody on an open share) is known by a key that its rule makes.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Network

from tunnel.model.origin import origin
from tunnel.model.share import Access, Device, Network
from tunnel.rules.admission import Bucket
from tunnel.share.naming import Called, Names

MOST = 512  # devices; of more, the one that was not seen for longest is forgotten
ROTATED = 900.0  # seconds after which a cookie is exchanged
GRACE = 120.0  # seconds in which the old one is taken too: for requests on their way, and a browser that restarts
_RETRY = 60.0  # seconds before a browser that did not take the new one is given another
_MOST_BARRED = 4096
_LINK = IPv6Network("fe80::/10")  # who has no other address asks from one of these


@dataclass(slots=True, eq=False)
class Guest:
    """One device as the gate keeps it; `devices()` shows it to people.

    Attributes:
      key: By which it is known, where that is no cookie.
      fresh: SHA-256 of its newest cookie, `old` of the one before; empty where there is none.
      issued: When the newest was given; `confirmed` when it first came back, None before.
    """

    number: int
    called: Called
    address: str
    rule: Access
    since: float
    seen: float
    key: str = ""
    requests: int = 0
    bucket: Bucket | None = None
    fresh: bytes = field(default=b"", repr=False)
    old: bytes = field(default=b"", repr=False)
    issued: float = 0.0
    confirmed: float | None = None

    @property
    def name(self) -> str:
        """By which the record and the service know it."""
        return self.called.name

    def shown(self) -> Device:
        """Return it for people."""
        name, browser = self.called.name, self.called.browser
        return Device(self.number, name, self.address, self.rule, self.since, self.seen, self.requests, browser)


@dataclass(frozen=True, slots=True)
class Copied:
    """A cookie that nobody should have any more: whose it was, who is put out now."""

    guest: Guest


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A device's cookie came from another address than it was given to. It is worth nothing there."""

    guest: Guest


class Devices:
    """All devices of one share. Nothing in it grows without bound.

    Args:
      closed: Called with the number of a device that is in no more, however that came.
      near: Networks in which no two addresses are held to be one device's; nor are any two of a link.
    """

    def __init__(self, closed: Callable[[int], None], near: Sequence[Network] = ()) -> None:
        self._closed = closed
        self._near = (*near, _LINK)
        self._guests: OrderedDict[int, Guest] = OrderedDict()  # the one seen last stands last
        self._cookies: dict[bytes, Guest] = {}
        self._keys: dict[str, Guest] = {}
        self._barred: dict[str, None] = {}
        self._names = Names()
        self._last = 0

    def all(self) -> tuple[Device, ...]:
        """Return every device for people, in the order in which they came."""
        return tuple(self._guests[number].shown() for number in sorted(self._guests))

    def get(self, number: int) -> Guest | None:
        """Return a device by its number."""
        return self._guests.get(number)

    def come(
        self, rule: Access, called: Called, address: str, now: float, *, key: str = "", before: Guest | None = None
    ) -> Guest:
        """Let a device in.

        Args:
          called: What it calls itself; it may be given a number.
          key: By which it is known again (`by_key`), where no cookie is given to it.
          before: Which it was until now, if it was in: it gives up that place and keeps the name.
        """
        self._last += 1
        if before is not None:
            self.forget(before)
            called = before.called
        else:
            name = self._names.new(called.name, {guest.name for guest in self._guests.values()})
            called = Called(name, called.browser)
        guest = Guest(self._last, called, address, rule, since=now, seen=now, key=key)
        self._guests[guest.number] = guest
        if key:
            self._keys[key] = guest
        if len(self._guests) > MOST:
            self.forget(next(iter(self._guests.values())))
        return guest

    def cookie(self, guest: Guest, now: float) -> str:
        """Return a new cookie for a device; the one it has is good until this one has come back, and a little longer."""
        value = secrets.token_urlsafe(32)
        if guest.old:
            self._cookies.pop(guest.old, None)
        if (
            guest.confirmed is None and guest.old
        ):  # the last one never came back, so what the browser has is older still
            self._cookies.pop(guest.fresh, None)
            self._cookies[guest.old] = guest
        else:
            guest.old = guest.fresh
        guest.fresh, guest.issued, guest.confirmed = digest(value), now, None
        self._cookies[guest.fresh] = guest
        return value

    def by_cookie(self, values: Sequence[str], address: str, now: float) -> Guest | Copied | Elsewhere | None:
        """Return whose cookie this is.

        Args:
          values: All that a request brought under our name; another page of this host may have added to them.
        """
        wrong: Elsewhere | None = None
        for value in values:
            shown = digest(value)
            guest = self._cookies.get(shown)
            if guest is None:
                continue
            if address != guest.address and origin(address, self._near) != origin(guest.address, self._near):
                wrong = Elsewhere(guest)
                continue
            if shown == guest.fresh:
                if guest.confirmed is None:
                    guest.confirmed = now
            elif guest.confirmed is not None and now > guest.confirmed + GRACE:
                return Copied(guest)
            return self._saw(guest, address, now)
        return wrong

    def by_key(self, key: str, address: str, now: float) -> Guest | None:
        """Return who is known by a key."""
        guest = self._keys.get(key)
        return None if guest is None else self._saw(guest, address, now)

    def due(self, guest: Guest, now: float) -> bool:
        """Whether a device's cookie is to be exchanged, with the next page that it opens."""
        since = now - guest.issued
        return bool(guest.fresh) and (
            since > ROTATED if guest.confirmed is not None or not guest.old else since > _RETRY
        )

    def forget(self, guest: Guest) -> None:
        """Put a device out; whether it may come again is another question."""
        self._guests.pop(guest.number, None)
        for cookie in (guest.fresh, guest.old):
            self._cookies.pop(cookie, None)
        if self._keys.get(guest.key) is guest:
            del self._keys[guest.key]
        self._closed(guest.number)

    def bar(self, what: str) -> None:
        """Let nobody in any more who is known by this: an origin, a certificate. A person said so, so it is kept."""
        self._barred[what] = None
        if len(self._barred) > _MOST_BARRED:
            del self._barred[next(iter(self._barred))]

    def barred(self, what: str) -> bool:
        """Whether somebody said so."""
        return what in self._barred

    def _saw(self, guest: Guest, address: str, now: float) -> Guest:
        guest.seen, guest.address = now, address
        self._guests.move_to_end(guest.number)
        return guest


def digest(value: str) -> bytes:
    """Return what is kept of a secret that is random enough to need no salt.

    A look-up by it takes as long for one wrong value as for another: nobody learns from it how much was right.
    """
    return hashlib.sha256(value.encode(errors="replace")).digest()
