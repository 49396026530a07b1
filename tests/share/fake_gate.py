"""A gate that a test fills: devices, questions, an end; and a desk in front of it."""

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from tunnel.model.share import Access, Device, Question, Share
from tunnel.share.desk import Desk

PIXEL = Device(1, "Pixel 9", "192.0.2.7", Access.PAIRING, 1_700_000_000.0, 1_700_000_060.0, 12, "Chrome")
IPAD = Device(2, "iPad", "192.0.2.31", Access.PAIRING, 1_700_000_000.0, 1_700_000_030.0, 0, "Safari")
GALAXY = Question(3, "Galaxy S25", "192.0.2.44", 1_700_000_100.0, "42", "Firefox")
ANOTHER = Question(4, "curl", "192.0.2.45", 1_700_000_101.0, "07")


@dataclass
class FakeGate:
    """A gate.

    Attributes:
      answered: What it was told, in order.
    """

    all_devices: list[Device] = field(default_factory=lambda: [PIXEL, IPAD])
    waiting: list[Question] = field(default_factory=list)
    remaining: float | None = 2520.0
    answered: list[tuple[int, bool]] = field(default_factory=list)
    link: str = "https://192.0.2.10:62893/.tunnel/join?token=once"

    def questions(self) -> tuple[Question, ...]:
        return tuple(self.waiting)

    def answer(self, number: int, allow: bool) -> None:
        self.answered.append((number, allow))
        self.waiting = [one for one in self.waiting if one.number != number]

    def devices(self) -> tuple[Device, ...]:
        return tuple(self.all_devices)

    def revoke(self, number: int) -> Device:
        (gone,) = [one for one in self.all_devices if one.number == number]
        self.all_devices.remove(gone)
        return gone

    def extend(self, seconds: float) -> float:
        assert self.remaining is not None
        self.remaining += seconds
        return 1_700_000_200.0 + self.remaining

    def left(self) -> float | None:
        return self.remaining


def share(**given: Any) -> Share:
    network = ip_network("192.0.2.0/24")
    return Share(**{"address": "192.0.2.10", "interface": "eth0", "network": network, **given})


class Stops:
    """Counts how often it was told to stop."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def desk(gate: FakeGate | None = None, *, port: int = 62893, stop: Stops | None = None, **given: Any) -> Desk:
    """Return a desk in front of a gate, on a clock that stands still."""
    return Desk(
        gate or FakeGate(),
        share(**given),
        url=f"https://192.0.2.10:{port}",
        target="http://localhost:3000",
        port=port,
        stop=stop or Stops(),
        wall=lambda: 1_700_000_200.0,
    )
