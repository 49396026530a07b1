"""Sockdiag: a kernel that answers anything at all: an inode, none, or an OSError, after which the tables are read.

Input: the datagram.
"""

import struct

from tunnel.net.sockdiag import SockDiag

HERE, THERE = ("127.0.0.1", 50000), ("127.0.0.1", 62893)
SEEDS = [
    struct.pack("=IHHII", 88, 20, 0, 0, 0) + bytes(4) + struct.pack("!HH", 50000, 62893) + bytes(60)
    + struct.pack("=I", 4711),
    struct.pack("=IHHIIi", 36, 2, 0, 0, 0, -2), struct.pack("=IHHIIi", 36, 2, 0, 0, 0, -1),
    struct.pack("=IHHIIi", 36, 2, 0, 0, 0, 0), struct.pack("=IHHII", 16, 3, 0, 0, 0), b"",
]  # fmt: skip
WORDS = [
    struct.pack("=IHHII", 88, 20, 0, 0, 0), struct.pack("=IHH", 36, 2, 0), struct.pack("!HH", 50000, 62893),
    b"\xff" * 4,
]  # fmt: skip


class Kernel:
    """A netlink socket with one answer."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def send(self, data: bytes) -> int:
        return len(data)

    def recv(self, most: int) -> bytes:
        return self._answer[:most]


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    try:
        inode = SockDiag()._ask(Kernel(data), HERE, THERE)  # type: ignore[arg-type]
    except OSError:
        return
    assert 0 <= inode < 1 << 32
