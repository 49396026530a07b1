"""Control: a running share takes orders from other programs of its user, on a socket that nobody else can open.

Where it is found is for `share.places`, what an order means for `share.orders`. A bug in it is told, and the share goes on.
"""

import hmac
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from tunnel.errors import TunnelError
from tunnel.model.standing import Steering
from tunnel.share.orders import LONGEST, Line, Stop, carried_out, decoded, encoded, refusal
from tunnel.share.places import Listening, of_this_user, opened

PATIENCE = 10.0  # seconds for a line to come, or to go
MOST = 16  # connections; more are closed at once


async def serve(desk: Steering, folder: Path, port: int, notice: Callable[[TunnelError], None]) -> None:
    """Take orders until cancelled.

    Args:
      folder: The store's.
      port: Of the share.
      notice: Told where nothing can be listened on, and of bugs.
    Resource handling: the socket, its entry and all connections are gone when this ends.
    """
    try:
        with opened(folder, port) as listening:
            listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening.socket))
            taking = partial(
                _connection, desk=desk, listening=listening, notice=notice, turns=trio.CapacityLimiter(MOST)
            )
            await trio.serve_listeners(taking, [listener])
    except TunnelError as error:
        notice(error)


async def _connection(
    stream: trio.SocketStream,
    *,
    desk: Steering,
    listening: Listening,
    notice: Callable[[TunnelError], None],
    turns: trio.CapacityLimiter,
) -> None:
    try:
        async with stream:
            turns.acquire_nowait()
            try:
                if of_this_user(stream.socket):
                    await _answer(stream, desk, listening.token)
            finally:
                turns.release()
    except (trio.WouldBlock, trio.BrokenResourceError, trio.TooSlowError, OSError):
        pass  # too many, or it left: nobody is there to be told
    except Exception as error:
        what = f"a bug in how tunnel is steered: {type(error).__name__}: {error}"
        notice(TunnelError(what, hint="please report this line; the share goes on"))


async def _answer(stream: trio.SocketStream, desk: Steering, token: str) -> None:
    """Answer line after line, until the peer leaves."""
    rest = b""
    while True:
        with trio.fail_after(PATIENCE):
            while b"\n" not in rest:
                piece = await stream.receive_some(LONGEST)
                rest += piece
                if not piece or len(rest) > LONGEST:
                    return
        text, _, rest = rest.partition(b"\n")
        stopping = False
        try:
            line: Line = decoded(text, Line)
            if not hmac.compare_digest(line.token.encode(), token.encode()):
                return
            reply = carried_out(line.order, desk)
            stopping = isinstance(line.order, Stop)
        except TunnelError as error:
            reply = refusal(error)
        with trio.fail_after(PATIENCE):
            await stream.send_all(encoded(reply))
        if stopping:
            desk.stop()
            await stream.receive_some(1)  # it waits for our end, or leaves
            return
