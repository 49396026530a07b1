"""The control socket, for real: who can open it, what it answers, what it does not mind, and how it is found."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.helpers.waiting import until
from tests.share.fake_gate import GALAXY, FakeGate, Stops, desk
from tunnel.errors import TunnelError, UsageError
from tunnel.model.standing import Steering
from tunnel.share import control, places
from tunnel.share.asking import ordered, standings
from tunnel.share.orders import LONGEST, Answer, Extend, Order, Revoke, Stop

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose path is short enough for a socket's."""
    folder = tmp_path / "f"
    folder.mkdir(mode=0o700)
    return folder


@asynccontextmanager
async def steered(
    steering: Steering, folder: Path, port: int = 62893, notices: list[TunnelError] | None = None
) -> AsyncIterator[trio.CancelScope]:
    """Take orders while the block runs."""
    told: list[TunnelError] = [] if notices is None else notices
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(control.serve, steering, folder, port, told.append)
            await until(lambda: any(place.port == port for place in places.places(folder)) or told)
            yield nursery.cancel_scope
            nursery.cancel_scope.cancel()


async def asked(folder: Path, order: Order, **how: Any) -> Any:
    """Give an order as another program does."""
    _, reply = await trio.to_thread.run_sync(partial(ordered, folder, order, **how))
    return reply


async def all_of(folder: Path) -> Any:
    return await trio.to_thread.run_sync(standings, folder)


def entry(folder: Path) -> Path:
    (place,) = places.places(folder)
    return place.path


async def test_a_share_is_found_told_and_steered_from_elsewhere(folder: Path) -> None:
    gate = FakeGate(waiting=[GALAXY])
    steering = desk(gate)
    async with steered(steering, folder):
        assert await all_of(folder) == [steering.standing()]
        assert (await asked(folder, Answer(True))).question == GALAXY
        assert (await asked(folder, Revoke("iPad"))).device.number == 2
        assert (await asked(folder, Extend(60))).left == 2580.0

    assert gate.answered == [(3, True)]
    assert [device.number for device in gate.all_devices] == [1]


async def test_what_the_share_refuses_is_refused_here_with_its_words(folder: Path) -> None:
    async with steered(desk(), folder):
        with pytest.raises(TunnelError, match="no device of this share has the number 9") as caught:
            await asked(folder, Revoke("9"))

    assert caught.value.hint == "see who is there: tunnel share --list"
    assert caught.value.exit_code == 2


async def test_where_nothing_is_shared_that_is_said(folder: Path) -> None:
    assert await all_of(folder) == []
    with pytest.raises(TunnelError, match="nothing is shared just now") as caught:
        await asked(folder, Stop())
    assert "tunnel share 3000" in caught.value.hint


async def test_of_several_one_is_named_by_its_port(folder: Path) -> None:
    first, second = Stops(), Stops()
    async with (
        steered(desk(port=62893, stop=first), folder, 62893),
        steered(desk(port=62900, stop=second), folder, 62900),
    ):
        assert [told.port for told in await all_of(folder)] == [62893, 62900]
        with pytest.raises(UsageError, match="2 shares run, on the ports 62893, 62900") as caught:
            await asked(folder, Stop())
        assert caught.value.hint == "name one: --share 62893"
        await asked(folder, Stop(), share=62900)
        with pytest.raises(TunnelError, match="nothing is shared on port 1 just now"):
            await asked(folder, Stop(), share=1)

    assert (first.count, second.count) == (0, 1)


async def test_who_stops_a_share_hears_when_it_has_ended(folder: Path) -> None:
    ended = trio.Event()
    scope: list[trio.CancelScope] = []

    def end() -> None:
        ended.set()

    made = desk()
    made._stop = end
    async with trio.open_nursery() as nursery:

        async def stop() -> None:
            await asked(folder, Stop(), until_end=20)
            heard.set()

        heard = trio.Event()
        async with steered(made, folder) as serving:
            scope.append(serving)
            nursery.start_soon(stop)
            await ended.wait()
            assert not heard.is_set()  # it is on its way, and not over
        with trio.fail_after(10):
            await heard.wait()

    assert await all_of(folder) == []


