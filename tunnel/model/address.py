"""Addresses: targets and listeners, parsed and printed here and nowhere else.

    target   = port / host ":" port / [scheme "://"] host [":" port] / "unix:" path
    scheme   = "http" / "https" / "https+insecure"
    listen   = port / address ":" port / "[" ipv6 "]" ":" port

A bare port means this machine: `localhost`, which is tried on 127.0.0.1 and on ::1, since dev servers differ in which
they take (Node binds `::1` for `localhost`). A target names an origin, so a path in it is refused rather than ignored.
"""

import ipaddress
import re
from dataclasses import dataclass

from tunnel.errors import UsageError

DEFAULT_PORT = 62893
INSPECTOR_PORT = 62894
_PORTS = {"http": 80, "https": 443, "https+insecure": 443}
# No quote, backslash or control byte, since a host is written into quoted strings (RFC 7239 §4); no comma or semicolon,
# which browsers allow in one, since X-Forwarded-Host would say two hosts then, the first of a stranger's choice.
_AUTHORITY = re.compile(r'(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/?#@\s\\",;\x00-\x1f\x7f]+))(?::([0-9]{1,5}))?')
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")  # its last dot is gone by then


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go.

    Attributes:
      scheme: "http", "https" (verified against the system's store), "https+insecure" or "unix".
      host: A name or an address literal without brackets; empty for "unix".
      port: 1 to 65535; 0 for "unix".
      path: The socket's path for "unix", else empty.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken to it."""
        return self.scheme.startswith("https")

    @property
    def authority(self) -> str:
        """Host and port as a Host field would carry them: the port is left out where the scheme implies it."""
        if self.scheme == "unix":
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.scheme == "unix" else f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where connections are accepted.

    Attributes:
      hosts: Address literals, each bound to the same port.
      port: 0 to 65535; 0 lets the system choose.
      named: Whether the user named the port: one that was only our default may give way to the next free one.
      interface: Only what comes in on this one, or from this machine itself, is accepted, where the system can do that.
    """

    hosts: tuple[str, ...] = ("127.0.0.1", "::1")
    port: int = DEFAULT_PORT
    named: bool = False
    interface: str = ""


def split_host(authority: str) -> tuple[str, int | None]:
    """Split "host:port" into a lower-case host without brackets and a port or None.

    The one place that knows that an IPv6 literal holds colons (RFC 3986 §3.2.2).

    Raises:
      ValueError: It is not a host with an optional port.
    """
    match = _AUTHORITY.fullmatch(authority)
    if not match:
        raise ValueError(f"not a host: {authority!r}")
    literal, name, port = match.groups()
    host = str(ipaddress.IPv6Address(literal)) if literal else name.lower()
    number = int(port) if port is not None else None
    if number is not None and number > 65535:
        raise ValueError(f"not a port: {port}")
    return host.removesuffix(".") or host, number


def is_loopback(host: str) -> bool:
    """Whether a host can only mean this machine (RFC 6761 §6.3 for names under .localhost)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_target(text: str) -> Target:
    """Read a target as a user types it: "3000", "app:3000", "https://app.test", "unix:/run/app.sock".

    Raises:
      UsageError: With the value and the forms that are understood.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path.startswith("/"):
            raise _bad_target(text, "a unix socket needs an absolute path")
        return Target("unix", "", 0, "/" + path.lstrip("/"))  # two slashes at its start would read as the URL's own
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "http", text
    if scheme not in _PORTS:
        raise _bad_target(text, f"the scheme {scheme!r} is not one of http, https, https+insecure, unix")
    rest = rest.removesuffix("/")
    if rest.isdecimal():
        return Target(scheme, "localhost", _port(text, rest))
    try:
        host, port = split_host(rest)
    except ValueError:
        reason = "a target is an origin, without a path" if "/" in rest else "it is not a port, a host or a URL"
        raise _bad_target(text, reason) from None
    if ":" not in host and (host.isdecimal() or not _HOST.fullmatch(host)):
        raise _bad_target(text, f"{host!r} is not a host name")
    if port is None and not found:
        raise _bad_target(text, "the port is missing")
    return Target(scheme, host, _port(text, str(port if port is not None else _PORTS[scheme])))


def parse_listen(text: str, flag: str = "--listen") -> Listen:
    """Read `--listen`: "62893", "127.0.0.1:0", "[::1]:8443", "localhost:8443". Loopback only.

    Args:
      flag: The one that was given, for what is said of a wrong value.

    Raises:
      UsageError: It is not an address, or one that others could reach.
    """
    if text.isdecimal():
        return Listen(port=_listen_port(text, text), named=True)
    try:
        host, port = split_host(text)
    except ValueError:
        raise _bad_listen(text, "it is not an address with a port") from None
    if port is None:
        raise _bad_listen(text, "the port is missing")
    number = _listen_port(text, str(port))
    if host == "localhost":
        return Listen(port=number, named=True)
    if not is_loopback(host):
        raise UsageError(
            f"{flag} {text}: {host} can be reached by other machines, and tunnel listens on loopback only",
            hint="to open one service to your network, on purpose, for a while and to people who are let in: "
            f"tunnel share TARGET; for this machine alone, use {flag} 127.0.0.1:{number}",
        )
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise _bad_listen(text, "listen on an address; names under .localhost already reach it") from None
    return Listen((host,), number, named=True)


def parse_host_header(text: str) -> str:
    """Read `--host-header`: empty, "upstream", or a host as it is to be sent, letters beyond ASCII as A-labels.

    Raises:
      UsageError: It is not a host with an optional port.
    """
    try:
        sent = text.encode("ascii" if text.isascii() else "idna").decode("ascii")
        if sent:
            split_host(sent)
    except ValueError:
        raise UsageError(
            f"--host-header {text!r} is not a host", hint="name one like app.test or app.test:3000, or say `upstream`"
        ) from None
    return sent


def _port(text: str, digits: str) -> int:
    if len(digits) > 5 or not 1 <= int(digits) <= 65535:
        raise _bad_target(text, f"{digits} is not a port (1 to 65535)")
    return int(digits)


def _listen_port(text: str, digits: str) -> int:
    if len(digits) > 5 or int(digits) > 65535:
        raise _bad_listen(text, f"{digits} is not a port (0 to 65535)")
    return int(digits)


def _bad_target(text: str, reason: str) -> UsageError:
    return UsageError(
        f"cannot front {text!r}: {reason}",
        hint="name a target like 3000, app:3000, http://host, https://host, https+insecure://host or unix:/path.sock",
    )


def _bad_listen(text: str, reason: str) -> UsageError:
    return UsageError(f"cannot listen on {text!r}: {reason}", hint="name an address like 127.0.0.1:62893 or [::1]:0")
