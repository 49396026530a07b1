"""Access: whose requests are answered. A Host that is not ours is a stranger's page that reached us by DNS rebinding."""

from tunnel.errors import ClientError
from tunnel.model.address import is_loopback, split_host
from tunnel.model.headers import Headers
from tunnel.model.peer import Peer

_MOST_KNOWN = 256  # hosts remembered; a front has a handful, an attacker may try many


class HostRule:
    """Says which Host is ours: loopback names and addresses, `*.localhost`, and what `--allow-host` adds.

    An allowed host that begins with a dot covers the names below it. Verdicts are remembered, since a browser sends the
    same few with every request.

    Args:
      allowed: Names and addresses.
      loopback: Whether what can only mean this machine is ours without being allowed.
      port: The only one that a Host may have; None for any: a container's or a forwarded port may be another.
    """

    def __init__(self, allowed: tuple[str, ...], *, loopback: bool = True, port: int | None = None) -> None:
        self._loopback = loopback
        self._port = port
        self._names = frozenset(name.lower().rstrip(".") for name in allowed if not name.startswith("."))
        self._suffixes = tuple(name.lower().rstrip(".") for name in allowed if name.startswith("."))
        self._known: set[bytes] = set()

    def serves(self, host: str) -> bool:
        """Whether a host, lower case and without port, is ours."""
        return (self._loopback and is_loopback(host)) or host in self._names or host.endswith(self._suffixes or ("\0",))

    def check(self, headers: Headers, peer: Peer) -> bytes:
        """Return the request's Host, or the listener's own address where HTTP/1.0 sent none.

        Raises:
          ClientError: 421 (RFC 9110 §15.5.20) for a Host that is not ours, 400 for one that is no host.
        """
        value = headers.get(b"host")
        if value in self._known:
            assert value is not None
            return value
        if value is None:
            address = f"[{peer.listener}]" if ":" in peer.listener else peer.listener
            return f"{address}:{peer.listener_port}".encode()
        text = value.decode("latin-1")
        try:
            host, port = split_host(text)
        except ValueError:
            raise ClientError(f"the request's Host {text[:80]!r} is not a host") from None
        if not self.serves(host) or (self._port is not None and (port or 443) != self._port):
            raise ClientError(
                f"the request's Host {text[:80]!r} is not served here",
                status=421,
                hint=f"if that name is yours, start with: tunnel --allow-host {host[:80]} TARGET"
                if self._loopback
                else "use one of the addresses that `tunnel share` has printed",
            )
        if len(self._known) < _MOST_KNOWN:
            self._known.add(value)
        return value
