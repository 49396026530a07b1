"""Old stores: what earlier versions of tunnel left behind, table by table as they made it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tunnel.capture.store_schema import FILE

_VERSION_4 = (
    "CREATE TABLE exchange (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, process INTEGER NOT NULL, state TEXT "
    "NOT NULL, started INTEGER NOT NULL, ended INTEGER, method TEXT NOT NULL, host TEXT NOT NULL, target TEXT NOT "
    "NULL, status INTEGER, upgrade TEXT NOT NULL DEFAULT '', request_size INTEGER NOT NULL, response_size INTEGER NOT"
    " NULL, messages INTEGER NOT NULL DEFAULT 0, caller TEXT NOT NULL, caller_pid INTEGER NOT NULL, error TEXT NOT "
    "NULL DEFAULT '', fault TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '', repairs TEXT NOT NULL DEFAULT "
    "'', parent INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT '', redacted INTEGER NOT NULL DEFAULT 0, "
    "request_kept INTEGER NOT NULL DEFAULT 0, request_lost INTEGER NOT NULL DEFAULT 0, response_kept INTEGER NOT "
    "NULL, response_lost INTEGER NOT NULL DEFAULT 0, connected INTEGER, first INTEGER, upstream TEXT NOT NULL, reused"
    " INTEGER NOT NULL, connection TEXT NOT NULL, request_head BLOB NOT NULL, sent_head BLOB NOT NULL, informational "
    "BLOB NOT NULL DEFAULT x'', response_head BLOB NOT NULL, returned_head BLOB, request_trailers BLOB DEFAULT x'', "
    "response_trailers BLOB DEFAULT x'', request_body BLOB DEFAULT NULL, response_body BLOB) STRICT",
    "CREATE INDEX exchange_started ON exchange (started)",
    "CREATE INDEX exchange_revision ON exchange (revision)",
    "CREATE INDEX exchange_running ON exchange (process) WHERE state = 'running'",
    "CREATE TABLE body (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT",
    "CREATE TABLE message ( key INTEGER PRIMARY KEY, from_client INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT"
    " NULL, size INTEGER NOT NULL, payload BLOB NOT NULL ) STRICT",
    "CREATE TABLE process (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, last INTEGER NOT NULL) STRICT",
    "CREATE TABLE counter (id INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT",
    "CREATE TABLE import ( first INTEGER PRIMARY KEY, last INTEGER NOT NULL, process INTEGER NOT NULL, at INTEGER NOT"
    " NULL, source TEXT NOT NULL, digest BLOB NOT NULL, done INTEGER NOT NULL ) STRICT",
    "INSERT INTO counter VALUES (1, 1)",
)  # fmt: skip


_VERSION_5 = (
    "ALTER TABLE body ADD COLUMN at INTEGER",
    "ALTER TABLE exchange ADD COLUMN device TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE exchange ADD COLUMN rule TEXT NOT NULL DEFAULT ''",
)


def old_store(folder: Path, version: int) -> None:
    """Make an empty store as tunnel made it when stores were of a version: 3, 4 or 5."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as sql:
        sql.execute("PRAGMA page_size = 4096")
        sql.execute("PRAGMA auto_vacuum = INCREMENTAL")
        sql.execute("PRAGMA journal_mode = WAL")
        for statement in _VERSION_4:
            if version > 3 or "CREATE TABLE import" not in statement:
                sql.execute(statement)
        for statement in _VERSION_5 if version > 4 else ():
            sql.execute(statement)
        sql.execute(f"PRAGMA user_version = {version}")
