"""Splice: bytes from one plain socket to another by the kernel alone (splice(2)), for what nobody here needs to see.

A pipe lies between the two, since the kernel moves pages from a socket to a pipe and from a pipe to a socket only. It costs
two file descriptors, and for a long body a third of the CPU that reading and writing does (docs/speed.md). Linux only:
elsewhere, over TLS and in memory `spliceable` says no, and bytes go the ordinary way.
"""

import errno
import os
import socket
import sys
from types import TracebackType

import trio

from tunnel.net.streams import SocketWire, in_words
from tunnel.net.wire import Wire, WireError

SIZE = 256 * 1024  # bytes that the pipe holds, if the system lets it: a larger one gained nothing
_PAGE = 4096  # bytes that fit into every empty pipe, also where this user's pipes are many
_STREAK = 4  # pieces in a row without a wait, before others get their turn


def spliceable(wire: Wire) -> bool:
    """Whether the kernel can move this wire's bytes: it is a plain socket, on Linux, and none of them is here already."""
    plain = type(wire) is SocketWire and type(wire.sock) is socket.socket
    return sys.platform == "linux" and plain and not wire.pending()


if sys.platform == "linux":
    import fcntl

    def _pipe() -> tuple[int, int]:
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, SIZE)
        except OSError:
            pass  # this user's pipes are many: 64 KiB it is
        return read, write

    def _move(source: int, sink: int, most: int) -> int:
        return os.splice(source, sink, most, flags=os.SPLICE_F_NONBLOCK)

else:

    def _pipe() -> tuple[int, int]:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def _move(source: int, sink: int, most: int) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


class Pipe:
    """The pipe between two sockets; a context manager that closes it. `fill` and `drain` are called in turns."""

    def __init__(self) -> None:
        """Raises: OSError, where no file descriptor is left, or the system has no splice(2)."""
        self._read, self._write = _pipe()
        self._streak = 0
        self.held = 0  # bytes in it

    def __enter__(self) -> "Pipe":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        os.close(self._read)
        os.close(self._write)

    async def fill(self, source: Wire, most: int) -> int:
        """Take up to `most` bytes from a wire, as soon as there are any; 0 means that its peer has ended.

        Raises:
          WireError: As `Wire.receive`.
        Cancelled: nothing is lost.
        """
        assert isinstance(source, SocketWire)
        self._streak += 1
        if self._streak > _STREAK:
            self._streak = 0
            await trio.lowlevel.checkpoint()
        if source.pending():  # `Wire.left` looked while we were sending, and kept what it found
            self.held = os.write(self._write, await source.receive(min(most, _PAGE)))
            return self.held
        while True:
            try:
                self.held = _move(source.sock.fileno(), self._write, min(most, SIZE))
            except BlockingIOError:
                self._streak = 0
                await source.wait_readable()
            except OSError as error:
                raise WireError(in_words(error)) from error
            else:
                return self.held

    async def drain(self, sink: Wire) -> None:
        """Give all that is held to a wire, at the pace of its peer.

        Raises:
          WireError: As `Wire.send`. How much was sent is then unknown, as it is after a cancel.
        """
        assert isinstance(sink, SocketWire)
        while self.held:
            try:
                self.held -= _move(self._read, sink.sock.fileno(), self.held)
            except BlockingIOError:
                self._streak = 0
                await sink.wait_writable()
            except OSError as error:
                raise WireError(in_words(error)) from error
