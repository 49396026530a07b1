"""Vault: the secrets that this process saw, by their pseudonyms, in memory alone. It ends with the process.

Bounded: the one that was seen longest ago leaves first. The writer's thread puts, any thread asks.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable

SIZE = 16 * 1024 * 1024  # bytes
_EACH = 256  # bytes that an entry takes besides what it holds
_PSEUDONYM = re.compile(rb'"?redacted-[0-9a-f]{16}"?')


class Vault:
    """Pseudonym to secret."""

    def __init__(self, size: int = SIZE) -> None:
        """`size` is the most bytes it takes."""
        self._most = size
        self._size = 0
        self._lock = threading.Lock()
        self._secrets: OrderedDict[bytes, tuple[bytes, bool]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._secrets)

    def put(self, pseudonym: bytes, secret: bytes, *, bare: bool = False) -> None:
        """Remember a secret; `bare` if it stood without the quotes that its pseudonym has."""
        with self._lock:
            if pseudonym in self._secrets:
                self._secrets.move_to_end(pseudonym)
                return
            self._secrets[pseudonym] = secret, bare
            self._size += _EACH + len(secret)
            while self._size > self._most:
                _, (gone, _) = self._secrets.popitem(last=False)
                self._size -= _EACH + len(gone)

    def touch(self, pseudonyms: Iterable[bytes]) -> bool:
        """Know that these were seen again; whether all of them are still here."""
        with self._lock:
            for pseudonym in pseudonyms:
                if pseudonym not in self._secrets:
                    return False
                self._secrets.move_to_end(pseudonym)
        return True

    def reveal(self, data: bytes) -> tuple[bytes, int]:
        """Return data with the secrets in the place of their pseudonyms, and how many of those are not known here.

        One that is met in several places is counted once.
        """
        missing: set[bytes] = set()

        def real(found: re.Match[bytes]) -> bytes:
            text = found[0]
            pseudonym = text.strip(b'"')
            with self._lock:
                secret, bare = self._secrets.get(pseudonym, (None, False))
            if secret is None:
                missing.add(pseudonym)
                return text
            if bare and len(text) == len(pseudonym) + 2:
                return secret
            return text.replace(pseudonym, secret)

        return _PSEUDONYM.sub(real, data), len(missing)
