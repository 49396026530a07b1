"""Forwarding: which fields go on, in each direction, and which we write ourselves (RFC 9110 §7.6, RFC 7239).

Fields that belong to one hop end here, those named in Connection too. What says who asked and how is ours to say: the
client's own `X-Forwarded-*`, `Forwarded` and `Via` are replaced, since anybody can send them.
"""

from functools import lru_cache
from urllib.parse import quote

from tunnel.errors import TunnelError
from tunnel.model.address import Target, split_host
from tunnel.model.headers import Field, Headers, loosely
from tunnel.model.message import Framing, Request, Response
from tunnel.model.own import INSPECTOR_COOKIE, MARK, SHARE_COOKIE
from tunnel.model.peer import Peer

# RFC 9110 §7.6.1, and two that old software still sends.
_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"))
_OURS = frozenset((
    b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto",
    b"x-forwarded-server", b"x-forwarded-user", b"x-real-ip", b"proxy-authorization", MARK.lower(),
))  # fmt: skip
_NOT_FORWARDED = _HOP | _OURS
# Connection may not name away what says where a message goes and where it ends: that would be a second reading of it.
_KEPT = frozenset((b"host", b"content-length", b"content-type", b"content-encoding", b"authorization", b"cookie"))
_HOP_ONLY = frozenset((b"keep-alive", b"close", b"te", b"upgrade", b"transfer-encoding"))
_REMEMBERED = 64  # decisions, by the fields they were made on: as many as `http.heads` remembers
_OUR_COOKIES = (INSPECTOR_COOKIE, SHARE_COOKIE)
_MARK_OF_OURS = b"tunnel-"  # is in all of them
_IN_A_NAME = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")  # what of a user's name a field takes as it is
_PSEUDONYM = "tunnel-"  # Via carries it with the process's own id, so that a loop is seen (RFC 9110 §7.6.3)


class Forwarding:
    """What goes on to one upstream.

    Args:
      target: The upstream.
      host_header: "" keeps the client's Host, "upstream" sends the target's own, anything else is sent as it is.
      identity: Unique to this process; marks Via.
      ours: It is a part of this very process, a share's pages, and is given what we keep from every other: our cookies.
    """

    def __init__(self, target: Target, host_header: str, identity: str, *, ours: bool = False) -> None:
        self._ours = ours
        self._via_id = f"{_PSEUDONYM}{identity}"
        self._via = f"1.1 {self._via_id}".encode()
        match host_header:
            case "":
                self._host: bytes | None = None
            case "upstream":
                self._host = target.authority.encode()
            case name:
                self._host = name.encode("idna" if not name.isascii() else "ascii")
        self._fields = lru_cache(maxsize=_REMEMBERED)(self._decide)

    def fields(self, request: Request, told: Headers) -> Headers:
        """Return the fields with which a request goes upstream.

        Args:
          request: As it came, to a Host that was found to be ours.
          told: What `told` returned for its connection and host.

        Raises:
          TunnelError: 508, it has been here before (RFC 5842 §7.2).
        """
        return self._fields(request.headers, request.framing, request.upgrade, told)

    def _decide(self, headers: Headers, framing: Framing, upgrade: bytes, told: Headers) -> Headers:
        """Return the fields that go upstream. Remembered (`_fields`), since a client sends the same with every request."""
        via = self._looked_for_loop(headers) if b"via" in headers.names else self._via
        fields = self._kept(headers, framing, upgrade)
        if b"host" not in headers.names:
            fields = [(b"Host", self._host or told.get(b"x-forwarded-host") or b""), *fields]
        return Headers([*fields, *told, (b"Via", via)])

    def _kept(self, headers: Headers, framing: Framing, upgrade: bytes) -> list[Field]:
        dropped = _NOT_FORWARDED | _named(headers) | _claimed(headers)
        kept: list[Field] = []
        for name, field in zip(headers.names, headers.fields, strict=True):
            if name == b"host" and self._host is not None:
                kept.append((field[0], self._host))
            elif name == b"cookie" and _MARK_OF_OURS in field[1] and not self._ours:
                if others := _without_ours(field[1]):
                    kept.append((field[0], others))
            elif name == b"upgrade" and upgrade:
                if others := _without_h2c(field[1]):
                    kept.append((field[0], others))
            elif name not in dropped:
                kept.append(field)
            elif name == b"connection" and upgrade:
                kept.append((field[0], b"Upgrade"))
            elif name == b"transfer-encoding" and framing is Framing.CHUNKED:
                kept.append((field[0], b"chunked"))
            elif name == b"te" and not upgrade and b"trailers" in headers.tokens(b"te"):
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


