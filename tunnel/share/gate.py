"""Gate: judges every request to a share, and is where its owner sees and decides.

A request is judged anew each time, never a connection: who is in may be put out, and the time ends. The order: is the share
still open, may this address ask, is it one of our own pages, who is it, may that device do this.
"""

import time
from collections.abc import Callable

import trio

from tunnel.errors import UsageError
from tunnel.model.message import Request
from tunnel.model.origin import origin
from tunnel.model.peer import Peer
from tunnel.model.share import PAGES, Access, Admitted, Device, Happening, Ours, Question, Rate, Refused, Share
from tunnel.rules.admission import Bucket, check, may_ask, often, spend, wait_for, waiting
from tunnel.rules.credentials import asks_by_hand, basic, without
from tunnel.rules.paths import PathRule, leads_to_pages
from tunnel.share.answering import Nothing, Onboarding
from tunnel.share.devices import Guest
from tunnel.share.entry import Entry
from tunnel.share.forms import is_safe_path
from tunnel.share.pages import Pages
from tunnel.share.telling import Telling

_MOST_BUCKETS = 4096  # networks that are remembered
WHO = "see who: tunnel share --list"
_HOW = {
    Access.TOKEN: "send the token: curl -H 'Authorization: Bearer TOKEN'",
    Access.PASSWORD: "send the password: curl -u :PASSWORD",
    Access.CERTIFICATE: "send a client certificate, made by whoever shares this: curl --cert NAME.pem",
}


_WITHOUT = {
    Access.PAIRING: "it came without the link",
    Access.PASSWORD: "it gave no password",
    Access.TOKEN: "it sent no token",
    Access.CERTIFICATE: "it showed no client certificate",
    Access.OPEN: "",  # everybody is
}


