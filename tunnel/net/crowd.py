"""Crowd: how many connections each address has open, so that one visitor cannot take them all. No I/O and no clock.

What counts as one address is for whoever counts: of IPv6, a visitor has as many as it likes.
"""


class Crowd:
    """Of one listener that strangers can reach.

    Args:
      most: Of one address.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: dict[str, int] = {}

    def comes(self, address: str) -> bool:
        """Count one more, unless that address has as many as it may have; whether it was counted."""
        now = self._open.get(address, 0)
        if now >= self.most:
            return False
        self._open[address] = now + 1
        return True

    def leaves(self, address: str) -> None:
        """Count one less."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
