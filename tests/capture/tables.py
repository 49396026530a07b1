"""Tables: the store's own, filled past its rooms: with any values, or with such as only a damaged file has."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tunnel.capture.columns import CONNECTION, COURSE, HEADS, TABLES
from tunnel.capture.rows import Value
from tunnel.capture.store_schema import FILE

# Where the view has a name that is none of the table's.
_OTHERWISE = {"connection": ("connection", "peer"), "heads": ("course", "heads")}


def insert(sql: sqlite3.Connection, of: Mapping[str, Value]) -> None:
    """Insert an exchange that shares nothing, given as the view has it."""
    course = {name: of["id"] if name in _OTHERWISE else of[name] for name in COURSE}
    heads = {name: of[name] for name in HEADS}
    connection = {name: of["connection" if name == "peer" else name] for name in CONNECTION}
    for table, row in (("course", course), ("heads", heads), ("connection", connection)):
        marks = ", ".join("?" * len(row))
        sql.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def spoil(folder: Path, column: str, value: str) -> None:
    """Write a value, as SQL, into a column of every exchange; STRICT would not have let it in."""
    table, name = _OTHERWISE.get(column) or (next(table for table, of in TABLES.items() if column in of), column)
    with closing(sqlite3.connect(folder / FILE)) as sql, sql:
        sql.execute("PRAGMA writable_schema = ON")
        sql.execute("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = ?", (table,))
    with closing(sqlite3.connect(folder / FILE)) as sql, sql:
        sql.execute(f"UPDATE {table} SET {name} = {value}")
