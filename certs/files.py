"""Where keys and certificates live, with private modes, each file written whole or not at all.

Leaves what is in the files to `authority.py` and `leaves.py`.  The caller names the folder; in it are:

    root-key.pem    0600  the root's private key and, behind it, its certificate: the truth, in one file, so that
                          no crash and no race can part the two
    root.pem        0644  the certificate alone, for trust stores and other people; written again when it is missing
    leaves/         0700  one file a leaf, key and certificate; `leaves.py` says how they are named
    trusted.txt     0600  which trust stores took the root; `stores/` writes and reads it

A killed process can leave a `.….tmp` file with a key nobody uses; it is private, and never read.
"""

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from certs.errors import CertsError

PRIVATE_FOLDER = 0o700
PRIVATE = 0o600
PUBLIC = 0o644


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths inside a folder of certificates.  Nothing is touched by asking for one."""

    folder: Path

    @property
    def root_key(self) -> Path:
        return self.folder / "root-key.pem"

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @property
    def leaves(self) -> Path:
        return self.folder / "leaves"

    @property
    def trusted(self) -> Path:
        return self.folder / "trusted.txt"

    @property
    def retiring(self) -> str:
        """What to type to have a new root in place of this one."""
        key, command = self.root_key, f"python -m certs --folder '{self.folder}'"
        away = f"mv '{key}' '{key}.old'; rm -f '{self.root}'"
        return f"retire it with: {command} untrust; {away}; then run: {command} trust"


def default_folder(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """Where a person's authority lives when nobody says otherwise.

    Args:
      platform: As `sys.platform` spells it.
      environ: The environment; only `XDG_DATA_HOME` (Linux) and `LOCALAPPDATA` (Windows) are read.
      home: The person's home folder.
    Source: XDG Base Directory Specification 0.8; Apple, "File System Programming Guide"; Microsoft, "KNOWNFOLDERID".
    """
    match platform:
        case "darwin":
            base = home / "Library" / "Application Support"
        case "win32":
            base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        case _:
            base = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "tunnel" / "authority"


def make_folder(path: Path, *, shared: bool = False) -> None:
    """Make a private folder, or check one that is there.

    Args:
      shared: One that is there may be open to others.
    Raises: CertsError when others may write in it: they could put their own key in place of ours.
    """
    try:
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        mode = path.stat().st_mode
    except OSError as error:
        raise _unusable(path, error) from error
    if sys.platform != "win32" and not shared and mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CertsError(f"others may write in {path}, where keys are kept", f"type: chmod 700 '{path}'")


def read_private(path: Path) -> bytes | None:
    """Read a file that holds a key.

    Returns: What is in it, or None when there is no such file.
    Raises: CertsError when others may read it, since then it is a secret no longer.
    """
    if (content := read(path)) is not None and not is_private(path):
        raise CertsError(
            f"others may read the key in {path}",
            f"if you are alone on this machine type: chmod 600 '{path}'; if not, delete it and make another",
        )
    return content


def is_private(path: Path) -> bool:
    """Whether a file is there and only its owner can open it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    # Windows has no such modes; a user's own folders are closed to other users there, and files inherit that.
    return sys.platform == "win32" or not mode & (stat.S_IRWXG | stat.S_IRWXO)


def read(path: Path) -> bytes | None:
    """What is in a file, or None when there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def write_once(path: Path, content: bytes, *, mode: int) -> bool:
    """Write a file unless it is there already.  Of several processes at once, exactly one succeeds.

    Returns: Whether it was us.  If not, the file is there, whole, and somebody else's.
    """
    try:
        temporary = _written_beside(path, content, mode)
        try:
            # A second name for a file that is complete, and it fails when the name is taken: link(2).  A rename
            # would replace the winner's file.
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise _unusable(path, error) from error
    return True


def write(path: Path, content: bytes, *, mode: int, durable: bool = True) -> None:
    """Write a file, in place of the one that may be there.  A reader sees all of the old or all of the new.

    Args:
      durable: Wait for the disk, so that this holds after a power cut too.  A cache need not wait, during a handshake.
    """
    try:
        temporary = _written_beside(path, content, mode, durable=durable)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink()
            raise
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise _unusable(path, error) from error


def _written_beside(path: Path, content: bytes, mode: int, *, durable: bool = True) -> Path:
    """A complete file with another name in the same folder, hence on the same file system."""
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    # The mode is given at birth: between open and chmod anyone could have opened it.  A umask can only narrow it.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
        file.write(content)
        if durable:
            # Without this the name can reach the disk before the content does, and a power cut leaves an empty file.
            file.flush()
            os.fsync(file.fileno())
    return temporary


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unusable(path: Path, error: OSError) -> CertsError:
    match error:
        case PermissionError():
            hint = f"if sudo made it, type: sudo chown -R \"$(id -un)\" '{path.parent}'"
        case FileExistsError() | NotADirectoryError():
            hint = "a file stands where a folder should be: move it away"
        case _:
            hint = "make room or choose another folder, on a file system with hard links"
    return CertsError(f"cannot use {path}: {error.strerror or error}", hint)
