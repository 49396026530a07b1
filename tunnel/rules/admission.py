"""Admission: what whoever was let in may do, and from where anybody may ask at all. Functions of values; no clock, no I/O.

Who somebody is, and whether they were let in, is kept by `tunnel.share`.
"""

import math
from dataclasses import dataclass

from tunnel.model.headers import loosely
from tunnel.model.message import Request
from tunnel.model.origin import read_address
from tunnel.model.share import Rate, Refused, Share
from tunnel.rules.paths import PathRule

_SPANS = {1: "a second", 60: "a minute", 3600: "an hour"}
READING = (b"GET", b"HEAD", b"OPTIONS")
# With these a request asks for another method or path than it names, and many frameworks do as it asks: past whoever
# judged the method and path that stand in its first line.
_OTHER_METHOD = frozenset((b"x-http-method-override", b"x-method-override", b"x-http-method"))
_OTHER_PATH = frozenset((
    b"x-original-url", b"x-rewrite-url", b"x-original-uri", b"x-rewrite-uri", b"x-override-url", b"x-http-destinationurl",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many requests a device has left.

    Attributes:
      left: So many, and fractions.
      at: When that was true, seconds.
    """

    left: float
    at: float


def spend(bucket: Bucket | None, rate: Rate, now: float) -> tuple[Bucket, bool]:
    """Take one request out of a bucket. Returns what is left, and whether there was one.

    Args:
      bucket: None before the first request.
      rate: A bucket holds its requests, at least one.
      now: Seconds; of a clock that may be set back.
    """
    most = max(rate.requests, 1.0)
    if bucket is None:
        bucket = Bucket(most, now)
    left = min(most, bucket.left + max(now - bucket.at, 0.0) * rate.requests / rate.seconds)
    return (Bucket(left - 1.0, now), True) if left >= 1.0 else (Bucket(left, now), False)


def wait_for(bucket: Bucket, rate: Rate) -> int:
    """Return whole seconds after which a bucket that was empty has a request again; 1 at least."""
    return max(math.ceil((1.0 - bucket.left) * rate.seconds / rate.requests), 1)


def waiting(seconds: int) -> str:
    """Return what to do meanwhile: "wait 1 second"."""
    return f"wait {seconds} second{'' if seconds == 1 else 's'}"


def often(rate: Rate) -> str:
    """Return a rate as people say it: "20 requests a second", "3 requests a minute"."""
    return f"{rate.requests:g} request{'' if rate.requests == 1 else 's'} {_SPANS[rate.seconds]}"


def may_ask(share: Share, address: str) -> bool:
    """Whether somebody at an address may ask at all (`--allow`, `--deny`)."""
    if not share.allow and not share.deny:
        return True
    try:
        asked = read_address(address)
    except ValueError:
        return False
    if any(asked in network for network in share.deny):
        return False
    return not share.allow or any(asked in network for network in share.allow)


def check(share: Share, paths: PathRule, request: Request, device: str) -> None:
    """Check that a device may make this request.

    Args:
      device: Its name, for the record.

    Raises:
      Refused: 403 or 405; what this share is not open for.
    """
    if request.upgrade and request.upgrade != b"websocket":
        # What follows an upgrade is judged by nobody: over h2c it would be any request at all.
        raise Refused("a share passes no upgrade but WebSocket", status=403, device=device)
    if share.read_only:
        if request.method not in READING:
            raise Refused(
                "this share is for reading only",
                status=405,
                hint="use GET, HEAD or OPTIONS",
                device=device,
                fields=((b"Allow", b", ".join(READING)),),
            )
        if request.upgrade and not share.upgrades:
            raise Refused("this share is for reading only, and passes no WebSockets", status=403, device=device)
        if field := _claims(request, _OTHER_METHOD):
            raise Refused(f"this share is for reading only, and {field} asks for more", status=403, device=device)
    if share.paths:
        if why := paths.closed(request.target):
            raise Refused(f"this share is not open for that: {why}", status=403, device=device)
        if field := _claims(request, _OTHER_PATH):
            raise Refused(
                f"this share is open for some paths only, and {field} asks for another", status=403, device=device
            )


def _claims(request: Request, names: frozenset[bytes]) -> str:
    """Return the first of a request's fields that a server may take for one of these."""
    for name in request.headers.names:
        if loosely(name) in names:
            return name.decode("latin-1")
    return ""
