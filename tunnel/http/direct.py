"""Direct: the long rest of a body from one leg to the other without reading it, where the kernel can carry it.

Only for a body of known length that is passed on as it is, between two plain sockets, once the record has all it keeps:
`proxy.forward` knows when. What does not fit goes the ordinary way, which is nothing worse than slower.
"""

from collections.abc import Callable

from tunnel.http.http1 import Http1Leg
from tunnel.net.splice import Pipe, spliceable

WORTH = 256 * 1024  # bytes still to come: below, a pipe and its two file descriptors cost more than they save


async def pass_rest(source: Http1Leg, sink: Http1Leg, passed: Callable[[int], None]) -> None:
    """Pass on what is still to come of a body, if that can be done without reading it; else do nothing.

    Args:
      source: The leg it comes from; the body has been read to its end afterwards.
      sink: The leg it goes to.
      passed: Told how many bytes went on, piece by piece.

    Raises:
      TunnelError: As `receive_body` of the one and `send_body` of the other.
    """
    left = source.still_to_come()
    if left < WORTH or not (sink.takes_bytes() and spliceable(source.wire) and spliceable(sink.wire)):
        return
    try:
        pipe = Pipe()
    except OSError:
        return  # no file descriptor is left
    with pipe:
        while left and (size := await source.receive_into(pipe, left)):
            await sink.send_from(pipe)
            passed(size)
            left -= size
    # An end that came too early is met again by `receive_body`, which says so.
