"""Places: where running shares are found by other programs of the same user: one entry each in a folder of the store's.

    shares/62893-4711.sock     a unix socket, 0600, in a folder of 0700: port of the share, process
    shares/62893-4711.port     where there are none (Windows, paths that are too long): a loopback port and a token, 0600

What is said there is for `share.orders`; who listens is for `share.control`.
"""

import os
import secrets
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from tunnel.errors import TunnelError

FOLDER = "shares"
_LONGEST_PATH = 100  # bytes: 104 with its end on macOS, 108 on Linux (sys/un.h)
_WAITING = 8  # connections that wait to be accepted


@dataclass(frozen=True, slots=True)
class Place:
    """Where one share can be steered.

    Attributes:
      path: Its entry.
      port: Of the share.
      pid: Of its process.
    """

    path: Path
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Listening:
    """Where this process is steered.

    Attributes:
      socket: Bound and listening; closed by who opened it.
      token: Has to be shown; empty where the socket is private by itself.
    """

    socket: socket.socket
    token: str = field(repr=False)


def places(folder: Path) -> list[Place]:
    """Return the entries, by port; whether anybody answers there is not known yet."""
    found = []
    try:
        for path in (folder / FOLDER).iterdir():
            port, _, pid = path.stem.partition("-")
            if path.suffix in (".sock", ".port") and port.isdecimal() and pid.isdecimal():
                found.append(Place(path, int(port), int(pid)))
    except OSError:
        pass  # nothing was ever shared from here
    return sorted(found, key=lambda place: (place.port, place.pid))


@contextmanager
def opened(folder: Path, port: int) -> Iterator[Listening]:
    """Listen for orders, and be found, while the block runs.

    Args:
      folder: The store's.
      port: Of the share.
    Raises:
      TunnelError: It cannot be done privately.
    """
    private = folder / FOLDER
    try:
        _make_private(private)
        entry = private / f"{port}-{os.getpid()}.sock"
        if not _SOCKETS or len(os.fsencode(entry)) > _LONGEST_PATH:
            entry = entry.with_suffix(".port")
            listening = _by_port(entry)
        else:
            listening = _by_path(entry)
    except OSError as error:
        raise TunnelError(
            f"this share cannot be steered from another terminal: {private}: {(error.strerror or str(error)).lower()}",
            hint=f"Ctrl-C and the inspector's page still end it; look at the folder: ls -la {folder}",
        ) from error
    try:
        yield listening
    finally:
        listening.socket.close()
        entry.unlink(missing_ok=True)


def connected(place: Place, patience: float) -> tuple[socket.socket, str] | None:
    """Return a connection to a share, with the token to show; None if nobody is there any more, and its entry is removed.

    Args:
      patience: Seconds, for each thing that is waited for.
    Raises:
      TunnelError: It is there and does not answer, or is not ours.
    """
    try:
        if place.path.suffix == ".sock":
            return _to_path(place.path, patience), ""
        port, token = place.path.read_text(encoding="ascii").split()
        return socket.create_connection(("127.0.0.1", int(port)), patience), token
    except (ConnectionRefusedError, FileNotFoundError, ValueError):
        place.path.unlink(missing_ok=True)  # its process died without a word
        return None
    except OSError as error:
        raise TunnelError(
            f"the share on port {place.port} does not answer: {(error.strerror or str(error)).lower()}",
            hint=f"it runs in process {place.pid}",
        ) from error


def _new(entry: Path) -> Path:
    """Return what an entry is called until it answers: who finds one that does not removes it, as a dead process's."""
    new = entry.with_suffix(".new")
    new.unlink(missing_ok=True)  # of a process that had our number and died
    return new


def _by_port(entry: Path) -> Listening:
    listener = socket.create_server(("127.0.0.1", 0), backlog=_WAITING)
    try:
        token = secrets.token_urlsafe(32)
        new = _new(entry)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as writing:
            writing.write(f"{listener.getsockname()[1]} {token}\n")
        new.replace(entry)
    except BaseException:
        listener.close()
        raise
    return Listening(listener, token)


if sys.platform == "win32":
    _SOCKETS = False

    def of_this_user(sock: socket.socket | trio.socket.SocketType) -> bool:
        """Whether it is this user's process at the other end. Here the token says it."""
        return True

    def _make_private(folder: Path) -> None:
        folder.mkdir(exist_ok=True)  # in the user's own profile, which others cannot read

    def _by_path(entry: Path) -> Listening:
        raise NotImplementedError("there are no unix sockets here")

    def _to_path(entry: Path, patience: float) -> socket.socket:
        raise NotImplementedError("there are no unix sockets here")

else:
    _SOCKETS = True

    def of_this_user(sock: socket.socket | trio.socket.SocketType) -> bool:
        """Whether it is this user's process at the other end: of a unix socket by the kernel's word, else by the token."""
        return sock.family != socket.AF_UNIX or _user_of(sock) == os.geteuid()

    def _make_private(folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(1, "it is no folder of this user's")
        if found.st_mode & 0o077:
            folder.chmod(0o700)

    def _by_path(entry: Path) -> Listening:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            new = _new(entry)
            listener.bind(os.fspath(new))
            new.chmod(0o600)  # before anybody can connect
            listener.listen(_WAITING)
            new.replace(entry)
        except BaseException:
            listener.close()
            raise
        return Listening(listener, "")

    def _to_path(entry: Path, patience: float) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(patience)
            sock.connect(os.fspath(entry))
            if not of_this_user(sock):
                raise TunnelError(f"somebody else listens at {entry}", hint="it is not asked; remove it")
        except BaseException:
            sock.close()
            raise
        return sock

    if sys.platform == "linux":

        def _user_of(sock: socket.socket | trio.socket.SocketType) -> int:
            size = struct.calcsize("3i")  # struct ucred
            _, user, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
            return int(user)

    else:
        _SOL_LOCAL, _LOCAL_PEERCRED = 0, 1  # sys/un.h of macOS and the BSDs

        def _user_of(sock: socket.socket | trio.socket.SocketType) -> int:
            _, user = struct.unpack_from("2I", sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76))  # struct xucred
            return int(user)
