"""Orders: what is said on the control socket, one JSON object a line each way, and what becomes of an order. No I/O.

{"token": "", "order": {"do": "revoke", "number": 2}}
{"error": "", "hint": "", "exit_code": 0, "device": {…}, …}
"""

from typing import Any

import msgspec

from tunnel.errors import TunnelError, UsageError
from tunnel.model.share import Device, Question
from tunnel.model.standing import Standing, Steering

LONGEST = 64 * 1024  # bytes of a line
MOST_TOLD = 8 * 1024 * 1024  # bytes of a reply


class Tell(msgspec.Struct, frozen=True, tag_field="do", tag="tell", forbid_unknown_fields=True):
    """Say how the share stands."""


class Answer(msgspec.Struct, frozen=True, tag_field="do", tag="answer", forbid_unknown_fields=True):
    """Let somebody in, or not. Without a number, who asks alone."""

    allow: bool
    number: int | None = None


class Revoke(msgspec.Struct, frozen=True, tag_field="do", tag="revoke", forbid_unknown_fields=True):
    """Take a device's way in from it: by its number, or by a name that only one has."""

    device: str


class Extend(msgspec.Struct, frozen=True, tag_field="do", tag="extend", forbid_unknown_fields=True):
    """Add seconds."""

    seconds: float


class Stop(msgspec.Struct, frozen=True, tag_field="do", tag="stop", forbid_unknown_fields=True):
    """End it; the connection ends with it."""


Order = Tell | Answer | Revoke | Extend | Stop


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order as it is sent.

    Attributes:
      token: What only who can read the share's file knows; empty where the socket itself is private.
    """

    order: Order
    token: str = ""


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an order.

    Attributes:
      error: Why nothing did; else empty. `hint` and `exit_code` as those of a `TunnelError`.
    """

    error: str = ""
    hint: str = ""
    exit_code: int = 0
    standing: Standing | None = None
    question: Question | None = None
    device: Device | None = None
    left: float | None = None


def carried_out(order: Order, desk: Steering) -> Reply:
    """Do what was ordered; return what came of it. `Stop` is only answered: its sender hears that before all ends."""
    try:
        match order:
            case Tell():
                return Reply(standing=desk.standing())
            case Answer(allow, number):
                return Reply(question=desk.answer(_asked(desk) if number is None else number, allow))
            case Revoke(device):
                return Reply(device=desk.revoke(_named(desk, device)))
            case Extend(seconds):
                return Reply(left=desk.extend(seconds))
            case Stop():
                return Reply()
    except TunnelError as error:
        return refusal(error)


def refusal(error: TunnelError) -> Reply:
    """Return an error as a reply."""
    return Reply(error=error.what, hint=error.hint, exit_code=error.exit_code)


def encoded(said: msgspec.Struct) -> bytes:
    """Return a line."""
    return msgspec.json.encode(said) + b"\n"


def decoded(line: bytes, kind: type[Any]) -> Any:
    """Read a line.

    Raises:
      UsageError: It is none, and where.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"that line is not understood: {error}", hint="are both of the same version of tunnel?"
        ) from error


def _asked(desk: Steering) -> int:
    """Return the number of the one question that waits."""
    waiting = desk.questions()
    if len(waiting) == 1:
        return waiting[0].number
    if not waiting:
        raise UsageError("nobody waits for an answer", hint="see who is there: tunnel share --list")
    raise UsageError(
        f"{len(waiting)} wait for an answer",
        hint=f"name one: tunnel share allow {waiting[0].number}; see: tunnel share --list",
    )


def _named(desk: Steering, device: str) -> int:
    """Return a device's number, as typed or by its name."""
    if device.isascii() and device.isdecimal() and len(device) < 10:
        return int(device)
    there = desk.standing().devices
    wanted = device.casefold()
    found = [one.number for one in there if wanted in (one.name.casefold(), one.who.casefold())]
    found = found or [one.number for one in there if one.name.casefold().startswith(wanted)]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} devices are called so" if found else "no device is called so"
    raise UsageError(f"{what}: {device[:80]!r}", hint="name it by its number, which this shows: tunnel share --list")
