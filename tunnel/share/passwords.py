"""Passwords: how a share's password is kept and compared: argon2id, in a thread, a few at a time.

Each comparison takes some tens of milliseconds and 64 MiB, by design; so only so many run at once, and only so many wait.
"""

import hashlib
import hmac
import secrets

import trio

from tunnel.errors import UsageError
from tunnel.model.share import Refused
from tunnel.rules.credentials import LONGEST

AT_ONCE = 2  # comparisons, 64 MiB each
WAITING = 16  # that wait for their turn; more are sent away
MOST_KNOWN = 256  # addresses from which it was compared, and right
SHORTEST = 8  # letters


def hash_password(password: str) -> str:
    """Return what is kept of a password: its argon2id hash, with its parameters and its salt.

    Raises:
      UsageError: It is too short or too long.
    """
    if len(password) < SHORTEST:
        raise UsageError(f"the password is shorter than {SHORTEST} letters", hint="three or four words make a good one")
    if len(password.encode(errors="replace")) > LONGEST:
        raise UsageError(f"the password is longer than {LONGEST} bytes", hint="use a shorter one")
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password.encode(errors="surrogatepass"))  # RFC 9106 §4, its second recommendation


def check_hash(kept: str) -> None:
    """Check that this is what `hash_password` returned, before a share begins that nobody could enter.

    Raises:
      UsageError: It is not.
    """
    from argon2 import Type, extract_parameters
    from argon2.exceptions import InvalidHashError

    try:
        if extract_parameters(kept).type is Type.ID:
            return
    except InvalidHashError:
        pass
    raise UsageError(
        "share.password is no argon2id hash", hint="make one, and put it there: tunnel share --hash-password"
    )


class Passwords:
    """Compares with one password.

    What was right once is remembered by an HMAC under a key that lives as long as this object: a tool sends its
    password with every request, and would else wait for every one.

    Args:
      kept: Its argon2id hash.
    """

    def __init__(self, kept: str) -> None:
        self._kept = kept
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, None] = {}
        self._right = b""
        self._turns = trio.CapacityLimiter(AT_ONCE)
        self._waiting = 0

    def mark(self, address: str, password: str) -> bytes:
        """Return by what a password from an address is known here."""
        return hmac.digest(self._key, f"{address}\0{password}".encode(errors="replace"), hashlib.sha256)

    def known(self, mark: bytes) -> bool:
        """Whether it was compared before, and right."""
        return mark in self._known

    def learn(self, mark: bytes, password: str) -> None:
        """Remember that it is right."""
        self._right = self.mark("", password)
        self._known[mark] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def seen(self, password: str) -> bool:
        """Whether this is what somebody came in with, so that it is no secret of anybody else."""
        return hmac.compare_digest(self._right, self.mark("", password))

    async def right(self, password: str) -> bool:
        """Whether it is the password. Takes as long for a wrong one as for the right one.

        Raises:
          Refused: 503, too many are being compared.
        Cancelled: the thread ends its comparison unheard.
        """
        if self._waiting >= WAITING:
            raise Refused(
                "too many passwords are being compared", status=503, hint="try again", fields=((b"Retry-After", b"2"),)
            )
        self._waiting += 1
        try:
            return await trio.to_thread.run_sync(
                _compare, self._kept, password, limiter=self._turns, abandon_on_cancel=True
            )
        finally:
            self._waiting -= 1


def _compare(kept: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher().verify(kept, password.encode(errors="surrogatepass"))
    except (Argon2Error, InvalidHashError):
        return False
