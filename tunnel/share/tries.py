"""Tries: whether a secret that somebody shows is right (a password, a token, a link), and how soon they may try another.

What it is then good for is for `share.entry`. The delays are kept by `share.throttle`, passwords compared by
`share.passwords`.
"""

import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from tunnel.errors import UsageError
from tunnel.model.headers import Headers
from tunnel.model.share import Access, Refused, Share
from tunnel.rules.admission import waiting
from tunnel.rules.credentials import LONGEST, basic, bearer
from tunnel.share.devices import digest
from tunnel.share.passwords import Passwords, check_hash
from tunnel.share.telling import Telling
from tunnel.share.throttle import Throttle

_SHORTEST_TOKEN = 16  # letters


@dataclass(slots=True)
class _Comparison:
    """A password that is being compared: whoever brings the same one meanwhile waits for the same answer.

    Attributes:
      right: None as well if it was broken off.
    """

    done: trio.Event = field(default_factory=trio.Event)
    right: bool | None = None


class Tries:
    """Judges what is shown to one share.

    Args:
      share: What was opened.
      telling: Hears of wrong tries.
      now: Seconds since the Unix epoch.

    Raises:
      UsageError: The share's own secret is no such thing: nobody could come in, or anybody.
    """

    def __init__(self, share: Share, telling: Telling, now: Callable[[], float]) -> None:
        _check(share)
        self._share = share
        self._telling = telling
        self._now = now
        self._throttle = Throttle()
        self._passwords = Passwords(share.password)
        self._comparing: dict[bytes, _Comparison] = {}

    async def password(self, password: str, address: str) -> bool:
        """Whether this is the share's password. Waits while it is compared.

        Raises:
          Refused: 429 or 503, it has to wait.
        """
        mark = self._passwords.mark(address, password)
        # Not while it has to wait: whoever guesses from the address of a tool that is in would learn which guess is right.
        if self._passwords.known(mark) and not self.wait(address):
            return True
        while (running := self._comparing.get(mark)) is not None:
            await running.done.wait()
            if running.right is not None:
                return running.right
        self.begin(address)
        comparison = self._comparing[mark] = _Comparison()
        try:
            comparison.right = len(password.encode(errors="replace")) <= LONGEST and await self._passwords.right(
                password
            )
        except Refused:
            self._throttle.give_back(address, self._now())
            raise
        finally:
            del self._comparing[mark]
            comparison.done.set()
        if not comparison.right:
            self.wrong(address, "password")
            return False
        self.right(address)
        self._passwords.learn(mark, password)
        return True

    def is_token(self, given: str) -> bool:
        """Whether this is the share's token."""
        return hmac.compare_digest(digest(given), digest(self._share.token)) and bool(self._share.token)

    def is_ours(self, headers: Headers) -> bool:
        """Whether Authorization was for us, so that the service never sees it."""
        match self._share.access:
            case Access.PASSWORD:
                password = basic(headers)
                return password is not None and self._passwords.seen(password)
            case Access.TOKEN:
                given = bearer(headers)
                return given is not None and self.is_token(given)
        return False

    def wait(self, address: str) -> float:
        """Return seconds that an address has to wait for wrong tries of its own."""
        return self._throttle.wait(address, self._now())

    def begin(self, address: str) -> None:
        """Count a try.

        Raises:
          Refused: 429; it says nothing of whether the try would have been right.
        """
        wait = math.ceil(self._throttle.begin(address, self._now()))
        if wait:
            raise Refused(
                "too many wrong tries", status=429, hint=waiting(wait), fields=((b"Retry-After", b"%d" % wait),)
            )

    def right(self, address: str) -> None:
        """Note that a try was right: what others do holds up this address no more."""
        self._throttle.right(address, self._now())

    def wrong(self, address: str, what: str) -> None:
        """Tell of a wrong try, and of whom it locks out."""
        now = self._now()
        locked = self._throttle.locked(address, now)
        if locked:
            who = self._throttle.counted_as(address)
            sentence = f"{who} is locked out for {round(locked / 60)} minutes: too many wrong tries"
            self._telling.tell("locked out", sentence, address=address)
        else:
            self._telling.seldom("refused", f"{address} brought a wrong {what}", now, address=address, about="wrong")


def _check(share: Share) -> None:
    if share.access is Access.PASSWORD:
        check_hash(share.password)
    if share.access is Access.TOKEN and len(share.token) < _SHORTEST_TOKEN:
        raise UsageError(
            f"the share's token is shorter than {_SHORTEST_TOKEN} letters", hint="leave it out, and one is made for you"
        )
