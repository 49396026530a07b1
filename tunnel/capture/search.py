"""Search: which bodies hold a text, without reading them: an index in a database of its own beside the store.

It is filled by whoever asks about bodies, never by the recorder, and holds nothing that could not be made anew from the
store. So nobody waits for it: what is not in it yet is read, and where it cannot be used at all everything is.

    state   which store this is of, and up to which of its revisions everything is in here
    entry   the serial number under which an exchange's bodies were put in; what an entry no longer names is refuse
    words   the trigrams (FTS5) of short bodies and their places, in the letters of `bodytext.folded`: what is found is so
    longs   those of long ones without places, which take a twentieth of the room: what is found has still to be read

Running exchanges are not put in, since their bodies grow. An ended one never changes. One that was removed from the store is
not found any more; its words go when there is more refuse than use.
"""

import os
import sqlite3
import time
from pathlib import Path

from tunnel.capture.bodytext import folded
from tunnel.capture.query_sql import BOTH, BodyReader, row_text, text_columns
from tunnel.capture.store_schema import FAMILY, damaged, replaced
from tunnel.errors import TunnelError
from tunnel.model.config import KIB
from tunnel.model.exchange import State

FILE = "search.sqlite"
VERSION = 1
BATCH = 0.2  # seconds for one transaction, so that another process that fills it too comes in between
LONG = 16 * KIB  # characters of both bodies from which their places are left out
REFUSE = 1000  # entries that may be of removed exchanges, besides as many as are of use

_SCHEMA = (
    "CREATE TABLE state (id INTEGER PRIMARY KEY, store TEXT NOT NULL, revision INTEGER NOT NULL, serial INTEGER NOT NULL)"
    " STRICT",
    "CREATE TABLE entry (serial INTEGER PRIMARY KEY, exchange INTEGER NOT NULL UNIQUE, long INTEGER NOT NULL) STRICT",
    "CREATE INDEX entry_long ON entry (exchange) WHERE long = 1",
    "CREATE VIRTUAL TABLE words USING fts5 (request, response, content='', columnsize=0,"
    " tokenize='trigram case_sensitive 1')",
    "CREATE VIRTUAL TABLE longs USING fts5 (request, response, content='', columnsize=0, detail=column,"
    " tokenize='trigram case_sensitive 1')",
    f"PRAGMA user_version = {VERSION}",
)
_NEW = (
    f"SELECT id, revision, state, {', '.join(column for side in BOTH for column in text_columns(side))}"
    " FROM exchange WHERE revision > ? ORDER BY revision"
)


