"""Where a window is: its listeners, its token, and how it is found. All of it is made before anything is served."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from certs.files import Layout
from tunnel import __version__
from tunnel.errors import TunnelError
from tunnel.inspector.link import Link, leave, take_away
from tunnel.model.config import Config
from tunnel.net.listen import bind
from tunnel.net.ports import busy

if TYPE_CHECKING:
    from tunnel.inspector.parts import Parts

Notice = Callable[[TunnelError], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window is: made before anything is served.

    Attributes:
      listeners: Bound and listening.
      token: What a visitor has to show.
      began: When it was made, seconds since the epoch.
    """

    listeners: tuple[socket.socket, ...]
    scheme: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    began: float = field(default_factory=time.time)

    @property
    def port(self) -> int:
        """The listeners' port."""
        port: int = self.listeners[0].getsockname()[1]
        return port

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that it answers to, the one for people first; IPv6 in brackets."""
        bound = [listener.getsockname()[0] for listener in self.listeners]
        names = [f"[{host}]" if ":" in host else host for host in bound]
        return tuple(dict.fromkeys((*names, "localhost", "127.0.0.1", "[::1]")))

    @property
    def url(self) -> str:
        """Where people are sent, without the token."""
        return f"{self.scheme}://{self.hosts[0]}:{self.port}"


@contextmanager
def found_by(folder: Path, link: Link, notice: Notice) -> Iterator[None]:
    """Let other programs find the window while the block runs."""
    try:
        leave(folder, link)
    except TunnelError as error:
        notice(error)
    try:
        yield
    finally:
        take_away(folder, link)


@contextmanager
def placed(config: Config, scheme: str, notice: Notice, *, needed: bool = False) -> Iterator[Place | None]:
    """Bind the inspector's listeners; they are closed with the block. None where the config wants none.

    Args:
      needed: Nothing else is served, so that failing to listen is an error, whether the port was named or not.
    Raises:
      TunnelError: It cannot listen where it was told to.
    """
    listen = config.inspector
    if listen is None:
        yield None
        return
    with ExitStack() as stack:
        try:
            bound = [stack.enter_context(sock) for sock in bind(listen, partial(busy, flag="--inspector"))]
        except TunnelError as error:
            if listen.named or needed:
                raise
            notice(TunnelError(f"there is no inspector: {error.what}", hint=error.hint))
            yield None
            return
        place = Place(tuple(bound), scheme)
        yield place


def link_of(config: Config, place: Place, front: str | None = None) -> Link:
    """Return how people and other programs find a window.

    Args:
      front: Where its front is reached; None where there is none.
    """
    root = Layout(authority_folder(config)).root if place.scheme == "https" else None
    return Link(place.url, place.token, os.getpid(), str(root) if root else None, front)


def parts_of(config: Config, place: Place, notice: Notice) -> "Parts":
    """Return what every window has, with a front or without. Its imports, 3 ms, wait until somebody opens one."""
    from tunnel.inspector.parts import Parts
    from tunnel.net.vitals import vitals

    return Parts(
        folder=Path(config.folder),
        token=place.token,
        scheme=place.scheme,
        port=place.port,
        hosts=place.hosts,
        version=__version__,
        began=place.began,
        vitals=vitals,
        notice=notice,
    )


def authority_folder(config: Config) -> Path:
    """Return where the authority lives."""
    return Path(config.folder) / "authority"
