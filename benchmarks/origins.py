"""Origins: the services behind the fronts, each so fast that it is never what is measured."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import configs, machine
from benchmarks.processes import Program, await_listening, free_port
from benchmarks.tools import PROGRAMS

BULK = 100_000_000  # bytes of a download and an upload


@dataclass(frozen=True, slots=True)
class Origin:
    """A running origin; fronts reach it by `plain`, the direct connection by both.

    Attributes:
      pem: The certificate and key that it and the peers serve with, so that all of them sign with the same kind of key.
    """

    plain: int
    tls: int
    pem: Path


def make_pem(folder: Path) -> Path:
    """Make a certificate for localhost with a P-256 key, signed by an authority of its own; return both in one file."""
    issue: list[str | Path] = ["issue", "localhost", "127.0.0.1", "-o", folder / "leaf"]
    subprocess.run(
        [sys.executable, "-m", "certs", "--folder", folder / "authority", *issue],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    pem = folder / "localhost.pem"
    pem.write_bytes(b"".join((folder / "leaf" / name).read_bytes() for name in ("localhost-key.pem", "localhost.pem")))
    return pem


@contextmanager
def small(folder: Path, pem: Path) -> Iterator[Origin]:
    """Run nginx that answers everything with 128 bytes."""
    plain, tls = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(configs.nginx_origin(folder=str(folder), pem=str(pem), plain=plain, tls=tls))
    with Program(["nginx", "-p", folder, "-c", config], core=machine.REST, log=folder / "said.log") as program:
        await_listening(program, tls)
        yield Origin(plain, tls, pem)


@contextmanager
def bulk(folder: Path, pem: Path) -> Iterator[Origin]:
    """Run what sends and swallows 100 MB."""
    plain, tls = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    words: list[str | Path] = [sys.executable, PROGRAMS / "bulk_origin.py", str(plain), str(tls), pem, str(BULK)]
    with Program(words, core=machine.REST, log=folder / "said.log") as program:
        await_listening(program, plain)
        await_listening(program, tls)
        yield Origin(plain, tls, pem)
