"""Summary: what a line in a list says of an exchange. All that a front itself needs to know of those it has recorded.

All times are integers in microseconds: `started` since the Unix epoch, `ended` relative to it. What else there is to an
exchange, for those who read it, is in `model.exchange`.
"""

import enum
from typing import NamedTuple


class State(enum.StrEnum):
    """How far an exchange has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # it ended with an error; whose fault is told beside it
    INTERRUPTED = "interrupted"  # the process that carried it died before it ended


class Side(enum.StrEnum):
    """Which of the two bodies."""

    REQUEST = "request"
    RESPONSE = "response"


class Summary(NamedTuple):
    """What a line in a list says. A named tuple, since the writer makes one for each exchange that passes.

    Attributes:
      id: The number to type after `tunnel show`.
      revision: Grows with every change to any exchange of the store; the last one seen is where to go on reading.
      started: When the whole request head had been read, µs since the epoch.
      ended: µs after `started`; None while it runs, or where nobody saw the end.
      status: Of the answer the upstream (or tunnel itself) gave; None before there is one.
      upgrade: The protocol that was switched to with a 101 ("websocket"), else empty.
      type: The answer's media type, in lower case and without its parameters; empty where it names none.
      caller: The client program's name, or empty; `caller_pid` is 0 then.
      fault: Whose side the error lies on, or empty.
      parent: The exchange that this one repeats, or 0.
      source: The file it was imported from, or empty.
      device: Who was let in, where a service was opened to a network; empty for whoever was not, and everywhere else.
      rule: How that share lets devices in ("pairing"); empty where nothing was shared.
    """

    id: int
    revision: int
    state: str
    started: int
    ended: int | None
    method: str
    host: str
    target: str
    status: int | None
    upgrade: str
    type: str
    request_size: int
    response_size: int
    messages: int
    caller: str
    caller_pid: int
    error: str
    fault: str
    parent: int
    source: str
    device: str
    rule: str


class Moment(NamedTuple):
    """When a part of a body came.

    Attributes:
      end: Bytes of the body, as it is kept, up to the part's last one.
      at: When that one came, µs since the epoch; None where nobody noted it.
    """

    end: int
    at: int | None
