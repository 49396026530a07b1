"""File settings: what a config file can say. Apart from `cli.configfile`, which reads one: most fronts have none to read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunnel.model.config import Keep, Limits, Mode

if TYPE_CHECKING:
    from tunnel.model.share import Network, Rate


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """What a config file says of shares. What opens wide (--open, --yes, no end) is said on the command line, each time."""

    interface: str = ""
    name: str = ""
    lasting: float | None = None  # `for`
    password: str = ""  # an argon2id hash
    allow: "tuple[Network, ...]" = ()
    deny: "tuple[Network, ...]" = ()
    read_only: bool = False
    paths: tuple[str, ...] = ()
    rate: "Rate | None" = None


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What a config file says; an empty one says nothing."""

    target: str | None = None
    listen: str | None = None
    mode: Mode = Mode.HTTPS
    inspector: str | bool | None = None
    allow_host: tuple[str, ...] = ()
    host_header: str = ""
    limits: Limits = Limits()
    keep: Keep = Keep()
    share: ShareSettings = ShareSettings()
