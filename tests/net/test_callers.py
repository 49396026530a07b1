"""Who is calling: a /proc tree made by hand, this machine's own, and what a look may cost."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tunnel.model.peer import Peer
from tunnel.net import callers as callers_module
from tunnel.net.callers import MOST_ASKED, REST, Callers
from tunnel.net.process_list import ProcessList
from tunnel.net.processes import Holder, clean_name
from tunnel.net.procfs import ProcFs
from tunnel.net.sockdiag import SockDiag
from tunnel.net.this_system import this_system

HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
V4 = Peer("127.0.0.1", 50000, "127.0.0.1", 62893, None, 1.0, 1.0)
V6 = Peer("::1", 50001, "::1", 62893, None, 2.0, 2.0)

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Tree:
    """A /proc with the tables and processes that a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "net").mkdir()
        for table in ("tcp", "tcp6"):
            (root / "net" / table).write_text(HEADING)

    def row(self, table: str, local: str, remote: str, inode: int, state: str = "01") -> None:
        with (self.root / "net" / table).open("a") as file:
            file.write(
                f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1\n"
            )

    def process(self, pid: int, comm: str, *links: str, cmdline: str = "") -> None:
        folder = self.root / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text(comm + "\n")
        (folder / "cmdline").write_bytes(cmdline.encode())
        for number, link in enumerate(("/dev/null", *links)):
            (folder / "fd" / str(number)).symlink_to(link)


def mute(peers: Iterable[Peer]) -> dict[int, Peer]:
    """A kernel that cannot be asked: the tables must do."""
    raise OSError("Protocol not supported")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@linux
def test_the_client_end_is_found_and_not_our_own(tree: Tree) -> None:
    tree.row("tcp", "0100007F:F5AD", "0100007F:C350", 1)  # our end
    tree.row("tcp", "0100007F:C350", "0100007F:F5AD", 2)  # the caller's
    tree.row("tcp6", "0" * 24 + "01000000:C351", "0" * 24 + "01000000:F5AD", 3)
    tree.process(10, "tunnel", "socket:[1]")
    tree.process(20, "curl", "pipe:[7]", "socket:[2]")
    tree.process(30, "chromium", "socket:[3]")

    found = ProcFs(tree.root, mute).calling([V4, V6], ())

    assert found == {V4: Holder("curl", 20), V6: Holder("chromium", 30)}


@linux
def test_a_program_with_only_ipv6_sockets_is_found_on_ipv4(tree: Tree) -> None:
    mapped = "0000000000000000FFFF00000100007F"
    tree.row("tcp6", f"{mapped}:C350", f"{mapped}:F5AD", 2)
    tree.process(20, "java", "socket:[2]")

    assert ProcFs(tree.root, mute).calling([V4], ()) == {V4: Holder("java", 20)}


@linux
def test_a_caller_that_has_left_is_not_found(tree: Tree) -> None:
    tree.row("tcp", "0100007F:C350", "0100007F:F5AD", 0, state="06")
    tree.process(20, "curl", "socket:[0]")

    assert ProcFs(tree.root, mute).calling([V4], ()) == {}


@linux
def test_recent_processes_are_looked_at_first_then_the_newest(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.row("tcp", "0100007F:C350", "0100007F:F5AD", 2)
    for pid in (10, 20, 30, 40):
        tree.process(pid, "p", *(["socket:[2]"] if pid == 20 else []))
    looked: list[str] = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: (looked.append(Path(path).parent.name), real(path))[1])

    ProcFs(tree.root, mute).calling([V4], (10,))

    assert [name for name in looked if name.isdigit()] == ["10", "40", "30", "20"]


