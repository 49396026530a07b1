"""Exchange: one recorded request and its answer, as it is read back. How it came to be written is for `capture`.

Two sizes of the same thing: a `Summary` is what one line in a list needs, an `Exchange` is everything but the bodies and
messages, which may be large and are asked for by id. All times are integers in microseconds: `started` since the Unix epoch,
everything else relative to `started`.

The smaller size is in `model.summary`: a front, which only writes, imports that and not this.
"""

from dataclasses import dataclass

from tunnel.errors import Fault
from tunnel.model.peer import Tls
from tunnel.model.summary import Moment, Side, State, Summary

__all__ = ["Body", "Exchange", "Failure", "Moment", "RecordedMessage", "Side", "State", "Summary", "Timings"]


@dataclass(frozen=True, slots=True)
class Body:
    """How much of a body passed and how much of it can be read back.

    Attributes:
      size: Bytes that passed, as they were coded (gzip and the like), the transfer coding removed.
      kept: Of these, bytes in the store: always the first ones.
      lost: The kept part is shorter than was asked for, since the writer could not keep up.
    """

    size: int
    kept: int
    lost: bool

    @property
    def whole(self) -> bool:
        """Whether all that passed can be read back."""
        return self.kept == self.size


@dataclass(frozen=True, slots=True)
class Timings:
    """When things happened, in µs relative to `Exchange.started`; the first two lie before it and are negative.

    Attributes:
      accepted: The connection was accepted; for a later exchange on it, long ago.
      ready: The first head could be read: after the TLS handshake.
      connected: An upstream connection was at hand.
      first: The first byte of the answer came.
      ended: The last byte went to the client, or the error struck.
    """

    accepted: int
    ready: int
    connected: int | None
    first: int | None
    ended: int | None

    @property
    def tls(self) -> int:
        """From accept to the first readable byte: the handshake, where TLS is spoken."""
        return self.ready - self.accepted

    @property
    def head(self) -> int:
        """From the first readable moment of the connection until this head was there; idle time included."""
        return -self.ready

    @property
    def connect(self) -> int | None:
        """Until an upstream connection was at hand."""
        return self.connected

    @property
    def wait(self) -> int | None:
        """From the upstream connection to the first byte of its answer."""
        return None if self.first is None else self.first - (self.connected or 0)

    @property
    def receive(self) -> int | None:
        """From the first byte of the answer to the last."""
        return None if self.first is None or self.ended is None else self.ended - self.first


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that ended an exchange, as `TunnelError` said it."""

    what: str
    hint: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded exchange, without bodies and messages.

    Attributes:
      id: Small, unique in its store, given in the order of arrival by each process.
      revision: As in `Summary`.
      started: When the whole request head had been read, µs since the epoch.
      address: The client's address; `port` its port, 0 where there is none.
      listener: The address it connected to; `listener_port` its port.
      caller: The client program's name, or empty where it could not be told; `caller_pid` is 0 then.
      host: The Host field, or empty.
      upgrade: The protocol that was switched to with a 101, else empty.
      upstream: What was reached, "127.0.0.1:3000"; empty where nothing was.
      reused: Over an upstream connection that had served before.
      request_head: As it came, blank line included; `sent_head` as it went on, empty if it did not.
      informational: The 1xx heads, one after the other, as they came.
      response_head: As it came, or as tunnel itself answered; `returned_head` as it went to the client.
      request_trailers: The trailer section as field lines, or None where the body has not ended.
      messages: How many were read inside an upgraded connection.
      repairs: What tunnel changed beyond the fields of its own hop, a sentence each.
      parent: The exchange that this one repeats, or 0.
      source: The file it was imported from, or empty.
      redacted: How many secrets were replaced before it was written.
      device: Who was let in, and `rule` how, as in `Summary`.
    """

    id: int
    revision: int
    state: State
    started: int
    timings: Timings
    address: str
    port: int
    listener: str
    listener_port: int
    tls: Tls | None
    caller: str
    caller_pid: int
    method: str
    target: str
    host: str
    status: int | None
    upgrade: str
    upstream: str
    reused: bool
    request: Body
    response: Body
    messages: int
    failure: Failure | None
    repairs: tuple[str, ...]
    parent: int
    source: str
    redacted: int
    device: str
    rule: str
    request_head: bytes
    sent_head: bytes
    informational: bytes
    response_head: bytes
    returned_head: bytes
    request_trailers: bytes | None
    response_trailers: bytes | None


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message of an upgraded connection, as it is read back.

    Attributes:
      from_client: Its direction.
      kind: "text", "binary", "close", "ping", "pong", or "bytes" for a protocol that nobody here reads.
      at: When its last byte passed, µs since the epoch.
      size: Its true size in bytes, decompressed.
      payload: Its first bytes.
    """

    from_client: bool
    kind: str
    at: int
    size: int
    payload: bytes
