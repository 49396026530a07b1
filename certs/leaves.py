"""The leaves on disk: one file a name, or a set of names, whose file name says whose root signed it and when it ends.

Leaves signing to `authority.py` and loading into OpenSSL to `contexts.py`.  All that must be known to choose a leaf
stands in its file name, so that a second start needs neither cryptography nor a look into any file:

    leaves/3f9a2c41d07be852_1764201599_app.test.pem
           root             expires    name
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from certs import files, limits
from certs.names import DnsName, Name

Names = Name | tuple[Name, ...]
"""What one leaf is for: a name, or several together, in their order."""

# As many as are kept in memory.  A page that asks for a thousand subdomains of localhost fills neither.
MOST_LEAVES = 256

# Of the root's SHA-256.  It tells roots of one folder apart; it proves nothing and need not.
ROOT_DIGITS = 16

# File systems take 255 bytes a name; the other parts need 33 of them.
LONGEST_LABEL = 200

# A temporary file this old, in seconds, belongs to a process that was killed.
ABANDONED = 1 * limits.HOURS


class CachedLeaf(NamedTuple):
    """A leaf in a file, key and certificate, as its file name describes it."""

    path: Path
    root: str
    """The first digits of the root's fingerprint."""
    expires: int
    """Seconds since 1970, UTC; valid up to and including this second."""
    label: str
    """The names in it, in letters that every file system takes."""

    def is_valid(self, now: float) -> bool:
        # The second half is for a clock that was ahead when the leaf was made: it is not valid yet.
        return now <= self.expires < now + limits.LEAF_LIFETIME

    def is_fresh(self, now: float) -> bool:
        """Valid, and with so much life left that nobody needs to renew it yet."""
        return self.is_valid(now) and self.expires - now >= limits.LEAF_RENEWED


def find(folder: Path, root: str, names: Names, *, now: float) -> CachedLeaf | None:
    """The valid leaf for exactly these names that ends last, if there is one that nobody else can read.

    Args:
      folder: The folder of leaves; need not exist.
      root: The fingerprint of the root that must have signed it.
      names: The one in it, or all of them in their order.
      now: Seconds since 1970, UTC.
    """
    # Compared as text first: a handshake is waiting, and most files are other names'.
    start, end = f"{root[:ROOT_DIGITS]}_", f"_{_label(names)}.pem"
    mine = (entry for entry in _entries(folder) if entry.startswith(start) and entry.endswith(end))
    candidates = [
        leaf
        for entry in mine
        if (leaf := _described(folder / entry)) is not None
        and leaf.label == _label(names)
        and leaf.is_valid(now)
        and files.is_private(leaf.path)
    ]
    return max(candidates, key=lambda leaf: leaf.expires, default=None)


def keep(folder: Path, root: str, names: Names, pem: bytes, *, expires: int, now: float) -> CachedLeaf:
    """Write a new leaf, and drop those that it replaces or crowds out.

    Connections that use a dropped one lose nothing: OpenSSL has read its file long ago.

    Raises: CertsError when the folder cannot be written.
    """
    files.make_folder(folder)
    root, label = root[:ROOT_DIGITS], _label(names)
    leaf = CachedLeaf(folder / f"{root}_{expires}_{label}.pem", root, expires, label)
    # Not durable: should the power fail, a damaged leaf is found out when it is loaded, and made again.
    files.write(leaf.path, pem, mode=files.PRIVATE, durable=False)
    _prune(folder, leaf, now)
    return leaf


def _prune(folder: Path, newest: CachedLeaf, now: float) -> None:
    """Remove what can serve nobody any more, then the oldest beyond `MOST_LEAVES`, then what killed processes left."""
    others = sorted((leaf for leaf in _leaves(folder) if leaf != newest), key=lambda leaf: leaf.expires, reverse=True)
    useful = [leaf for leaf in others if leaf.root == newest.root and leaf.label != newest.label and leaf.is_valid(now)]
    stays = {leaf.path for leaf in useful[: MOST_LEAVES - 1]}
    dropped = [leaf.path for leaf in others if leaf.path not in stays]
    temporary = [folder / entry for entry in _entries(folder) if entry.endswith(".tmp")]
    abandoned = [path for path in temporary if _changed(path) < now - ABANDONED]
    for path in dropped + abandoned:
        try:
            path.unlink()
        except OSError:
            pass  # Another process was tidying too, or (Windows) is reading it: next time.


def _leaves(folder: Path) -> list[CachedLeaf]:
    return [leaf for entry in _entries(folder) if (leaf := _described(folder / entry)) is not None]


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  Names, not Paths: ten times as fast.
    except OSError:
        return []  # Not there yet; or not readable, and then writing will say so.


def _described(path: Path) -> CachedLeaf | None:
    match path.stem.split("_", 2):
        case [root, expires, label] if expires.isdecimal() and path.suffix == ".pem":
            return CachedLeaf(path, root, int(expires), label)
        case _:
            return None  # Somebody's own file: not ours to use or remove.


def _label(name: Names) -> str:
    if isinstance(name, tuple):
        return "names=" + hashlib.sha256(",".join(map(str, name)).encode()).hexdigest()
    # No host name has "=" in it, so neither of the other forms can be mistaken for one.
    if not isinstance(name, DnsName):
        return "ip=" + str(name).replace(":", "-")  # Windows allows no colon in a file name.
    if len(name.text) > LONGEST_LABEL:
        return "sha256=" + hashlib.sha256(name.text.encode()).hexdigest()
    return name.text


def _changed(path: Path) -> float:
    """When a file was last written, in seconds since 1970; never, if it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
