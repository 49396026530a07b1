"""Places that the tests under fire share: a server that keeps a ledger, and a disk that is small."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.servers import free_port, python, served

LEDGER = Path(__file__).parent / "ledger.py"


@dataclass(frozen=True)
class Upstream:
    """A running server that writes down what it takes: see ledger.py."""

    port: int
    ledger: Path

    @property
    def taken(self) -> list[str]:
        return self.ledger.read_text().splitlines()


@contextmanager
def upstream_with_ledger(folder: Path) -> Iterator[Upstream]:
    """Run such a server until the block ends, its ledger in `folder`."""
    port, ledger = free_port(), folder / "ledger"
    with served(*python(str(LEDGER), str(port), str(ledger)), port=port):
        yield Upstream(port, ledger)


@contextmanager
def disk_of_16_mebibytes(below: Path) -> Iterator[Path]:
    """Mount a file system, as only root can, until the block ends; give its folder."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounts a file system")
    folder = below / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("may not mount here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
