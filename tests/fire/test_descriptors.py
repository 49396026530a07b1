"""Too few descriptors: those inside are served, the rest wait, and the user is told the command."""

import errno
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fire.places import Upstream, upstream_with_ledger
from tests.helpers.fronts import Front, tunnel
from tunnel.errors import Fault
from tunnel.model.config import Limits
from tunnel.net.descriptors import SPARE, crowded, exhausted, fitting

FILES = 64
CLIENTS = (FILES - SPARE) // 2  # the other half is for the upstream
MANY = 3 * FILES  # clients that come all the same


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    with upstream_with_ledger(tmp_path) as running:
        yield running


def limited(*words: str) -> list[str]:
    return ["sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh", *tunnel(*words)]


def ask(connection: http.client.HTTPConnection, target: str) -> int:
    connection.request("GET", target)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def processor_time(pid: int) -> float:
    """Return the seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.slow
def test_more_clients_than_descriptors_wait_their_turn_and_those_inside_are_served(
    tmp_path: Path, upstream: Upstream
) -> None:
    with Front(upstream.port, tmp_path / "folder", command=limited) as front, ExitStack() as stack:
        context = front.context()
        clients = [http.client.HTTPSConnection("127.0.0.1", front.port, context=context) for _ in range(CLIENTS)]
        for number, client in enumerate(clients):
            stack.callback(client.close)
            assert ask(client, f"/{number}") == 200
        waiting = [stack.enter_context(socket.create_connection(("127.0.0.1", front.port))) for _ in range(MANY)]
        said = front.said("clients are connected")
        assert f"{CLIENTS} clients" in said and f"only {FILES} files may be open" in said and "ulimit -n 65536" in said

        before = processor_time(front.pid)
        with pytest.raises(TimeoutError):
            waiting[0].settimeout(1)  # a second in which nothing happens but waiting
            context.wrap_socket(waiting[0], server_hostname="127.0.0.1")
        assert processor_time(front.pid) - before < 0.3
        for number, client in enumerate(clients):  # all of them still are served, all at once, on the upstream's share
            client.request("GET", f"/again/{number}")
        assert [
            (answer.status, answer.read())[0] for answer in map(http.client.HTTPConnection.getresponse, clients)
        ] == [200] * CLIENTS
        assert len(list(Path(f"/proc/{front.pid}/fd").iterdir())) <= FILES

        for client in clients:
            client.close()
        for sock in waiting:
            sock.close()
        late = http.client.HTTPSConnection("127.0.0.1", front.port, context=context, timeout=30)
        stack.callback(late.close)
        assert ask(late, "/late") == 200
    assert "too many open files" not in front.program.err.text


@pytest.mark.parametrize("files", [6, 7, 8])
def test_where_not_even_the_first_files_may_be_opened_it_says_so(files: int, tmp_path: Path) -> None:
    words = tunnel("http", "3000", "--listen", "127.0.0.1:0", "--folder", str(tmp_path))
    done = subprocess.run(
        ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *words], capture_output=True, timeout=30
    )

    assert done.returncode == 1
    assert b"ulimit -n 65536" in done.stderr and b"bug" not in done.stderr


def test_the_soft_limit_is_raised_as_far_as_the_system_allows(tmp_path: Path, upstream: Upstream) -> None:
    def cautious(*words: str) -> list[str]:
        return ["sh", "-c", 'ulimit -S -n 64 && exec "$@"', "sh", *tunnel(*words)]

    with (
        Front(upstream.port, tmp_path / "folder", "--connections", "200", command=cautious) as front,
        ExitStack() as stack,
    ):
        context = front.context()
        for number in range(100):
            client = http.client.HTTPSConnection("127.0.0.1", front.port, context=context)
            stack.callback(client.close)
            assert ask(client, f"/{number}") == 200


def test_what_fits_into_the_descriptors_is_shared_between_clients_and_the_upstream() -> None:
    asked = Limits(connections=10_000, pool_size=256)

    assert fitting(asked, None) == fitting(asked, 20_000) == asked
    few = fitting(asked, 1024)
    assert (few.connections, few.pool_size) == (1024 - SPARE - 256, 256)
    fewer = fitting(asked, 100)
    assert (fewer.connections, fewer.pool_size) == (34, 34)
    fewest = fitting(asked, 10)
    assert (fewest.connections, fewest.pool_size) == (1, 1)
    assert "ulimit" in crowded(few, asked, 1024).hint
    assert "--connections" in crowded(asked, asked, None).hint


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.EMFILE, "ulimit"), (errno.ENFILE, "whole system"), (errno.ENOBUFS, "memory"), (errno.ENOMEM, "memory")],
)
def test_what_has_run_out_is_nobodys_fault_but_ours_and_has_its_own_cure(number: int, hint: str) -> None:
    error = exhausted("cannot connect", OSError(number, os.strerror(number)))

    assert (error.fault, error.status) == (Fault.TUNNEL, 503)
    assert hint in error.hint and os.strerror(number).lower() in error.what
