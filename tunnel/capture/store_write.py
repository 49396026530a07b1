"""Writing to the store: numbers, batches, and the removal of what is old. Used by one thread; when to write is for `writer`.

Rows go in many to a statement. It is not the statement that would cost: between two of them Python takes its global lock,
which the way's thread then waits for. One statement with many rows works outside that lock while the way runs on.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from tunnel.capture import alive, store_imports, store_repeats
from tunnel.capture.columns import COMMON, CONNECTION, HEADS, RARE, SPAN_BITS
from tunnel.capture.rows import Connection, Rows, Said, Value
from tunnel.capture.store_schema import FILE, Notice, damaged, open_for_writing, replaced, set_aside, trouble
from tunnel.errors import TunnelError

MANY = 128  # rows in one statement: about 0.2 ms to make, during which the way may have to wait
MANY_BODIES = 4  # in one statement: SQLite makes a copy of all that is bound to it, and each may be a MiB
MOST_EXCHANGES = 2**31  # numbers that a key has room for
PIECE_BITS = 32
ROW_SIZE = 400  # bytes that an exchange takes without its bodies, as a rule
RESPONSE = 1 << 31  # the bit of a body's key that says which side

INTO = {
    "course": (*COMMON, *RARE),
    "heads": tuple(HEADS),
    "connection": tuple(CONNECTION),
    "body": ("key", "bytes", "at"),
    "message": ("key", "from_client", "kind", "at", "size", "payload"),
}


Thing = TypeVar("Thing")


class WriteError(Exception):
    """The store could not be written; `reason` says it to a person."""

    def __init__(self, reason: TunnelError) -> None:
        super().__init__(reason.what)
        self.reason = reason


class Writing:
    """The writing end of a store. A context manager is a transaction; anything that fails raises `WriteError`."""

    def __init__(self, claim: alive.Claim, folder: Path, notice: Notice, *, above: int = 0) -> None:
        """Open the store and take a place among its processes.

        Args:
          claim: Says to others that we live; it outlasts this object, as the numbers do that were reserved by it.
          folder: Where the store lives.
          notice: Is told of a store that was set aside.
          above: Numbers up to this one have been given out already (by this process, to a store that has gone).
        Raises: WriteError.
        """
        self.process = claim.process
        self.collected = 0  # how often what exchanges shared was removed, as far as is known here
        self.folder = folder
        self.path = folder / FILE
        try:
            self._sql = open_for_writing(folder, notice)
            try:
                self._inode = self.path.stat().st_ino
                with self:
                    self._enter(above)
            except BaseException:
                self._sql.close()
                raise
        except (sqlite3.Error, OSError, TunnelError) as error:
            raise WriteError(trouble(self.path, error)) from error

    @property
    def gone(self) -> bool:
        """Whether the file was deleted or replaced: SQLite would go on writing to one that nobody can find."""
        return replaced(self.path, self._inode)

    def __enter__(self) -> None:
        try:
            self._sql.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self._sql.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failure:
            if error is None:
                if self._sql.in_transaction:
                    self._sql.rollback()
                raise self._failed(failure) from failure
        if isinstance(error, sqlite3.Error):
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> WriteError:
        if damaged(error):
            self._sql.close()
            return WriteError(set_aside(self.path, self._inode, f"is damaged ({error})"))
        return WriteError(trouble(self.path, error))

    # Numbers

    def _enter(self, above: int) -> None:
        """Note this process, and clear up after those that have died."""
        dead = [
            process
            for (process,) in self._sql.execute("SELECT id FROM process").fetchall()
            if not alive.is_alive(self.folder, process)
        ]
        for process in dead:
            self._leave(process)
            alive.forget(self.folder, process)
        self._sql.execute("UPDATE counter SET id = max(id, ?)", (above + 1,))
        self._sql.execute("INSERT OR IGNORE INTO process VALUES (?, ?, -1)", (self.process, os.getpid()))
        self.collected = self._one("SELECT collected FROM counter")

    def reserve(self, count: int) -> range:
        """Take the next `count` exchange numbers for this process; they are no one else's. In a transaction."""
        first = self._one("UPDATE counter SET id = id + ? RETURNING id", count) - count
        self._sql.execute("UPDATE process SET last = ? WHERE id = ?", (first + count - 1, self.process))
        return range(first, first + count)

    def revisions(self, count: int) -> int:
        """Take `count` numbers of changes; return the first. In a transaction, in which `collected` is then right."""
        asked = "UPDATE counter SET revision = revision + ? RETURNING revision, collected"
        next_one, self.collected = self._sql.execute(asked, (count,)).fetchone()
        return int(next_one) - count

    def _leave(self, process: int, unused: int | None = None) -> None:
        """Close a process's account: its running exchanges were interrupted, its last unused numbers go back."""
        running = self._sql.execute(
            "SELECT id FROM course WHERE state = 'running' AND process = ?", (process,)
        ).fetchall()
        revision = self.revisions(len(running))
        for number, (exchange,) in enumerate(running):
            self._sql.execute(
                "UPDATE course SET state = 'interrupted', revision = ? WHERE id = ?", (revision + number, exchange)
            )
        for broken in store_imports.unfinished(self._sql, process):
            self._remove([(broken.first, broken.last)])
            store_imports.forget(self._sql, broken.first)
        if unused is None:
            # It died without a word. What is neither written nor anybody else's is free.
            newest = store_repeats.newest(self._sql)
            others = self._one("SELECT coalesce(max(last), 0) FROM process WHERE id != ?", process)
            unused = max(newest, others) + 1
        # Only the newest block can be given back: behind any other, somebody has reserved already.
        self._sql.execute(
            "UPDATE counter SET id = min(id, ?) WHERE id = (SELECT last + 1 FROM process WHERE id = ?)",
            (unused, process),
        )
        self._sql.execute("DELETE FROM process WHERE id = ?", (process,))

    # Batches

    def add_exchanges(self, rows: Rows) -> None:
        """Insert exchanges, or replace what was known of them while they ran. In a transaction."""
        self._sql.execute(_statement("course", rows.width, len(rows)), rows.values)

    def add_shared(self, said: Sequence[Said], connections: Sequence[Connection]) -> None:
        """Insert what exchanges refer to. In a transaction."""
        self._insert("heads", [one.row for one in said])
        self._insert("connection", connections)

    def add_bodies(self, rows: Sequence[tuple[int, bytes, int | None]]) -> None:
        """Insert pieces of bodies: key (see `body_key`), bytes, µs since the epoch where that is known. In a transaction."""
        self._insert("body", rows, MANY_BODIES)

    def add_messages(self, rows: Sequence[Sequence[Value]]) -> None:
        """Insert messages: key, from client, kind, µs since the epoch, size, payload. In a transaction."""
        self._insert("message", rows)

    def _insert(self, table: str, rows: Sequence[Sequence[Value]], most: int = MANY) -> None:
        for some in handfuls(rows, most):
            self._sql.execute(_statement(table, len(some[0]), len(some)), [*chain.from_iterable(some)])

    def _one(self, sql: str, *values: Value) -> int:
        (value,) = self._sql.execute(sql, values).fetchone()
        return int(value)

    # Imports, for `capture.importing`

    def begin_import(self, count: int, at: int, source: str, digest: bytes) -> range:
        """Reserve numbers for an import, which is removed if it does not end. In a transaction."""
        span = self.reserve(count)
        store_imports.begin(self._sql, span, self.process, at, source, digest)
        return span

    def end_import(self, first: int, last: int) -> None:
        """Say that an import is whole. In a transaction."""
        store_imports.end(self._sql, first, last)

    def same_import(self, digest: bytes) -> store_imports.Import | None:
        """Return the last import of the same bytes, if there was one."""
        return store_imports.same(self._sql, digest)

    # Removal, for `capture.retention`

    def size(self) -> int:
        """Return the bytes in use, free pages not counted; the file may be larger until it is shrunk."""
        return (self._one("PRAGMA page_count") - self.free()) * self.page_size()

    def free(self) -> int:
        """Return how many pages of the file hold nothing."""
        return self._one("PRAGMA freelist_count")

    def page_size(self) -> int:
        """Return the bytes of a page."""
        return self._one("PRAGMA page_size")

    def remove_oldest(self, count: int, before: int, most: int) -> int:
        """Remove ended exchanges with their bodies and messages, oldest first. In a transaction.

        What was imported is as old as its import: its turn comes after what was recorded before that, and an exchange of
        last year which was imported today is not thrown away today.

        Args:
          count: At most so many.
          before: Only those that started, or were imported, before, µs since the epoch.
          most: Bytes; the one that reaches them is the last. What a row itself takes is reckoned as `ROW_SIZE`.
        Returns: How many there were.
        """
        while True:
            imported = store_imports.oldest(self._sql, before)
            turn = before if imported is None else imported.at
            ids = self._some("started < ? AND source = '' ORDER BY started LIMIT ?", (turn, count), most)
            if not ids and imported is not None:
                span = (imported.first, imported.last, count)
                ids = self._some("id BETWEEN ? AND ? AND source != '' ORDER BY id LIMIT ?", span, most)
                if not ids:
                    store_imports.forget(self._sql, imported.first)
                    continue
            self._remove(runs(sorted(ids)))
            return len(ids)

    def _some(self, which: str, values: tuple[int, ...], most: int) -> list[int]:
        """Return the numbers of ended exchanges, up to the one that reaches so many bytes."""
        found = self._sql.execute(
            "SELECT id, iif(messages, request_size + response_size, request_kept + response_kept) FROM course"
            f" WHERE state != 'running' AND {which}",
            values,
        )
        ids = []
        for id, size in found:
            ids.append(id)
            most -= size + ROW_SIZE
            if most <= 0:
                break
        found.close()
        return ids

    def remove(self, ids: Sequence[int]) -> int:
        """Remove those of some exchanges that have ended, with their bodies and messages. In a transaction.

        Args:
          ids: Some hundreds; thousands in a statement would be too many.
        Returns: How many there were.
        """
        marks = ",".join("?" * len(ids))
        found = self._sql.execute(f"SELECT id FROM course WHERE id IN ({marks}) AND state != 'running'", ids).fetchall()
        ended = sorted(id for (id,) in found)
        self._remove(runs(ended))
        return len(ended)

    def _remove(self, numbers: Sequence[tuple[int, int]]) -> None:
        """Remove exchanges, from a first number to a last, with all that is theirs and what only they referred to."""
        for first, last in numbers:
            self._sql.execute("DELETE FROM course WHERE id BETWEEN ? AND ?", (first, last))
            keys = (first << PIECE_BITS, (last + 1) << PIECE_BITS)
            self._sql.execute("DELETE FROM body WHERE key >= ? AND key < ?", keys)
            self._sql.execute("DELETE FROM message WHERE key >= ? AND key < ?", keys)
        spans = {span for first, last in numbers for span in range(first >> SPAN_BITS, (last >> SPAN_BITS) + 1)}
        if sum(store_repeats.collect(self._sql, span) for span in spans):
            self.collected = self._one("UPDATE counter SET collected = collected + 1 RETURNING collected")

    def remove_messages(self, count: int) -> int:
        """Remove the first messages of the oldest exchange that has any, even of a running one. In a transaction."""
        return self._sql.execute(
            "DELETE FROM message WHERE key IN (SELECT key FROM message ORDER BY key LIMIT ?)", (count,)
        ).rowcount

    def shrink(self, pages: int) -> None:
        """Give free pages back to the file system. Not in a transaction."""
        try:
            # It frees a page with each step, and `execute` takes a single step where there are no columns.
            self._sql.executescript(f"PRAGMA incremental_vacuum({pages})")
            # The file itself is cut when the journal is carried over; passive waits for no reader.
            self._sql.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def write_anew(self) -> None:
        """Write the whole file anew, without gaps. Locks it as long as that takes, so for a store nobody else writes to."""
        try:
            self._sql.execute("VACUUM")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def carry_over(self) -> None:
        """Carry the journal over into the file and empty it. It waits for who reads, and who writes waits for it."""
        try:
            self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def alone(self) -> bool:
        """Whether no other process writes here now."""
        others = self._sql.execute("SELECT id FROM process WHERE id != ?", (self.process,)).fetchall()
        return not any(alive.is_alive(self.folder, process) for (process,) in others)

    def close(self, unused: int | None = None) -> None:
        """Leave the store.

        Args:
          unused: The first exchange number that this process was given and has not used.
        """
        try:
            with self:
                self._leave(self.process, unused)
        except (WriteError, sqlite3.Error):
            pass  # the next one to open the store clears up
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file, whatever state it is in."""
        self._sql.close()


def handfuls(things: Sequence[Thing], most: int = MANY) -> Iterator[Sequence[Thing]]:
    """Take things apart for one statement each: `most`, and of what is left half as many and half again.

    SQLite keeps the statements that it has read, some hundred KiB for one of many rows: so there are to be few sizes.
    """
    at = 0
    while at < len(things):
        while most > len(things) - at:
            most //= 2
        yield things[at : at + most]
        at += most


def runs(ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending numbers as pairs of first and last without a gap between them."""
    found: list[tuple[int, int]] = []
    for id in ids:
        if found and found[-1][1] == id - 1:
            found[-1] = (found[-1][0], id)
        else:
            found.append((id, id))
    return found


def body_key(exchange: int, response: bool, piece: int) -> int:
    """Return the key of a body's piece."""
    return exchange << PIECE_BITS | (RESPONSE if response else 0) | piece


def message_key(exchange: int, number: int) -> int:
    """Return the key of a message."""
    return exchange << PIECE_BITS | number


@cache
def _statement(table: str, width: int, rows: int) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return f"INSERT OR REPLACE INTO {table} ({','.join(INTO[table][:width])}) VALUES {','.join([row] * rows)}"
