"""Stream: what is said inside an upgraded connection: one Message, and the Watch that reads bytes into messages.

`http.websocket` implements the watch, `capture` runs it, and neither knows the other.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message inside an upgraded connection, for now a WebSocket's (RFC 6455 §5.6).

    Attributes:
      from_client: Its direction.
      kind: "text", "binary", "close", "ping" or "pong"; "bytes" for a protocol nobody here reads.
      at: When its last byte passed, on the clock of `time.perf_counter`.
      size: Its true size in bytes, decompressed.
      payload: Its first bytes, up to the cap.
    """

    from_client: bool
    kind: str
    at: float
    size: int
    payload: bytes


class Watch(Protocol):
    """Reads an upgraded connection's bytes into messages; run by the writer, never by the way."""

    def feed(self, from_client: bool, at: float, data: bytes) -> list[Message]:
        """Read bytes of one direction, in order; must not raise."""
        ...
