"""Connection: one client connection, from accept to close. Which bytes, whose TLS, one exchange after the other."""

import socket
import ssl
from time import perf_counter

import trio

from tunnel.errors import ClientError, ClientGone, TunnelError
from tunnel.http.answers import error_answer
from tunnel.http.http1 import Http1Client
from tunnel.model.config import Mode
from tunnel.model.headers import Headers
from tunnel.model.message import END, Framing, Request
from tunnel.model.peer import Peer, Tls
from tunnel.net.sniff import Speech, sniff
from tunnel.net.streams import SocketWire
from tunnel.net.tls import HandshakeFailed, agreed, serve_tls
from tunnel.net.wire import Wire, WireError
from tunnel.proxy.forward import Caller, exchange
from tunnel.proxy.way import Way

_LINGER = 1.0  # seconds, and
_LINGERED = 256 * 1024  # bytes, to read on after an answer that came before its request had ended

# Stands in the record for a request that could not be read.
_UNREAD = Request(b"", b"", Headers(), 1, Framing.NONE, 0, False, b"", b"")


async def connection(sock: socket.socket, way: Way, callers: set[Caller]) -> None:
    """Serve one accepted connection until either side ends it; the socket is closed then, whatever happens.

    Args:
      sock: Connected and non-blocking; owned from here on.
      callers: Where the connection is found by the sweep and by a shutdown while it lasts.
    """
    wire = SocketWire(sock, way.sweep)
    try:
        opened = await _open(wire, way)
        if opened is None:
            return
        wire, peer = opened
        caller = Caller(Http1Client(wire, way.limits, trio.current_time), peer)
        callers.add(caller)
        try:
            await answer_requests(caller, way)
        finally:
            callers.discard(caller)
    finally:
        wire.close()


async def _open(wire: SocketWire, way: Way) -> tuple[SocketWire, Peer] | None:
    """Find out what the client speaks, shake hands if it is TLS, and state the facts of the connection."""
    accepted = perf_counter()
    try:
        listener, client = wire.sock.getsockname(), wire.sock.getpeername()
    except OSError:
        return None  # it has left already

    def facts(tls: Tls | None, ready: float) -> Peer:
        return Peer(client[0], client[1], listener[0], listener[1], tls, accepted, ready)

    way.ask(facts(None, accepted))  # now: a short-lived client may be gone soon after its answer
    if way.tls is None or way.mode is Mode.PLAIN:
        return wire, facts(None, accepted)
    if await sniff(wire, trio.current_time() + way.limits.idle) is not Speech.TLS:
        return wire, facts(None, perf_counter())
    wire.deadline = trio.current_time() + way.limits.handshake
    try:
        secured = await serve_tls(wire, way.tls(listener[0]))
    except HandshakeFailed as error:
        if (refusal := _refusal(error, shared=way.guard is not None)) is not None:
            way.notice(refusal)
        return None
    assert isinstance(secured.sock, ssl.SSLSocket)
    tls = agreed(secured.sock, secured.sock.server_hostname or "")
    return secured, facts(tls, perf_counter())


def _refusal(error: HandshakeFailed, *, shared: bool = False) -> TunnelError | None:
    """Return what to tell of a client's handshake that failed; None if it only went away, as browsers and port scans do.

    Args:
      shared: The client is another machine, whose trust is its owner's.
    """
    if error.distrust:
        return TunnelError(
            "a client refused our certificate, since it does not trust our authority",
            hint="open this address with http:// on that device: the page there says what to do"
            if shared
            else "make browsers and tools trust it with: tunnel trust",
        )
    if error.broken_off or error.expired:
        return None
    if error.unverified:
        return TunnelError(
            f"a client showed a certificate that does not let it in: {error}",
            hint="make it one that does: tunnel cert --client NAME",
        )
    what = f"a client's TLS handshake failed: {error}"
    match str(error):
        case words if "unsupported protocol" in words or "protocol version" in words or "version too low" in words:
            return TunnelError(
                what, hint="it must speak TLS 1.2 or 1.3: update it, or serve plain HTTP too with --both"
            )
        case words if "no shared cipher" in words:
            return TunnelError(
                what, hint="it offers no cipher that keeps a secret: update it, or serve plain HTTP with --both"
            )
    return TunnelError(what, hint="look at the client's own output for the reason")


async def answer_requests(caller: Caller, way: Way) -> None:
    """Answer one request after the other, until either side has had enough."""
    client = caller.client
    while not caller.closing:
        try:
            request = await client.receive_request()
        except ClientGone:
            return
        except ClientError as error:
            await _unreadable(caller, error, way)
            return
        if request is None or not await exchange(caller, request, way):
            break
    if caller.left:
        return
    if not client.ended():
        await _linger(client.wire)
    else:
        client.wire.deadline = trio.current_time() + way.limits.stall  # of the answer some may be left to send
        await client.wire.send_end()  # under TLS an end that is not said is no end: an attacker may have made it


async def _unreadable(caller: Caller, error: ClientError, way: Way) -> None:
    """Answer and record what is no request."""
    record = way.recorder.open(caller.peer, _UNREAD, perf_counter())
    record.error = error.alone()
    if way.guard is not None:
        record.rule = way.guard.rule.value
    record.response, body = error_answer(error, None, close=True)
    try:
        record.returned = await caller.client.send_response(record.response, body, END)
        record.response_body.add(body)
    except ClientError:
        pass  # it did not wait for the answer
    record.ended = perf_counter()
    way.recorder.close(record)
    await _linger(caller.client.wire)


async def _linger(wire: Wire) -> None:
    """Close in two steps (RFC 9112 §9.6): a reset, for bytes that we never read, would destroy our answer on its way."""
    wire.deadline = trio.current_time() + _LINGER
    left = _LINGERED
    try:
        await wire.send_end()
        while left > 0 and (piece := await wire.receive()):
            left -= len(piece)
    except WireError:
        pass  # closing is all that is left to do anyway
