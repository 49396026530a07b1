"""Vitals: what a running process holds, read from /proc from outside: memory, descriptors, threads. Linux only."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Vitals:
    """One look.

    Attributes:
      memory: Bytes of its own, and its part of what it shares (PSS).
      descriptors: What is open, by name, counted: "socket", "anon_inode:[eventpoll]", "/tmp/…/records.sqlite".
      threads: How many run.
    """

    memory: int
    descriptors: Counter[str]
    threads: int

    @property
    def held(self) -> tuple[Counter[str], int]:
        """What must be given back to the last one."""
        return self.descriptors, self.threads


def look(pid: int) -> Vitals:
    """Look at a process of ours."""
    root = Path(f"/proc/{pid}")
    rollup = (root / "smaps_rollup").read_text()
    status = (root / "status").read_text()
    return Vitals(
        memory=_number(r"^Pss:\s+(\d+) kB", rollup) * 1024,
        descriptors=Counter(_descriptors(root / "fd")),
        threads=_number(r"^Threads:\s+(\d+)", status),
    )


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, f"{pattern} is not in {text}"
    return int(found[1])


def _descriptors(folder: Path) -> list[str]:
    names = []
    for link in folder.iterdir():
        try:
            names.append(re.sub(r":\[\d+\]$", "", os.readlink(link)))  # noqa: PTH115  a socket's link is no path
        except OSError:
            continue  # closed meanwhile
    return names
