"""Streams: wires over real sockets; those under TLS are in `net.tls_streams`. Their deadlines are kept by `net.sweep`.

Try, then wait: the kernel is asked first, and trio only when it said that there is nothing yet. That saves a task switch
and a re-armed epoll registration wherever the bytes are here already, as in a body. Where a caller knows that they come
later, as the next head does, it is the other way round. A stream that never has to wait would never let others run, so
after `_STREAK` such successes it yields once.
"""

import errno
import math
import select
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable

import trio

from tunnel.net.sweep import Sweep
from tunnel.net.wire import PIECE, WireError

_STREAK = 16  # operations in a row without a wait, before others get their turn
_LARGE = 4  # operations that a receive into a large buffer counts as
_RESET = struct.pack("ii", 1, 0)  # struct linger: on, 0 s
_PAUSE = 0.05  # seconds, before a system is asked again that was short of memory


if sys.platform == "win32":

    def _asker(sock: socket.socket) -> Callable[[int], object]:
        """Return what says yes, since there is no poll(2): a receive will tell."""
        return lambda milliseconds: True

else:

    def _asker(sock: socket.socket) -> Callable[[int], object]:
        """Return what asks the kernel about a socket: 0.3 µs, a third of a receive with its exception."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return poll.poll


class SocketWire:
    """A wire over a connected, non-blocking stream socket (TCP or unix)."""

    # No memory for sockets just now: neither side's fault, and it passes.
    SHORT = frozenset((errno.ENOBUFS, errno.ENOMEM))

    def __init__(self, sock: socket.socket, sweep: Sweep) -> None:
        self.sock = sock
        self.sweep = sweep
        self.deadline = math.inf
        self._rest = b""  # found by `left`, for the next receive
        self._ended = False  # the peer has ended its direction
        self._broken = ""  # why nothing works any more
        self._receiving = False
        self._streak = 0
        self._expired = False
        self._waits = 0  # tasks that wait for the kernel
        self._came: Callable[[int], object] | None = None  # made when first needed
        self._held = b""  # to be sent at the end of this turn of the loop
        self._stuck = b""  # what the kernel did not take then: for the next operation here
        sweep.wires.add(self)

    async def receive(self, most: int = PIECE, *, later: bool = False) -> bytes:
        """See `Wire.receive`."""
        if self._stuck:
            await self.send(b"")
        if later and not self._inside():
            # While many send, a turn of the loop takes so long that the bytes are here after it, in 98 of 100 cases with 64
            # connections, and a turn is cheaper than a wait by the kernel (docs/speed.md).
            if self.sweep.outbox.busy:
                await trio.lowlevel.checkpoint()
            else:
                await self.wait_readable()
        else:
            self._streak += 1
            if self._streak > _STREAK:
                self._streak = 0
                await trio.lowlevel.checkpoint()
        while True:
            if self._stuck:  # since the wait began
                await self.send(b"")
            if self._rest or self._ended:
                piece, self._rest = self._rest[:most], self._rest[most:]
                return piece
            try:
                data = self._try_receive(most)
            except OSError as error:
                await self._not_yet(error)
            else:
                if not data:
                    self._ended = True
                    await self.sweep.leaving.turn()
                return data

    async def receive_into(self, buffer: memoryview) -> int:
        """See `Wire.receive_into`."""
        self._streak += _LARGE
        if self._streak > _STREAK:
            self._streak = _LARGE
            await trio.lowlevel.checkpoint()
        while True:
            if self._stuck:
                await self.send(b"")
            if self._rest or self._ended:
                piece, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
                buffer[: len(piece)] = piece
                return len(piece)
            try:
                size = self._try_receive_into(buffer)
            except OSError as error:
                await self._not_yet(error)
            else:
                if not size:
                    self._ended = True
                    await self.sweep.leaving.turn()
                return size

    def try_send(self, data: bytes, *, whole: bool = False) -> int:
        """See `Wire.try_send`. While many send, what is whole is held: see `net.outbox`."""
        outbox = self.sweep.outbox
        if whole and outbox.busy and not self._stuck:
            if self._held:
                self._held += data
            else:
                self._held = data
                outbox.hold(self)
            return len(data)
        if self._held:
            self.let_go()
        if self._stuck:
            return 0
        outbox.sends += 1
        try:
            return self.sock.send(data)
        except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError as error:
            if error.errno in self.SHORT:
                return 0  # `send` endures it
            raise self._failed(error) from error

    def let_go(self) -> None:
        """Send what is held, as far as it goes; who waits to receive is woken to send the rest, or to learn the reason."""
        data, self._held = self._held, b""
        if not data:
            return  # it has left already, before something that could not be held
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        except OSError as error:
            if error.errno not in self.SHORT:
                self._failed(error)
                self.sweep.outbox.wake(self.sock)
                return
            sent = 0
        if sent < len(data):
            self._stuck = data[sent:]
            self.sweep.outbox.wake(self.sock)

    async def send(self, data: bytes | memoryview) -> None:
        """See `Wire.send`."""
        if self._held or self._stuck:
            data, self._stuck, self._held = self._stuck + self._held + data, b"", b""
        if not data:
            return
        left = data
        while True:
            try:
                sent = self.sock.send(left)
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._wait(trio.lowlevel.wait_writable)
                continue
            except ssl.SSLWantReadError:
                await self._wait(trio.lowlevel.wait_readable)
                continue
            except InterruptedError:
                continue
            except OSError as error:
                await self._endured(error)
                continue
            if sent == len(left):
                break
            left = memoryview(left)[sent:]
        self._streak += 1
        if self._streak > _STREAK:
            self._streak = 0
            await trio.lowlevel.checkpoint()

    async def send_end(self) -> None:
        """See `Wire.send_end`."""
        try:
            await self.send(b"")  # what is held
            self.sock.shutdown(socket.SHUT_WR)
        except (OSError, WireError):
            pass  # the peer is gone already

    def left(self) -> bool:
        """See `Wire.left`."""
        if self._ended or self._broken:
            return True
        if self._receiving or self._rest or not self._something_came():
            return False
        try:
            self._rest = self._try_receive(PIECE)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self._failed(error)  # the kernel tells it once
            return True
        self._ended = not self._rest
        return self._ended

    def pending(self) -> bool:
        """See `Wire.pending`."""
        return bool(self._rest)

    def expire(self) -> None:
        """Fail the wait on this wire: its deadline has passed. It can be used again, to say so."""
        if not self._waits:
            return  # whoever waits next is met by the next sweep
        self._expired = True
        self.deadline = math.inf
        trio.lowlevel.notify_closing(self.sock)

    def break_off(self, why: str) -> None:
        """See `Wire.break_off`."""
        self._broken = why
        if self.sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self.sock)

    def reset(self) -> None:
        """See `Wire.reset`."""
        self._held = b""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass  # closed already
        self.close()

    def close(self) -> None:
        """See `Wire.close`. What is held leaves as far as it goes."""
        if self._held:
            self.let_go()
        self._broken = self._broken or "the connection was closed"
        self.retire()
        if self.sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self.sock)
            self.sock.close()

    def retire(self) -> None:
        """Leave the sweep: closed, or another wire has taken over the socket."""
        self.sweep.wires.discard(self)

    def _try_receive(self, most: int) -> bytes:
        return self.sock.recv(most)

    def _try_receive_into(self, buffer: memoryview) -> int:
        return self.sock.recv_into(buffer)

    def _inside(self) -> bool:
        """Whether bytes are here that the kernel does not know of."""
        return bool(self._rest) or self._ended

    def _something_came(self) -> bool:
        """Whether the kernel has bytes, an end or an error for us, which is cheaper to ask than to receive in vain."""
        if self._came is None:
            self._came = _asker(self.sock)
        return bool(self._came(0))

    async def wait_readable(self) -> None:
        """Wait until there is something to receive, or fail as `receive` would. For those who peek."""
        self._receiving = True
        try:
            await self._wait(trio.lowlevel.wait_readable)
        finally:
            self._receiving = False

    async def wait_writable(self) -> None:
        """Wait until something can be sent, or fail as `send` would."""
        await self._wait(trio.lowlevel.wait_writable)

    async def _wait(self, wait: Callable[[socket.socket], Awaitable[None]]) -> None:
        self._streak = 0
        if self._broken:
            raise WireError(self._broken)
        self._waits += 1
        try:
            await wait(self.sock)
        except (trio.ClosedResourceError, OSError):
            if not self._broken and not self._expired and self.sock.fileno() >= 0:
                return  # woken to look again (`TlsWire.send_end`)
            if self._expired:
                self._expired = False
                raise WireError("the time was up", expired=True) from None
            raise WireError(self._broken or "the connection was closed") from None
        finally:
            self._waits -= 1

    async def _not_yet(self, error: OSError) -> None:
        """Wait for what a receive needs that came to nothing; fail where nothing will come."""
        match error:
            case BlockingIOError() | ssl.SSLWantReadError():
                await self.wait_readable()
            case ssl.SSLWantWriteError():
                await self._wait(trio.lowlevel.wait_writable)
            case InterruptedError():
                pass
            case _:
                await self._endured(error)

    async def _endured(self, error: OSError) -> None:
        """Pause where an error passes by itself; fail where it does not, as after the deadline."""
        if error.errno not in self.SHORT:
            await self.sweep.leaving.turn()
            raise self._failed(error) from error
        if trio.current_time() > self.deadline:
            raise WireError("the time was up", expired=True) from error
        await trio.sleep(_PAUSE)

    def _failed(self, error: OSError) -> WireError:
        self._broken = self._broken or in_words(error)
        return WireError(self._broken)


def no_delay(sock: socket.socket) -> None:
    """Send small pieces at once: a proxy that waits for more (Nagle, RFC 9293 §3.7.4) delays every small answer."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass  # the peer has gone already (macOS says so here); the next call will tell


def closed(error: OSError) -> bool:
    """Whether TLS ended because the peer closed. Python 3.11.2 has no class of its own for an end that was not said."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return True
    return isinstance(error, ssl.SSLError) and error.reason == "UNEXPECTED_EOF_WHILE_READING"


def in_words(error: OSError) -> str:
    """Return what the system says of an error, lower case: "connection reset by peer"."""
    if closed(error):
        return "it closed the connection"
    if isinstance(error, ssl.SSLError):
        if error.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":  # with TLS 1.3 it comes instead of an answer
            return "it wants a certificate of its client, of which tunnel has none"
        return (error.reason or "TLS error").lower().replace("_", " ")
    return (error.strerror or str(error)).lower()
