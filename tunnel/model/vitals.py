"""Vitals: what a process uses of its machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vitals:
    """Counts of one process.

    Attributes:
      memory: Bytes that are resident.
      cpu: Seconds of processor time, user and system, since it began.
      descriptors: Open files and sockets.
      most_descriptors: How many may be open; None where nothing limits them.
    """

    memory: int
    cpu: float
    descriptors: int
    most_descriptors: int | None
