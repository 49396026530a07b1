"""Telling: what a person hears of a share, and how often: a line for each thing, never a flood of them.

Whoever knocks a thousand times is one line a minute, and a thousand who knock are twenty. The record keeps every request.
"""

from collections.abc import Callable

from tunnel.model.share import Happening

AGAIN = 60.0  # seconds before the same is told again
MOST = 20  # of what strangers cause, in that time; the rest is not told


class Telling:
    """Tells `told`.

    Args:
      told: Called in the loop's thread; must not wait.
    """

    def __init__(self, told: Callable[[Happening], None]) -> None:
        self._told = told
        self._lately: dict[tuple[str, str], float] = {}

    def tell(self, what: str, sentence: str, *, address: str, device: int = 0, name: str = "") -> None:
        """Tell of something that a person did or has to hear of."""
        self._told(Happening(what, device, name, address, sentence))

    def seldom(
        self, what: str, sentence: str, now: float, *, address: str, about: str = "", device: int = 0, name: str = ""
    ) -> None:
        """Tell of something that a stranger may cause as often as they like.

        Args:
          about: With `address`, what makes two the same; without it, nothing is told if anything was of that address.
        """
        self._lately = {key: at for key, at in self._lately.items() if 0 <= now - at < AGAIN}
        told = (about, address) in self._lately if about else any(address == told for _, told in self._lately)
        if told or len(self._lately) >= MOST:
            return
        self._lately[(about, address)] = now
        self.tell(what, sentence, address=address, device=device, name=name)
