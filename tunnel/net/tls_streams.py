"""TLS streams: wires over a TLS connection whose handshake is done, as OpenSSL under a non-blocking socket has them."""

import os
import socket
import ssl
import sys

import trio

from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.wire import PIECE, WireError

_RECORD = 16 * 1024  # most bytes of one TLS record (RFC 8446 §5.1), so of one SSL_read


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

    def _try_receive_into(self, buffer: memoryview) -> int:
        """Fill the buffer, a record at a time, as far as there are any."""
        size = 0
        self._more = True
        while size < len(buffer):
            try:
                got = self.sock.recv_into(buffer[size:])
            except ssl.SSLZeroReturnError:
                got = 0  # the peer's end, after ours
            except OSError:
                self._more = False
                if not size:
                    raise
                break  # nothing more yet; an error will come again with the next call
            if not got:
                self._more = False
                break
            size += got
        return size

    def _failed(self, error: OSError) -> WireError:
        """See `SocketWire._failed`. Who closes may have said why: in an alert, which only reading brings to light."""
        try:
            self._rest += self.sock.read(PIECE)
        except ssl.SSLError as said:
            error = said if "ALERT" in (said.reason or "") else error
        except (OSError, ValueError):
            pass  # nothing was said
        return super()._failed(error)
