"""Filters: those that a person has saved, in one small file of the folder; and what the filter language knows."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response

from tunnel.errors import TunnelError, UsageError
from tunnel.inspector import doors
from tunnel.inspector.answers import body_as, json
from tunnel.inspector.parts import Parts
from tunnel.inspector.private import write_private

FILE = "filters.json"
MOST = 200  # saved filters
LONGEST_NAME = 80  # characters
LONGEST = 4096  # characters of a filter


class Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A filter with a name."""

    name: str
    filter: str


class Filters:
    """Answers what asks for filters."""

    def __init__(self, parts: Parts) -> None:
        self._path = parts.folder / FILE
        self._turn = threading.Lock()

    async def all(self, request: Request) -> Response:
        """Answer the saved ones, in the order in which they were first saved."""
        return json(await trio.to_thread.run_sync(self._change, lambda saved: saved))

    async def save(self, request: Request) -> Response:
        """Save one; it takes the place of the one with its name. Answers all."""
        given = cast(Saved, await body_as(request, Saved, 64 * 1024))
        name = " ".join(given.name.split())
        if not name or len(name) > LONGEST_NAME:
            raise UsageError(f"a saved filter's name has 1 to {LONGEST_NAME} characters")
        if not given.filter.strip() or len(given.filter) > LONGEST:
            raise UsageError(f"a filter to be saved has 1 to {LONGEST} characters")
        try:
            doors.parsed(given.filter)
        except TunnelError as error:
            if error.status != 501:  # what cannot be read here may be saved all the same
                raise

        def put(saved: list[Saved]) -> list[Saved]:
            names = [one.name for one in saved]
            fresh = Saved(name, given.filter)
            if name in names:
                return [fresh if one.name == name else one for one in saved]
            if len(saved) >= MOST:
                raise UsageError(f"{MOST} filters are saved, and no more are kept", hint="delete one first")
            return [*saved, fresh]

        return json(await trio.to_thread.run_sync(self._change, put))

    async def remove(self, request: Request) -> Response:
        """Remove one. Answers those that are left."""
        name = request.path_params["name"]

        def take(saved: list[Saved]) -> list[Saved]:
            left = [one for one in saved if one.name != name]
            if len(left) == len(saved):
                raise TunnelError(f"no filter is saved as {name[:LONGEST_NAME]!r}", status=404)
            return left

        return json(await trio.to_thread.run_sync(self._change, take))

    async def fields(self, request: Request) -> Response:
        """Answer what a filter can ask for."""
        return json(doors.fields())

    async def check(self, request: Request) -> Response:
        """Answer whether a filter is understood, and where not; 200 either way, since asking was right."""
        try:
            doors.parsed(request.query_params.get("filter") or "")
        except UsageError as error:
            column = getattr(error, "column", None)
            return json({"error": error.what, "hint": error.hint, "column": column})
        return json({"ok": True})

    def _change(self, change: Callable[[list[Saved]], list[Saved]]) -> list[Saved]:
        with self._turn:
            before = _read(self._path)
            after = change(before)
            if after != before:
                write_private(self._path, msgspec.json.format(msgspec.json.encode(after), indent=2) + b"\n")
            return after


def _read(path: Path) -> list[Saved]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Saved])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TunnelError(
            f"the saved filters in {path} cannot be read: {error}", hint=f"put them away: mv {path} {path}.bad"
        ) from error
