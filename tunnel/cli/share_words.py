"""Share, words: how the flags of `tunnel share` are read: how long, until when, whose addresses, how often. Pure."""

import ipaddress
import platform
import re
import time
from typing import Any

import click

from tunnel.cli.quantity import SECONDS, parse_quantity
from tunnel.errors import UsageError
from tunnel.model.address import Target
from tunnel.model.config import DAYS
from tunnel.model.share import Network, Rate

EVER = 0.0  # seconds that stand for no end
USUAL = 3600.0  # seconds
_LONGEST = 366 * DAYS
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL = ".local"
_PER = {"s": 1, "m": 60, "min": 60, "h": 3600}


class Lasting(click.ParamType[float]):
    """How long a share lasts: "30m", "2h", or "ever"."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds; `EVER` for no end."""
        try:
            return parse_lasting(value)
        except ValueError:
            self.fail(f"{value!r} is no time to share; write it like 30m, 2h, or: ever", param, ctx)


class End(click.ParamType[tuple[int, int]]):
    """When a share ends, by the clock on the wall: "18:00"."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return hour and minute."""
        match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", value) if isinstance(value, str) else None
        if not match or int(match[1]) > 23 or int(match[2]) > 59:
            self.fail(f"{value!r} is no time of the day; write it like 18:00", param, ctx)
        return int(match[1]), int(match[2])


class Net(click.ParamType[Network]):
    """Addresses: "192.168.1.0/24", "192.168.1.7", "fd00::/8"."""

    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Network:
        """Return the network."""
        try:
            return parse_network(value)
        except ValueError:
            self.fail(
                f"{value!r} is not an address or a network; write it like 192.168.1.7 or 192.168.1.0/24", param, ctx
            )


class RateParam(click.ParamType[Rate]):
    """How often: "20/s", "100/m"; a bare number is requests a second."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Rate:
        """Return what was meant."""
        try:
            return parse_rate(value)
        except ValueError:
            self.fail(f"{value!r} is no rate; write it like 20/s or 100/m", param, ctx)


def parse_lasting(value: object) -> float:
    """Read a duration, or "ever". Raises ValueError for anything else, and for no time at all."""
    if value == "ever":
        return EVER
    seconds = parse_quantity(value, SECONDS, "s")
    if not 1 <= seconds <= _LONGEST:
        raise ValueError(value)
    return seconds


def parse_network(value: object) -> Network:
    """Read an address or a network. Raises ValueError. The bits of a host in it do not count."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    return ipaddress.ip_network(str(value), strict=False)


def parse_rate(value: object) -> Rate:
    """Read a rate. Raises ValueError."""
    if isinstance(value, Rate):
        return value
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(?:/(s|m|min|h))?", str(value))
    if not match or float(match[1]) <= 0:
        raise ValueError(value)
    return Rate(float(match[1]), _PER[match[2] or "s"])


def lasting(given: float | None, until: tuple[int, int] | None, usual: float | None, now: float) -> float:
    """Return how many seconds a share lasts.

    Args:
      given: What `--for` says; `until` what `--until` says.
      usual: What the config file says.
      now: Seconds since the Unix epoch.

    Raises:
      UsageError: Both were said.
    """
    if until is None:
        return next(said for said in (given, usual, USUAL) if said is not None)
    if given is not None:
        raise UsageError("--for and --until do not go together", hint="leave one of them out")
    today = time.localtime(now)
    for day in (0, 1):  # a time that has gone by today is tomorrow's
        end = time.mktime((today.tm_year, today.tm_mon, today.tm_mday + day, *until, 0, 0, 0, -1))
        if end > now:
            break
    return end - now


def local_names(name: str, target: Target, machine: str = "") -> tuple[str, ...]:
    """Return the names under `.local` that a share is reached by: its own first, then the machine's.

    A machine's bare name, or one in a company's domain, our authority may not sign: nobody could open it without a warning.

    Args:
      name: As it was given; empty for the machine's name and the target's port.
      machine: This machine's name, with its domain or without; asked of the system if it is empty.

    Raises:
      UsageError: The name cannot be one.
    """
    host = _as_label((machine or platform.node()).partition(".")[0]) or "this-machine"
    label = name.lower().removesuffix(".").removesuffix(_LOCAL)
    if label and not _LABEL.fullmatch(label):
        raise UsageError(
            f"--name {name!r} cannot be a name under .local",
            hint="use letters, digits and inner hyphens, 63 at most: --name myapp",
        )
    if not label:
        suffix = f"-{target.port}" if target.port else "-share"
        label = host[: 63 - len(suffix)].rstrip("-") + suffix
    return tuple(dict.fromkeys((label + _LOCAL, host + _LOCAL)))


def _as_label(text: str) -> str:
    """Return what of a text can be a label of a name, as the system itself makes one of a machine's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].rstrip("-")
