"""Gathering: takes what the way has left in its deques, and makes a batch of it. Rows and SQL are for others.

A record is taken once, at its end, or, when it is shown, a little at each look: what came since, in the order it came.
"""

from collections import deque
from collections.abc import Set
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from tunnel.capture.moments import is_stream, together
from tunnel.capture.tap import Record
from tunnel.model.stream import Message
from tunnel.model.summary import State

MOST_LOOKED = 128  # shown records at one look: 0.3 ms during which the way may have to wait for Python's lock

T = TypeVar("T")
Piece = tuple[Record, bool, int, bytes, float | None]
"""A piece of a body: whose, whether of the response, its number, its bytes, and when it came where that was noted."""

# Bytes. A body up to this size costs less in its exchange's row than in one of its own. Larger ones would make the rows, of
# which a list reads the beginnings, too few in a page.
SMALL = 1024


class Source(Protocol):
    """Where records come from."""

    ended: deque[Record]
    shown: deque[Record]


class Entry(NamedTuple):
    """One exchange to be written: how it stands, and how much of it is, or is about to be, in the store."""

    record: Record
    state: State
    kept: tuple[int, int]
    messages: int
    request_body: bytes | None = None  # small and whole: it lies in the row itself
    response_body: bytes | None = None
    found: Set[bytes] = frozenset()  # pseudonyms of the secrets in its bodies and messages, where those are hidden


@dataclass(slots=True)
class Batch:
    """One transaction's worth, kept until it is committed."""

    records: list[Entry] = field(default_factory=list)
    bodies: list[Piece] = field(default_factory=list)
    messages: list[tuple[Record, int, Message]] = field(default_factory=list)  # record, number, message
    ended: int = 0  # of the records, those that will not come again
    taken: int = 0  # bytes of the budget to give back when it is committed
    full: bool = False  # more is waiting

    def begin_again(self) -> None:
        """Know that what earlier batches held has gone: a body that began there cannot be told any more."""
        fresh = {(id(record), response) for record, response, piece, _, _ in self.bodies if not piece}
        self.bodies = [body for body in self.bodies if (id(body[0]), body[1]) in fresh]
        for number, entry in enumerate(self.records):
            record = entry.record
            # What was kept began with this batch, or in an earlier one, and then nothing of it is left.
            here = (
                entry.kept[0] if entry.request_body is not None or (id(record), False) in fresh else 0,
                entry.kept[1] if entry.response_body is not None or (id(record), True) in fresh else 0,
            )
            record.request_body.lost |= here[0] < entry.kept[0]
            record.response_body.lost |= here[1] < entry.kept[1]
            self.records[number] = entry._replace(kept=here)


@dataclass(slots=True)
class Taken:
    """How much of one record has been taken so far."""

    record: Record
    kept: list[int] = field(default_factory=lambda: [0, 0])  # bytes of each body
    pieces: list[int] = field(default_factory=lambda: [0, 0])
    raw: list[int] = field(default_factory=lambda: [0, 0])  # bytes kept of a stream that nobody reads, each way
    messages: int = 0
    seen: tuple[object, ...] = ()  # what the row said when it was last written
    holed: bool = False  # what was taken before is in no store any more, so what follows would be no prefix


