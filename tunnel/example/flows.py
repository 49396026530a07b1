"""Flows: bodies that come or go piece by piece, slowly, largely, or break off. Nothing here holds one whole.

The streams are iterators and plain ASGI calls rather than generators: a generator left in the middle is closed by the
garbage collector, at a time of its own choosing, and trio warns of it.
"""

import hashlib
import json
import math
import time

import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

PIECE = 64 * 1024
MIB = 1024 * 1024
LONGEST = 60.0  # seconds that `/slow` can be asked for
LARGEST = 1024  # MiB that `/large` can be asked for
_FILLING = (b"large" * 3 + b"\n") * (PIECE // 16 - 1)  # a piece less the line that numbers it


class Events:
    """An event stream: a tick at once and then one each `every` seconds, numbered, until the client leaves.

    Source: HTML Living Standard §9.2. A client that comes back names the last it saw, and the numbers go on from there.
    """

    def __init__(self, every: float) -> None:
        self._every = every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        last = Request(scope).headers.get("last-event-id", "")
        number = int(last) if last.isascii() and last.isdecimal() and len(last) < 16 else 0
        named = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = StreamingResponse(_Ticks(number, self._every), media_type="text/event-stream", headers=named)
        await response(scope, receive, send)


class _Ticks:
    def __init__(self, number: int, every: float) -> None:
        self._number = number
        self._every = every
        self._next = trio.current_time()

    def __aiter__(self) -> "_Ticks":
        return self

    async def __anext__(self) -> bytes:
        await trio.sleep_until(self._next)
        self._next += self._every
        self._number += 1
        told = json.dumps({"number": self._number, "time": time.strftime("%H:%M:%S")})
        return f"id: {self._number}\nevent: tick\ndata: {told}\n\n".encode()


async def upload(request: Request) -> Response:
    """Measure what is sent: its size and SHA-256. A multipart body is measured as it came, boundaries and all."""
    began = time.perf_counter()
    size, digest = 0, hashlib.sha256()
    async for piece in request.stream():
        size += len(piece)
        digest.update(piece)
    seconds = round(time.perf_counter() - began, 3)
    kind = request.headers.get("content-type", "")
    return JSONResponse({"size": size, "sha256": digest.hexdigest(), "type": kind, "seconds": seconds})


async def slow(request: Request) -> Response:
    """Answer after `seconds`, two unless asked otherwise."""
    seconds = _number(request, "seconds", 2.0, LONGEST)
    if isinstance(seconds, Response):
        return seconds
    await trio.sleep(seconds)
    return JSONResponse({"slept": seconds})


async def large(request: Request) -> Response:
    """Answer with `mb` MiB, ten unless asked otherwise."""
    size = _number(request, "mb", 10.0, LARGEST)
    if isinstance(size, Response):
        return size
    length = int(size * MIB)
    return StreamingResponse(_Pieces(length), media_type="text/plain", headers={"Content-Length": str(length)})


class _Pieces:
    """`length` bytes in pieces, each beginning with its own offset, so that a missing or doubled one can be told."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._at = 0

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._at >= self._length:
            raise StopAsyncIteration
        piece = (b"%015d\n" % self._at + _FILLING)[: self._length - self._at]
        self._at += len(piece)
        return piece


class CutShort:
    """Dies in the middle of its answer: a thousand bytes are promised, a few come."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = [(b"content-type", b"text/plain"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": named})
        await send({"type": "http.response.body", "body": b"This answer will not be wh", "more_body": True})
        raise ConnectionAbortedError("the example service broke off, as it was asked to")


def _number(request: Request, name: str, default: float, most: float) -> float | Response:
    """Return a number of the query between 0 and `most`, or the answer that says why not."""
    text = request.query_params.get(name)
    try:
        number = default if text is None else float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= most:  # NaN neither
        return JSONResponse({"error": f"{name} is a number from 0 to {most:g}, not {text!r}"}, 400)
    return number
