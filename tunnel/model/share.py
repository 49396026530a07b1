"""Share: one service opened to a network for a while: under which rule, to whom, until when. Values only.

Who is let in is decided by `rules.admission`; what changes while a share lasts (devices, questions, guesses) is kept by
`tunnel.share`.
"""

import enum
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from tunnel.errors import ClientError
from tunnel.model.headers import Field
from tunnel.model.message import Request

Network = IPv4Network | IPv6Network


class Rate(NamedTuple):
    """How often each device may ask.

    Attributes:
      requests: So many at once; a page has many files.
      seconds: In which as many come again: 1, 60 or 3600.
    """

    requests: float
    seconds: int = 1


PAGES = b"/.tunnel/"
"""Where the share's own pages are; no path below it ever goes to the service."""

PLAIN = frozenset((b"/", PAGES + b"root.crt", PAGES + b"root.mobileconfig"))
"""All that is answered over plain HTTP: how a phone gets the root. Everything else there is sent on to HTTPS."""


def who(name: str, browser: str) -> str:
    """Return a device for people who look at it or decide: "Pixel 9, Chrome"; its name alone where no browser is known."""
    return f"{name}, {browser}" if browser else name


class Access(enum.StrEnum):
    """How a device is let in. Each share has one."""

    PAIRING = "pairing"  # a one-time token, and somebody at the terminal who says yes
    PASSWORD = "password"
    TOKEN = "token"  # Authorization: Bearer, for scripts
    CERTIFICATE = "certificate"  # of a client, signed by our authority
    OPEN = "open"  # anybody who can reach it


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What was opened, as it was asked for.

    Attributes:
      address: That is told first, of the interface `interface`.
      network: That reaches it, by the interface's netmask.
      more: What else of that interface is bound, each address with its network: at most one, of IPv6.
      names: Host names that lead here, besides the address: the machine's, and one under `.local`.
      access: The rule.
      seconds: How long, from its start; 0 for ever.
      allow: If any, only addresses in one of these.
      deny: No address in one of these, whatever `allow` says.
      read_only: GET, HEAD and OPTIONS only, and no upgrades unless `upgrades`.
      paths: If any, only these: "/app" itself and what is below it, or a pattern with `*` ("/api/*").
      rate: Of each device; None for no limit.
      yes: Whoever holds the pairing token is let in, without a question.
      password: Its argon2id hash, under `Access.PASSWORD`.
      token: What Bearer has to be, under `Access.TOKEN`.
      announce: Whether the network is told of the first name, by mDNS.
    """

    address: str
    interface: str
    network: Network
    more: tuple[tuple[str, Network], ...] = ()
    names: tuple[str, ...] = ()
    access: Access = Access.PAIRING
    seconds: float = 3600.0
    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    read_only: bool = False
    upgrades: bool = False
    paths: tuple[str, ...] = ()
    rate: Rate | None = None
    yes: bool = False
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    announce: bool = True

    @property
    def by_certificate(self) -> bool:
        """Whether devices show a certificate."""
        return self.access is Access.CERTIFICATE

    @property
    def addresses(self) -> tuple[str, ...]:
        """All that are bound, the one that is told first before the others."""
        return (self.address, *(address for address, _ in self.more))

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that reach it, in the same order."""
        return (self.network, *(network for _, network in self.more))

    def at(self, bound: Collection[str]) -> "Share":
        """Return it without what else was to be bound and could not: an address may go between two moments."""
        more = tuple((address, network) for address, network in self.more if address in bound)
        return self if more == self.more else replace(self, more=more)


@dataclass(frozen=True, slots=True)
class Device:
    """Somebody who was let in.

    Attributes:
      number: Small; what is typed after `tunnel share revoke`.
      name: By which the record and the service know it, no other of this share's: "Pixel 9", "Pixel 9 (2)", "curl", or a
        client certificate's name. A stranger's words, as `browser`: shown through `safe`.
      address: Where it was seen last.
      since: Let in, seconds since the Unix epoch; `seen` its last request.
      requests: How many went on to the service.
      browser: "Chrome"; empty where it is none, or not known.
    """

    number: int
    name: str
    address: str
    rule: Access
    since: float
    seen: float
    requests: int
    browser: str = ""

    @property
    def who(self) -> str:
        """It, for people."""
        return who(self.name, self.browser)


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody who holds the pairing token and wants in.

    Attributes:
      number: What an answer names.
      name: As `Device.name`, but others may be called so too; `browser` as there.
      at: Seconds since the Unix epoch.
      code: Two digits that the device shows too, so that the one let in is the one meant.
    """

    number: int
    name: str
    address: str
    at: float
    code: str
    browser: str = ""

    @property
    def who(self) -> str:
        """The device, for people."""
        return who(self.name, self.browser)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may go on to the service.

    Attributes:
      request: Without the credentials that the share itself asked for.
      device: Its number, and `name` what the record calls it.
      user: What the service is told in X-Forwarded-User.
    """

    request: Request
    device: int
    name: str
    user: str
    rule: Access


class Refused(ClientError):
    """A request that does not go on, and needs no page to say why.

    Args:
      device: What the record calls who asked, where that is known: a device that was let in, and may not do this.
      fields: What the answer's head says of it: WWW-Authenticate, Retry-After.
    """

    def __init__(
        self, what: str, *, status: int, hint: str = "", device: str = "", fields: tuple[Field, ...] = ()
    ) -> None:
        super().__init__(what, status=status, hint=hint)
        self.device = device
        self.fields = fields


class Ours(enum.Enum):
    """A request that is answered by the share's own pages: a login, an explanation, the root for a phone."""

    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class Happening:
    """What a person at the terminal should see, and the record keeps: somebody asked, came in, was refused, locked out.

    Attributes:
      what: "asked", "admitted", "refused", "locked out", "revoked", "extended", "ends soon".
      sentence: For people; a stranger's words in it went through `safe` nowhere yet.
    """

    what: str
    device: int
    name: str
    address: str
    sentence: str