class Search:
    """The index of one store, for one of its readers; attached to the reader's connection as `search`."""

    def __init__(self, folder: Path, reading: sqlite3.Connection, bodies: BodyReader) -> None:
        """Prepare; nothing is opened before `mark`.

        Args:
          folder: Where the store lives.
          reading: The connection that reads the store. Whoever made it closes it after this.
          bodies: Reads a body of it.
        """
        self.path = folder / FILE
        self._reading = reading
        self._bodies = bodies
        self._writing: sqlite3.Connection | None = None
        self._inode = 0
        self._useless = False  # it cannot be written here, or SQLite was built without it
        identity = reading.execute("PRAGMA main.application_id").fetchone()[0]
        self._store = f"{identity}-{(folder / 'records.sqlite').stat().st_ino}"

    def mark(self, seconds: float) -> str | None:
        """Fill the index, for so long at most, and return what stands in it for this store; None where it is of no use."""
        if self._useless:
            return None
        try:
            if self._writing is not None and replaced(self.path, self._inode):
                self.close()
            if self._writing is None:
                self._open()
            self._fill(time.monotonic() + seconds)
        except (sqlite3.Error, OSError) as error:
            if damaged(error):
                self.discard()
            else:
                self.close()
                # Busy: somebody else is making it. Then bodies are read for once.
                self._useless = getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY"
            return None
        return self._store

    def close(self) -> None:
        """Close it and detach it from the reader; safe to call twice."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None
            try:
                self._reading.execute("DETACH search")
            except sqlite3.Error:
                pass  # it was not attached yet

    def discard(self) -> None:
        """Remove the file: it is damaged, and will be made anew."""
        self.close()
        try:
            forget(self.path.parent)
        except TunnelError:
            self._useless = True  # somebody else holds it, on a system where that hinders

    def _open(self) -> None:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's -wal and -shm take its mode
        self._inode = self.path.stat().st_ino
        writing = self._writing = sqlite3.connect(self.path, timeout=0.5, isolation_level=None, check_same_thread=False)
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("PRAGMA synchronous = NORMAL")
        writing.execute("PRAGMA journal_size_limit = 16777216")
        writing.execute("BEGIN IMMEDIATE")
        try:
            version = writing.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                for name in ("words", "longs", "entry", "state"):
                    writing.execute(f"DROP TABLE IF EXISTS {name}")
                for statement in _SCHEMA:
                    writing.execute(statement)
            writing.execute("COMMIT")
        except BaseException:
            if writing.in_transaction:
                writing.execute("ROLLBACK")
            raise
        self._reading.execute("ATTACH ? AS search", (str(self.path),))

    def _fill(self, deadline: float) -> None:
        """Put in what is new, until all is in or the time is over."""
        assert self._writing is not None, "it was opened"
        if self._in_step():
            return
        more = True
        while more and time.monotonic() < deadline:
            try:
                self._writing.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY":
                    return  # somebody else does it
                raise
            try:
                more = self._put_some(self._writing, min(deadline, time.monotonic() + BATCH))
                self._writing.execute("COMMIT")
            except BaseException:
                if self._writing.in_transaction:
                    self._writing.execute("ROLLBACK")
                raise

    def _in_step(self) -> bool:
        """Whether nothing is to be done: looked at without a lock, since most questions find it so."""
        store, revision, serial = self._state()
        newest = self._reading.execute("SELECT max(revision) FROM course").fetchone()[0] or 0
        return store == self._store and revision >= newest and not self._refuse(serial)

    def _state(self) -> tuple[str, int, int]:
        assert self._writing is not None, "it was opened"
        row = self._writing.execute("SELECT store, revision, serial FROM state").fetchone()
        return row or ("", 0, 0)

    def _refuse(self, serial: int) -> bool:
        """Whether most of it is of exchanges that are no longer in the store."""
        return serial > REFUSE and serial > REFUSE + 2 * int(
            self._reading.execute("SELECT count(*) FROM course").fetchone()[0]
        )

    def _put_some(self, writing: sqlite3.Connection, deadline: float) -> bool:
        """Put in some exchanges, in a transaction; whether there are more."""
        store, revision, serial = self._state()
        if store != self._store or self._refuse(serial):
            writing.execute("INSERT INTO words (words) VALUES ('delete-all')")
            writing.execute("INSERT INTO longs (longs) VALUES ('delete-all')")
            writing.execute("DELETE FROM entry")
            revision = serial = 0
        rows = self._reading.execute(_NEW, (revision,))
        more = False
        for id, revision, state, *sides in rows:  # noqa: B007 (the last one is noted)
            writing.execute("DELETE FROM entry WHERE exchange = ?", (id,))  # of one removed, whose number came again
            if state != State.RUNNING:
                texts = [folded(row_text(self._bodies, id, side, sides[3 * at :])) for at, side in enumerate(BOTH)]
                if any(texts):
                    serial += 1
                    long = sum(map(len, texts)) > LONG
                    table = "longs" if long else "words"
                    writing.execute(
                        f"INSERT INTO {table} (rowid, request, response) VALUES (?, ?, ?)", (serial, *texts)
                    )
                    writing.execute("INSERT INTO entry VALUES (?, ?, ?)", (serial, id, long))
            if time.monotonic() > deadline:
                more = True
                break
        rows.close()
        writing.execute("INSERT OR REPLACE INTO state VALUES (0, ?, ?, ?)", (self._store, revision, serial))
        return more


def forget(folder: Path) -> None:
    """Remove the index of a store, which will be made anew when somebody asks; for whoever clears the store, too.

    Raises:
      TunnelError: It cannot be removed.
    """
    for suffix in FAMILY:
        path = folder / (FILE + suffix)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise TunnelError(
                f"cannot remove {path}: {(error.strerror or str(error)).lower()}",
                hint=f"remove it yourself: rm {path}*",
            ) from error
