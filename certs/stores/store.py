"""Store: what every trust store answers; Command: an argv to print, preview or run; Machine: where both happen.

Leaves which stores there are to `stores/__init__.py`, and what each keeps where to its own file.  A store decides and
does not act: it says which commands would install or remove a root.  So the same words serve a dry run, and a test
needs no machine to spoil.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from certs import files, pem
from certs.errors import CertsError

# Seconds for one command.  sudo may be waiting for a person who looks for a password.
PATIENCE = 300


class Verdict(Enum):
    """What a store thinks of a root."""

    TRUSTED = "trusted"
    ABSENT = "absent"
    UNAVAILABLE = "unavailable"
    """The store, or a tool to ask it with, is missing or refuses: we do not know."""


@dataclass(frozen=True, slots=True)
class State:
    """A verdict and, unless it is good, why, and what to type."""

    verdict: Verdict
    reason: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, [self.verdict.value, self.reason]))


@dataclass(frozen=True, slots=True)
class Root:
    """The root certificate that stores are asked about."""

    path: Path
    der: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "Root":
        """Read a root from a PEM file.

        Raises: CertsError when there is no certificate in it.
        """
        match pem.certificates(files.read(path) or b""):
            case [der, *_]:
                return cls(path, der)
            case _:
                raise CertsError(f"there is no certificate in {path}", "make a root with: python -m certs root")

    @property
    def label(self) -> str:
        """A name for it in stores that need one: differs for each root, so that nobody's is replaced or removed."""
        return f"local-authority-{pem.fingerprint(self.der)[:16]}"


@dataclass(frozen=True, slots=True)
class Command:
    """One program to run: an argv, never a shell's line."""

    argv: tuple[str, ...]
    as_root: bool = False
    packages: Mapping[str, str] = field(default_factory=dict)
    """What to type for the package that brings the program, by package manager: {"apt": "apt install …"}."""

    def __str__(self) -> str:
        return ("sudo " if self.as_root else "") + shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended: its exit code, and all it printed."""

    code: int
    output: str


Run = Callable[[Sequence[str]], Result]


class Store(Protocol):
    """A trust store: the root certificates that some programs believe."""

    @property
    def name(self) -> str:
        """For people: which programs read it, and where it is."""

    @property
    def evidence(self) -> Path:
        """The file that holds the certificate once the store trusts it."""

    def check(self, root: Root) -> State:
        """Look at the store itself, not at what we did to it."""

    def install(self, root: Root) -> Sequence[Command]:
        """What to run so that the store trusts this root."""

    def remove(self, root: Root) -> Sequence[Command]:
        """What to run so that it does not; nothing, when nothing of ours is there."""


def run_command(argv: Sequence[str]) -> Result:
    """Run a program to its end, within `PATIENCE`.  sudo and certutil ask for passwords at the terminal itself."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(124, f"did not end within {PATIENCE} seconds")
    except OSError as error:
        return Result(127, str(error))
    return Result(done.returncode, done.stdout.decode(errors="replace"))


def find_program(name: str) -> str | None:
    """The path of a program, or None.  Looks into /usr/sbin too, which Debian keeps out of most people's PATH."""
    import shutil

    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))


def is_superuser() -> bool:
    """Whether we are root and need no sudo."""
    return sys.platform != "win32" and os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class Machine:
    """All that a store may know of the machine; tests give it another."""

    home: Path
    system: Path = Path("/")
    """Where the system's folders begin."""
    platform: str = sys.platform
    run: Run = run_command
    find: Callable[[str], str | None] = find_program
    superuser: bool = field(default_factory=is_superuser)

    def do(self, command: Command) -> str:
        """Run a command, with sudo where it must be.

        Returns: What it printed.
        Raises: CertsError when the program is missing (the hint names its package), may not be run, or fails.
        """
        if (program := self.find(command.argv[0])) is None:
            raise CertsError(f"{command.argv[0]} is not installed", self._package(command))
        argv = [program, *command.argv[1:]]
        if command.as_root and not self.superuser:
            if (sudo := self.find("sudo")) is None:
                raise CertsError(f"only root may change this, and there is no sudo for: {command}", "run it as root")
            argv = [sudo, "--prompt=password of %p, to change this system's trusted roots: ", "--", *argv]
        result = self.run(argv)
        if result.code:
            last_words = " ".join(result.output.split()[-40:]) or f"exit code {result.code}"
            raise CertsError(f"{command.argv[0]} failed: {last_words}", f"try it by hand: {command}")
        return result.output

    def _package(self, command: Command) -> str:
        for manager, line in command.packages.items():
            if self.find(manager):
                return f"type: sudo {line}"
        return "install it with this system's packages"
