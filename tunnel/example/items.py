"""Items: a JSON resource with all four verbs, in memory and bounded."""

import json
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MOST = 100
LARGEST = 16 * 1024  # bytes of one item


class Items:
    """Numbered JSON values. The number is in the address, the value is whatever was sent."""

    def __init__(self) -> None:
        self._values: dict[int, object] = {}
        self._last = 0

    async def all(self, request: Request) -> Response:
        """List them."""
        return JSONResponse([_shown(number, value) for number, value in self._values.items()])

    async def add(self, request: Request) -> Response:
        """Take a new one; its address is in Location (RFC 9110 §15.3.2)."""
        value = await _read(request)
        if isinstance(value, Response):
            return value
        if len(self._values) >= MOST:
            return _error(409, f"there are {MOST} items already; delete one first")
        self._last += 1
        self._values[self._last] = value
        return JSONResponse(_shown(self._last, value), 201, {"Location": f"/api/items/{self._last}"})

    async def one(self, request: Request) -> Response:
        """Give one."""
        number: int = request.path_params["number"]
        if number not in self._values:
            return _missing(number)
        return JSONResponse(_shown(number, self._values[number]))

    async def put(self, request: Request) -> Response:
        """Replace one."""
        number: int = request.path_params["number"]
        value = await _read(request)
        if isinstance(value, Response):
            return value
        if number not in self._values:
            return _missing(number)
        self._values[number] = value
        return JSONResponse(_shown(number, value))

    async def remove(self, request: Request) -> Response:
        """Delete one."""
        number: int = request.path_params["number"]
        if number not in self._values:
            return _missing(number)
        del self._values[number]
        return Response(status_code=204)


async def _read(request: Request) -> object:
    """Return the JSON value that was sent, or the Response that says why not."""
    body = b""
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > LARGEST:
                return _error(413, f"an item is at most {LARGEST} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        return _error(400, f"that is not JSON: {error}")


def _shown(number: int, value: object) -> dict[str, object]:
    return {"id": number, "value": value}


def _missing(number: int) -> Response:
    return _error(404, f"there is no item {number}")


def _error(status: int, what: str) -> Response:
    return JSONResponse({"error": what}, status)
