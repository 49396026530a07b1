"""Way: what every exchange of a front shares, named once. Made by `run`, read by `proxy`."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from tunnel.capture.recorder import Recorder
from tunnel.errors import TunnelError
from tunnel.http.pool import Pool
from tunnel.model.config import Limits, Mode
from tunnel.model.peer import Peer
from tunnel.net.sweep import Sweep
from tunnel.rules.access import HostRule
from tunnel.rules.forwarding import Forwarding
from tunnel.rules.repair import Repair


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The parts of one front.

    Attributes:
      tls: The context for a listener's address, None where the front is plain.
      ask: Told of each client, so that it may be found out which program that is.
      notice: Told what a person at the terminal should hear at once.
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
