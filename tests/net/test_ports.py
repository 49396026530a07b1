"""A busy port: who holds it, and the command that helps, on each system."""

import errno
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tunnel.model.peer import Peer
from tunnel.net.ports import WINDOWS_RESERVED, busy, holder
from tunnel.net.process_list import ProcessList
from tunnel.net.processes import Holder
from tunnel.net.procfs import ProcFs

NODE = Holder("node", 4242)


def nobody(port: int, host: str) -> Holder | None:
    """Finds none: the holder is another user's, or there is none."""
    return None


def node(port: int, host: str) -> Holder | None:
    return NODE


class Broken:
    """A system whose tables cannot be read."""

    def calling(self, peers: Iterable[Peer], recent: Sequence[int]) -> dict[Peer, Holder]:
        raise NotImplementedError

    def listening(self, host: str, port: int) -> Holder | None:
        raise PermissionError(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_holder_of_a_real_port_is_found(host: str) -> None:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        port = listener.getsockname()[1]
        found = holder(port, host)
        by_psutil = ProcessList().listening(host, port)

    assert found is not None
    assert found.pid == os.getpid()
    assert by_psutil is not None
    assert by_psutil.pid == os.getpid()


def test_who_listens_everywhere_holds_the_port_here_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        found = holder(listener.getsockname()[1], "127.0.0.1")

    assert found is not None
    assert found.pid == os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_connection_is_no_holder_and_another_address_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        "heading\n"
        "  0: 0100007F:F5AD 0100007F:C350 01 0:0 00:0 0 1000 0 1 1\n"  # established
        "  1: 0200007F:F5AD 00000000:0000 0A 0:0 00:0 0 1000 0 2 1\n"  # listens on 127.0.0.2
    )
    (tmp_path / "5" / "fd").mkdir(parents=True)
    for inode in (1, 2):
        (tmp_path / "5" / "fd" / str(inode)).symlink_to(f"socket:[{inode}]")

    assert holder(62893, "127.0.0.1", ProcFs(tmp_path)) is None
    assert holder(62893, "127.0.0.2", ProcFs(tmp_path)) == Holder("unknown", 5)


def test_a_system_that_fails_leaves_the_holder_unknown() -> None:
    assert holder(62893, "127.0.0.1", Broken()) is None


@pytest.mark.parametrize(
    ("platform", "command"), [("linux", "kill 4242"), ("darwin", "kill 4242"), ("win32", "taskkill /PID 4242 /F")]
)
def test_a_known_holder_is_named_with_the_command_that_ends_it(platform: str, command: str) -> None:
    error = busy("127.0.0.1", 62893, platform=platform, find=node)

    assert error.what == "127.0.0.1:62893 is held by node (pid 4242)"
    assert error.hint == f"end it with {command}, or use --listen 127.0.0.1:62894"


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", "sudo ss -ltnp 'sport = :62893'"),
        ("darwin", "sudo lsof -nP -iTCP:62893 -sTCP:LISTEN"),
        ("win32", "netstat -ano | findstr :62893"),
    ],
)
def test_an_unknown_holder_is_left_to_a_command_that_knows(platform: str, command: str) -> None:
    error = busy("::1", 62893, OSError(errno.EADDRINUSE, "in use"), platform=platform, find=nobody)

    assert error.what == "[::1]:62893 is held by another program"
    assert error.hint == f"find it with {command}, or use --listen [::1]:62894"


def test_a_port_reserved_by_windows_is_not_said_to_be_held() -> None:
    error = busy("127.0.0.1", 62893, OSError(WINDOWS_RESERVED, "forbidden"), platform="win32", find=nobody)

    assert "reserved by Windows" in error.what
    assert "netsh interface ipv4 show excludedportrange protocol=tcp" in error.hint
    assert "--listen 127.0.0.1:62894" in error.hint


@pytest.mark.parametrize(("platform", "sysctl"), [("linux", True), ("darwin", False)])
def test_a_port_for_root_is_not_said_to_be_held(platform: str, sysctl: bool) -> None:
    error = busy("127.0.0.1", 443, PermissionError(errno.EACCES, "denied"), platform=platform, find=nobody)

    assert error.what == "127.0.0.1:443 is not for ordinary users"
    assert ("ip_unprivileged_port_start=443" in error.hint) is sysctl
    assert "--listen 127.0.0.1:8443" in error.hint


def test_the_next_port_exists() -> None:
    assert "--listen 127.0.0.1:8443" in busy("127.0.0.1", 65535, find=node).hint


def test_nobody_is_told_to_kill_the_command_they_typed() -> None:
    error = busy("127.0.0.1", 62893, find=lambda port, host: Holder("tunnel", os.getpid()))

    assert "kill" not in error.hint


def test_where_only_the_port_is_the_users_to_choose_only_the_port_is_said() -> None:
    error = busy("192.168.1.5", 62893, flag="--port", find=node)

    assert "192.168.1.5:62893 is held by" in error.what and error.hint.endswith("or use --port 62894")
