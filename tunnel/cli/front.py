"""Front: where the tunnel of a folder listens, and how it is known to be that one. What is sent there is for others.

A running tunnel says so in `inspector.json`, which only its user can read; without one, the usual address is tried.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import msgspec

from certs.contexts import client_context, trusting
from certs.errors import CertsError
from tunnel.errors import TunnelError, UsageError
from tunnel.model.address import DEFAULT_PORT, Target, is_loopback, parse_target
from tunnel.model.replay import NOT_SENT, ReplayPlan

FILE = "inspector.json"
_USUAL = f"https://127.0.0.1:{DEFAULT_PORT}"


class _Told(msgspec.Struct):
    """What the file says; keys that we do not know are left alone."""

    url: str = ""
    token: str = ""
    front: str | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A tunnel that runs, or ran: who reads this finds out by asking.

    Attributes:
      front: Where it takes requests, or None where it only shows a store.
      window: Where its API is.
      token: Opens that.
    """

    front: Target | None
    window: Target | None
    token: str


def running(folder: Path) -> Running | None:
    """Return what the tunnel of a folder says of itself, or None if none does.

    Raises:
      TunnelError: The file is there, and is none of ours.
    """
    path = folder / FILE
    try:
        told = msgspec.json.decode(path.read_bytes(), type=_Told)
        return Running(_loopback(told.front or ""), _loopback(told.url), told.token)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TunnelError(f"cannot read {path}: {(error.strerror or str(error)).lower()}", hint=_SAY) from error
    except (msgspec.DecodeError, UsageError, UnicodeError) as error:
        raise TunnelError(f"{path} is not what a tunnel writes ({error})", hint=_SAY) from error


_SAY = "say where the tunnel is: --via https://127.0.0.1:62893"


def _loopback(url: str) -> Target | None:
    """Return an address out of the file. It is never another machine's: what we send there may be secret."""
    if not url:
        return None
    target = parse_target(url.partition("?")[0])
    if not is_loopback(target.host):
        raise UsageError(f"{url!r} is another machine's address")
    return target


def front_of(told: Running | None, via: str | None) -> Target:
    """Return where requests are sent again.

    Args:
      told: What the folder's tunnel says.
      via: What the user says, who knows better.

    Raises:
      UsageError: It is no address.
    """
    if via is not None:
        return parse_target(via)
    return told.front if told and told.front else parse_target(_USUAL)


def context_for(folder: Path, plan: ReplayPlan) -> ssl.SSLContext:
    """Return what the TLS of a plan's place is verified with: our own root alone for a front, else as its scheme says.

    Raises:
      TunnelError: This folder has no root, so nobody can prove to be its tunnel.
    """
    insecure = plan.place.scheme == "https+insecure"
    if not plan.front or insecure:
        return client_context(verify=not insecure)
    try:
        return trusting(folder / "authority")
    except CertsError as error:
        raise TunnelError(
            f"the folder {folder} has no authority, so the tunnel at {plan.place} cannot be known to be its own",
            hint="name the folder of that tunnel: --folder DIR; or start one: `tunnel PORT`",
            exit_code=NOT_SENT,
        ) from error
