"""Pairing: the token in the QR code, which opens one question, once; and the questions that wait for an answer.

A token is used up by the first who brings it, whatever becomes of the question; another one takes its place at once.
Who asked is bound to the question by a cookie of its own, so nobody can wait in another's place, and shows two digits
that stand in the question too. A question whose device waits no longer disappears.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from tunnel.errors import UsageError
from tunnel.model.share import Question
from tunnel.share.devices import digest
from tunnel.share.naming import Called

MOST = 8  # questions at once
GIVEN_UP = 60.0  # seconds after which a device that waits no longer is forgotten
LONGEST = 900.0  # seconds for an answer
_CODES = 100


@dataclass(slots=True, eq=False)
class Asker:
    """A device that wants in.

    Attributes:
      secret: SHA-256 of its cookie.
      seen: When it waited last.
      allowed: The answer; None before there is one.
      answered: Set with the answer.
      held: Requests of it that wait for the answer now.
    """

    number: int
    called: Called
    address: str
    at: float
    code: str
    secret: bytes = field(repr=False)
    seen: float
    asked: bool = False
    allowed: bool | None = None
    answered: trio.Event = field(default_factory=trio.Event, repr=False)
    held: int = 0

    def shown(self) -> Question:
        """Return it for people."""
        return Question(self.number, self.called.name, self.address, self.at, self.code, self.called.browser)


class Pairing:
    """The token and the questions of one share.

    Args:
      changed: Called when there is another question, or one less.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._askers: dict[bytes, Asker] = {}
        self._last = 0
        self.token = _new_token()

    def full(self, now: float) -> bool:
        """Whether as many ask as may."""
        self._tidy(now)
        return len(self._askers) >= MOST

    def redeem(self, token: str) -> bool:
        """Use the token up. Returns whether it was the one; takes as long if it was not."""
        if not hmac.compare_digest(digest(token), digest(self.token)):
            return False
        self.token = _new_token()
        self._changed()
        return True

    def ask(self, called: Called, address: str, now: float) -> str:
        """Note a device that wants in, for one token. Returns its cookie; when it comes back with it, `put` asks."""
        self._last += 1
        value = secrets.token_urlsafe(32)
        taken = {asker.code for asker in self._askers.values()}
        code = secrets.choice([each for each in map("{:02}".format, range(_CODES)) if each not in taken])
        asker = Asker(self._last, called, address, now, code, digest(value), seen=now)
        self._askers[asker.secret] = asker
        return value

    def hear(self, value: str, address: str, now: float) -> Asker | None:
        """Return who waits with this cookie, from where it asked; None if nobody does."""
        self._tidy(now)
        asker = self._askers.get(digest(value))
        if asker is None or asker.address != address:
            return None
        asker.seen = now
        return asker

    def put(self, asker: Asker, called: Called) -> bool:
        """Put its question, or a better name for who asks. Returns whether it is new."""
        new, asker.asked = not asker.asked, True
        if new or asker.called != called:
            asker.called = called
            self._changed()
        return new

    def done(self, asker: Asker) -> None:
        """Forget a device that has its answer."""
        self._askers.pop(asker.secret, None)
        self._changed()

    def questions(self, now: float) -> tuple[Question, ...]:
        """Return what waits for an answer, the oldest first."""
        self._tidy(now)
        return tuple(asker.shown() for asker in self._askers.values() if asker.asked and asker.allowed is None)

    def answer(self, number: int, allow: bool, now: float) -> Question:
        """Answer a question.

        Raises:
          UsageError: Nobody waits for it.
        """
        self._tidy(now)
        for asker in self._askers.values():
            if asker.number == number and asker.asked and asker.allowed is None:
                asker.allowed, asker.seen = allow, now  # from now on it has a while to hear of it
                asker.answered.set()
                self._changed()
                return asker.shown()
        raise UsageError(
            f"nobody waits for an answer to question {number}: it was answered, or they gave up",
            hint="see who does: tunnel share --list",
        )

    def _tidy(self, now: float) -> None:
        gone = [a for a in self._askers.values() if now > a.seen + GIVEN_UP or now > a.at + LONGEST]
        for asker in gone:
            del self._askers[asker.secret]
            asker.answered.set()  # whoever waits on it looks again, and finds nothing
        if gone:
            self._changed()


def _new_token() -> str:
    return secrets.token_urlsafe(18)  # 144 bits, in letters that a URL takes as they are; few, for a small QR code
