"""Sniff: what a client begins to speak, read from its first bytes without taking them.

The bytes stay in the kernel (MSG_PEEK), so whoever goes on, TLS or HTTP, reads them as if nobody had looked.
"""

import enum
import math
import socket

from tunnel.net.streams import SocketWire
from tunnel.net.wire import WireError


class Speech(enum.Enum):
    """What the first bytes are; a closed set."""

    TLS = "tls"  # a TLS handshake record
    PLAIN = "plain"  # anything else: HTTP, or for HTTP's reader to refuse
    NOTHING = "nothing"  # the client left, or said nothing in time


_HANDSHAKE = 22  # ContentType.handshake, RFC 8446 §5.1


async def sniff(wire: SocketWire, deadline: float) -> Speech:
    """Wait for the first byte, at most until `deadline` on trio's clock, and say what it begins."""
    wire.deadline = deadline
    while True:
        try:
            first = wire.sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            try:
                await wire.wait_readable()
            except WireError:
                return Speech.NOTHING
        except OSError:
            return Speech.NOTHING
        else:
            break
    wire.deadline = math.inf
    if not first:
        return Speech.NOTHING
    return Speech.TLS if first[0] == _HANDSHAKE else Speech.PLAIN
