"""/proc, read: which process holds a socket on Linux (proc_net(5), proc_pid_fd(5)).

A socket has an inode, told by the kernel (`net.sockdiag`) or, slowly, by a row of /proc/net/tcp; the process that holds it
has a link to `socket:[inode]` in /proc/<pid>/fd. There is no way back from inode to process but to look through them all.
So we look where the answer is likely: at the processes found lately, then newest first, for a `curl` is gone in
milliseconds; and stop at the last one wanted. Other users' processes show their links to root only.

Nearly every step is a system call that lets go of the interpreter's lock, so a long look does not hold up the way.
"""
# pathlib would make an object of each descriptor: five times the time of a look.
# ruff: noqa: PTH115, PTH208

import ipaddress
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tunnel.model.peer import Peer
from tunnel.net.processes import Holder, clean_name
from tunnel.net.sockdiag import SockDiag

LISTEN = b"0A"  # TCP_LISTEN of include/net/tcp_states.h
COMM_SIZE = 15  # TASK_COMM_LEN less its NUL: a longer name is cut (proc_pid_comm(5))

Row = tuple[bytes, bytes, bytes, int]  # local address, remote address, state, inode


class ProcFs:
    """Finds holders in a /proc tree; see `Processes`."""

    def __init__(
        self, root: Path = Path("/proc"), ask: Callable[[Iterable[Peer]], dict[int, Peer]] | None = None
    ) -> None:
        self._root = str(root)
        self._ask = ask or SockDiag().caller_inodes

    def calling(self, peers: Iterable[Peer], recent: Sequence[int]) -> dict[Peer, Holder]:
        """See `Processes.calling`."""
        wanted = self._inodes(list(peers))
        return {wanted[inode]: holder for inode, holder in self._holders(set(wanted), recent)}

    def _inodes(self, peers: list[Peer]) -> dict[int, Peer]:
        """Return the inodes of the callers' ends of these connections."""
        try:
            return self._ask(peers)
        except OSError:
            return self._table_inodes(peers)

    def _table_inodes(self, peers: list[Peer]) -> dict[int, Peer]:
        ends = {}
        for peer in peers:
            # The caller's end of the connection: from its own port to our listener's.
            here, there = _spellings(peer.address, peer.port), _spellings(peer.listener, peer.listener_port)
            ends.update(dict.fromkeys(zip(here, there, strict=False), peer))
        return {inode: ends[local, remote] for local, remote, _, inode in self._rows() if (local, remote) in ends}

    def listening(self, host: str, port: int) -> Holder | None:
        """See `Processes.listening`."""
        places = {*_spellings(host, port), *_spellings("0.0.0.0", port), *_spellings("::", port)}
        inodes = {row[3] for row in self._rows() if row[2] == LISTEN and row[0] in places}
        return next((holder for _, holder in self._holders(inodes, ())), None)

    def _rows(self) -> Iterator[Row]:
        """Yield the sockets that some process may hold; those in TIME_WAIT have inode 0."""
        for table in ("tcp", "tcp6"):
            try:
                with Path(self._root, "net", table).open("rb") as lines:
                    next(lines, b"")  # the heading
                    for line in lines:
                        _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
                        if inode != b"0":
                            yield local, remote, state, int(inode)
            except FileNotFoundError:
                pass  # a kernel without IPv6

    def _holders(self, inodes: set[int], recent: Sequence[int]) -> Iterator[tuple[int, Holder]]:
        """Yield (inode, holder) until each inode is found or no process is left."""
        links = {f"socket:[{inode}]": inode for inode in inodes}
        if not links:
            return
        for pid in self._pids(recent):
            for link in self._links(pid):
                inode = links.pop(link, None)
                if inode is None:
                    continue
                yield inode, Holder(self._program(pid), pid)
                if not links:
                    return

    def _pids(self, recent: Sequence[int]) -> Iterator[int]:
        """Yield process ids: the recent, then newest first; ourselves last, for we may hold thousands of sockets."""
        ourselves = os.getpid()
        yield from recent
        pids = sorted((int(name) for name in os.listdir(self._root) if name.isdigit()), reverse=True)
        yield from (pid for pid in pids if pid != ourselves and pid not in recent)
        if ourselves not in recent:
            yield ourselves

    def _links(self, pid: int) -> Iterator[str]:
        """Yield what a process's descriptors point to, newest first; nothing where it is gone or not ours to see."""
        folder = f"{self._root}/{pid}/fd"
        try:
            names = os.listdir(folder)
        except OSError:
            return
        for name in reversed(names):
            try:
                yield os.readlink(f"{folder}/{name}")
            except OSError:
                continue  # closed meanwhile

    def _program(self, pid: int) -> str:
        """Return the name of a process: what it was started as, whatever it runs on ("http", not "python3")."""
        folder = Path(self._root, str(pid))
        try:
            comm = (folder / "comm").read_bytes().rstrip(b"\n")
            first = (folder / "cmdline").read_bytes().partition(b"\0")[0].rpartition(b"/")[2]
        except OSError:
            return clean_name("")
        cut = len(comm) == COMM_SIZE and first.startswith(comm)
        # Newer versions of Node call their first thread so, and with it the process.
        name = first if first and (cut or comm in (b"MainThread", b"node-MainThread")) else comm
        return clean_name(name.decode(errors="replace"))


def _spellings(host: str, port: int) -> list[bytes]:
    """Return how the tables write an address: 32-bit words in the machine's order, as hexadecimal digits.

    An IPv4 address has a second spelling, IPv4-mapped, for the sockets of programs that open IPv6 ones only (Java, Go).
    """
    packed = ipaddress.ip_address(host).packed
    forms = [packed] if len(packed) == 16 else [packed, bytes(10) + b"\xff\xff" + packed]
    return [b"%s:%04X" % (_words(form).hex().upper().encode(), port) for form in forms]


def _words(packed: bytes) -> bytes:
    if sys.byteorder == "big":
        return packed
    return b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
