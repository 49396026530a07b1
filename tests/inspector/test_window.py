"""The window's listener: where it is bound, whom it refuses to fail for, and that a bug in it stays in it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.capture.making import ended
from tests.inspector.asking import recorded
from tunnel import window as module
from tunnel import window_place
from tunnel.errors import TunnelError
from tunnel.model.address import INSPECTOR_PORT, Listen
from tunnel.model.config import Config
from tunnel.net.sweep import Sweep
from tunnel.window import Window
from tunnel.window_place import Place, link_of, parts_of, placed

pytestmark = pytest.mark.anyio

SYSTEMS_CHOICE = Listen(("127.0.0.1",), 0, named=True)


def config(folder: Path, inspector: Listen | None = SYSTEMS_CHOICE) -> Config:
    return Config(target=None, folder=str(folder), inspector=inspector)


@asynccontextmanager
async def opened(folder: Path, told: list[TunnelError]) -> AsyncIterator[tuple[Place, Window, trio.Event]]:
    """Open a plain window on real sockets; closed with the block."""
    sweep, stopping = Sweep(), trio.Event()
    with trio.fail_after(20), placed(config(folder), "http", told.append) as place:
        assert place is not None
        parts = partial(parts_of, config(folder), place, told.append)
        window = Window(place, parts, tls=None, sweep=sweep, notice=told.append)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            nursery.start_soon(window.run, stopping)
            yield place, window, stopping
            stopping.set()
            await window.ended.wait()
            nursery.cancel_scope.cancel()


async def ask(place: Place, target: str, token: str | None = None) -> bytes:
    """Ask on a connection of its own, and return all that comes."""
    async with await trio.open_tcp_stream("127.0.0.1", place.port) as stream:
        head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nConnection: close\r\n"
        await stream.send_all(f"{head}Authorization: Bearer {token or place.token}\r\n\r\n".encode())
        answer = b""
        try:
            async for piece in stream:
                answer += piece
        except trio.BrokenResourceError:
            pass  # it was closed over what we had said
        return answer


async def test_it_answers_on_its_own_port(tmp_path: Path) -> None:
    told: list[TunnelError] = []
    recorded(tmp_path, ended)
    async with opened(tmp_path, told) as (place, _, _):
        answer = await ask(place, "/api/exchanges")
        refused = await ask(place, "/api/exchanges", "another token")

    assert json.loads(answer.partition(b"\r\n\r\n")[2])["total"] == 1
    assert refused.startswith(b"HTTP/1.1 403 ")
    assert told == []


async def test_a_bug_ends_a_connection_and_is_told_and_the_window_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[TunnelError] = []
    real = module._imported

    def broken() -> object:
        raise ZeroDivisionError("here")

    async with opened(tmp_path, told) as (place, _, _):
        monkeypatch.setattr(module, "_imported", broken)
        assert await ask(place, "/api/status") == b""
        monkeypatch.setattr(module, "_imported", real)
        assert (await ask(place, "/api/status")).startswith(b"HTTP/1.1 200 ")

    (error,) = told
    assert (
        "a bug in tunnel's inspector ended one connection: ZeroDivisionError: here (broken, test_window.py:"
        in error.what
    )


async def test_it_closes_what_is_open_when_it_stops(tmp_path: Path) -> None:
    async with opened(tmp_path, []) as (place, window, stopping):
        port = place.port
        idle = await trio.open_tcp_stream("127.0.0.1", port)
        await ask(place, "/api/status")
        stopping.set()
        await window.ended.wait()

        with pytest.raises(OSError, match=r"connect"):
            await trio.open_tcp_stream("127.0.0.1", port)
        assert await idle.receive_some() == b""
        await idle.aclose()


def cannot_bind(listen: Listen, busy: object) -> list[object]:
    raise TunnelError("no port is free", exit_code=4)


def test_a_default_port_that_cannot_be_had_is_told_and_no_reason_not_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[TunnelError] = []
    monkeypatch.setattr(window_place, "bind", cannot_bind)
    with placed(config(tmp_path, Listen(port=INSPECTOR_PORT)), "http", told.append) as place:
        assert place is None
    assert [error.what for error in told] == ["there is no inspector: no port is free"]


def test_a_port_that_was_named_or_is_all_there_is_has_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_place, "bind", cannot_bind)
    for listen, needed in ((Listen(port=7000, named=True), False), (Listen(port=INSPECTOR_PORT), True)):
        with (
            pytest.raises(TunnelError) as caught,
            placed(config(tmp_path, listen), "http", lambda error: None, needed=needed),
        ):
            pass
        assert caught.value.exit_code == 4


def test_none_is_bound_where_none_is_wanted(tmp_path: Path) -> None:
    with placed(config(tmp_path, None), "http", lambda error: None) as place:
        assert place is None


def test_each_start_has_a_token_of_its_own_that_is_not_shown(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(3):
        with placed(config(tmp_path), "https", lambda error: None) as place:
            assert place is not None
            tokens.add(place.token)
            assert place.token not in repr(place)
            link = link_of(config(tmp_path), place, "https://127.0.0.1:1")
            assert link.address == f"https://127.0.0.1:{place.port}/?token={place.token}"
            assert link.authority == str(tmp_path / "authority" / "root.pem")
    assert len(tokens) == 3
    assert all(len(token) == 43 for token in tokens)
