"""The store's file: its schema and version, how it is opened, and what is done with one that cannot be used.

Inserting is for `capture.store_write`, reading for `capture.store`, `finding` and `search`, imports for
`capture.store_imports`, what exchanges share for `capture.store_repeats`. These files alone know SQLite.
"""

import errno
import os
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from tunnel.capture import alive
from tunnel.capture.alone import alone
from tunnel.capture.columns import CONNECTION, COURSE, HEADS
from tunnel.capture.columns import SCHEMA as EXCHANGES
from tunnel.capture.store_imports import TABLE as IMPORTS
from tunnel.errors import TunnelError
from tunnel.model.config import KIB, MIB

FILE = "records.sqlite"
VERSION = 6
PAGE = 16 * KIB  # bytes of a new store's pages; one that was made before has 4 KiB, and keeps them
JOURNAL = 16 * MIB  # bytes of the journal that are carried over at once: so much lies between two syncs
BUSY = 5.0  # seconds to wait for another process's transaction; they take milliseconds
_AGAIN = 0.01  # seconds
FAMILY = ("", "-wal", "-shm")  # the files that SQLite keeps for one database, by what follows its name

# body.key   = exchange << 32 | side << 31 | piece number
# message.key = exchange << 32 | message number
# One integer orders the pieces of one exchange behind each other, finds them without a second index, and keeps the inserts
# at the end of the table. It leaves room for 2**31 exchanges and as many pieces in each.
# body.at    = when the piece's last byte came, µs since the epoch, where that says more than the exchange's own times
SCHEMA = f"""
{EXCHANGES};
CREATE TABLE body (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL, at INTEGER) STRICT;
CREATE TABLE message (
    key INTEGER PRIMARY KEY, from_client INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
    size INTEGER NOT NULL, payload BLOB NOT NULL
) STRICT;
CREATE TABLE process (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE TABLE counter (id INTEGER NOT NULL, revision INTEGER NOT NULL, collected INTEGER NOT NULL DEFAULT 0) STRICT;
{IMPORTS};
INSERT INTO counter VALUES (1, 1, 0);
PRAGMA user_version = {VERSION};
"""

# Until version 5 an exchange was one row, which repeated what thousands had in common. What such a store holds is taken
# apart, and each exchange keeps rows of its own: a second for 100,000 of them.
_APART = f"""
ALTER TABLE exchange RENAME TO whole;
DROP INDEX exchange_started; DROP INDEX exchange_revision; DROP INDEX exchange_running;
ALTER TABLE counter ADD COLUMN collected INTEGER NOT NULL DEFAULT 0;
{EXCHANGES};
INSERT INTO heads SELECT {", ".join(HEADS)} FROM whole;
INSERT INTO connection SELECT {", ".join(CONNECTION).replace("peer", "connection")} FROM whole;
INSERT INTO course SELECT {", ".join({"heads": "id", "connection": "id"}.get(name, name) for name in COURSE)} FROM whole;
DROP TABLE whole
"""

# From each older version to the next: the statements that bring a store there. A version that is missing cannot be
# brought on, and its store is set aside.
MIGRATIONS: dict[int, str] = {
    3: IMPORTS,
    4: "ALTER TABLE body ADD COLUMN at INTEGER;"
    "ALTER TABLE exchange ADD COLUMN device TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE exchange ADD COLUMN rule TEXT NOT NULL DEFAULT ''",
    5: _APART,
}

Notice = Callable[[TunnelError], None]


def open_for_writing(folder: Path, notice: Notice) -> sqlite3.Connection:
    """Open the store, made if need be; one that is damaged or too old is renamed, and a new one begun.

    Args:
      folder: Where it lives; made with mode 0700 if need be.
      notice: Is told when a store was set aside.
    Returns: A connection in autocommit mode, usable from any one thread at a time. The caller closes it.
    Raises:
      TunnelError: The store was made by a newer tunnel, or by an older one that still writes to it.
      sqlite3.Error, OSError: It cannot be opened; see `trouble`.
    """
    path = folder / FILE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(folder):
        try:
            return _opened(path)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not damaged(error):
                raise
            notice(_renamed(path, f"is damaged ({error})"))
        except TooOld as error:
            notice(_renamed(path, str(error)))
        return _opened(path)


class TooOld(Exception):
    """A store of a version from which no way leads here."""


def _opened(path: Path) -> sqlite3.Connection:
    """Open it, and wait for who reads it just now: SQLite does not, when it changes the kind of its journal."""
    give_up = time.monotonic() + BUSY
    while True:
        try:
            return _open(path)
        except sqlite3.OperationalError as error:
            if not _busy(error) or time.monotonic() > give_up:
                raise
            time.sleep(_AGAIN)


