"""Procfs: tables and processes of a /proc that says anything at all.

Input: /proc/net/tcp, a NUL, a process's comm, a NUL, its cmdline. `net.callers` and `net.ports` promise their callers that
nothing is raised; here it is held to OSError and ValueError, the name to what may be shown, and both looks to one answer.
"""

import os
from collections.abc import Iterable

from tests.fuzz.places import place
from tunnel.model.peer import Peer
from tunnel.net.processes import LONGEST_NAME
from tunnel.net.procfs import ProcFs

CALLER = Peer("127.0.0.1", 50000, "127.0.0.1", 62893, None, 1.0, 1.0)
HEADING = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = b"   0: 0100007F:C350 0100007F:F5AD 01 00000000:00000000 00:00000000 00000000  1000        0 7 1\n"
LISTENING = b"   1: 00000000:F5AD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1\n"
WORDS = [
    HEADING, ROW, LISTENING, b"0100007F:C350", b"0100007F:F5AD", b" 01 ", b" 0A ", b" 7 ", b"\n", b"\0",
    b"node-MainThread", b"\x1b[",
]  # fmt: skip
SEEDS = [
    HEADING + ROW + b"\0curl\n\0/usr/bin/curl\0-v", HEADING + LISTENING + b"\0node-MainThread\n\0node\0server.js",
    HEADING + ROW + b"\0a-name-of-fifte\n\0/opt/a-name-of-fifteen-and-more\0", ROW + ROW + b"\0\x1b[31m\n\0",
    HEADING + b"cut off\n\0\0", HEADING + ROW.replace(b" 7 ", b" 0 ") + b"\0x",
    HEADING + ROW.replace(b" 7 ", b" x ") + b"\0x", HEADING + ROW + b"\0\n\0/",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    table, _, process = data.partition(b"\0")
    comm, _, cmdline = process.partition(b"\0")
    root = place("procfs")
    if not (root / "10").exists():
        (root / "net").mkdir()
        (root / "10" / "fd").mkdir(parents=True)
        (root / "10" / "fd" / "3").symlink_to("socket:[7]")
    (root / "net" / "tcp").write_bytes(table)
    (root / "10" / "comm").write_bytes(comm)
    (root / "10" / "cmdline").write_bytes(cmdline)
    system = ProcFs(root, _mute)
    try:
        held = [*system.calling([CALLER], ()).values(), system.listening("127.0.0.1", 62893)]
    except (OSError, ValueError):
        return
    for holder in filter(None, held):
        assert holder.pid in (10, os.getpid())
        assert holder.program.isprintable()
        assert 0 < len(holder.program) <= LONGEST_NAME


def _mute(peers: Iterable[Peer]) -> dict[int, Peer]:
    """A kernel that cannot be asked: the tables must do."""
    raise OSError("Protocol not supported")
