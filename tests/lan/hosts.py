"""Hosts: machines of a network that lasts as long as a test: a network namespace each, and cables between them.

Nothing of it has a name that could stay behind. A namespace lives by the thread that made it and by what was started from
there; such a program dies with that thread (PR_SET_PDEATHSIG). So when the tests end, however they end, the kernel takes
addresses, cables and all away. Needs Linux, root, and `ip` of iproute2.
"""

import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from tests.helpers.servers import PATIENCE, Program, needed

_CLONE_NEWNET = 0x40000000  # linux/sched.h
P = ParamSpec("P")
T = TypeVar("T")


class Host:
    """A machine of its own as far as the network goes: its interfaces, its loopback, its ports.

    What is made within `do` belongs to it for good: a socket may be used by any thread afterwards.

    Args:
      name: For people.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread = ThreadPoolExecutor(1, name)
        try:
            self.do(_leave_the_machines_network)
            self.thread = self.do(threading.get_native_id)
            self.ip("link", "set", "lo", "up")
        except BaseException:
            self._thread.shutdown()
            raise

    def do(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function there; wait for what it returns."""
        return self._thread.submit(function, *args, **kwargs).result(4 * PATIENCE)

    def ip(self, *words: str) -> str:
        """Run `ip` there; return what it prints."""
        done = self.do(subprocess.run, ["ip", *words], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
        return done.stdout

    def sysctl(self, name: str, value: str) -> None:
        """Set a variable of its network."""
        self.do(Path("/proc/sys/net", *name.split(".")).write_text, value)

    def start(self, argv: list[str]) -> Program:
        """Start a program there, that ends with this host. The caller stops it."""
        return self.do(Program, ["setpriv", "--pdeathsig", "KILL", "--", *argv])

    def connect(self, address: str, port: int, *, source: str = "", patience: float = PATIENCE) -> socket.socket:
        """Connect from there, from one of its addresses where that matters."""
        return self.do(socket.create_connection, (address, port), patience, (source, 0) if source else None)

    def listen(self, address: str, port: int = 0) -> socket.socket:
        """Listen there. The caller closes the socket."""
        return self.do(socket.create_server, (address, port), backlog=128)

    def listening(self, protocol: str = "tcp") -> set[tuple[str, int]]:
        """Return every address and port at which TCP or UDP is taken from anybody: a kernel's word, beside a scan's."""
        return self.do(_listening, protocol)

    def close(self) -> None:
        """End it, with what was started there."""
        self._thread.shutdown()


@contextmanager
def host(name: str) -> Iterator[Host]:
    """Make one until the block ends; skip the test where that cannot be."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("makes network namespaces")
    needed("ip", "iproute2")
    needed("setpriv", "util-linux")
    made = Host(name)
    try:
        yield made
    finally:
        made.close()


def cable(one: Host, other: Host, interface: str, ours: list[str], theirs: list[str]) -> None:
    """Connect two hosts, at an interface that has the same name on both, with these addresses ("192.0.2.1/24")."""
    one.ip("link", "add", interface, "type", "veth", "peer", "name", interface, "netns", str(other.thread))
    for end, addresses in (one, ours), (other, theirs):
        end.ip(
            "link", "set", interface, "addrgenmode", "none"
        )  # an address of the kernel's own would be tried for seconds
        for address in addresses:
            end.ip("address", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
        end.ip("link", "set", interface, "up")


def _leave_the_machines_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"no network of its own for a test: {os.strerror(error)}")


def _listening(protocol: str) -> set[tuple[str, int]]:
    found = set()
    listens = {"tcp": "0A", "udp": "07"}[protocol]  # TCP_LISTEN; a socket of UDP that is not connected says TCP_CLOSE
    for family, name in (socket.AF_INET, protocol), (socket.AF_INET6, f"{protocol}6"):
        table = Path("/proc/thread-self/net", name)
        with suppress(FileNotFoundError):  # no IPv6 here
            for line in table.read_text().splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                if state == listens:
                    address, port = local.split(":")
                    words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
                    found.add((socket.inet_ntop(family, b"".join(words)), int(port, 16)))
    return found
