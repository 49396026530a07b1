"""Sharing: the part of the API that shows and steers a share: who was let in, who asks, how long it goes on. Times are µs.

What an order means is for the desk, a `model.standing.Steering`, which the window is given by the front that shares.
"""

from typing import Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tunnel.errors import TunnelError
from tunnel.inspector.answers import body_as, json
from tunnel.inspector.parts import Parts
from tunnel.model.share import Device, Question
from tunnel.model.standing import Heard, Standing, Steering

MOST_BODY = 4096  # bytes
Shape = dict[str, Any]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order that says all by its path: `{}`."""


class Allowing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a question."""

    allow: bool


class More(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long to go on beyond the end."""

    seconds: float


class Sharing:
    """Answers what asks about the share."""

    def __init__(self, parts: Parts) -> None:
        self._desk = parts.share

    async def now(self, request: Request) -> Response:
        """Answer how it stands; null where nothing is shared."""
        return json(None if self._desk is None else standing(self._desk.standing()))

    async def answer(self, request: Request) -> Response:
        """Let in who asks, or not."""
        wish = cast(Allowing, await body_as(request, Allowing, MOST_BODY))
        desk = self._there()
        desk.answer(int(request.path_params["number"]), wish.allow)
        return json(standing(desk.standing()))

    async def revoke(self, request: Request) -> Response:
        """Take a device's way in from it."""
        await body_as(request, Nothing, MOST_BODY)
        desk = self._there()
        desk.revoke(int(request.path_params["number"]))
        return json(standing(desk.standing()))

    async def extend(self, request: Request) -> Response:
        """Move the end."""
        wish = cast(More, await body_as(request, More, MOST_BODY))
        desk = self._there()
        desk.extend(wish.seconds)
        return json(standing(desk.standing()))

    async def stop(self, request: Request) -> Response:
        """End it, and with it this window: the last thing that is answered."""
        await body_as(request, Nothing, MOST_BODY)
        desk = self._there()
        last = standing(desk.standing())
        desk.stop()
        return json(last)

    def _there(self) -> Steering:
        if self._desk is None:
            raise TunnelError("nothing is shared here", status=409, hint="begin: tunnel share 3000")
        return self._desk


def standing(standing: Standing) -> Shape:
    """Return how a share stands, as the API tells it."""
    return {
        "port": standing.port,
        "pid": standing.pid,
        "url": standing.url,
        "target": standing.target,
        "access": standing.access.value,
        "rules": list(standing.rules),
        "began": _micros(standing.began),
        "ends": None if standing.ends is None else _micros(standing.ends),
        "left": None if standing.left is None else _micros(standing.left),
        "link": standing.link,
        "devices": [_device(device) for device in standing.devices],
        "questions": [_question(question) for question in standing.questions],
        "heard": [_heard(heard) for heard in standing.heard],
    }


def _device(device: Device) -> Shape:
    return {
        "number": device.number,
        "name": device.name,
        "browser": device.browser,
        "address": device.address,
        "rule": device.rule.value,
        "since": _micros(device.since),
        "seen": _micros(device.seen),
        "requests": device.requests,
    }


def _question(question: Question) -> Shape:
    return {
        "number": question.number,
        "name": question.name,
        "browser": question.browser,
        "address": question.address,
        "at": _micros(question.at),
        "code": question.code,
    }


def _heard(heard: Heard) -> Shape:
    happening = heard.happening
    return {
        "at": _micros(heard.at),
        "what": happening.what,
        "device": happening.device,
        "name": happening.name,
        "address": happening.address,
        "sentence": happening.sentence,
    }


def _micros(seconds: float) -> int:
    return round(seconds * 1e6)
