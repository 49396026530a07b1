"""Vault: the secrets that this process saw, by their pseudonyms, in memory alone. It ends with the process.

Bounded: the one that was seen longest ago leaves first. The writer's thread puts, any thread asks.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from tunnel.model.pseudonym import places

SIZE = 16 * 1024 * 1024  # bytes
_EACH = 256  # bytes that an entry takes besides what it holds


def met(data: bytes) -> list[bytes]:
    """Return the pseudonyms that data holds, each once, in their order."""
    return list(dict.fromkeys(name for _, _, name in places(data)))


def put_back(data: bytes, secrets: Mapping[bytes, bytes]) -> tuple[bytes, int]:
    """Return data with secrets in the place of their pseudonyms, and how many pseudonyms are left.

    One that is met in several places is counted once. What comes out is not looked at again: a secret may look like a
    pseudonym, where a client sent one.
    """
    missing: set[bytes] = set()
    parts = []
    at = 0
    for start, end, name in places(data):
        secret = secrets.get(name)
        if secret is None:
            missing.add(name)
            continue
        parts += [data[at:start], secret]
        at = end
    return b"".join([*parts, data[at:]]) if parts else data, len(missing)


class Vault:
    """Pseudonym to secret."""

    def __init__(self, size: int = SIZE) -> None:
        """`size` is the most bytes it takes."""
        self._most = size
        self._size = 0
        self._lock = threading.Lock()
        self._secrets: OrderedDict[bytes, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._secrets)

    def put(self, pseudonym: bytes, secret: bytes) -> None:
        """Remember a secret."""
        with self._lock:
            if pseudonym in self._secrets:
                self._secrets.move_to_end(pseudonym)
                return
            self._secrets[pseudonym] = secret
            self._size += _EACH + len(secret)
            while self._size > self._most:
                _, gone = self._secrets.popitem(last=False)
                self._size -= _EACH + len(gone)

    def touch(self, pseudonyms: Iterable[bytes]) -> bool:
        """Know that these were seen again; whether all of them are still here."""
        with self._lock:
            for pseudonym in pseudonyms:
                if pseudonym not in self._secrets:
                    return False
                self._secrets.move_to_end(pseudonym)
        return True

    def known(self, pseudonyms: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the secrets of those pseudonyms that are known here."""
        with self._lock:
            return {pseudonym: self._secrets[pseudonym] for pseudonym in pseudonyms if pseudonym in self._secrets}

    def reveal(self, data: bytes) -> tuple[bytes, int]:
        """Return data with the secrets in the place of their pseudonyms, and how many of those are not known here."""
        return put_back(data, self.known(met(data)))
