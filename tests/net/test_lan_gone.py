"""An address that goes away while it is shared is told of, once, and one that only blinks is not."""

from collections.abc import Sequence
from ipaddress import ip_interface

import pytest
import trio
from trio.testing import MockClock

from tunnel.errors import TunnelError
from tunnel.net.lan import Interface, Kind
from tunnel.net.lan_gone import tell_of_what_is_gone

pytestmark = pytest.mark.anyio
FOUR, SIX, NEW = "192.168.1.7", "fd12::7", "192.168.1.9"


def at(*addresses: str, name: str = "wlan0") -> list[Interface]:
    return [Interface(name, address, ip_interface(address).network, Kind.LOCAL) for address in addresses]


async def told(*looks: Sequence[Interface] | OSError) -> list[TunnelError]:
    """Return what is told by what each look finds; the last ends the looking."""
    heard: list[TunnelError] = []
    left = list(looks)
    with trio.CancelScope() as scope:

        def look() -> Sequence[Interface]:
            if not left:
                trio.from_thread.run_sync(scope.cancel)
                return []
            found = left.pop(0)
            if isinstance(found, OSError):
                raise found
            return found

        await tell_of_what_is_gone("wlan0", [FOUR, SIX], heard.append, look)
    return heard


async def test_an_address_that_is_gone_is_told_once_with_what_there_is_now(autojump_clock: MockClock) -> None:
    (error,) = await told(at(FOUR, SIX), at(SIX, NEW), at(SIX, NEW), at(SIX, NEW), at(SIX, NEW))

    assert error.what.startswith(f"{FOUR} is gone from wlan0, which has {NEW} now")
    assert error.hint == f"it goes on at {SIX}"


async def test_when_none_is_left_it_says_how_to_begin_again(autojump_clock: MockClock) -> None:
    first, second = await told(at(FOUR, SIX), [], at(FOUR, SIX, name="eth0"))

    assert first.what.startswith(f"{FOUR} is gone from wlan0: nobody") and second.what.startswith(f"{SIX} is gone")
    assert "tunnel share" in first.hint


@pytest.mark.parametrize(
    "looks",
    [
        [at(FOUR, SIX)] * 4,
        [at(FOUR, SIX), [], at(FOUR, SIX), [], at(FOUR, SIX)],  # it only blinks
        [at(FOUR, SIX), at(FOUR, SIX, NEW), at(FOUR, SIX)],
        [at(FOUR), at(FOUR), at(FOUR, NEW)],  # what was never there is not missed
        [at(FOUR, SIX), OSError("no"), OSError("no"), OSError("no"), at(FOUR, SIX)],
        [OSError("no")],
    ],
)
async def test_nothing_is_told_of_what_is_there_or_cannot_be_seen(
    looks: list[Sequence[Interface] | OSError], autojump_clock: MockClock
) -> None:
    assert await told(*looks) == []