@linux
@pytest.mark.parametrize(
    ("comm", "cmdline", "program"),
    [
        ("curl", "curl\0-k\0", "curl"),
        ("http", "/usr/bin/python3\0/usr/bin/http\0", "http"),
        ("MainThread", "/usr/bin/node\0app.js\0", "node"),
        ("chromium-browse", "/usr/lib/chromium-browser\0--type=utility\0", "chromium-browser"),
        ("a\x1b[31mred", "", "a[31mred"),
        ("", "", "unknown"),
    ],
)
def test_a_program_is_called_what_people_call_it(tree: Tree, comm: str, cmdline: str, program: str) -> None:
    tree.row("tcp", "0100007F:C350", "0100007F:F5AD", 2)
    tree.process(20, comm, "socket:[2]", cmdline=cmdline)

    assert ProcFs(tree.root, mute).calling([V4], ()) == {V4: Holder(program, 20)}


def test_a_name_is_never_longer_than_a_line() -> None:
    assert len(clean_name("x" * 1000)) == 64


@linux
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_kernel_knows_the_callers_end_and_forgets_it_when_it_is_closed(host: str) -> None:
    with called_by([sys.executable, "-c", CLIENT, "{host}", "{port}"], host) as (peer, pid):
        kernel = SockDiag()
        found = kernel.caller_inodes([peer, replace(peer, port=1)])
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]

    assert list(found.values()) == [peer]
    assert f"socket:[{next(iter(found))}]" in links
    assert kernel.caller_inodes([peer]) == {}


@linux
def test_a_caller_that_left_is_not_taken_for_a_kernel_that_cannot_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as caller:
            address, port = caller.getsockname()
            connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b""
            peer = Peer(address, port, *listener.getsockname(), None, 0.0, 0.0)

            assert SockDiag().caller_inodes([peer]) == {}


@linux
def test_a_kernel_that_knows_no_socket_at_all_cannot_be_asked() -> None:
    with pytest.raises(OSError, match="no socket at all"):
        SockDiag().caller_inodes([replace(V4, port=1, listener_port=1)])


class Fake:
    """Knows every caller, and takes two seconds to find them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[set[Peer]] = []
        self.recent: list[int] = []

    def calling(self, peers: Iterable[Peer], recent: Sequence[int]) -> dict[Peer, Holder]:
        self.now += 2
        self.asked.append(set(peers))
        self.recent = list(recent)
        return {peer: Holder("curl", peer.port) for peer in peers}

    def listening(self, host: str, port: int) -> Holder | None:
        raise NotImplementedError


class Broken(Fake):
    """Has a table that nobody can read."""

    def calling(self, peers: Iterable[Peer], recent: Sequence[int]) -> dict[Peer, Holder]:
        raise ValueError("not a table")


def test_what_was_asked_meanwhile_is_answered_in_one_look_and_paid_with_rest() -> None:
    fake = Fake()
    callers = Callers(fake, lambda: fake.now)
    callers.ask(V4)
    callers.ask(V6)

    rest = callers.look()

    assert rest == 2 * REST
    assert fake.asked == [{V4, V6}]
    assert callers.known(V4) == ("curl", 50000)
    assert callers.known(V6) == ("curl", 50001)


def test_a_later_connection_from_the_same_port_is_not_taken_for_the_first() -> None:
    callers = Callers(Fake())
    callers.ask(V4)
    callers.look()

    assert callers.known(replace(V4, ready=9.0)) == ("curl", 50000)
    assert callers.known(replace(V4, accepted=9.0)) is None


def test_the_processes_found_last_are_looked_at_first() -> None:
    fake = Fake()
    callers = Callers(fake)
    for peer in (V4, V6, V4, V6):
        callers.ask(peer)
        callers.look()

    assert fake.recent == [50000, 50001]


def test_what_nobody_takes_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers_module, "MOST_KNOWN", 10)
    fake = Fake()
    callers = Callers(fake)
    peers = [replace(V4, port=port) for port in range(1, MOST_ASKED + 11)]
    for peer in peers:
        callers.ask(peer)

    callers.look()

    assert fake.asked == [set(peers[10:])]
    assert sum(callers.known(peer) is not None for peer in peers) == 10


def test_a_system_that_fails_leaves_callers_unknown() -> None:
    callers = Callers(Broken())
    callers.ask(V4)

    callers.look()

    assert callers.known(V4) is None


def test_what_was_asked_before_the_start_is_answered_too() -> None:
    callers = Heard()
    callers.ask(V4)

    callers.start()

    assert callers.looked.wait(10)
    callers.stop()


def test_stopping_ends_an_idle_thread() -> None:
    callers = Callers(Fake())
    callers.start()

    callers.stop()

    assert all(thread.name != "callers" for thread in threading.enumerate())


def test_stopping_ends_the_thread_even_while_it_rests() -> None:
    fake = Fake()
    looked = threading.Event()
    callers = Callers(fake, lambda: (looked.set(), fake.now)[1])
    callers.start()
    callers.ask(V4)
    assert looked.wait(5)

    callers.stop()

    assert all(thread.name != "callers" for thread in threading.enumerate())


def test_asking_costs_the_way_little() -> None:
    callers = Callers(Fake())

    best = min(_seconds(lambda: callers.ask(V4), 1000) for _ in range(20))

    assert best < 2e-6


def _seconds(deed: object, times: int) -> float:
    assert callable(deed)
    began = time.perf_counter()
    for _ in range(times):
        deed()
    return (time.perf_counter() - began) / times


CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
connection.recv(1)
"""


