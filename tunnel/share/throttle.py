"""Throttle: how soon somebody may try again who guessed wrong. The clock is handed in; nothing waits here.

Each origin has some tries, then a delay that doubles, then is locked out for a while. Of IPv6 that is a whole /64, since
whoever is in one takes as many of its addresses as they like; an address that was let in before is an origin of its own,
and no neighbour's guesses lock it out. All origins together have a delay too, which grows as wrong tries add up and never
becomes a lock-out: whoever floods the share with guesses must not be able to keep its owner out for good. Addresses that
were let in before are not held up by what others do.

A try is counted when it begins and given back if it was right, so that a thousand at once are a thousand.
"""

from collections import OrderedDict
from dataclasses import dataclass

from tunnel.model.origin import origin

FREE = 3  # wrong tries of an origin before it has to wait
LONGEST_DELAY = 60.0  # seconds
LOCKED_AFTER = 10  # wrong tries
FIRST_LOCK = 300.0  # seconds, doubled with each further wrong try
LONGEST_LOCK = 3600.0  # seconds
ALL_FREE = 20  # wrong tries of all strangers together before they have to wait
LONGEST_FOR_ALL = 10.0  # seconds
FORGIVEN = 30.0  # seconds after which one wrong try of all is forgotten
FORGOTTEN = 3600.0  # seconds after its last wait in which an origin is forgotten
MOST = 4096  # origins that are remembered
_MOST_DOUBLINGS = 20


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    until: float = 0.0  # seconds; before it no try is taken


class Throttle:
    """Holds up whoever guesses. Nothing in it grows without bound."""

    def __init__(self) -> None:
        self._origins: OrderedDict[str, _Tries] = OrderedDict()  # the one seen last stands last
        self._friends: OrderedDict[str, None] = OrderedDict()  # addresses that were right once
        self._all = _Tries()
        self._calmed = 0.0

    def begin(self, address: str, now: float) -> float:
        """Count a try. Returns 0, or seconds to wait if it may not be made, which then does not count.

        Args:
          now: Seconds; a clock that is set back lengthens no wait beyond what it was to be.
        """
        tries = self._of(self.counted_as(address), now)
        wait = _wait(tries, now, LONGEST_LOCK)
        if not wait and address not in self._friends:
            self._calm(now)
            wait = _wait(self._all, now, LONGEST_FOR_ALL)
        if wait:
            return wait
        tries.wrong += 1
        tries.until = now + _delay(tries.wrong)
        if address not in self._friends:
            self._all.wrong += 1
            self._all.until = now + _delay_for_all(self._all.wrong)
        return 0.0

    def counted_as(self, address: str) -> str:
        """Return the origin whose tries an address's are: itself, or of IPv6 its /64, until it was right once."""
        return address if address in self._friends else origin(address)

    def wait(self, address: str, now: float) -> float:
        """Return seconds that an address has to wait for wrong tries of its origin. Counts nothing."""
        tries = self._origins.get(self.counted_as(address))
        return 0.0 if tries is None else _wait(tries, now, LONGEST_LOCK)

    def right(self, address: str, now: float) -> None:
        """Forget the tries of an address: the last one was right. What others do holds it up no more."""
        self.give_back(address, now)
        if self.counted_as(address) == address:
            self._origins.pop(address, None)  # what neighbours in its /64 got wrong stays counted
        self._friends[address] = None
        self._friends.move_to_end(address)
        if len(self._friends) > MOST:
            self._friends.popitem(last=False)

    def give_back(self, address: str, now: float) -> None:
        """Take back the try that an address began last: it was not wrong."""
        tries = self._origins.get(self.counted_as(address))
        if tries is not None and tries.wrong:
            tries.wrong -= 1
            tries.until = min(tries.until, now + _delay(tries.wrong))
        if address not in self._friends:
            self._all.wrong = max(self._all.wrong - 1, 0)
            self._all.until = min(self._all.until, now + _delay_for_all(self._all.wrong))

    def locked(self, address: str, now: float) -> float:
        """Return seconds for which an address is locked out; 0 if it only has to wait, or not even that."""
        tries = self._origins.get(self.counted_as(address))
        return _wait(tries, now, LONGEST_LOCK) if tries is not None and tries.wrong >= LOCKED_AFTER else 0.0

    def _of(self, origin: str, now: float) -> _Tries:
        tries = self._origins.get(origin)
        if tries is None or now > tries.until + FORGOTTEN:
            tries = self._origins[origin] = _Tries()
        self._origins.move_to_end(origin)
        if len(self._origins) > MOST:
            self._origins.popitem(last=False)
        return tries

    def _calm(self, now: float) -> None:
        """Forget some of the wrong tries of all, as time goes by."""
        forgiven = int((now - self._calmed) / FORGIVEN)
        if forgiven < 0 or self._calmed == 0.0:
            self._calmed = now
        elif forgiven:
            self._calmed += forgiven * FORGIVEN
            self._all.wrong = max(self._all.wrong - forgiven, 0)


def _wait(tries: _Tries, now: float, most: float) -> float:
    return min(max(tries.until - now, 0.0), most)


def _delay(wrong: int) -> float:
    """Return seconds after so many wrong tries of one origin: 0, 0, 0, 1, 2, 4 … 60, and from the tenth on a lock-out."""
    if wrong <= FREE:
        return 0.0
    if wrong < LOCKED_AFTER:
        return min(2.0 ** (wrong - FREE - 1), LONGEST_DELAY)
    return min(FIRST_LOCK * 2.0 ** min(wrong - LOCKED_AFTER, _MOST_DOUBLINGS), LONGEST_LOCK)


def _delay_for_all(wrong: int) -> float:
    """Return seconds after so many wrong tries of all strangers together."""
    return 0.0 if wrong <= ALL_FREE else min(0.25 * 2.0 ** min(wrong - ALL_FREE - 1, _MOST_DOUBLINGS), LONGEST_FOR_ALL)
