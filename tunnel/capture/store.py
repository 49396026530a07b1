"""Store: what was recorded, read back. Opening the file is for `capture.store_schema`, writing for `capture.store_write`.

Any number of processes may read while others write. What a reader sees is what was committed, about 50 ms behind the way.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tunnel.capture import alive
from tunnel.capture.columns import READ, SUMMARY, sound
from tunnel.capture.finding import FILTER, Finding
from tunnel.capture.heads import media_type_of
from tunnel.capture.query import Query
from tunnel.capture.rows import Value
from tunnel.capture.rows_read import exchange_of
from tunnel.capture.store_schema import BUSY, FILE, VERSION, read_version, replaced, trouble
from tunnel.capture.store_write import MOST_EXCHANGES, PIECE_BITS, body_key
from tunnel.errors import TunnelError
from tunnel.model.exchange import Exchange, Moment, RecordedMessage, Side, State, Summary

AT_ONCE = 500  # numbers in one look, where all of them are wanted
FEW = 50  # exchanges of live traffic, whose bodies are read and not looked up

_LINE = ", ".join(SUMMARY)
_READ_LINE = ("process", *SUMMARY)
_STATE, _TYPE = _READ_LINE.index("state"), 1 + Summary._fields.index("type")
_LINES = f"SELECT process, {_LINE} FROM exchange WHERE ({FILTER})"
_IDS = f"SELECT id FROM exchange WHERE ({FILTER})"
_ALL = ", ".join(READ)


@dataclass(frozen=True, slots=True)
class Facts:
    """A store as a whole.

    Attributes:
      exchanges: How many it holds.
      oldest: When the first of them began, µs since the epoch; None where there is none. `newest`: the last.
      size: Bytes of its file, its journal not counted; `free` of these hold nothing.
      writers: Processes that write to it now.
    """

    exchanges: int
    oldest: int | None
    newest: int | None
    size: int
    free: int
    writers: int


class Store:
    """The reading end of a store. A context manager that closes itself; not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Open the store.

        Args:
          folder: Where it lives.
        Raises:
          NoStore: Nothing has been recorded there yet.
          TunnelError: It cannot be read, or is of a version that cannot be.
        """
        self.folder = folder
        self.path = folder / FILE
        if not self.path.exists():
            raise NoStore(self.path)
        self._dead: set[int] = set()
        with self._readable():
            self._inode = self.path.stat().st_ino
            self._sql = _open(self.path)
        self._finding: Finding | None = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._finding is not None:
            self._finding.close()
        self._sql.close()

    @property
    def gone(self) -> bool:
        """Whether the file was deleted or replaced, so that nothing new will be seen here."""
        return replaced(self.path, self._inode)

    def latest(self, count: int, query: Query | None = None) -> list[Summary]:
        """Return the exchanges that began last, the very last one at the end.

        Args:
          count: At most so many.
          query: Only those that it means.
        Raises: TooSlow, the filter takes too long; as everywhere below.
        """
        return self._summaries(reversed(self._find(query, f"{_LINES} ORDER BY started DESC, id DESC LIMIT ?", count)))

    def page(self, query: Query | None, *, before: int | None = None, limit: int = 100) -> list[Summary]:
        """Return some exchanges, the highest number first.

        Args:
          query: Only those that it means.
          before: Only those with a lower number: the last one's of the page before.
          limit: At most so many.
        """
        below = MOST_EXCHANGES if before is None else before
        return self._summaries(self._find(query, f"{_LINES} AND id < ? ORDER BY id DESC LIMIT ?", below, limit))

    def matching(self, query: Query, ids: Iterable[int]) -> set[int]:
        """Return which of these exchanges a filter means."""
        some = list(ids)
        statement = f"{_IDS} AND id IN (SELECT value FROM json_each(?))"
        return {id for (id,) in self._find(query, statement, json.dumps(some), few=len(some) <= FEW)}

    def count(self, query: Query | None, most: int = 100_000) -> int:
        """Return how many exchanges a filter means, counted up to `most`."""
        ((count,),) = self._find(query, f"SELECT count(*) FROM ({_IDS} LIMIT ?)", most)
        return count

    def ids(self, query: Query | None, *, after: int = 0) -> Iterator[int]:
        """Return the numbers of the exchanges that a filter means, the lowest first, read as they are asked for."""
        while found := self._find(query, f"{_IDS} AND id > ? ORDER BY id LIMIT ?", after, AT_ONCE):
            for (after,) in found:
                yield after
            if len(found) < AT_ONCE:
                return

    def _find(self, query: Query | None, statement: str, *values: Value, few: bool = False) -> list[tuple[int, ...]]:
        with self._readable():
            if self._finding is None:
                self._finding = Finding(
                    self._sql,
                    self.folder,
                    state=lambda process: self._state(State.RUNNING, process),
                    pieces=self._pieces,
                    gone=lambda: self.gone,
                )
            return self._finding.rows(query, statement, values, few=few)

    def since(self, revision: int, limit: int) -> list[Summary]:
        """Return what has changed since, in the order of the changes: new exchanges, and running ones that went on or ended.

        Args:
          revision: The last one already seen; each `Summary` carries its own.
          limit: At most so many; ask again from the last one returned.
        """
        with self._readable():
            rows = self._sql.execute(
                f"SELECT process, {_LINE} FROM exchange WHERE revision > ? ORDER BY revision LIMIT ?", (revision, limit)
            ).fetchall()
        return self._summaries(rows)

    def revision(self) -> int:
        """Return the latest revision: `since` this one is everything that is still to come."""
        with self._readable():
            return int(self._sql.execute("SELECT revision - 1 FROM counter").fetchone()[0])

    def summaries(self, tail: str, values: Sequence[Value]) -> list[Summary]:
        """Return the lines of some exchanges, for this room's own files.

        Args:
          tail: What follows FROM exchange: WHERE, ORDER BY, LIMIT.
        """
        with self._readable():
            rows = self._sql.execute(f"SELECT process, {_LINE} FROM exchange {tail}", values).fetchall()
        return self._summaries(rows)

    def select(self, sql: str, values: Sequence[Value] | Mapping[str, Value] = ()) -> list[tuple[Any, ...]]:
        """Return what a statement of this room's own files gives."""
        with self._readable():
            return self._sql.execute(sql, values).fetchall()

    def interrupt(self) -> None:
        """Break off what another thread reads here; it fails there."""
        self._sql.interrupt()

    def summary(self, id: int) -> Summary | None:
        """Return the line of one exchange, or None if there is none."""
        with self._readable():
            rows = self._sql.execute(f"SELECT process, {_LINE} FROM exchange WHERE id = ?", (id,)).fetchall()
        return next(iter(self._summaries(rows)), None)

    def exchange(self, id: int) -> Exchange | None:
        """Return one exchange, or None if there is none of that number (any more)."""
        if not 0 <= id < MOST_EXCHANGES:
            return None
        with self._readable():
            row = self._sql.execute(f"SELECT {_ALL} FROM exchange WHERE id = ?", (id,)).fetchone()
            if row is None:
                return None
            of = list(sound(READ, row))
            state, process = READ.index("state"), READ.index("process")
            of[state] = self._state(of[state], of[process])
            return exchange_of(of)

    def facts(self) -> Facts:
        """Return what can be said of the store as a whole."""
        with self._readable():
            (exchanges, oldest, newest), (pages,), (free,), (page,) = (
                self._sql.execute(sql).fetchone()
                for sql in (
                    "SELECT (SELECT count(*) FROM course), (SELECT min(started) FROM course),"
                    " (SELECT max(started) FROM course)",
                    "PRAGMA page_count",
                    "PRAGMA freelist_count",
                    "PRAGMA page_size",
                )
            )
            processes = [process for (process,) in self._sql.execute("SELECT id FROM process").fetchall()]
        writers = sum(alive.is_alive(self.folder, process) for process in processes)
        return Facts(exchanges, oldest, newest, pages * page, free * page, writers)

    def body(self, id: int, side: Side | str) -> bytes:
        """Return what was kept of a body, content-coded as it passed; empty where nothing was."""
        side = Side(side)
        with self._readable():
            row = self._sql.execute(f"SELECT {side.value}_body FROM exchange WHERE id = ?", (id,)).fetchone()
            return bytes(row[0]) if row is not None and row[0] is not None else self._pieces(id, side)

    def _pieces(self, id: int, side: Side) -> bytes:
        response = side is Side.RESPONSE
        first, end = body_key(id, response, 0), body_key(id, True, 0) if not response else body_key(id + 1, False, 0)
        rows = self._sql.execute("SELECT bytes FROM body WHERE key >= ? AND key < ? ORDER BY key", (first, end))
        return b"".join([piece for (piece,) in rows])

    def moments(self, id: int) -> list[Moment]:
        """Return when each part of an answer's body came, in its order; none where the exchange's own times say as much."""
        found: list[Moment] = []
        size = 0
        with self._readable():
            rows = self._sql.execute(
                "SELECT length(bytes), at FROM body WHERE key >= ? AND key < ? ORDER BY key",
                (body_key(id, True, 0), body_key(id + 1, False, 0)),
            )
            for length, at in rows:
                if not isinstance(length, int) or not isinstance(at, int | None):
                    raise ValueError(f"a piece of exchange {id}")
                size += length
                found.append(Moment(size, at))
        return found if any(moment.at is not None for moment in found) else []

    def messages(self, id: int) -> Iterator[RecordedMessage]:
        """Return the messages of an upgraded connection, oldest first, read as they are asked for."""
        with self._readable():
            rows = self._sql.execute(
                "SELECT from_client, kind, at, size, payload FROM message WHERE key >= ? AND key < ? ORDER BY key",
                (id << PIECE_BITS, (id + 1) << PIECE_BITS),
            )
            for from_client, kind, at, size, payload in rows:
                if (type(kind), type(at), type(size), type(payload)) != (str, int, int, bytes):
                    raise ValueError(f"a message of exchange {id}")
                yield RecordedMessage(bool(from_client), kind, at, size, payload)

    def _summaries(self, rows: Iterable[tuple[int, ...]]) -> list[Summary]:
        with self._readable():
            checked: list[list[Any]] = [list(sound(_READ_LINE, row)) for row in rows]
        for row in checked:
            row[_STATE] = self._state(row[_STATE], row[0])
            row[_TYPE] = media_type_of(row[_TYPE])
        return [Summary._make(row[1:]) for row in checked]

    def _state(self, state: str | int, process: int) -> str:
        """Return the state, knowing that a dead process's exchanges run no more."""
        if state != State.RUNNING:
            return str(state)
        if process not in self._dead and not alive.is_alive(self.folder, process):
            self._dead.add(process)
        return State.INTERRUPTED.value if process in self._dead else State.RUNNING.value

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, TypeError, KeyError) as error:
            raise trouble(self.path, error) from error


class NoStore(TunnelError):
    """Nothing was recorded yet: the commands answer this with a friendly sentence."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"nothing has been recorded yet ({path} is not there)", hint="start recording: `tunnel 3000`")


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _checked(sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False), path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_CANTOPEN":
            raise
        # Even readers write beside a store (its -shm). Where they may not, a store that nobody writes can be read as it is.
        uri = f"{path.absolute().as_uri()}?immutable=1"
        return _checked(sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False), path)


def _checked(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    try:
        connection.execute("PRAGMA query_only = ON")
        version = read_version(connection, path)
        if version == 0:
            raise NoStore(path)
        if version < VERSION:
            raise TunnelError(
                f"the store {path} was made by an older tunnel (version {version}, this one reads {VERSION})",
                hint="start `tunnel`, which brings it up to date",
            )
    except BaseException:
        connection.close()
        raise
    return connection