class Gathering:
    """What has been taken of the records that are shown."""

    def __init__(self) -> None:
        self.shown: dict[int, Taken] = {}  # by the record's identity: its number may change

    def take(self, source: Source, most: int, *, stopping: bool = False) -> Batch:
        """Take at most so many ended exchanges, and what is new of those that run.

        Args:
          source: The deques.
          most: Ended exchanges at once.
          stopping: Those that still run will not end any more for us: take them as interrupted.
        """
        batch = Batch()
        # Ended before shown: whatever was shown before its end is then in one of these two.
        ended = _drain(source.ended, most)
        # In the order of their numbers, not of their ends: rows that only ever come last fill pages once, and in turn.
        ended.sort(key=_number)
        batch.full = bool(source.ended)
        batch.ended = len(ended)
        over = {id(record) for record in ended if record.live}
        for record in _drain(source.shown, len(source.shown)):
            self.shown[id(record)] = Taken(record)
        for record in ended:
            state = State.DONE if record.error is None else State.FAILED
            if record.times is not None and not record.live:
                record.live = _streams(record)
            if record.live or record.stream:
                self._take_more(batch, self.shown.pop(id(record), Taken(record)), state)
            else:
                _take_whole(batch, record, state)
        if stopping and not source.ended:
            for taken in self.shown.values():
                self._take_more(batch, taken, State.INTERRUPTED)
            batch.ended += len(self.shown)
            self.shown.clear()
        for key in list(islice(self.shown, MOST_LOOKED)):
            taken = self.shown[key] = self.shown.pop(key)  # where there are more of them, each in its turn
            if key not in over:
                self._take_more(batch, taken, State.RUNNING)
        return batch

    def write_again(self) -> None:
        """Have every running exchange written with the next batch: what was written last may not have arrived."""
        for taken in self.shown.values():
            taken.seen = ()

    def begin_again(self) -> None:
        """Know that all that was written has gone."""
        self.write_again()
        for taken in self.shown.values():
            for body, kept in zip((taken.record.request_body, taken.record.response_body), taken.kept, strict=True):
                body.lost |= kept > 0
            taken.holed = taken.holed or any(taken.kept)
            taken.kept = [0, 0]

    def _take_more(self, batch: Batch, taken: Taken, state: State) -> None:
        """Take what is new of a record that runs, or was shown while it ran."""
        record = taken.record
        for response, body in enumerate((record.request_body, record.response_body)):
            if body.pieces:
                pieces = body.pieces[:]
                del body.pieces[: len(pieces)]  # more may have come
                for data, at in together(pieces, record.times if response else None):
                    batch.taken += len(data)
                    if not taken.holed:
                        batch.bodies.append((record, bool(response), taken.pieces[response], data, at))
                        taken.pieces[response] += 1
                        taken.kept[response] += len(data)
        if record.stream:
            self._take_stream(batch, taken, record.stream)
        response_head = record.response
        seen = (state, record.id, response_head, record.returned, record.request_body.size, record.response_body.size,
                taken.messages)  # fmt: skip
        if seen != taken.seen:
            taken.seen = seen
            batch.records.append(Entry(record, state, (taken.kept[0], taken.kept[1]), taken.messages))

    def _take_stream(self, batch: Batch, taken: Taken, stream: deque[tuple[bool, float, bytes]]) -> None:
        """Read an upgraded connection's bytes into messages."""
        record = taken.record
        for from_client, at, data in _drain(stream, len(stream)):
            batch.taken += len(data)
            found: list[Message] | None = None
            if record.watch is not None:
                try:
                    found = record.watch.feed(from_client, at, data)
                except Exception:
                    record.watch = None  # it broke its promise; what follows is kept as bytes
            if found is None:
                side, cap = int(not from_client), record.request_body.cap
                payload = data[: max(cap - taken.raw[side], 0)]
                taken.raw[side] += len(payload)
                found = [Message(from_client, "bytes", at, len(data), payload)]
            for message in found:
                batch.messages.append((record, taken.messages, message))
                taken.messages += 1


def _number(record: Record) -> int:
    return record.id


def _streams(record: Record) -> bool:
    """Whether an answer is a stream, of whose parts the times matter though it was over soon."""
    answer = record.response
    return answer is not None and is_stream(answer.headers.get(b"content-type") or b"")


def _take_whole(batch: Batch, record: Record, state: State) -> None:
    """Take a record that nobody asked about while it ran: the common one."""
    asked, answered = record.request_body.pieces, record.response_body.pieces
    request = b"" if asked is None else _take_body(batch, record, False, asked)
    response = b"" if answered is None else _take_body(batch, record, True, answered)
    batch.records.append(
        Entry(
            record,
            state,
            (len(request), len(response)),
            0,
            request if 0 < len(request) <= SMALL else None,
            response if 0 < len(response) <= SMALL else None,
        )
    )


def _take_body(batch: Batch, record: Record, response: bool, pieces: list[bytes]) -> bytes:
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if len(data) > SMALL:
        batch.bodies.append((record, response, 0, data, None))
    batch.taken += len(data)
    return data


def _drain(source: deque[T], most: int) -> list[T]:
    return [source.popleft() for _ in range(min(len(source), most))]
