"""Relay: bytes both ways between two wires, once nobody needs to understand them any more. Keeps half-closes apart."""

from collections.abc import Callable

import trio

from tunnel.net.wire import Wire, WireError

# Told of each piece after it went on its way: (from the first wire, the bytes).
Seen = Callable[[bool, bytes], None]


async def relay(first: Wire, second: Wire, seen: Seen) -> str:
    """Carry bytes between two wires until both directions have ended.

    One direction's end is passed on as a half-close and leaves the other direction running (RFC 9293 §3.6); a broken wire
    ends both at once.

    Args:
      first: One end; both are closed by their opener, not here.
      second: The other.
      seen: Told of each piece.

    Returns: Why it broke, or empty when both directions ended in order.
    """
    why = ""

    async def one_way(source: Wire, sink: Wire, forth: bool) -> None:
        nonlocal why
        try:
            while piece := await source.receive():
                await sink.send(piece)
                seen(forth, piece)
            await sink.send_end()
        except WireError as error:
            why = why or str(error)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one_way, first, second, True)
        nursery.start_soon(one_way, second, first, False)
    return why
