"""LAN, gone: tells when an interface has lost an address that is shared: a cable was pulled out, another one was given."""

from collections.abc import Callable, Collection, Sequence

import trio

from tunnel.errors import TunnelError
from tunnel.net.lan import Interface
from tunnel.net.lan_read import interfaces

LOOK = 5.0  # seconds between two looks


async def tell_of_what_is_gone(
    interface: str,
    addresses: Sequence[str],
    notice: Callable[[TunnelError], None],
    look: Callable[[], Sequence[Interface]] = interfaces,
) -> None:
    """Look now and then, until cancelled, and tell once of each address that is gone. Returns when none is left.

    An address is gone when two looks have missed it, since one that is given anew may be away for a moment. One that was
    not there at the first look is no address of the interface's, and is not missed.

    Args:
      look: Returns what this machine has now. Called in a thread.
    """
    there = await _there(interface, look)
    expected = set(addresses) & (there or set())
    missed: set[str] = set()
    while expected:
        await trio.sleep(LOOK)
        there = await _there(interface, look)
        if there is None:
            continue  # it could not be read: nothing is known of this moment
        gone = (expected & missed) - there
        expected -= gone
        for address in sorted(gone, key=list(addresses).index):
            notice(_gone(address, interface, there, expected))
        missed = expected - there


async def _there(interface: str, look: Callable[[], Sequence[Interface]]) -> set[str] | None:
    try:
        found = await trio.to_thread.run_sync(look, abandon_on_cancel=True)
    except (OSError, ValueError):
        return None
    return {one.address for one in found if one.name == interface}


def _gone(address: str, interface: str, there: Collection[str], left: Collection[str]) -> TunnelError:
    new = sorted(set(there) - set(left))
    now = f", which has {' and '.join(new)} now" if new else ""
    return TunnelError(
        f"{address} is gone from {interface}{now}: nobody reaches the share there any more",
        hint=f"it goes on at {' and '.join(sorted(left))}"
        if left
        else "end it with Ctrl-C, and when the network is there type again: tunnel share TARGET",
    )
