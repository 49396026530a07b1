"""Wire: a stream of bytes to one peer, as the legs see it; and a pair of them in memory.

A wire differs from a `trio.abc.Stream` in three ways, each for the short way (docs/design.md): it tries the socket
before it waits; its deadline is a number that one sweep looks at, not a cancel scope for every wait; and it can be asked,
without waiting, whether the peer has left.
Sockets are in `net.streams`, TLS over them in `net.tls_streams`; memory wires serve tests and in-process apps.
"""

import math
from typing import Protocol

import trio

PIECE = 64 * 1024  # most bytes of one receive: past 64 KiB nothing more was gained (docs/speed.md)


class WireError(Exception):
    """The peer or the network ended a wire, or its deadline passed.

    Args:
      what: What happened, lower case: "connection reset by peer".
      expired: The deadline passed: nobody but the clock is to blame.
    """

    def __init__(self, what: str, *, expired: bool = False) -> None:
        super().__init__(what)
        self.expired = expired


class Wire(Protocol):
    """A stream of bytes, both ways.

    One task may receive while another sends; two may not do the same at once. Whoever opened a wire closes it.
    """

    deadline: float
    """When a wait on this wire fails, on trio's clock; infinity for never. May be set at any time."""

    async def receive(self, most: int = PIECE, *, later: bool = False) -> bytes:
        """Return 1 to `most` bytes as soon as there are any; empty means that the peer has ended its direction.

        Args:
          most: Bytes.
          later: Nothing is expected to be here yet, so that waiting first is cheaper than trying in vain.

        Raises:
          WireError: The wire broke, was closed, or its deadline passed.
        Cancelled: nothing is lost.
        """
        ...

    async def receive_into(self, buffer: memoryview) -> int:
        """Receive into a buffer as soon as there is something; return how many bytes, 0 for the end. Else as `receive`.

        For long bodies: a large buffer that is used again costs less than new bytes for each piece.
        """
        ...

    def try_send(self, data: bytes, *, whole: bool = False) -> int:
        """Send what can be sent without waiting; return how many bytes that is. What is left, and no more, is for `send`.

        Args:
          data: What is to be sent.
          whole: Next comes a `receive`, a `send_end` or a `close`, so it may leave a little later, all of it.

        Raises:
          WireError: As `send`.
        """
        ...

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of `data`, at the pace of the peer.

        Raises:
          WireError: As `receive`. How much was sent is then unknown, as it is after a cancel.
        """
        ...

    async def send_end(self) -> None:
        """End our direction and keep the other one: a half-close. Does nothing where the peer is gone."""
        ...

    def left(self) -> bool:
        """Look, without waiting, whether the peer has ended or broken its direction.

        Bytes that are found are kept for the next `receive`. Says False while another task receives: that one will see.
        """
        ...

    def pending(self) -> bool:
        """Whether bytes that came are kept for the next `receive`."""
        ...

    def close(self) -> None:
        """Close both directions at once. A waiting receive or send fails; closing twice is allowed."""
        ...

    def break_off(self, why: str) -> None:
        """Fail the waits on this wire, now and later, with `why`; it stays to be closed by its opener."""
        ...

    def reset(self) -> None:
        """Close so that the peer sees an error, not an end (TCP RST), whatever had been sent."""
        ...


class MemoryWire:
    """One end of a wire in memory. `memory_wires` makes both."""

    def __init__(self, outgoing: trio.MemorySendChannel[bytes], incoming: trio.MemoryReceiveChannel[bytes]) -> None:
        self.deadline = math.inf
        self._outgoing = outgoing
        self._incoming = incoming
        self._rest = b""
        self._ended = False
        self._closed = False
        self._why = "the connection was closed"
        self.peer: MemoryWire | None = None  # the other end
        self._was_reset = False  # by the other end

    async def receive(self, most: int = PIECE, *, later: bool = False) -> bytes:
        """See `Wire.receive`."""
        while not self._rest and not self._ended:
            with trio.CancelScope(deadline=self.deadline) as scope:
                try:
                    self._rest = await self._incoming.receive()
                except trio.EndOfChannel:
                    if self._was_reset:
                        raise WireError("connection reset by peer") from None
                    self._ended = True
                except trio.ClosedResourceError:
                    raise WireError(self._why) from None
            if scope.cancelled_caught and self.deadline <= trio.current_time():  # it may have moved on meanwhile
                raise WireError("nothing came in time", expired=True)
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece

    async def receive_into(self, buffer: memoryview) -> int:
        """See `Wire.receive_into`."""
        piece = await self.receive(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def try_send(self, data: bytes, *, whole: bool = False) -> int:
        """See `Wire.try_send`."""
        if self._closed:
            raise WireError(self._why)
        try:
            self._outgoing.send_nowait(data)
        except trio.WouldBlock:
            return 0
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise WireError("the peer has left") from None
        return len(data)

    async def send(self, data: bytes | memoryview) -> None:
        """See `Wire.send`."""
        if self._closed:
            raise WireError(self._why)
        if not data:
            return
        with trio.CancelScope(deadline=self.deadline) as scope:
            try:
                await self._outgoing.send(bytes(data))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise WireError("the peer has left") from None
        if scope.cancelled_caught:
            raise WireError("nothing was taken in time", expired=True)

    async def send_end(self) -> None:
        """See `Wire.send_end`."""
        self._outgoing.close()

    def left(self) -> bool:
        """See `Wire.left`."""
        if self._closed or self._ended:
            return True
        if not self._rest:
            try:
                self._rest = self._incoming.receive_nowait()
            except trio.WouldBlock:
                return False
            except trio.EndOfChannel:
                self._ended = True
        return self._ended

    def pending(self) -> bool:
        """See `Wire.pending`."""
        return bool(self._rest)

    def break_off(self, why: str) -> None:
        """See `Wire.break_off`; a send that waits goes on waiting."""
        self._closed, self._why = True, why
        self._incoming.close()

    def reset(self) -> None:
        """See `Wire.reset`."""
        if self.peer is not None:
            self.peer._was_reset = True
        self.close()

    def close(self) -> None:
        """See `Wire.close`."""
        self._closed = True
        self._outgoing.close()
        self._incoming.close()


def memory_wires(pieces: int = 16) -> tuple[MemoryWire, MemoryWire]:
    """Return both ends of a wire that holds at most `pieces` sends in each direction."""
    there_send, there_receive = trio.open_memory_channel[bytes](pieces)
    back_send, back_receive = trio.open_memory_channel[bytes](pieces)
    here, there = MemoryWire(there_send, back_receive), MemoryWire(back_send, there_receive)
    here.peer, there.peer = there, here
    return here, there
