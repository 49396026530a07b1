"""Repeats: what many exchanges say alike is written once. A dict knows which; the tables are told in `capture.columns`.

Exchanges of the same span of numbers share, and each refers to the number of the one that said it first. So whoever removes
some sees in their span alone what is still referred to (`capture.store_repeats`), and nothing is remembered for long.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tunnel.capture.clock import Clock
from tunnel.capture.columns import SPAN_BITS
from tunnel.capture.gathering import Entry
from tunnel.capture.rows import Connection, Row, Rows, Said, connection_of, course_of, said_of, together
from tunnel.capture.tap import Record
from tunnel.model.config import MIB
from tunnel.model.peer import Peer
from tunnel.model.summary import State

if TYPE_CHECKING:
    from tunnel.capture.redact_heads import Heads

MOST_HELD = 4 * MIB  # of heads that are remembered; then they are forgotten, and the next of each is written again

Key = tuple[bytes, bytes, bytes, bytes, str]


class Repeats:
    """Makes the rows of batches. Used by the writer's thread alone.

    Attributes:
      collected: How often what nobody referred to had been removed from the store when this began: what is remembered
        holds until it is removed again.
      said: Rows of `heads` that were made and are still to be written; `connections`, those of `connection`.
    """

    def __init__(self, clock: Clock, callers: Callable[[Peer], tuple[str, int] | None]) -> None:
        """Know nothing yet.

        Args:
          clock: Gives wall time.
          callers: Names the client program and its pid.
        """
        self._clock = clock
        self._callers = callers
        self._known: dict[Key, Said] = {}
        # By identity; held, so that no other can have the same one.
        self._peers: dict[int, tuple[Peer, Connection]] = {}
        self._held = 0
        self._span = -1
        self.begin(-1)

    def begin(self, collected: int) -> None:
        """Remember nothing: it was not written, or may have been removed."""
        self.collected = collected
        self.said: list[Said] = []
        self.connections: list[Connection] = []
        self._turn(-1)

    def taken(self) -> tuple[list[Said], list[Connection]]:
        """Return the rows that are still to be written, and know that they will be."""
        made = self.said, self.connections
        self.said, self.connections = [], []
        return made

    def rows(self, entries: Sequence[Entry], process: int, heads: "Heads | None") -> Rows:
        """Return the rows of some exchanges, at least one.

        Args:
          entries: What the way noted, in the order of their numbers as far as may be.
          process: The number of this process.
          heads: Hides what is secret; None where secrets are kept.
        """
        clock, known, peers = self._clock, self._known, self._peers
        courses: list[Row] = []
        all_said: list[Said] = []
        connections: list[Connection] = []
        for entry in entries:
            record = entry.record
            if record.id >> SPAN_BITS != self._span:
                self._turn(record.id >> SPAN_BITS)
            request, response = record.request, record.response
            key = (
                request.raw,
                record.sent,
                b"" if response is None else response.raw,
                record.returned,
                record.upstream,
            )
            said = known.get(key)
            if said is None or said.found:
                said = self._say(entry, key, said, heads)
            of = peers.get(id(record.peer))
            connection = of[1] if of is not None and of[1].caller else self._connect(record)
            courses.append(course_of(entry, said, connection, process=process, clock=clock, heads=heads))
            all_said.append(said)
            connections.append(connection)
        return together(courses, all_said, connections)

    def _turn(self, span: int) -> None:
        """Begin another span."""
        self._span = span
        self._known.clear()
        self._peers.clear()
        self._held = 0

    def _say(self, entry: Entry, key: Key, known: Said | None, heads: "Heads | None") -> Said:
        """Return what an exchange's heads say, and remember it, if others may refer to it."""
        record = entry.record
        # One that is written while it runs is written again under its number, so nobody may refer to it. Without a head as
        # it came, what was read of it is in no key.
        alone = record.live or entry.state is State.RUNNING or not record.request.raw
        if known is not None and not alone and heads is not None and heads.vault.touch(known.found):
            return known
        said = said_of(record, heads)
        self.said.append(said)
        if not alone:
            self._held += sum(map(len, key))
            if self._held > MOST_HELD:
                self._turn(self._span)
            self._known[key] = said
        return said

    def _connect(self, record: Record) -> Connection:
        """Return who asked for an exchange, written anew where the program's name was not known the last time."""
        of = self._peers.get(id(record.peer))
        caller = self._callers(record.peer)
        if of is not None and (caller is None or not caller[0]):
            return of[1]
        connection = connection_of(record, self._clock, caller)
        self.connections.append(connection)
        self._peers[id(record.peer)] = record.peer, connection
        return connection