async def test_only_this_user_can_get_at_it(folder: Path) -> None:
    async with steered(desk(), folder):
        path = entry(folder)

        assert path.suffix == ".sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.parent.parent == folder


async def test_a_folder_that_others_could_open_is_closed_to_them(folder: Path) -> None:
    (folder / places.FOLDER).mkdir(mode=0o755)
    async with steered(desk(), folder):
        assert stat.S_IMODE((folder / places.FOLDER).stat().st_mode) == 0o700


async def test_a_folder_that_is_somewhere_else_is_not_taken(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / places.FOLDER).symlink_to(tmp_path / "elsewhere")
    notices: list[TunnelError] = []
    async with steered(desk(), folder, notices=notices):
        pass

    (error,) = notices
    assert "cannot be steered from another terminal" in error.what
    assert "no folder of this user's" in error.what
    assert list((tmp_path / "elsewhere").iterdir()) == []


ANOTHER_USER = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(sys.argv[1])
    sock.sendall(b'{"order": {"do": "tell"}}\\n')
    print(len(sock.recv(65536)))
except OSError as error:
    print(type(error).__name__)
"""


def _as_another_user(path: Path) -> Callable[[], str]:
    def run() -> str:
        argv = [sys.executable, "-c", ANOTHER_USER, str(path)]
        return subprocess.run(argv, capture_output=True, check=True, timeout=20, cwd="/").stdout.decode().strip()

    return run


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_cannot_open_it_and_were_it_open_would_hear_nothing() -> None:
    # Not below pytest's own folder, which is closed to others by itself.
    made = Path(await trio.to_thread.run_sync(_a_folder_in_the_open))
    try:
        gate = FakeGate()
        async with steered(desk(gate), made):
            path = entry(made)
            assert await trio.to_thread.run_sync(_as_another_user(path)) == "PermissionError"
            path.parent.chmod(0o755)  # as if a mistake had opened both
            path.chmod(0o666)
            assert await trio.to_thread.run_sync(_as_another_user(path)) in (
                "0",
                "ConnectionResetError",
                "BrokenPipeError",
            )
            assert len(await all_of(made)) == 1  # its own user is answered all the same
    finally:
        shutil.rmtree(made)


def _a_folder_in_the_open() -> str:
    folder = tempfile.mkdtemp(prefix="tunnel-control-")
    Path(folder).chmod(0o755)
    return folder


async def test_where_a_path_is_too_long_for_a_socket_a_token_in_a_private_file_opens_a_loopback_port(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    async with steered(desk(), deep):
        path = entry(deep)
        assert path.suffix == ".port"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        port, token = path.read_text().split()
        assert len(token) >= 40
        assert len(await all_of(deep)) == 1
        for line in (b'{"order": {"do": "tell"}}\n', b'{"order": {"do": "tell"}, "token": "wrong"}\n'):
            assert await _said(("127.0.0.1", int(port)), line) == b""

    assert places.places(deep) == []


async def _said(address: Any, line: bytes) -> bytes:
    """Say a line to a socket; return all that it says until it closes."""
    sock = socket.create_connection(address) if isinstance(address, tuple) else socket.socket(socket.AF_UNIX)
    if not isinstance(address, tuple):
        sock.connect(str(address))
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(_unblocked(sock)))
    async with stream:
        await stream.send_all(line)
        said = b""
        try:
            while piece := await stream.receive_some():
                said += piece
                if b"\n" in said:
                    break
        except trio.BrokenResourceError:
            pass
        return said


def _unblocked(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    return sock


async def test_what_is_no_order_is_answered_with_a_sentence_and_the_next_is_heard(folder: Path) -> None:
    async with steered(desk(), folder):
        for line in (b"GET / HTTP/1.1\r\n", b"\n", b'{"order": {"do": "explode"}}\n'):
            reply = json.loads(await _said(entry(folder), line))
            assert "not understood" in reply["error"]
        assert len(await all_of(folder)) == 1


async def test_a_line_without_end_is_not_kept(folder: Path) -> None:
    async with steered(desk(), folder):
        assert await _said(entry(folder), b"x" * (LONGEST * 2)) == b""
        assert len(await all_of(folder)) == 1


async def test_more_connections_than_anybody_needs_are_closed_and_silent_ones_are_left_to_their_end(
    folder: Path,
) -> None:
    async with steered(desk(), folder):
        held = [socket.socket(socket.AF_UNIX) for _ in range(control.MOST)]
        try:
            for sock in held:
                sock.connect(str(entry(folder)))
                await trio.testing.wait_all_tasks_blocked()
            assert await _said(entry(folder), b'{"order": {"do": "tell"}}\n') == b""
        finally:
            for sock in held:
                sock.close()
        await trio.testing.wait_all_tasks_blocked()
        assert len(await all_of(folder)) == 1


async def test_what_a_dead_process_left_is_removed_by_who_looks(folder: Path) -> None:
    (folder / places.FOLDER).mkdir(mode=0o700)
    left = folder / places.FOLDER / "62893-1.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    (folder / places.FOLDER / "62894-1.port").write_text("1 token\n")
    (folder / places.FOLDER / "62895-1.port").write_text("half of a li")
    (folder / places.FOLDER / "notes.txt").write_text("not ours")

    assert await all_of(folder) == []
    assert [path.name for path in (folder / places.FOLDER).iterdir()] == ["notes.txt"]


async def test_a_bug_behind_it_is_told_and_the_next_order_is_taken(folder: Path) -> None:
    class Broken(FakeGate):
        def extend(self, seconds: float) -> float:
            raise ZeroDivisionError("a bug")

    notices: list[TunnelError] = []
    async with steered(desk(Broken()), folder, notices=notices):
        with pytest.raises(TunnelError):
            await asked(folder, Extend(60))
        assert len(await all_of(folder)) == 1

    (error,) = notices
    assert "ZeroDivisionError" in error.what
    assert "report" in error.hint


async def test_a_share_that_says_nothing_is_told_of_and_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunnel.share.asking.PATIENCE", 0.2)
    (folder / places.FOLDER).mkdir(mode=0o700)
    path = folder / places.FOLDER / f"62893-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        with pytest.raises(TunnelError, match="port 62893 does not answer"):
            await all_of(folder)
    assert path.exists()  # it is there, and may come to itself


async def test_the_entry_and_the_socket_are_gone_with_the_share(folder: Path) -> None:
    async with steered(desk(), folder):
        path = entry(folder)

    assert not path.exists()


@pytest.mark.parametrize("deep", [False, True])
def test_a_share_is_found_only_once_it_listens_else_who_looks_would_take_it_for_dead(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    """Who looks removes the entries of the dead, and a share whose entry was removed cannot be steered any more."""
    if deep:
        folder = tmp_path / ("d" * 100)
        folder.mkdir(mode=0o700)
    seen: list[list[places.Place]] = []
    listen, fdopen = socket.socket.listen, os.fdopen

    def listens(sock: socket.socket, *backlog: int) -> None:
        seen.append(places.places(folder))
        listen(sock, *backlog)

    def writes(*how: Any, **more: Any) -> Any:
        seen.append(places.places(folder))
        return fdopen(*how, **more)

    monkeypatch.setattr(socket.socket, "listen", listens)
    monkeypatch.setattr(os, "fdopen", writes)
    with places.opened(folder, 62893):
        assert len(seen) == 1 + deep and not any(seen)
        (place,) = places.places(folder)
        found = places.connected(place, 5)
        assert found is not None
        found[0].close()

    assert list((folder / places.FOLDER).iterdir()) == []
