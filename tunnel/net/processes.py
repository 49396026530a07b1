"""Holders: which program a socket belongs to, asked in the same two words on every system.

How to find out is for `net.procfs` (Linux) and `net.process_list` (macOS, Windows); when to ask, and what it may cost, is
for `net.callers` and `net.ports`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from tunnel.model.peer import Peer

LONGEST_NAME = 64  # characters; more than any program that a person would recognise


class Holder(NamedTuple):
    """A running program.

    Attributes:
      program: Its name as people know it: "curl", "chromium", "node", "python3.11". Printable, at most 64 characters.
      pid: Its process id.
    """

    program: str
    pid: int

    def __str__(self) -> str:
        return f"{self.program} (pid {self.pid})"


class Processes(Protocol):
    """Finds holders. Slow, blocking, and it may raise anything the system comes up with."""

    def calling(self, peers: Iterable[Peer], recent: Sequence[int]) -> dict[Peer, Holder]:
        """Return the programs at the other end of these connections, for those that were found.

        Args:
          peers: Connections from this machine to itself; others are not found.
          recent: Process ids to look at first.
        """
        ...

    def listening(self, host: str, port: int) -> Holder | None:
        """Return the program that listens on an address literal and port, or on every address of that port."""
        ...


def clean_name(name: str) -> str:
    """Return a program's name fit to be shown: a process may call itself anything, terminal escapes included."""
    printable = "".join(letter for letter in name if letter.isprintable()).strip()
    return printable[:LONGEST_NAME] or "unknown"
