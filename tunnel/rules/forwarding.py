"""Forwarding: which fields go on, in each direction, and which we write ourselves (RFC 9110 §7.6, RFC 7239).

Fields that belong to one hop end here, those named in Connection too. What says who asked and how is ours to say: the
client's own `X-Forwarded-*`, `Forwarded` and `Via` are replaced, since anybody can send them.
"""

from dataclasses import replace

from tunnel.errors import TunnelError
from tunnel.model.address import Target, split_host
from tunnel.model.headers import Field, Headers
from tunnel.model.message import Framing, Request, Response
from tunnel.model.peer import Peer

# RFC 9110 §7.6.1, and two that old software still sends.
_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"))
_OURS = frozenset((
    b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto",
    b"x-forwarded-server", b"x-real-ip", b"proxy-authorization",
))  # fmt: skip
_NOT_FORWARDED = _HOP | _OURS
# Connection may not name away what says where a message goes and where it ends: that would be a second reading of it.
_KEPT = frozenset((b"host", b"content-length", b"content-type", b"content-encoding", b"authorization", b"cookie"))
_HOP_ONLY = frozenset((b"keep-alive", b"close", b"te", b"upgrade", b"transfer-encoding"))
_PSEUDONYM = "tunnel-"  # Via carries it with the process's own id, so that a loop is seen (RFC 9110 §7.6.3)


class Forwarding:
    """What goes on to one upstream.

    Args:
      target: The upstream.
      host_header: "" keeps the client's Host, "upstream" sends the target's own, anything else is sent as it is.
      identity: Unique to this process; marks Via.
    """

    def __init__(self, target: Target, host_header: str, identity: str) -> None:
        self._via_id = f"{_PSEUDONYM}{identity}"
        self._via = f"1.1 {self._via_id}".encode()
        match host_header:
            case "":
                self._host: bytes | None = None
            case "upstream":
                self._host = target.authority.encode()
            case name:
                self._host = name.encode("idna" if not name.isascii() else "ascii")

    def request(self, request: Request, host: bytes, told: list[Field]) -> Request:
        """Return the request as it goes upstream.

        Args:
          request: As it came.
          host: The Host it was sent to, already found to be ours.
          told: What `told` returned for its connection and host.

        Raises:
          TunnelError: 508, it has been here before (RFC 5842 §7.2).
        """
        headers = request.headers
        names = headers.names
        via = self._looked_for_loop(headers) if b"via" in names else self._via
        fields = self._kept(request)
        if b"host" not in names:
            fields = [(b"Host", self._host or host), *fields]
        return replace(request, headers=Headers([*fields, *told, (b"Via", via)]))

    def _kept(self, request: Request) -> list[Field]:
        headers = request.headers
        dropped = _NOT_FORWARDED | _named(headers) | _claimed(headers)
        kept: list[Field] = []
        for name, field in zip(headers.names, headers.fields, strict=True):
            if name == b"host" and self._host is not None:
                kept.append((field[0], self._host))
            elif name not in dropped or (name == b"upgrade" and request.upgrade):
                kept.append(field)
            elif name == b"connection" and request.upgrade:
                kept.append((field[0], b"Upgrade"))
            elif name == b"transfer-encoding" and request.framing is Framing.CHUNKED:
                kept.append((field[0], b"chunked"))
            elif name == b"te" and not request.upgrade and b"trailers" in headers.tokens(b"te"):
                kept += [(field[0], b"trailers"), (b"Connection", b"TE")]
        return kept

    def _looked_for_loop(self, headers: Headers) -> bytes:
        """Return our Via behind those of other tunnels, the only ones kept: a loop may run through several."""
        tunnels = [m.strip() for v in headers.all(b"via") for m in v.split(b",") if _PSEUDONYM.encode() in m]
        if any(member.split(b" ")[-1] == self._via_id.encode() for member in tunnels):
            raise TunnelError(
                "the request has come round in a loop: the upstream leads back to this tunnel",
                status=508,
                hint="front the service's own port, not the tunnel's",
            )
        return b", ".join([*tunnels[-16:], self._via])


def told(peer: Peer, host: bytes) -> list[Field]:
    """Return the fields that say who asked and how: the same for every request of a connection to one host."""
    address = peer.address or "127.0.0.1"
    node = f'"[{address}]"' if ":" in address else address
    proto = b"https" if peer.tls else b"http"
    return [
        (b"X-Forwarded-For", address.encode()),
        (b"X-Forwarded-Proto", proto),
        (b"X-Forwarded-Host", host),
        (b"X-Forwarded-Port", _port(host, peer)),
        (b"Forwarded", b'for=%b;host="%b";proto=%b' % (node.encode(), host, proto)),
    ]


def returned(response: Response, request: Request, *, close: bool) -> Response:
    """Return an answer as it goes to the client: hop-by-hop fields gone, framed for the client's version.

    A body that ends with the upstream's connection goes on chunked, so that its end is said and not guessed.
    """
    headers, status = response.headers, response.status
    framing = response.framing
    if framing in (Framing.CHUNKED, Framing.CLOSE):
        framing = Framing.CHUNKED if request.minor == 1 else Framing.CLOSE
        close = close or request.minor == 0
    fields = headers.fields
    if not _NOT_RETURNED.isdisjoint(headers.names):
        dropped = _NOT_RETURNED | _named(headers)
        if framing is Framing.CHUNKED:
            dropped -= {b"transfer-encoding"}  # it was just that, and stays where it stood
        if status == 101:
            dropped -= {b"upgrade", b"connection"}  # it was asked for, and is what this answer is about
        fields = [field for name, field in zip(headers.names, headers.fields, strict=True) if name not in dropped]
    if status == 204 or status < 200:
        fields = [field for field in fields if field[0].lower() != b"content-length"]  # RFC 9110 §8.6
    extra: list[Field] = []
    if framing is Framing.CHUNKED and response.framing is Framing.CLOSE:
        extra.append((b"Transfer-Encoding", b"chunked"))
    if status >= 200 and close:
        extra.append((b"Connection", b"close"))
    elif status >= 200 and request.minor == 0:
        extra.append((b"Connection", b"keep-alive"))
    unchanged = fields is headers.fields and not extra and framing is response.framing
    if unchanged and response.keep_alive != close:
        return response
    return replace(response, headers=Headers([*fields, *extra]), framing=framing, keep_alive=not close)


_NOT_RETURNED = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


def _named(headers: Headers) -> frozenset[bytes]:
    """Return the fields that Connection names, less those that it may not."""
    if b"connection" not in headers.names:
        return frozenset()
    tokens = headers.tokens(b"connection")
    return frozenset(token for token in tokens if token not in _HOP_ONLY) - _KEPT


def _claimed(headers: Headers) -> set[bytes]:
    """Return the names that a server may take for one of ours: CGI, WSGI and their like read `_` as `-`."""
    return {
        name
        for name in headers.names
        if (b"_" in name or name.startswith(b"x-forwarded-"))
        and ((plain := name.replace(b"_", b"-")) in _OURS or plain.startswith(b"x-forwarded-"))
    }


def _port(host: bytes, peer: Peer) -> bytes:
    """Return the port the client used: the one in its Host, else the scheme's own."""
    _, port = split_host(host.decode("latin-1"))
    return str(port if port is not None else 443 if peer.tls else 80).encode()
