"""Hosts of the tests: what they make is gone when they are, however they end."""

import os
import select
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.helpers.servers import PATIENCE, python
from tests.lan.network import LAN, PHONE, SERVER, Network, network

pytestmark = pytest.mark.lan
ROOT = Path(__file__).parent.parent.parent
# Makes a network, starts a program on one of its hosts, tells both and waits to be killed.
STORY = """
import os, sys
from tests.lan.network import network
with network() as hosts:
    program = hosts.server.start([sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"])
    program.out.wait_for(lambda line: line == "up")
    print(program.pid, os.stat(f"/proc/{program.pid}/ns/net").st_ino, flush=True)
    sys.stdin.read()
"""


def test_hosts_reach_each_other_and_the_machine_has_no_way_to_them(hosts: Network) -> None:
    with hosts.server.listen(SERVER) as listener:
        port = listener.getsockname()[1]
        with hosts.visitor.connect(SERVER, port, source=PHONE) as sock:
            accepted, address = listener.accept()
            accepted.close()
            assert address[0] == PHONE
            assert sock.recv(1) == b""
    assert LAN not in {name for _, name in socket.if_nameindex()}


def test_an_address_of_the_crowd_can_be_asked_from(hosts: Network) -> None:
    with hosts.server.listen(SERVER) as listener:
        stranger = hosts.stranger()
        with hosts.visitor.connect(SERVER, listener.getsockname()[1], source=stranger):
            accepted, address = listener.accept()
            accepted.close()
    assert address[0] == stranger


def test_a_network_is_gone_after_its_block() -> None:
    with network() as made:
        before = [Path(f"/proc/self/task/{host.thread}/ns/net").stat().st_ino for host in (made.server, made.visitor)]
        assert set(before) <= networks()

    assert not set(before) & networks()


def test_what_killed_tests_made_goes_with_them(hosts: Network) -> None:
    with subprocess.Popen(
        python("-c", STORY), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as story:
        assert story.stdout is not None
        pid, inode = map(int, story.stdout.readline().split())
        program = os.pidfd_open(pid)
        try:
            assert inode in networks()
            story.send_signal(signal.SIGKILL)
            assert select.select([program], [], [], PATIENCE)[0], "what it had started goes on"
        finally:
            os.close(program)
    assert inode not in networks()


def networks() -> set[int]:
    """Return the namespaces that any thread of this machine lives in."""
    found = set()
    for task in Path("/proc").glob("[0-9]*/task/[0-9]*/ns/net"):
        try:
            found.add(task.stat().st_ino)
        except OSError:
            pass  # it has ended meanwhile
    return found
