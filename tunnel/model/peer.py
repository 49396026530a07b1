"""Peer: the facts of one client connection, stated once at accept and never asked of a socket again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tls:
    """What was agreed in the TLS handshake."""

    version: str  # "TLSv1.3"
    cipher: str
    sni: str  # the name the client asked for, or empty: address literals send none (RFC 6066 §3)
    alpn: str  # "http/1.1", or empty
    client: str = ""  # the name in the client's certificate, if it brought one and it was verified
    client_print: str = ""  # that certificate's SHA-256, 64 lower-case hex digits


@dataclass(frozen=True, slots=True, eq=False)
class Peer:
    """Who connected, and where to. Two connections are never equal, whatever they have in common.

    Attributes:
      address: The client's address ("127.0.0.1"), without port.
      port: The client's port; 0 where there is none (unix sockets, in-process).
      listener: The address the client connected to.
      listener_port: And its port.
      tls: What TLS agreed, or None on a plain connection.
      accepted: When the connection was accepted, seconds on the monotonic clock of `time.perf_counter`.
      ready: When the first head could be read: after the TLS handshake, same clock.
    """

    address: str
    port: int
    listener: str
    listener_port: int
    tls: Tls | None
    accepted: float
    ready: float