class Gate:
    """The gate of one share, from its start to its end. Everything of it is called in the loop's thread.

    Args:
      share: What was opened.
      port: Where.
      told: Hears what happens; must not wait.
      closed: Called with the number of a device that is in no more: what runs for it is to be cut off.
      now: Seconds since the Unix epoch.
      onboarding: Returns what a path of the onboarding is: its content type and its bytes.

    Attributes:
      app: The share's own pages, an ASGI app.
      cookie: The name of a device's cookie, another one for each share.
      changed: Set, and replaced by another, when `questions` or `link` have changed.

    Raises:
      UsageError: The share's password or token is no such thing.
    """

    def __init__(
        self,
        share: Share,
        *,
        port: int,
        told: Callable[[Happening], None],
        closed: Callable[[int], None],
        now: Callable[[], float] = time.time,
        onboarding: Onboarding | None = None,
    ) -> None:
        self.share = share
        self.changed = trio.Event()
        self._now = now
        self._telling = Telling(told)
        self._paths = PathRule(share.paths)
        self._entry = Entry(share, self._telling, self._change, closed, now)
        self.cookie = self._entry.cookie
        self._buckets: dict[str, Bucket] = {}  # of networks, the one that asked last stands last
        self.ends: float | None = now() + share.seconds if share.seconds else None
        host = f"[{share.address}]" if ":" in share.address else share.address
        self._url = f"https://{host}:{port}"
        self.app = Pages(self._entry, self.left, onboarding or Nothing())

    async def admit(self, peer: Peer, request: Request) -> Admitted | Ours:
        """Return the request as it may go on to the service, or that the share's own pages answer it.

        Waits only for a password that was not compared before.

        Raises:
          Refused: It does neither.
        """
        now = self._now()
        address = peer.address
        if self.ends is not None and now >= self.ends:
            raise Refused("the share has ended", status=403)
        if not may_ask(self.share, address) or self._entry.devices.barred(address):
            self._entry.refused(address, "its address may not ask")
            raise Refused("this address may not ask here", status=403)
        if peer.tls is None:
            raise Refused("a share speaks HTTPS", status=403)  # the way has answered what may be asked in plain
        if request.target.startswith(PAGES):
            if request.upgrade:
                raise Refused("the pages of a share pass no upgrade", status=403)
            return Ours.PAGES
        guest = await self._who(peer, request)
        if guest is None:
            return self._refused(address, request)
        if leads_to_pages(request.target):
            raise Refused("there is no such page of this share", status=404, device=guest.name)
        check(self.share, self._paths, request, guest.name)
        if (rate := self.share.rate) is not None:
            bucket, enough = self._spend(guest, address, rate, now)
            if not enough:
                seconds = wait_for(bucket, rate)
                raise Refused(
                    f"more than {often(rate)}",
                    status=429,
                    hint=waiting(seconds),
                    device=guest.name,
                    fields=((b"Retry-After", b"%d" % seconds),),
                )
        if self._entry.devices.due(guest, now) and _opens_a_page(request):
            return Ours.PAGES
        return Admitted(self._stripped(request), guest.number, guest.name, _user(guest, peer), guest.rule)

    def passed(self, device: int) -> None:
        """Count one more request of a device that goes on."""
        if (guest := self._entry.devices.get(device)) is not None:
            guest.requests += 1

    @property
    def link(self) -> str:
        """What is opened to come in: with the one-time token where there is one, a new one when it was used up."""
        if self.share.access is Access.PAIRING:
            return f"{self._url}{PAGES.decode()}join?token={self._entry.pairing.token}"
        return f"{self._url}/"

    def questions(self) -> tuple[Question, ...]:
        """Return what waits for an answer, the oldest first."""
        return self._entry.pairing.questions(self._now())

    def answer(self, number: int, allow: bool) -> None:
        """Answer a question.

        Raises:
          UsageError: Nobody waits for it.
        """
        question = self._entry.pairing.answer(number, allow, self._now())
        if not allow:
            sentence = f"{question.who}, {question.address} was not let in: you said no"
            self._telling.tell("refused", sentence, address=question.address, name=question.name)

    def devices(self) -> tuple[Device, ...]:
        """Return who was let in, in the order in which they came."""
        return self._entry.devices.all()

    def revoke(self, number: int) -> Device:
        """Put a device out for good: its connections too; and where it needs nobody's yes to come back, its address.

        Raises:
          UsageError: There is no such device.
        """
        guest = self._entry.devices.get(number)
        if guest is None:
            raise UsageError(f"no device has the number {number}", hint=WHO)
        self._entry.put_out(guest)
        return guest.shown()

    def left(self) -> float | None:
        """Return seconds until the share ends; None for ever."""
        return None if self.ends is None else max(self.ends - self._now(), 0.0)

    def extend(self, seconds: float) -> float:
        """Move the end. Returns the new one, seconds since the Unix epoch.

        Raises:
          UsageError: It has no end, or has ended.
        """
        if self.ends is None:
            raise UsageError("this share has no end that could be moved", hint="end it with: tunnel share stop")
        if not self.left():
            raise UsageError("this share has ended", hint="begin another: tunnel share TARGET")
        self.ends = max(self.ends + seconds, self._now())
        minutes = round((self.left() or 0.0) / 60)
        self._telling.tell("extended", f"the share now ends in {minutes} minutes", address="")
        return self.ends

    async def _who(self, peer: Peer, request: Request) -> Guest | None:
        """Return whose request this is, None if nobody is let in by it.

        Raises:
          Refused: It has to wait, or was put out.
        """
        entry, headers, address = self._entry, request.headers, peer.address
        match self.share.access:
            case Access.PAIRING:
                return entry.by_cookie(headers, address)
            case Access.PASSWORD:
                guest = entry.by_cookie(headers, address)
                if guest is None and (password := basic(headers)) is not None:
                    guest = await entry.by_password(password, address, headers)
                return guest
            case Access.TOKEN:
                return entry.by_token(headers, address)
            case Access.CERTIFICATE:
                return entry.by_certificate(peer.tls, address)
            case Access.OPEN:
                return entry.anybody(headers, address)

    def _spend(self, guest: Guest, address: str, rate: Rate, now: float) -> tuple[Bucket, bool]:
        """Take one request out of a device's bucket. Returns what is left, and whether there was one.

        Where everybody is let in, a device is its address, and of IPv6 it has as many as it likes: its /64 has one bucket.
        """
        network = origin(address) if guest.rule is Access.OPEN else ""
        if "/" not in network:
            guest.bucket, enough = spend(guest.bucket, rate, now)
            return guest.bucket, enough
        bucket, enough = spend(self._buckets.pop(network, None), rate, now)
        self._buckets[network] = bucket
        if len(self._buckets) > _MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        return bucket, enough

    def _refused(self, address: str, request: Request) -> Ours:
        """Refuse whoever is not in: a person by a page, a program by a challenge."""
        self._entry.refused(address, _WITHOUT[self.share.access])
        if request.method in (b"GET", b"HEAD") and not request.upgrade and asks_by_hand(request.headers):
            return Ours.PAGES
        challenge = self._entry.challenge(request.headers)
        hint = _HOW.get(self.share.access, f"open {self._url}/ in a browser")
        raise Refused("it was not let in", status=401, hint=hint, fields=((b"WWW-Authenticate", challenge),))

    def _stripped(self, request: Request) -> Request:
        """Return a request without what it showed to us. The service may want an Authorization of its own."""
        ours = self._entry.tries.is_ours(request.headers)
        headers = without(request.headers, authorization=ours)
        return request if headers is request.headers else request._replace(headers=headers)

    def _change(self) -> None:
        event, self.changed = self.changed, trio.Event()
        event.set()


def _user(guest: Guest, peer: Peer) -> str:
    """Return what the service is told of who asks; nothing where nobody knows."""
    match guest.rule:
        case Access.CERTIFICATE:
            return peer.tls.client if peer.tls is not None else ""
        case Access.OPEN:
            return ""
        case _:
            return guest.name


def _opens_a_page(request: Request) -> bool:
    """Whether a browser opens a page with it, so that it follows a redirect and keeps a cookie."""
    get = request.headers.get
    opens = get(b"sec-fetch-mode") == b"navigate" and get(b"sec-fetch-dest") == b"document"
    return opens and request.method == b"GET" and is_safe_path(request.target.decode("latin-1"))
