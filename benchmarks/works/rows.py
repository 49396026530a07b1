"""Rows: how many exchanges our front has written, compared with how many were answered."""

import sqlite3
from pathlib import Path

from benchmarks.bench import Bench, say


def count(folder: Path, where: str = "1") -> int:
    """Return how many exchanges are in the store of a folder; 0 without one."""
    file = folder / "records.sqlite"
    if not file.exists():
        return 0
    connection = sqlite3.connect(file)
    try:
        return int(connection.execute(f"SELECT count(*) FROM exchange WHERE {where}").fetchone()[0])
    finally:
        connection.close()


def shares(folder: Path, since: float) -> list[int]:
    """Return how many client connections each process served from a moment on, in seconds since 1970."""
    connection = sqlite3.connect(folder / "records.sqlite")
    try:
        asked = "SELECT count(DISTINCT connection) FROM exchange WHERE started >= ? GROUP BY process"
        return [int(count) for (count,) in connection.execute(asked, (int(since * 1e6),))]
    finally:
        connection.close()


def compare(bench: Bench, turn: int, row: str, folder: Path, answered: int, in_flight: int) -> None:
    """Note what was answered and what is in the store, of a front that has ended.

    Args:
      in_flight: Requests that wrk may have sent and left without waiting for the answer. We have seen them.
    """
    written = count(folder)
    for name, value in (("answered", answered), ("in flight", in_flight), ("rows", written)):
        bench.results.add("recording", row, name, turn, value)
    bench.results.add("recording", row, "missing", turn, max(0, answered - written))
    bench.results.add("recording", row, "unexplained", turn, max(0, written - answered - in_flight))
    say(f"  recorded  {row}: {answered} answered, at most {in_flight} in flight, {written} rows")
    if not answered <= written <= answered + in_flight:
        bench.results.note(f"recording, {row}: {answered} answered, but {written} rows")
