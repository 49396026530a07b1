"""sock_diag(7), asked: the inode of a TCP socket whose two ends are known. Linux only.

Which process holds that inode is for `net.procfs`.

The kernel looks such a socket up in its hash table: 20 µs, where /proc/net/tcp makes it walk the whole table (4.5 ms on
a machine with a large one and 60 sockets), and by then a `curl` is gone. No rights are needed. The numbers below are of
linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h; Python's socket module has them on Linux only, or not at all.
"""

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable

from tunnel.model.peer import Peer

_AF_NETLINK, _NETLINK_SOCK_DIAG = 16, 4
_SOCK_DIAG_BY_FAMILY, _NLMSG_ERROR, _NLM_F_REQUEST = 20, 2, 1
_AF = {4: 2, 6: 10}  # AF_INET and AF_INET6, which differ from system to system

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port id
_REQUEST = struct.Struct("=BBBxI")  # inet_diag_req_v2: family, protocol, extensions, states
_PORTS = struct.Struct("!HH")  # inet_diag_sockid: ports, then addresses of 16 bytes each, then interface and cookie
_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface; INET_DIAG_NOCOOKIE
_REMOTE_PORT = slice(22, 24)  # in an answer: behind nlmsghdr, four bytes and the local port
_INODE = slice(84, 88)  # idiag_inode, the last field of inet_diag_msg


class SockDiag:
    """Asks the kernel. A kernel without inet_diag says of every socket that there is none; so one must have been seen."""

    def __init__(self) -> None:
        self._proven = False  # it has told of some socket: one that it does not know is gone

    def caller_inodes(self, peers: Iterable[Peer]) -> dict[int, Peer]:
        """Return the inodes of the callers' ends of these connections, for those that are still open.

        Raises:
          OSError: This system cannot be asked so.
        """
        found = {}
        with socket.socket(_AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)  # it answers within the call that asks; this is for one that does not
            for peer in peers:
                here, there = (peer.address, peer.port), (peer.listener, peer.listener_port)
                inode = self._ask(kernel, here, there)
                if inode:
                    found[inode] = peer
                elif not self._proven:
                    self._ask(kernel, there, here)  # the caller may have left, but our own end is still here
                    if not self._proven:
                        raise OSError(errno.ENOENT, "the kernel knows no socket at all")
        return found

    def _ask(self, kernel: socket.socket, here: tuple[str, int], there: tuple[str, int]) -> int:
        """Return a socket's inode; 0 where there is none, or no process has it any more (TIME_WAIT)."""
        local, remote = ipaddress.ip_address(here[0]), ipaddress.ip_address(there[0])
        ends = _PORTS.pack(here[1], there[1]) + local.packed.ljust(16, b"\0") + remote.packed.ljust(16, b"\0")
        body = _REQUEST.pack(_AF[local.version], socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ends + _COOKIE
        kernel.send(_HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + body)
        answer = kernel.recv(8192)
        kind = _HEADER.unpack_from(answer)[1] if len(answer) >= _HEADER.size else 0
        if len(answer) < {_NLMSG_ERROR: 20, _SOCK_DIAG_BY_FAMILY: _INODE.stop}.get(kind, _HEADER.size):
            raise OSError(errno.EPROTO, f"an answer of {len(answer)} bytes")
        if kind == _NLMSG_ERROR:
            code = -struct.unpack_from("=i", answer, _HEADER.size)[0]
            if code == errno.ENOENT:
                return 0
            raise OSError(code, os.strerror(code) if 0 < code < 4096 else "no such error")
        self._proven = True
        # Where the connection is gone, the kernel offers whoever listens on the port.
        if kind != _SOCK_DIAG_BY_FAMILY or answer[_REMOTE_PORT] != ends[2:4]:
            return 0
        return int(struct.unpack("=I", answer[_INODE])[0])
