"""Finding: runs filters on an open store, with a deadline. What a filter is in SQL is for `query_sql`.

SQLite runs without Python's lock, and comes back to Python for each row only where a filter asks what SQL cannot say.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tunnel.capture.patterns import TooSlow
from tunnel.capture.query import Query
from tunnel.capture.query_sql import Condition, Judge
from tunnel.capture.rows import Value
from tunnel.capture.search import Search
from tunnel.capture.store_schema import damaged
from tunnel.errors import TunnelError
from tunnel.model.exchange import Side

DEADLINE = 10.0  # seconds for one question
FILLING = 2.0  # seconds of these for the search index; what is not in it then is read
STEPS = 20_000  # of SQLite's machine between two looks at the clock: about a millisecond

FILTER = "{filter}"  # stands in a statement for the condition
EVERYTHING = Condition("1")


class Finding:
    """Asks one store. Not for several threads at once."""

    def __init__(
        self,
        sql: sqlite3.Connection,
        folder: Path,
        *,
        state: Callable[[int], str],
        pieces: Callable[[int, Side], bytes],
        gone: Callable[[], bool],
    ) -> None:
        """Prepare a connection.

        Args:
          sql: The store, open for reading. Whoever opened it closes it, after `close`.
          folder: Where it lives.
          state: Says of a running exchange's process how that stands now.
          pieces: Reads a body that lies in pieces.
          gone: Says whether the store was replaced: then the search index is another one's.
        """
        self._sql = sql
        self._pieces = pieces
        self._gone = gone
        self._judges: Sequence[Judge] = ()
        self._deadline = 0.0
        self._trouble: BaseException | None = None
        self._search = Search(folder, sql, self._body)
        sql.create_function("judge", -1, self._judge)
        sql.create_function("state_now", 1, state)

    def close(self) -> None:
        """Close what was opened beside the store."""
        self._search.close()

    def rows(
        self, query: Query | None, statement: str, values: Sequence[Value] = (), *, few: bool = False
    ) -> list[tuple[int, ...]]:
        """Return what a SELECT finds among the exchanges that a filter means.

        Args:
          query: The filter; None for all.
          statement: Reads from `exchange` alone; where `FILTER` stands, the filter's condition comes.
          values: Bound to the question marks that stand behind it.
          few: It is about so few exchanges that their bodies are sooner read than the search index is filled.
        Raises:
          TooSlow: It takes more than `DEADLINE`, or a pattern more than its own time.
          sqlite3.Error: The store cannot be read.
        """
        self._deadline = time.monotonic() + DEADLINE
        mark = None
        if query is not None and query.asks_bodies and not few and not self._gone():
            mark = self._search.mark(FILLING)
        try:
            return self._run(query, mark, statement, values)
        except sqlite3.DatabaseError as error:
            if mark is None or not damaged(error):
                raise
            self._search.discard()
        return self._run(query, None, statement, values)

    def _run(
        self, query: Query | None, mark: str | None, statement: str, values: Sequence[Value]
    ) -> list[tuple[int, ...]]:
        condition = EVERYTHING if query is None else query.condition(mark)
        self._judges, self._trouble = condition.judges, None
        self._sql.set_progress_handler(self._late, STEPS)
        try:
            return self._sql.execute(statement.replace(FILTER, condition.sql), [*condition.values, *values]).fetchall()
        except sqlite3.OperationalError as error:
            if self._trouble is not None:
                raise self._trouble from None
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise _too_slow() from None
            raise
        finally:
            self._sql.set_progress_handler(None, 0)
            self._judges = ()

    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _judge(self, number: int, *raw: Value) -> bool:
        """Answer SQLite. It would say nothing of an error but that there was one, so that is kept."""
        try:
            if self._late():
                raise _too_slow()
            return self._judges[number](self._body, raw)
        except (TypeError, AttributeError) as error:
            # SQLite checks kinds when it writes, not on reading: in a damaged file anything may stand anywhere.
            self._trouble = ValueError(f"{error}")
            raise
        except BaseException as error:
            self._trouble = error
            raise

    def _body(self, id: int, side: Side, inline: bytes | None, kept: int) -> bytes:
        if inline is not None or not kept:
            return inline or b""
        return self._pieces(id, side)


def _too_slow() -> TunnelError:
    return TooSlow(
        f"the filter takes longer than {DEADLINE:g} seconds on this store",
        hint="narrow it, for instance to the last hour: started > 1h and …",
    )
