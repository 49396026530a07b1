"""Asking: how another program of the same user steers a running share: finds it, gives an order, hears what came of it.

Blocking, for a command that does nothing else. What is printed is for the command line.
"""

import time
from pathlib import Path

from tunnel.errors import TunnelError, UsageError
from tunnel.model.standing import Standing
from tunnel.share.orders import MOST_TOLD, Line, Order, Reply, Tell, decoded, encoded
from tunnel.share.places import Place, connected, places

PATIENCE = 5.0  # seconds


def standings(folder: Path) -> list[Standing]:
    """Return how each running share of a folder stands; entries of dead ones are removed.

    Raises:
      TunnelError: One is there and does not answer.
    """
    replies = (_asked(place, Tell(), PATIENCE, 0) for place in places(folder))
    return [reply.standing for reply in replies if reply is not None and reply.standing is not None]


def ordered(folder: Path, order: Order, *, share: int | None = None, until_end: float = 0) -> tuple[Place, Reply]:
    """Give an order to the one share that runs, or to the one that is named.

    Args:
      share: Its port.
      until_end: Seconds to wait for it to have ended afterwards.
    Raises:
      TunnelError: None runs, or several and none was named; or it refused: what it says.
    """
    wanted = [place for place in places(folder) if share in (None, place.port)]
    if len(wanted) > 1:  # what dead ones left behind is not meant
        wanted = [place for place in wanted if _asked(place, Tell(), PATIENCE, 0) is not None]
    place = _only(wanted, share)
    reply = _asked(place, order, PATIENCE, until_end)
    if reply is None:
        raise _none(share)
    if reply.error:
        raise TunnelError(reply.error, hint=reply.hint, exit_code=reply.exit_code or 1)
    return place, reply


def _only(found: list[Place], share: int | None) -> Place:
    if not found:
        raise _none(share)
    if len(found) > 1:
        ports = ", ".join(str(place.port) for place in found)
        raise UsageError(f"{len(found)} shares run, on the ports {ports}", hint=f"name one: --share {found[0].port}")
    return found[0]


def _none(share: int | None) -> TunnelError:
    on = f" on port {share}" if share is not None else ""
    return TunnelError(f"nothing is shared{on} just now", hint="begin: tunnel share 3000; what is: tunnel share --list")


def _asked(place: Place, order: Order, patience: float, until_end: float) -> Reply | None:
    """Return what came of an order; None if nobody is there any more.

    Raises:
      TunnelError: It does not answer in time, or says what we do not understand.
    """
    found = connected(place, patience)
    if found is None:
        return None
    sock, token = found
    with sock:
        deadline = time.monotonic() + patience
        try:
            sock.sendall(encoded(Line(order, token)))
            said = bytearray()
            while b"\n" not in said:
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = sock.recv(65536)
                said += piece
                if len(said) > MOST_TOLD:
                    raise TunnelError(f"the share on port {place.port} says more than is read", hint="is it a share?")
                if not piece:
                    return None  # it ended the moment that it was asked
            reply: Reply = decoded(bytes(said), Reply)
            if until_end:
                sock.settimeout(until_end)
                sock.recv(1)
        except TimeoutError as error:
            if until_end and said.endswith(b"\n"):
                return reply
            raise TunnelError(
                f"the share on port {place.port} does not answer", hint=f"it runs in process {place.pid}"
            ) from error
        except OSError:
            return reply if said.endswith(b"\n") else None  # it has ended
    return reply
