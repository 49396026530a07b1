"""Pseudonyms: what stands for a secret in the store. The key they are made with lives beside it, so that equal stays equal.

A pseudonym is made of 16 hexadecimal digits of an HMAC-SHA256 (RFC 2104) of the secret under the store's key: the same
secret has the same one in every exchange, every process and every run. Without the key nobody can try what it stands for;
with it a PIN can be guessed, so it is private: 0600.
"""

import hmac
import os
import secrets
from pathlib import Path

from tunnel.capture.vault import Vault
from tunnel.model.pseudonym import pseudonym

FILE = "pseudonyms.key"
_SIZE = 32  # bytes
_MOST_COUNTED = 10_000  # of one exchange: a WebSocket that is open for days may bring a token with each message


class Pseudonyms:
    """Gives secrets their pseudonyms, and tells the vault which is whose. A `redact.Hide`.

    Attributes:
      found: Those that were given since the caller last put a set here.
    """

    def __init__(self, key: bytes, vault: Vault) -> None:
        self._key = key
        self.vault = vault
        self.found: set[bytes] = set()

    def __call__(self, secret: bytes, bare: bool = False) -> bytes:
        """Return the pseudonym of a secret; `bare` if it was a JSON number, which must not be mistaken for a string."""
        name = pseudonym(hmac.digest(self._key, secret, "sha256")[:8].hex(), number=bare)
        self.vault.put(name, secret)
        if len(self.found) < _MOST_COUNTED:
            self.found.add(name)
        return name


def load_or_make(folder: Path) -> bytes:
    """Return the store's key, made if there is none yet. Of several processes at once one makes it, and all return the same.

    Raises:
      OSError: It can be neither read nor made.
    """
    path = folder / FILE
    for _ in range(2):
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            pass
        else:
            if len(key) == _SIZE:
                return key
            path.unlink(missing_ok=True)  # not ours, or damaged: a new one is begun, and equal is equal from now on
        _make(path)
    return path.read_bytes()


def _make(path: Path) -> None:
    """Write a new key whole, under another name, and give it its own: a link fails where somebody was first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, secrets.token_bytes(_SIZE))
            os.fsync(file)
        finally:
            os.close(file)
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        except OSError:
            if path.exists():
                return
            made.replace(
                path
            )  # a file system without links: two that begin at once may then disagree, until the next start
    finally:
        made.unlink(missing_ok=True)
