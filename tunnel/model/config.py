"""Config: everything a user can decide, each as one field with its unit, default and help.

A field's metadata gives the flag, the key in a config file, the line in `--help` and the row in docs/settings.md; nothing
is written twice. Values are checked where they are parsed (`model.address`, `cli.options`), so a Config is always usable.
"""

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tunnel.model.address import INSPECTOR_PORT, Listen, Target

if TYPE_CHECKING:
    from tunnel.model.share import Share  # which no other front imports

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
SECONDS = 1.0
MINUTES = 60 * SECONDS
DAYS = 24 * 60 * MINUTES


def setting(default: Any, help: str, *, unit: str = "") -> Any:
    """Declare a field: its default, one line of help, and "seconds" or "bytes" where it has a unit."""
    return field(default=default, metadata={"help": help, "unit": unit})


class Mode(enum.StrEnum):
    """What the listener speaks."""

    HTTPS = "https"  # TLS; a plain request is redirected
    PLAIN = "plain"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much and how long. Zero means no limit only where the help says so."""

    workers: int = setting(1, "processes that share the port and the store; more than one needs Linux or macOS")
    target_size: int = setting(16 * KIB, "longest request target; longer ones get 414", unit="bytes")
    head_size: int = setting(64 * KIB, "largest head of a message; larger requests get 431", unit="bytes")
    header_count: int = setting(200, "most header fields in a message; more get 431")
    body_size: int = setting(0, "largest request body; larger ones get 413; 0 is no limit", unit="bytes")
    connections: int = setting(10_000, "most client connections at once; more wait to be accepted")
    handshake: float = setting(10 * SECONDS, "for a client to finish its TLS handshake", unit="seconds")
    head: float = setting(15 * SECONDS, "for a client to send a whole head once it began; then 408", unit="seconds")
    idle: float = setting(75 * SECONDS, "before a connection that asks for nothing is closed", unit="seconds")
    stall: float = setting(60 * SECONDS, "before a client that sends or takes nothing is cut off", unit="seconds")
    connect: float = setting(5 * SECONDS, "for the upstream to accept a connection", unit="seconds")
    wait: float = setting(2 * SECONDS, "while nothing listens there (a dev server that restarts)", unit="seconds")
    first_byte: float = setting(
        5 * MINUTES, "from the last sent until the upstream begins its answer; then 504", unit="seconds"
    )
    probe: float = setting(60 * SECONDS, "of silence before it is asked whether a peer is still there", unit="seconds")
    shutdown: float = setting(5 * SECONDS, "for running exchanges to end after Ctrl-C", unit="seconds")
    pool_size: int = setting(10_000, "most connections to the upstream at once; more exchanges wait their turn")
    pool_idle: float = setting(15 * SECONDS, "before an unused upstream connection is closed", unit="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What the store keeps."""

    body_size: int = setting(MIB, "most of each body that is recorded; the true size always is", unit="bytes")
    age: float = setting(7 * DAYS, "before a recorded exchange is removed", unit="seconds")
    size: int = setting(GIB, "of the store, before the oldest exchanges are removed", unit="bytes")
    memory: int = setting(
        32 * MIB, "that may wait to be written; bodies beyond it are dropped and counted", unit="bytes"
    )
    secrets: bool = setting(False, "store passwords, tokens and keys as they are, not pseudonyms: docs/redaction.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One front: where it listens, where requests go, what it allows and keeps.

    Attributes:
      target: The upstream; None for the example service, which runs in this process.
      folder: Where the authority and the store live.
    """

    target: Target | None
    folder: str
    listen: Listen = setting(Listen(), "address and port to listen on (loopback; port 0 lets the system choose)")
    mode: Mode = setting(Mode.HTTPS, "https, plain or both")
    inspector: Listen | None = setting(Listen(port=INSPECTOR_PORT), "address and port of the inspector; None for none")
    allow_host: tuple[str, ...] = setting((), "another Host that is ours, besides the loopback names")
    host_header: str = setting("", "the Host the upstream sees: `upstream` for its own, or a name; kept by default")
    share: "Share | None" = setting(None, "how it is opened to a network; None where it is not")
    limits: Limits = setting(Limits(), "how much and how long")
    keep: Keep = setting(Keep(), "what the store keeps")
