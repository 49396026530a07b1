"""The disk fills up, is read-only, loses the store, while traffic flows: it flows on, and the user is told what is lost.

What the recorder does then is tested in tests/capture/test_troubles.py; here the whole program is.
"""

import http.client
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fire.load import Load, load
from tests.fire.places import Upstream, disk_of_16_mebibytes, upstream_with_ledger
from tests.helpers.fronts import Front


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    with upstream_with_ledger(tmp_path) as running:
        yield running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of_16_mebibytes(tmp_path) as folder:
        yield folder


def connecting(front: Front) -> Callable[[], http.client.HTTPConnection]:
    context = front.context()
    return lambda: http.client.HTTPSConnection("127.0.0.1", front.port, timeout=60, context=context)


def fill(disk: Path) -> Path:
    """Take all the room there is; return the file to delete."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return ballast


def all_well(clients: Load) -> None:
    assert [each for each in clients.told if each.status != 200] == []


def test_a_disk_that_fills_up_costs_no_request_and_is_said_at_once_and_at_the_end(
    small_disk: Path, upstream: Upstream
) -> None:
    with Front(upstream.port, small_disk, "--keep-memory", "64KiB", "--quiet") as front:
        with load(connecting(front), clients=4, pause=0.01) as clients:
            clients.wait_for(20)
            ballast = fill(small_disk)
            assert str(small_disk) in front.said("the disk is full")
            clients.wait_for(300)
            ballast.unlink()
            front.said("recording works again")
            clients.wait_for(20)
        all_well(clients)
        assert sorted(upstream.taken) == sorted(f"{each.method} {each.target}" for each in clients.told)
        last = clients.told[-1]
        assert front.exchange(last.target)["status"] == 200


def test_what_a_full_disk_kept_from_being_recorded_is_counted_at_the_end(small_disk: Path, upstream: Upstream) -> None:
    front = Front(upstream.port, small_disk, "--quiet")
    fill(small_disk)
    with load(connecting(front), clients=2, pause=0.01) as clients:
        front.said("the disk is full")
        clients.wait_for(50)
    front.stop()

    all_well(clients)
    line = next(line for line in front.program.err.text.splitlines() if "not recorded" in line)
    written = next(line for line in front.program.err.text.splitlines() if line.endswith("exchanges recorded"))
    lost = int(line.split("not recorded: ")[1].split()[0])
    assert lost + int(written.split()[0]) == len(clients.told)
    assert "the disk is full" in line


def test_a_store_that_may_only_be_read_keeps_nothing_from_being_served(small_disk: Path, upstream: Upstream) -> None:
    with Front(upstream.port, small_disk):
        pass  # makes the authority, without which there is no TLS
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with (
        Front(upstream.port, small_disk, "--quiet") as front,
        load(connecting(front), clients=2, pause=0.01) as clients,
    ):
        assert "--folder" in front.said("cannot be opened for writing")
        clients.wait_for(50)

    all_well(clients)
    assert f"not recorded: {len(clients.told)} exchanges" in front.program.err.text


def test_a_folder_deleted_under_us_is_begun_anew_while_traffic_goes_on(tmp_path: Path, upstream: Upstream) -> None:
    with Front(upstream.port, tmp_path / "folder", "--quiet") as front:
        with load(connecting(front), clients=2, pause=0.01) as clients:
            clients.wait_for(20)
            for path in (tmp_path / "folder").glob("records*"):
                subprocess.run(["rm", "-rf", path], check=True)
            front.said("was deleted or replaced")
            clients.wait_for(50)
        all_well(clients)
        assert front.exchange(clients.told[-1].target)["status"] == 200
        assert list((tmp_path / "folder" / "records.alive").iterdir())
