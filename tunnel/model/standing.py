"""Standing: a share as its owner sees and steers it, at the terminal, from another one, and on the inspector's page. No I/O.

What is shared is said by `model.share`; who keeps devices and questions is `tunnel.share`.
"""

from dataclasses import dataclass
from typing import Protocol

from tunnel.model.share import Access, Device, Happening, Question


@dataclass(frozen=True, slots=True)
class Heard:
    """What happened, and when: seconds since the Unix epoch."""

    at: float
    happening: Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a share stands now. Plain values only, so that it goes through a socket and a browser as it is.

    Attributes:
      port: By which it is named where several run.
      pid: Of its process.
      url: Where it is reached on the network.
      target: What it fronts, for people.
      access: How devices are let in.
      rules: What else holds, each for people: "read-only", "only /app", "only from 192.0.2.0/24".
      began: Seconds since the Unix epoch.
      ends: The same; None for never.
      left: Seconds until then; None for never.
      link: Lets one more device ask, under `Access.PAIRING`; else empty. Holds a one-time token.
      heard: What happened lately, the oldest first.
    """

    port: int
    pid: int
    url: str
    target: str
    access: Access
    rules: tuple[str, ...] = ()
    began: float
    ends: float | None
    left: float | None
    link: str = ""
    devices: tuple[Device, ...] = ()
    questions: tuple[Question, ...] = ()
    heard: tuple[Heard, ...] = ()


class Steering(Protocol):
    """What the owner of a share can do with it. Nothing here waits; all of it is called in the event loop's thread."""

    def standing(self) -> Standing:
        """Return how it stands."""
        ...

    def questions(self) -> tuple[Question, ...]:
        """Return who wants in and was not answered, who asked first at first."""
        ...

    def answer(self, number: int, allow: bool) -> Question:
        """Answer a question; return it.

        Raises:
          TunnelError: There is none of that number: 404.
        """
        ...

    def revoke(self, number: int) -> Device:
        """Take a device's way in from it, its open connections included; return it.

        Raises:
          TunnelError: There is none of that number: 404.
        """
        ...

    def extend(self, seconds: float) -> float:
        """Move the end; return the seconds that are left now.

        Raises:
          TunnelError: It has no end: 409. UsageError: That is no time to add.
        """
        ...

    def stop(self) -> None:
        """End it, as Ctrl-C does."""
        ...
