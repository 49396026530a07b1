"""Tap and Record: what the way notes down about one exchange while it passes.

This file is on the hot path: noting is an append or an assignment, never a format, a look-up or a wait. The way's task
appends; the recorder's thread takes. An append is atomic, and so is taking (`deque.popleft`, a slice of a list from its
begin), so no lock is needed between them. Some thousand records wait at a time, and their size is felt: nothing is made
before it is needed, and a body's pieces are a list, a tenth of a deque, which gave 2 to 3 % more requests a second.
Turning what was noted into rows is for `capture.rows`.
"""

from collections import deque

from tunnel.errors import TunnelError
from tunnel.model.headers import Headers
from tunnel.model.message import Request, Response
from tunnel.model.peer import Peer
from tunnel.model.stream import Watch


class Budget:
    """How many bytes of bodies may wait in memory for the writer.

    Two counters, each written by one thread only, so that neither needs a lock: the way adds, the writer takes.
    """

    __slots__ = ("added", "dropped", "limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.added = 0  # bytes the way has handed over
        self.taken = 0  # bytes the writer is done with
        self.dropped = 0  # bytes that did not fit

    @property
    def waiting(self) -> int:
        """Bytes in memory now."""
        return self.added - self.taken


class Tap:
    """One body as it passes: its true size, and its first `cap` bytes waiting to be written."""

    __slots__ = ("budget", "cap", "kept", "lost", "pieces", "size")

    def __init__(self, cap: int, budget: Budget) -> None:
        self.cap = cap
        self.budget = budget
        self.pieces: list[bytes] | None = None  # made with the first piece, since most requests have none
        self.size = 0  # bytes that passed
        self.kept = 0  # of these, bytes handed to the writer: always a prefix of the body
        self.lost = False  # a piece did not fit the budget, so the prefix ends before the cap

    @property
    def full(self) -> bool:
        """Whether nothing more is kept, so that only the size counts."""
        return self.kept >= self.cap or self.lost

    def count(self, size: int) -> None:
        """Note bytes that were relayed unseen, when `full`."""
        self.size += size

    def add(self, piece: bytes) -> None:
        """Note a piece that has been relayed."""
        self.size += len(piece)
        if self.kept >= self.cap or self.lost:
            return
        if len(piece) > self.cap - self.kept:
            piece = piece[: self.cap - self.kept]
        budget = self.budget
        if budget.added - budget.taken + len(piece) > budget.limit:
            self.lost = True
            budget.dropped += len(piece)
            return
        self.kept += len(piece)
        budget.added += len(piece)
        if self.pieces is None:
            self.pieces = [piece]
        else:
            self.pieces.append(piece)


class Record:
    """One exchange while it runs. Fields are set by the way in the order of the story; None means not yet, or never.

    All times are seconds on the clock of `time.perf_counter`.
    """

    __slots__ = (
        "connected", "device", "ended", "error", "first", "id", "informational", "live", "peer", "repairs",
        "request", "request_body", "request_trailers", "response", "response_body", "response_trailers", "returned",
        "reused", "rule", "sent", "started", "stream", "times", "upstream", "watch",
    )  # fmt: skip

    def __init__(self, number: int, peer: Peer, request: Request, started: float, cap: int, budget: Budget) -> None:
        self.id = number
        self.peer = peer
        self.request = request
        self.started = started  # the whole request head had been read
        self.upstream = ""  # the address that was reached: "127.0.0.1:3000"
        self.reused = False  # over a connection that had served before
        self.sent = b""  # the request head as it went upstream
        self.connected: float | None = None  # an upstream connection was at hand
        self.first: float | None = None  # the first byte of the answer came
        self.ended: float | None = None  # the last byte went to the client, or the error struck
        self.informational: tuple[Response, ...] = ()  # 1xx, as they came
        self.response: Response | None = None  # the answer's head, as it came (ours, where we answered)
        self.returned = b""  # the answer's head as it went to the client
        self.request_body = Tap(cap, budget)
        self.response_body = Tap(cap, budget)
        self.request_trailers: Headers | None = None
        self.response_trailers: Headers | None = None
        self.error: TunnelError | None = None
        self.repairs: tuple[str, ...] = ()  # what we changed beyond the hop's own fields, a sentence each
        self.stream: deque[tuple[bool, float, bytes]] | None = None  # upgraded: (from client, when, bytes)
        self.watch: Watch | None = None
        self.device = ""  # of a share: who was let in, and
        self.rule = ""  # by which rule
        self.times: deque[float] | None = None  # when each piece of an answer came that was not whole with its head
        self.live = False  # it is written piece by piece: the writer was told while it runs, or its answer is a stream

    def timed(self, piece: bytes, at: float) -> None:
        """Note a piece of an answer whose body comes in pieces, and when it came. Of such an answer, each one so."""
        body = self.response_body
        if body.kept < body.cap and not body.lost:
            if self.times is None:
                self.times = deque()
            self.times.append(at)  # before its piece: the writer, which takes at any time, finds one for each
        body.add(piece)

    def passed(self, from_client: bool, at: float, data: bytes) -> None:
        """Note bytes of an upgraded connection. Bodies count them too, so sizes are true."""
        body = self.request_body if from_client else self.response_body
        body.size += len(data)
        budget = body.budget
        if body.lost or budget.added - budget.taken + len(data) > budget.limit:
            body.lost = True  # frames cannot be read again from the middle: this direction's reading ends here
            budget.dropped += len(data)
            return
        budget.added += len(data)
        if self.stream is None:
            self.stream = deque()
        self.stream.append((from_client, at, data))
