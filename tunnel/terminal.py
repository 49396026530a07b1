"""Terminal: what a front tells whoever watches it. The command line prints it; tests read it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tunnel.capture.recorder import Statistics
from tunnel.errors import TunnelError
from tunnel.model.summary import Summary

if TYPE_CHECKING:
    from tunnel.model.share import Happening, Question, Share  # which no other front imports


@dataclass(frozen=True, slots=True)
class Shared:
    """What a person should know of a share that is up.

    Attributes:
      urls: Where it is reached: by its first address, by its names, by what else it has of addresses.
      link: What a device opens to be let in, a one-time token and all; the address alone where there is no token.
      fingerprint: Of the authority's root: SHA-256, hex.
    """

    share: "Share"
    urls: tuple[str, ...]
    link: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Started:
    """What a person should know of a front that is up.

    Attributes:
      url: Where it is reached.
      target: What it fronts, for people.
      moved_from: The port that was wanted and was busy, or None.
      authority: The folder of the local authority; None where no TLS is served.
      inspector: What opens the inspector, token and all; empty where there is none.
      shared: How it was opened to a network; None where it was not.
    """

    url: str
    port: int
    target: str
    moved_from: int | None
    authority: Path | None
    inspector: str = ""
    shared: Shared | None = None


class Terminal:
    """What `run` tells whoever watches. The command line prints it; tests read it.

    Attributes:
      quiet: Nobody wants to hear of single exchanges, so nothing is made ready for it.
    """

    quiet = False

    def started(self, started: Started) -> None:
        """The front is up."""

    def exchanges(self, exchanges: Sequence[Summary]) -> None:
        """Exchanges were recorded. Called in the recorder's thread."""

    def notice(self, error: TunnelError) -> None:
        """Something happened that a person should hear of now. May be called from any thread."""

    def happened(self, happening: "Happening") -> None:
        """Something happened to a share: somebody asked, came in, was refused; its time is nearly over."""

    def questions(self, questions: "Sequence[Question]", answer: Callable[[int, bool], None]) -> None:
        """Who wants to be let into a share, all of them, whenever that has changed.

        Args:
          answer: Takes the number of a question and whether it is let in; may be called from any thread.
        """

    def link(self, link: str) -> None:
        """A share's link was used up; with this one another device may ask. Not called for the first."""

    def stopping(self, running: int) -> None:
        """No more connections are accepted; so many exchanges still run."""

    def stopped(self, statistics: Statistics) -> None:
        """Everything has ended and is written."""

    def rest(self) -> bool:
        """End threads of its own, so that the process may fork or end; whether it could. Telling begins them anew."""
        return True