def _open(path: Path) -> sqlite3.Connection:
    # SQLite gives its -wal and -shm the mode of the database, so making that first keeps all three private.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        version = read_version(connection, path)
        if version == 0:
            # Both have to come before the first table, and in this order.
            connection.execute(f"PRAGMA page_size = {PAGE}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # kill -9 loses nothing committed; a power cut, the last moments
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL}")
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL // page}")
        if version != VERSION:
            _bring_up(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = read_version(connection, path)  # again: another process may have been here first
        if 0 < version < VERSION and _written(connection, path.parent):
            raise TunnelError(
                f"a tunnel of an older version is recording to the store {path}, which this one would change",
                hint="stop that one, or use another folder: --folder DIR",
            )
        statements = []
        while version != VERSION:
            if version == 0:
                # A number of its own, by which the search index knows that it is of this store and not of one before.
                statements, version = [SCHEMA, f"PRAGMA application_id = {secrets.randbits(31)}"], VERSION
            elif version in MIGRATIONS:
                statements.append(MIGRATIONS[version])
                version += 1
            else:
                raise TooOld(f"was made by an older tunnel (version {version}) and cannot be read by this one")
        for statement in ";".join(statements).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _written(connection: sqlite3.Connection, folder: Path) -> bool:
    """Whether anybody writes to a store now. Whoever began before it was changed would fail at each row."""
    return any(
        alive.is_alive(folder, process) for (process,) in connection.execute("SELECT id FROM process").fetchall()
    )


def replaced(path: Path, inode: int) -> bool:
    """Whether a file is no longer the one that was opened: it was deleted, or another one put in its place."""
    try:
        return path.stat().st_ino != inode
    except OSError:
        return True


def read_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the store: 0 for an empty file.

    Raises:
      TunnelError: It is newer than this program.
      sqlite3.DatabaseError: It is no store, or a damaged one.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise TunnelError(
            f"the store {path} was made by a newer tunnel (version {version}, this one reads {VERSION})",
            hint="upgrade tunnel, or use another folder: --folder DIR",
        )
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        # Another process may have made them between the two looks; then the version came with them.
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            raise sqlite3.DatabaseError("it holds tables of another program")
    return version


def set_aside(path: Path, inode: int, reason: str) -> TunnelError:
    """Rename a store that is in use and cannot be used, unless another process has; return the sentence that says so.

    Args:
      inode: Of the file that was opened.
    """
    with alone(path.parent):
        if replaced(path, inode):
            return TunnelError(f"the store {path} {reason}; another process has begun a new one")
        return _renamed(path, reason)


def _renamed(path: Path, reason: str) -> TunnelError:
    """Rename a store that cannot be used; return the sentence that says so."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.aside-{stamp}-{os.getpid()}{path.suffix}")
    for suffix in FAMILY:
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    return TunnelError(
        f"the store {path} {reason}; it was renamed to {aside.name} and a new one begun",
        hint=f"delete it when you do not miss it: rm {aside}*",
    )


def damaged(error: Exception) -> bool:
    """Whether an error says that the file itself is no good, rather than the disk or the moment."""
    if isinstance(error, UnicodeDecodeError):  # SQLite names what it found, and that is no text
        return True
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "tables of another program" in str(error)


def _busy(error: BaseException) -> bool:
    """Whether an error says that another connection is in the way just now."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def trouble(path: Path, error: BaseException) -> TunnelError:
    """Say why the store cannot be written or read, and what to do."""
    if isinstance(error, TunnelError):
        return error
    name = getattr(error, "sqlite_errorname", "")
    said = f"{error}" or type(error).__name__
    if name == "SQLITE_FULL" or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return TunnelError(
            f"the disk is full, so nothing can be recorded in {path}", hint=f"make room: df -h {path.parent}"
        )
    if _busy(error):
        return TunnelError(
            f"another program has locked {path} for more than {BUSY:g} seconds", hint=f"find it: lsof {path}"
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or (
        isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    ):
        return TunnelError(
            f"the store {path} cannot be opened for writing ({said})",
            hint=f"see who owns it (ls -la {path.parent}), or use another folder: --folder DIR",
        )
    if isinstance(
        error, ValueError | TypeError | KeyError
    ):  # what was read is of another kind than what is ever written
        return TunnelError(f"the store {path} is damaged ({said})", hint=f"put it away: mv {path} {path}.damaged")
    if isinstance(error, sqlite3.DatabaseError) and damaged(error):
        return TunnelError(
            f"the store {path} is damaged ({said})", hint="start tunnel: it sets it aside and begins anew"
        )
    return TunnelError(f"the store {path} cannot be used ({said})", hint=f"look at the disk: df -h {path.parent}")
