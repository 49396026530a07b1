"""psutil, asked: which process holds a socket on macOS and Windows. The only file that imports psutil.

Windows gives every connection with its owner in one table. macOS gives other users' to root only, and psutil then fails
as a whole; so we ask process after process, newest first, and take those that answer.
"""

from collections.abc import Iterable, Iterator, Sequence

import psutil

from tunnel.model.peer import Peer
from tunnel.net.processes import Holder, clean_name

End = tuple[str, int]  # address, port
WILDCARDS = ("0.0.0.0", "::", "*")


class ProcessList:
    """Finds holders by psutil; see `Processes`."""

    def calling(self, peers: Iterable[Peer], recent: Sequence[int]) -> dict[Peer, Holder]:
        """See `Processes.calling`."""
        wanted = {((peer.address, peer.port), (peer.listener, peer.listener_port)): peer for peer in peers}
        found = {}
        for here, there, pid in _connections(recent):
            peer = wanted.pop((here, there), None) if there else None
            if peer is None:
                continue
            found[peer] = Holder(_program(pid), pid)
            if not wanted:
                break
        return found

    def listening(self, host: str, port: int) -> Holder | None:
        """See `Processes.listening`."""
        for here, there, pid in _connections(()):
            if there is None and here[1] == port and here[0] in (host, *WILDCARDS):
                return Holder(_program(pid), pid)
        return None


def _connections(recent: Sequence[int]) -> Iterator[tuple[End, End | None, int]]:
    """Yield (local end, remote end or None, pid) for the TCP sockets we may see."""
    try:
        for row in psutil.net_connections("tcp"):
            if row.pid and row.laddr:
                yield _plain(row.laddr), _plain(row.raddr) if row.raddr else None, row.pid
        return
    except psutil.AccessDenied:
        pass
    newest = sorted(psutil.pids(), reverse=True)
    for pid in (*recent, *(pid for pid in newest if pid not in recent)):
        try:
            for own in psutil.Process(pid).net_connections("tcp"):
                if own.laddr:
                    yield _plain(own.laddr), _plain(own.raddr) if own.raddr else None, pid
        except psutil.Error:
            continue  # gone, or another user's


def _plain(end: End) -> End:
    """Return an address and port as a peer has them: an IPv4-mapped address is an IPv4 one."""
    return end[0].removeprefix("::ffff:"), end[1]


def _program(pid: int) -> str:
    try:
        return clean_name(psutil.Process(pid).name().removesuffix(".exe"))
    except psutil.Error:
        return clean_name("")
