"""Streams: wires over real sockets, plain and TLS. Their deadlines are kept by `net.sweep`.

Try, then wait: the kernel is asked first, and trio only when it said that there is nothing yet. That saves a task switch
and a re-armed epoll registration wherever the bytes are here already, as in a body. Where a caller knows that they come
later, as the next head does, it is the other way round. A stream that never has to wait would never let others run, so
after `_STREAK` such successes it yields once.
"""

import errno
import math
import os
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
_PATIENCE = 32  # see `SocketWire.receive`
_RECORD = 16 * 1024  # most bytes of one TLS record (RFC 8446 §5.1), so of one SSL_read
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
        self._patience = _PATIENCE  # receives to wait for by the kernel, before one is tried after a turn of the loop
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
            # Under load the bytes are here after one turn of the loop, which is cheaper than a wait (docs/speed.md). Whether
            # they are is tried now and then, and while it holds.
            if self._patience:
                self._patience -= 1
                await self.wait_readable()
            else:
                await trio.lowlevel.checkpoint()
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
            except (BlockingIOError, ssl.SSLWantReadError):
                self._patience = _PATIENCE
                await self.wait_readable()
            except ssl.SSLWantWriteError:
                await self._wait(trio.lowlevel.wait_writable)
            except InterruptedError:
                continue
            except OSError as error:
                await self._endured(error)
            else:
                if not data:
                    self._ended = True
                    await self.sweep.leaving.turn()
                return data

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

    async def send(self, data: bytes) -> None:
        """See `Wire.send`."""
        if self._held or self._stuck:
            data, self._stuck, self._held = self._stuck + self._held + data, b"", b""
        if not data:
            return
        left: bytes | memoryview = data
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


class TlsWire(SocketWire):
    """A wire over a TLS connection whose handshake is done.

    A peer that drops the TCP connection without `close_notify` is an end on a server's side, where nothing depends on it,
    and an error on a client's, where it may be an answer cut short (RFC 8446 §6.1): `ssl_socket` decides, by its
    `suppress_ragged_eofs`.
    """

    sock: ssl.SSLSocket
    # After an error of the system OpenSSL allows no further try: SSL_get_error(3), SSL_ERROR_SYSCALL.
    SHORT = frozenset()

    def __init__(self, ssl_socket: ssl.SSLSocket, sweep: Sweep) -> None:
        super().__init__(ssl_socket, sweep)
        self._more = False  # OpenSSL may hold what is left of a record

    async def send_end(self) -> None:
        """See `Wire.send_end`. On Windows the end is said by closing only: see `_close_notify`."""
        if os.name == "nt" or self.sock.fileno() < 0 or self._broken:
            return
        try:
            await self.send(b"")  # what is held
            if waiting := self.sock.pending():  # decrypted already: OpenSSL would take it for an error
                self._rest += self.sock.recv(waiting)
            alert = self._close_notify()
            while alert:
                try:
                    alert = alert[os.write(self.sock.fileno(), alert) :]
                except BlockingIOError:
                    await self.wait_writable()
            if self._ended:
                self.sock.shutdown(socket.SHUT_WR)  # TLS is over in both directions: Python would go on in plain text
        except (OSError, ValueError, WireError):
            pass  # the peer is gone already

    def _close_notify(self) -> bytes:
        """Return our `close_notify`, encrypted (RFC 8446 §6.1).

        `unwrap` calls SSL_shutdown twice: the first writes the alert, the second reads the peer's, and takes data that it
        finds instead for an error, which would lose what a client says just then. So both find another socket under the
        connection's file descriptor, which holds nothing. Nobody else runs meanwhile, and on Linux an epoll registration
        outlives the swap; on kqueue a task that waits is woken, to wait anew.
        """
        number = self.sock.fileno()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            real = os.dup(number)
            try:
                os.dup2(ours.fileno(), number, inheritable=False)
                try:
                    self.sock.unwrap()
                except (OSError, ValueError):
                    pass  # SSLWantRead: the alert is written
                else:
                    self._ended = True  # the peer's was here already; past it Python would read plain text
                finally:
                    os.dup2(real, number, inheritable=False)
            finally:
                os.close(real)
            if self._receiving and sys.platform != "linux":
                trio.lowlevel.notify_closing(self.sock)
            try:
                return theirs.recv(_RECORD)
            except BlockingIOError:
                return b""  # it was sent before

    def _inside(self) -> bool:
        """See `SocketWire._inside`. OpenSSL is not asked, which would cost a fifth of a microsecond each time."""
        return bool(self._rest) or self._ended or self._more

    def _something_came(self) -> bool:
        """See `SocketWire._something_came`."""
        return self.sock.pending() > 0 or super()._something_came()

    def _try_receive(self, most: int) -> bytes:
        try:
            return self._read(most)
        except ssl.SSLZeroReturnError:
            return b""  # the peer's end, after ours

    def _read(self, most: int) -> bytes:
        data = self.sock.read(most)
        self._more = len(data) >= most
        if len(data) < _RECORD or self._more:
            return data
        # A full record: there are probably more, and a larger piece saves a send on the other side.
        pieces = [data]
        size = len(data)
        while size < most:
            try:
                data = self.sock.read(most - size)
            except OSError:
                break  # nothing more yet; an error will come again with the next call
            if not data:
                break
            pieces.append(data)
            size += len(data)
        self._more = size >= most
        return b"".join(pieces)

    def _failed(self, error: OSError) -> WireError:
        """See `SocketWire._failed`. Who closes may have said why: in an alert, which only reading brings to light."""
        try:
            self._rest += self.sock.read(PIECE)
        except ssl.SSLError as said:
            error = said if "ALERT" in (said.reason or "") else error
        except (OSError, ValueError):
            pass  # nothing was said
        return super()._failed(error)


def no_delay(sock: socket.socket) -> None:
    """Send small pieces at once: a proxy that waits for more (Nagle, RFC 9293 §3.7.4) delays every small answer."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass  # the peer has gone already (macOS says so here); the next call will tell


def in_words(error: OSError) -> str:
    """Return what the system says of an error, lower case: "connection reset by peer"."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "it closed the connection"
    if isinstance(error, ssl.SSLError):
        if error.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED":  # with TLS 1.3 it comes instead of an answer
            return "it wants a certificate of its client, of which tunnel has none"
        return (error.reason or "TLS error").lower().replace("_", " ")
    return (error.strerror or str(error)).lower()
