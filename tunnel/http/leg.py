"""Leg: one end of an exchange, in the small alphabet of `model.message`. HTTP/1 is one kind; HTTP/2 will be another.

Both legs offer the same three moves. `ready` returns what has arrived already, so that the way can put a head and a small
body into one send; `receive_body` waits for the next piece; and `release` gives up the bytes below for an upgrade.
"""

from typing import Protocol

from tunnel.model.headers import Headers
from tunnel.model.message import End, Request, Response
from tunnel.net.wire import Wire


class Leg(Protocol):
    """What both ends have in common. Errors are `ClientError` from a client leg, `UpstreamError` from an upstream's."""

    wire: Wire

    def ready(self) -> tuple[bytes, End | None]:
        """Return the body bytes that are here already, maybe none, and the end if it is here too. Never waits."""
        ...

    async def receive_body(self) -> bytes | End:
        """Return the next piece of the body being received, or its end. Not to be called again after the end."""
        ...

    async def send_body(self, piece: bytes | memoryview) -> None:
        """Send a piece of the body being sent; never empty."""
        ...

    async def send_end(self, trailers: Headers) -> None:
        """End the body being sent. Trailers are dropped where its framing cannot carry them."""
        ...

    def release(self) -> bytes:
        """Give up `wire` to somebody else; return what had been read from it beyond the last message."""
        ...

    def close(self) -> None:
        """Close the connection, at once."""
        ...


class ClientLeg(Leg, Protocol):
    """The leg towards a client: requests in, responses out."""

    async def receive_request(self) -> Request | None:
        """Return the next request, or None when the client has nothing more to ask.

        Raises:
          ClientError: What came is no acceptable request; its status says how to answer, after which the leg is closed.
        """
        ...

    async def send_response(self, response: Response, body: bytes, end: End | None) -> bytes:
        """Send a head, the body bytes at hand and, unless `end` is None, the end, all in one send where they fit.

        Informational responses go here too, with no body and no end. Returns the head as it was sent.
        """
        ...


class UpstreamLeg(Leg, Protocol):
    """The leg towards an upstream: requests out, responses in.

    Attributes:
      address: What was reached, for people: "127.0.0.1:3000".
      reused: Whether it served an earlier exchange.
    """

    address: str
    reused: bool

    async def send_request(self, request: Request, headers: Headers, body: bytes, end: End | None) -> bytes:
        """Send a head with the fields that go on, the body bytes at hand and, unless `end` is None, the end.

        Returns the head as it was sent.
        """
        ...

    async def receive_response(self) -> Response:
        """Return the next response head, informational ones included."""
        ...