def told(peer: Peer, host: bytes, user: str = "") -> Headers:
    """Return the fields that say who asked and how: the same for every request of a connection to one host.

    Args:
      user: Who was let in, where a share knows; what is not ASCII in it is sent as UTF-8 in percents.
    """
    return _told(peer.address or "127.0.0.1", peer.tls is not None, host, user)


@lru_cache(maxsize=_REMEMBERED)
def _told(address: str, tls: bool, host: bytes, user: str) -> Headers:
    node = f'"[{address}]"' if ":" in address else address
    proto = b"https" if tls else b"http"
    _, port = split_host(host.decode("latin-1"))  # the port that the client used: in its Host, or the scheme's own
    return Headers([
        (b"X-Forwarded-For", address.encode()),
        (b"X-Forwarded-Proto", proto),
        (b"X-Forwarded-Host", host),
        (b"X-Forwarded-Port", str(port if port is not None else 443 if tls else 80).encode()),
        (b"Forwarded", b'for=%b;host="%b";proto=%b' % (node.encode(), host, proto)),
        *([(b"X-Forwarded-User", quote(user, safe=_IN_A_NAME, errors="replace").encode())] if user else []),
    ])  # fmt: skip


def returned(response: Response, request: Request, *, close: bool) -> Response:
    """Return an answer as it goes to the client: hop-by-hop fields gone, framed for the client's version.

    A body that ends with the upstream's connection goes on chunked, so that its end is said and not guessed.
    """
    headers, framing, keep_alive = _returned_fields(
        response.headers, response.status, response.framing, request.minor, close
    )
    if headers is response.headers and framing is response.framing and keep_alive is response.keep_alive:
        return response
    return Response(
        response.status, response.reason, headers, response.minor, framing, response.length, keep_alive, response.raw
    )


@lru_cache(maxsize=_REMEMBERED)
def _returned_fields(
    headers: Headers, status: int, came: Framing, minor: int, close: bool
) -> tuple[Headers, Framing, bool]:
    """Return an answer's fields, framing and keep-alive towards a client of HTTP/1.`minor`. Remembered, as `_decide` is."""
    framing = came
    if came in (Framing.CHUNKED, Framing.CLOSE):
        framing = Framing.CHUNKED if minor == 1 else Framing.CLOSE
        close = close or minor == 0
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
    if framing is Framing.CHUNKED and came is Framing.CLOSE:
        extra.append((b"Transfer-Encoding", b"chunked"))
    if status >= 200 and close:
        extra.append((b"Connection", b"close"))
    elif status >= 200 and minor == 0:
        extra.append((b"Connection", b"keep-alive"))
    unchanged = fields is headers.fields and not extra
    return headers if unchanged else Headers([*fields, *extra]), framing, not close


_NOT_RETURNED = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


def of_one_hop(headers: Headers) -> frozenset[bytes]:
    """Return the names, in lower case, of a request's fields that end with its connection (RFC 9110 §7.6.1)."""
    return _HOP | _named(headers)


def _named(headers: Headers) -> frozenset[bytes]:
    """Return the fields that Connection names, less those that it may not."""
    if b"connection" not in headers.names:
        return frozenset()
    tokens = headers.tokens(b"connection")
    return frozenset(token for token in tokens if token not in _HOP_ONLY) - _KEPT


def _without_ours(cookies: bytes) -> bytes:
    """Return a Cookie field without our own: browsers send them to every port of a host (RFC 6265 §8.5)."""
    pairs = [pair.strip() for pair in cookies.split(b";")]
    return b"; ".join(pair for pair in pairs if pair and not pair.startswith(_OUR_COOKIES))


def _without_h2c(protocols: bytes) -> bytes:
    """Return an Upgrade field without h2c: requests after it would pass unseen by our rules (RFC 9113 §3.1 withdrew it)."""
    if b"h2c" not in protocols.lower():
        return protocols
    members = [member.strip() for member in protocols.split(b",")]
    return b", ".join(member for member in members if member and not member.lower().startswith(b"h2c"))


def _claimed(headers: Headers) -> set[bytes]:
    """Return the names that a server may take for one of ours."""
    return {name for name in headers.names if (read := loosely(name)) in _OURS or read.startswith(b"x-forwarded-")}
