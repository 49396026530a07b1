"""Way: what every exchange of a front shares, named once. Made by `run`, read by `proxy`."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tunnel.capture.recorder import Recorder
from tunnel.errors import TunnelError
from tunnel.http.pool import Pool
from tunnel.model.config import Limits, Mode
from tunnel.model.message import Request
from tunnel.model.peer import Peer
from tunnel.net.sweep import Sweep
from tunnel.rules.access import HostRule
from tunnel.rules.forwarding import Forwarding
from tunnel.rules.repair import Repair

if TYPE_CHECKING:
    from tunnel.model.share import Access, Admitted, Ours  # which no other front imports


class Gate(Protocol):
    """Says who is let in where a service was opened to a network. Kept by `tunnel.share`."""

    async def admit(self, peer: Peer, request: Request) -> "Admitted | Ours":
        """Return the request as it may go on, or that the share's own pages answer it. Seldom waits.

        Raises:
          ClientError: It is refused; best a `Refused`.
        """
        ...

    def passed(self, device: int) -> None:
        """Count one more request of a device that goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    """What stands before the service of a share.

    Attributes:
      rule: How devices are let in, for the record.
      pages: Connections to the share's own pages, which run in this process.
      forwarding: What these are told.
    """

    gate: Gate
    rule: "Access"
    pages: Pool
    forwarding: Forwarding


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The parts of one front.

    Attributes:
      tls: The context for a listener's address, None where the front is plain.
      ask: Told of each client, so that it may be found out which program that is.
      notice: Told what a person at the terminal should hear at once.
      guard: What stands before the service of a share; None for every other front.
    """

    mode: Mode
    limits: Limits
    hosts: HostRule
    forwarding: Forwarding
    repair: Repair
    pool: Pool
    recorder: Recorder
    sweep: Sweep
    tls: Callable[[str], ssl.SSLContext] | None
    ask: Callable[[Peer], None]
    notice: Callable[[TunnelError], None]
    guard: Guard | None = None
