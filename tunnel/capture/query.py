"""Query: a filter that was read. As a predicate here, as SQL in `query_sql`; a test holds that both say the same."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tunnel.capture.bodytext import body_text, folded
from tunnel.capture.fields import field_of
from tunnel.capture.query_parse import tree_of
from tunnel.capture.query_sql import BOTH, Condition, asks_bodies, condition_of
from tunnel.capture.query_tests import lowered, test_of
from tunnel.capture.query_tree import OPPOSITES, And, Compare, Not, Or, Tree, Word, show
from tunnel.capture.query_words import QueryError
from tunnel.model.exchange import Exchange, Side

__all__ = ["Query", "QueryError", "parse"]


@dataclass(frozen=True, slots=True)
class Query:
    """A filter.

    Attributes:
      text: As it was typed.
      tree: What it says.
      now: When it was read, µs since the epoch: what "10m" reckons from.
    """

    text: str
    tree: Tree
    now: int

    def __str__(self) -> str:
        return show(self.tree)

    @property
    def asks_bodies(self) -> bool:
        """Whether the search index would help."""
        return asks_bodies(self.tree)

    def condition(self, store: str | None) -> Condition:
        """Return it as SQL; see `condition_of`."""
        return condition_of(self.tree, self.now, store)

    def matches(self, exchange: Exchange, body: Callable[[Side], bytes]) -> bool:
        """Whether an exchange is meant.

        Args:
          exchange: As the store gives it.
          body: Gives what is kept of a body, content-coded as it passed; called only if the filter asks for bodies.
        Raises: TooSlow, a pattern takes too long on it.
        """
        return _matches(self.tree, exchange, body, self.now)


def parse(text: str, *, now: int | None = None) -> Query:
    """Read a filter.

    Args:
      text: Like `status >= 500 and path ~ "^/api"`.
      now: µs since the epoch; the clock's time by default.
    Raises: QueryError, with the column and what was probably meant.
    """
    now = time.time_ns() // 1000 if now is None else now
    return Query(text, tree_of(text, now), now)


def _matches(tree: Tree, exchange: Exchange, body: Callable[[Side], bytes], now: int) -> bool:
    match tree:
        case And(terms):
            return all(_matches(term, exchange, body, now) for term in terms)
        case Or(terms):
            return any(_matches(term, exchange, body, now) for term in terms)
        case Not(term):
            return not _matches(term, exchange, body, now)
        case Word(text):
            return _anywhere(text, exchange, body)
        case Compare(name, op, values) if op in OPPOSITES:
            return not _matches(Compare(name, OPPOSITES[op], values), exchange, body, now)
        case Compare(name):
            field = field_of(name)
            assert field is not None, "the parser looked it up"
            test = test_of(tree, field, now)
            if field.sides:
                return any(test((_body_text(exchange, side, body),)) for side in field.sides)
            return test(field.read(field.of(exchange)))
    raise AssertionError(tree)


def _anywhere(text: str, exchange: Exchange, body: Callable[[Side], bytes]) -> bool:
    """Whether a bare word stands anywhere: what `query_sql` looks through, in the same order."""
    needle = lowered(text)
    status = "" if exchange.status is None else str(exchange.status)
    error = exchange.failure.what if exchange.failure else ""
    for value in (exchange.method, exchange.host, exchange.target, exchange.caller, error, status):
        if needle in lowered(value):
            return True
    for head in (exchange.request_head, exchange.response_head):
        if needle in lowered(head.decode("utf-8", "surrogateescape")):
            return True
    wanted = folded(text)
    return any(wanted in folded(_body_text(exchange, side, body)) for side in BOTH)


def _body_text(exchange: Exchange, side: Side, body: Callable[[Side], bytes]) -> str:
    head = exchange.request_head if side is Side.REQUEST else exchange.response_head
    return body_text(head, body(side))