@contextmanager
def called_by(command: list[str], host: str = "127.0.0.1") -> Iterator[tuple[Peer, int]]:
    """Run a command that connects to `{host} {port}`; give its peer and process id."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        port = listener.getsockname()[1]
        words = [word.format(host=host, port=port) for word in command]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            connection, address = listener.accept()
            with connection:
                try:
                    yield Peer(address[0], address[1], host, port, None, time.perf_counter(), 0.0), process.pid
                finally:
                    process.kill()


class Heard(Callers):
    """Says when it has looked."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = threading.Event()

    def look(self) -> float:
        rest = super().look()
        self.looked.set()
        return rest


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_real_program_is_found(host: str) -> None:
    callers = Heard()
    callers.start()
    try:
        with called_by([sys.executable, "-c", CLIENT, "{host}", "{port}"], host) as (peer, pid):
            callers.ask(peer)

            assert callers.looked.wait(10)
            answer = callers.known(peer)
    finally:
        callers.stop()

    assert answer is not None
    assert answer[0].startswith("python")
    assert answer[1] == pid


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_a_curl_is_found_while_it_waits() -> None:
    callers = Heard()
    callers.start()
    try:
        with called_by(["curl", "-s", "http://{host}:{port}/"]) as (peer, pid):
            callers.ask(peer)

            assert callers.looked.wait(10)
            assert callers.known(peer) == ("curl", pid)
    finally:
        callers.stop()


@pytest.mark.parametrize("denied", [False, True])
def test_psutil_finds_a_real_program_with_and_without_the_whole_table(
    denied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS refuses the whole table to all but root."""

    def refuse(kind: str) -> list[object]:
        raise psutil.AccessDenied

    if denied:
        monkeypatch.setattr(psutil, "net_connections", refuse)
    with called_by([sys.executable, "-c", CLIENT, "{host}", "{port}"]) as (peer, pid):
        found = ProcessList().calling([peer], ())

    assert found[peer].pid == pid
    assert found[peer].program.startswith("python")


def test_each_system_is_asked_in_its_own_way() -> None:
    assert isinstance(this_system("linux"), ProcFs)
    assert isinstance(this_system("darwin"), ProcessList)
    assert isinstance(this_system("win32"), ProcessList)


@pytest.mark.parametrize("answer", [b"", bytes(10), b"\x10\0\0\0\x14\0" + bytes(10), b"\x10\0\0\0\x02\0" + bytes(10)])
def test_a_kernel_that_answers_too_little_counts_as_one_that_cannot_be_asked(answer: bytes) -> None:
    kernel = SimpleNamespace(send=len, recv=lambda most: answer)

    with pytest.raises(OSError, match="answer"):
        SockDiag()._ask(kernel, ("127.0.0.1", 50000), ("127.0.0.1", 62893))  # type: ignore[arg-type]
