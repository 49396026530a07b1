"""Replay: a recorded request that is sent again, and what came of it. Which fields are sent is for `rules.replaying`.

Draft          what is to be said, which edits may change
ReplayPlan     what is sent, and where
Replayed       what came
"""

from dataclasses import dataclass

from tunnel.model.address import Target
from tunnel.model.headers import Headers

NOT_SENT = 5  # exit code: something could not be sent again (docs/command.md)


@dataclass(frozen=True, slots=True)
class Draft:
    """A request as it is to be sent again, before it is framed and addressed.

    Attributes:
      method: As it will be sent.
      target: In origin form, or `*`.
      headers: Without what belongs to one connection, the length and the mark: those are made by `rules.replaying.planned`.
      body: As it will be sent, content-coded if a field says so.
    """

    method: bytes
    target: bytes
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """One request that is to be sent, whole.

    Attributes:
      parent: The exchange that it repeats; 0 where it repeats none.
      headers: All of its fields, in order: Host, length and mark are among them.
      place: Where it is sent.
      front: Whether `place` is a front of ours, which records the exchange.
      patience: Seconds from dialling to the last byte of the answer.
    """

    parent: int
    method: bytes
    target: bytes
    headers: Headers
    body: bytes
    place: Target
    front: bool
    patience: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """The answer to a plan.

    Attributes:
      started: When the request was sent, µs since the epoch.
      first: µs after `started` when the answer began.
      took: µs after `started` when the last byte came.
      status: Of the answer.
      head: Of the answer, as it came, blank line included.
      body: Its first bytes, as they were coded.
      size: Bytes of body that came.
      cut: Why the answer is not whole, as a sentence without a full stop; empty where it is.
      port: The port that we sent from, by which the front's record of it is known; 0 over a unix socket.
    """

    started: int
    first: int
    took: int
    status: int
    head: bytes
    body: bytes
    size: int
    cut: str
    port: int
