"""TLS on a socket: the handshake, and what it agreed. Contexts are handed in; this file knows no certificates."""

import hashlib
import math
import ssl
from collections.abc import Callable

from tunnel.model.peer import Tls
from tunnel.net.streams import SocketWire, closed, in_words
from tunnel.net.tls_streams import TlsWire
from tunnel.net.wire import WireError


class HandshakeFailed(WireError):
    """A handshake that came to nothing.

    Attributes:
      distrust: The peer sent an alert that says it does not trust our certificate.
      unverified: We do not trust the peer's.
      broken_off: The peer ended or broke the connection without saying why.
    """

    def __init__(
        self,
        what: str,
        *,
        distrust: bool = False,
        unverified: bool = False,
        broken_off: bool = False,
        expired: bool = False,
    ) -> None:
        super().__init__(what, expired=expired)
        self.distrust = distrust
        self.unverified = unverified
        self.broken_off = broken_off


# What clients say when the authority is unknown to them: bad_certificate, certificate_unknown, unknown_ca (RFC 8446 §6.2).
_DISTRUST = ("ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_UNKNOWN", "ALERT_UNKNOWN_CA")


async def serve_tls(wire: SocketWire, context: ssl.SSLContext) -> TlsWire:
    """Take the server's part of a handshake on a wire that nothing was received from.

    The wire's deadline holds for the handshake. The returned wire owns the socket; `wire` is not to be used again.

    Raises:
      HandshakeFailed: The socket is closed then.
    Cancelled: the socket is closed.
    """
    return await _handshake(
        wire, lambda: context.wrap_socket(wire.sock, server_side=True, do_handshake_on_connect=False)
    )


async def dial_tls(wire: SocketWire, context: ssl.SSLContext, server_name: str) -> TlsWire:
    """Take the client's part of a handshake. As `serve_tls`; `server_name` is sent and, by `context`, verified."""
    # Some Pythons (Debian's 3.11) have it set, and took an answer cut short for a whole one.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return await _handshake(
        wire,
        lambda: context.wrap_socket(
            wire.sock, server_hostname=server_name, do_handshake_on_connect=False, suppress_ragged_eofs=False
        ),
    )


def agreed(sock: ssl.SSLSocket, sni: str) -> Tls:
    """Return what a finished handshake agreed."""
    cipher = sock.cipher()
    client, client_print = _verified(sock)
    return Tls(
        sock.version() or "",
        cipher[0] if cipher else "",
        sni,
        sock.selected_alpn_protocol() or "",
        client,
        client_print,
    )


def _verified(sock: ssl.SSLSocket) -> tuple[str, str]:
    """Return the common name and the SHA-256 of the peer's certificate; empty if it brought none that was verified."""
    if sock.context.verify_mode is ssl.CERT_NONE:
        return "", ""
    told, whole = sock.getpeercert(), sock.getpeercert(binary_form=True)
    if not told or not whole:
        return "", ""
    name = ""
    for part in told.get("subject", ()):
        for pair in part:
            if isinstance(pair, tuple) and pair[0] == "commonName":
                name = name or str(pair[1])
    return name, hashlib.sha256(whole).hexdigest()


async def _handshake(plain: SocketWire, wrap: Callable[[], ssl.SSLSocket]) -> TlsWire:
    wire = plain
    try:
        sock = wrap()
        wire = TlsWire(sock, plain.sweep)
        wire.deadline = plain.deadline
        plain.retire()
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                await wire.wait_readable()
            except ssl.SSLWantWriteError:
                await wire.wait_writable()
            except OSError:
                await wire.sweep.leaving.turn()
                raise
            else:
                wire.deadline = math.inf
                return wire
    except BaseException as error:
        wire.close()
        failure = _failure(error)
        if failure is None:
            raise
        try:
            raise failure from error
        finally:
            del failure  # its traceback holds this frame: a circle, which garbage collection would find late


def _failure(error: BaseException) -> HandshakeFailed | None:
    """Say what a handshake failed of; None for what is no failure of the handshake (a cancel)."""
    match error:
        case ssl.SSLCertVerificationError():
            return HandshakeFailed(f"its certificate is not trusted ({error.verify_message})", unverified=True)
        case OSError() if closed(error):
            return HandshakeFailed(in_words(error), broken_off=True)
        case ssl.SSLError() if not getattr(error, "library", ""):
            return HandshakeFailed("it closed the connection", broken_off=True)  # Python's own words, not OpenSSL's
        case ssl.SSLError():
            reason = error.reason or str(error)
            return HandshakeFailed(in_words(error), distrust=any(alert in reason for alert in _DISTRUST))
        case OSError():
            return HandshakeFailed(in_words(error), broken_off=True)
        case WireError():
            return HandshakeFailed(str(error), expired=error.expired)
        case _:
            return None
