"""Probes: find out that a silent peer has vanished. No deadline can: a stream may be silent for as long as it likes."""

import socket


def probed(sock: socket.socket, after: float) -> None:
    """Have the system ask a silent peer whether it is still there, and fail the connection if it is not (RFC 9293 §3.8.4).

    A machine that lost its power or its network says no goodbye. On a listener this holds for what is accepted there.

    Args:
      sock: Of any family; only TCP is asked.
      after: Seconds of silence; as many again pass while it is asked four times.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    idle = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", None)  # macOS has its own name
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if idle is not None:
            sock.setsockopt(socket.IPPROTO_TCP, idle, max(int(after), 1))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(int(after / 4), 1))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    except OSError:
        pass  # the peer has gone already, or the system has its own mind about the numbers
