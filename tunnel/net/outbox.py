"""Outbox: while many send, what they send leaves together at the end of a turn of the loop.

Each send wakes whoever reads at the other end, mostly on another core, which costs more than the bytes do. Sends behind one
another find it awake: 64 connections over TLS went from 55.1 to 50.9 µs of our core a request (docs/speed.md). Who is alone
sends at once, since the end of a turn would come some 15 µs later.
"""

import socket
from typing import Protocol

import trio

_FEW = 3  # sends in a turn: up to so many, the next turn's leave at once
_MOST = 32  # wires; more would keep the other ends idle, and those that wait waiting


class Holding(Protocol):
    """A wire that holds what it was given to send."""

    def let_go(self) -> None:
        """Send it, without waiting and without raising."""
        ...


class Outbox(trio.abc.Instrument):
    """Knows the wires that hold something, and has them let go before the loop waits for the kernel.

    Attributes:
      busy: In the last turn many sent, so in this one a wire may hold what it is given.
      sends: In this turn so far. Who sends at once counts itself.
    """

    def __init__(self) -> None:
        self.busy = False
        self.sends = 0
        self._wires: list[Holding] = []
        self._token: trio.lowlevel.TrioToken | None = None

    def open(self) -> None:
        """Begin, in the loop whose turns count; until then nothing is held."""
        self._token = trio.lowlevel.current_trio_token()
        trio.lowlevel.add_instrument(self)

    def close(self) -> None:
        """End: nothing is held any more."""
        trio.lowlevel.remove_instrument(self)
        self.busy = False
        self.empty()

    def hold(self, wire: Holding) -> None:
        """Take a wire in, which holds something since now."""
        self.sends += 1
        self._wires.append(wire)
        if len(self._wires) >= _MOST:
            self.empty()

    def before_io_wait(self, timeout: float) -> None:
        """End a turn: called by trio each time before it asks the kernel what has happened."""
        self.busy, self.sends = self.sends > _FEW, 0
        if self._wires:
            self.empty()

    def empty(self) -> None:
        """Have every wire let go, in the order in which they came."""
        wires, self._wires = self._wires, []
        for wire in wires:
            wire.let_go()

    def wake(self, sock: socket.socket) -> None:
        """Have whoever waits on a socket look again. Not at once: the loop does not look who is awake before it waits."""
        if self._token is not None:
            self._token.run_sync_soon(_wake, sock)


def _wake(sock: socket.socket) -> None:
    if sock.fileno() >= 0:
        trio.lowlevel.notify_closing(sock)
