"""Repair: what an answer says of the upstream's own address is made true of the front's, and each repair is told.

A dev server knows itself as http://localhost:3000. Seen through the front, such a redirect leaves HTTPS, such a cookie is
never sent back, and an HSTS or Alt-Svc policy would outlive the session on every other service at localhost.
"""

import re

from tunnel.model.address import Target, is_loopback, split_host
from tunnel.model.headers import Field, Headers

_WATCHED = frozenset((
    b"location", b"content-location", b"refresh", b"set-cookie", b"strict-transport-security", b"alt-svc",
    b"access-control-allow-origin",
))  # fmt: skip
_ORIGIN = re.compile(rb"(?:(https?):)?//([^/?#]*)", re.IGNORECASE)
_REFRESH = re.compile(rb"([0-9.]+\s*[;,]\s*url\s*=\s*['\"]?)(.*)", re.IGNORECASE | re.DOTALL)


class Repair:
    """Repairs the answers of one upstream.

    Args:
      target: The upstream.
      passing: All names of this front are gone when it ends: no policy may outlive it on any of them.
    """

    def __init__(self, target: Target, *, passing: bool = False) -> None:
        self._target = target
        self._passing = passing
        self._aliases = {target.host}
        if is_loopback(target.host) or target.scheme == "unix":
            self._aliases |= {"localhost", "127.0.0.1", "::1", "0.0.0.0"}

    def answer(self, headers: Headers, *, host: bytes, tls: bool) -> tuple[Headers, tuple[str, ...]]:
        """Return the fields as the client should see them, and a sentence for each repair.

        Args:
          headers: The answer's fields.
          host: The Host the client used, port included.
          tls: Whether the client came over TLS.
        """
        if _WATCHED.isdisjoint(headers.names):
            return headers, ()
        front = (b"https" if tls else b"http") + b"://" + host
        repairs: list[str] = []
        fields: list[Field] = []
        for lower, (name, value) in zip(headers.names, headers.fields, strict=True):
            told = ""
            mended: bytes | None = value
            match lower:
                case b"location" | b"content-location" | b"access-control-allow-origin":
                    mended = self._url(value, front)
                    told = "named the upstream's own address"
                case b"refresh":
                    if found := _REFRESH.fullmatch(value):
                        mended = found[1] + self._url(found[2], front)
                    told = "named the upstream's own address"
                case b"set-cookie":
                    mended, told = self._cookie(value, host, tls=tls)
                case b"strict-transport-security" | b"alt-svc" if self._passing or _loopback(host):
                    mended = None
                    told = f"would outlive this {'share' if self._passing else 'session on a loopback name'}"
            if mended is not None:
                fields.append((name, mended))
            if mended != value:
                repairs.append(f"{name.decode('latin-1')} {told}")
        return (Headers(fields), tuple(repairs)) if repairs else (headers, ())

    def _url(self, value: bytes, front: bytes) -> bytes:
        """Point an absolute URL at the front if it names the upstream; leave any other alone."""
        match = _ORIGIN.match(value)
        if not match or not self._is_upstream((match[1] or b"").lower(), match[2]):
            return value
        return front + value[match.end() :]

    def _is_upstream(self, scheme: bytes, authority: bytes) -> bool:
        try:
            host, port = split_host(authority.decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            return False
        if host not in self._aliases or (self._target.scheme == "unix" and port is not None):
            return False
        default = 443 if scheme == b"https" or (not scheme and self._target.tls) else 80
        return self._target.scheme == "unix" or (port or default) == self._target.port

    def _cookie(self, value: bytes, host: bytes, *, tls: bool) -> tuple[bytes, str]:
        """Mend one Set-Cookie (RFC 6265 §4.1): a Domain of the upstream's, and Secure where the client's way is not."""
        pair, *attributes = [part.strip() for part in value.split(b";")]
        kept: list[bytes] = []
        told: list[str] = []
        for attribute in attributes:
            name, _, rest = attribute.partition(b"=")
            match name.strip().lower():
                case b"domain" if self._foreign_domain(rest, host):
                    told.append("had the upstream's Domain")
                case b"secure" if not tls and self._target.tls and not pair.startswith((b"__Secure-", b"__Host-")):
                    told.append("was Secure, and the client's way is plain")
                case b"samesite" if rest.strip().lower() == b"none" and not tls and self._target.tls:
                    told.append("had SameSite=None, which needs Secure")
                case _ if attribute:
                    kept.append(attribute)
        return (b"; ".join([pair, *kept]) if told else value), " and ".join(told)

    def _foreign_domain(self, domain: bytes, host: bytes) -> bool:
        """Whether a cookie's Domain names the upstream, and the client's host is another."""
        name = domain.strip().lstrip(b".").lower().decode("latin-1")
        own, _ = split_host(host.decode("latin-1"))
        return name in self._aliases and not _covers(name, own)


def _covers(domain: str, host: str) -> bool:
    return host == domain or host.endswith("." + domain)


def _loopback(host: bytes) -> bool:
    return is_loopback(split_host(host.decode("latin-1"))[0])
