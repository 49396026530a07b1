"""SQL: a filter as a condition on the table `exchange`, every value bound, nothing of the filter's text pasted in.

Each part is 1 or 0 and never NULL, so that `not` means the same as in Python. What SQL cannot say is asked of a function
`judge(number, raw values…)`, which `capture.finding` registers; it runs the very tests of the predicate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tunnel.capture.bodytext import body_text, folded
from tunnel.capture.fields import Field, Kind, field_of
from tunnel.capture.query_tests import Test, limits, lowered, test_of
from tunnel.capture.query_tree import OPPOSITES, And, Compare, Not, Op, Or, Tree, Word
from tunnel.capture.query_values import resolve
from tunnel.capture.rows import Value
from tunnel.model.exchange import Side

# Gives a body: exchange, side, what lies in the row, how many bytes there are in all.
BodyReader = Callable[[int, Side, bytes | None, int], bytes]
Judge = Callable[[BodyReader, Sequence[Value]], bool]

SHORTEST = 3  # characters that the search index needs
MOST_TRIGRAMS = 30  # asked of it where it only says which bodies are to be read
BOTH = (Side.REQUEST, Side.RESPONSE)
# Where a bare word is looked for, besides the bodies.
_ANYWHERE = ("method", "host", "target", "caller", "error", "CAST(coalesce(status, '') AS TEXT)",
             "CAST(request_head AS TEXT)", "CAST(response_head AS TEXT)")  # fmt: skip
# Up to which revision the index has everything; -1 if it is of another store.
_MARK = "(SELECT coalesce(max(revision), -1) FROM search.state WHERE store = ?)"


@dataclass
class Condition:
    """A condition and what it needs.

    Attributes:
      sql: An expression over `exchange`.
      values: What is bound to its question marks, in their order.
      judges: What `judge(number, …)` calls, by number.
    """

    sql: str = ""
    values: list[Value] = field(default_factory=list)
    judges: list[Judge] = field(default_factory=list)


def condition_of(tree: Tree, now: int, store: str | None) -> Condition:
    """Return a filter as a condition.

    Args:
      tree: What it says.
      now: µs since the epoch.
      store: The mark of this store in the search index; None where there is no index to use.
    """
    made = _Making(now, store)
    made.condition.sql = made.of(tree)
    return made.condition


def asks_bodies(tree: Tree) -> bool:
    """Whether a search index would help with this filter."""
    match tree:
        case And(terms) | Or(terms):
            return any(map(asks_bodies, terms))
        case Not(term):
            return asks_bodies(term)
        case Word(text):
            return len(folded(text)) >= SHORTEST
        case Compare(name, Op.CONTAINS, (value,)):
            return bool(_field(name).sides) and len(folded(value)) >= SHORTEST
    return False


class _Making:
    def __init__(self, now: int, store: str | None) -> None:
        self._now = now
        self._store = store
        self.condition = Condition()

    def of(self, tree: Tree) -> str:
        match tree:
            case And(terms):
                return "(" + " AND ".join(map(self.of, terms)) + ")"
            case Or(terms):
                return "(" + " OR ".join(map(self.of, terms)) + ")"
            case Not(term):
                return f"NOT {self.of(term)}"
            case Word(text):
                return self._word(text)
            case Compare(name, op, values) if op in OPPOSITES:
                return f"NOT {self.of(Compare(name, OPPOSITES[op], values))}"
            case Compare():
                return self._compare(tree, _field(tree.field))
        raise AssertionError(tree)

    def _compare(self, compare: Compare, field: Field) -> str:
        if field.sides:
            return self._body(compare, field)
        if compare.op is Op.MATCHES or not field.sql:
            return self._judged(test_of(compare, field, self._now), field)
        if compare.op is Op.CONTAINS:
            return self._contains(field.sql, compare.values[0])
        op = Op.EQUAL if compare.op is Op.IN else compare.op
        return self._either([self._one(field, op, value) for value in compare.values])

    def _one(self, field: Field, op: Op, value: str) -> str:
        wanted = resolve(field, value, self._now)
        if field.kind in (Kind.TEXT, Kind.CHOICE):
            narrow = dict(field.narrow).get(value.lower())
            same = self._either([f"lower({sql}) = {self._bound(lowered(str(wanted)))}" for sql in field.sql])
            return f"({narrow} AND {same})" if narrow else same
        parts = [f"({sql}) {how} {self._bound(limit)}" for sql in field.sql for how, limit in limits(op, wanted)]
        said = f"({' AND '.join(parts)})"
        return f"({said} IS TRUE)" if field.nullable else said

    def _contains(self, expressions: Sequence[str], text: str) -> str:
        needle = lowered(text)
        return self._either([f"instr(lower({sql}), {self._bound(needle)}) > 0" for sql in expressions])

    def _word(self, text: str) -> str:
        anywhere = self._contains(_ANYWHERE, text)
        return self._either([anywhere, self._body_contains(text, BOTH)])

    def _body(self, compare: Compare, field: Field) -> str:
        if compare.op is Op.CONTAINS:
            return self._body_contains(compare.values[0], field.sides)
        return self._judged_bodies(test_of(compare, field, self._now), field.sides)

    def _body_contains(self, text: str, sides: tuple[Side, ...]) -> str:
        """Return a condition by the index, and by reading for what is not, or cannot be, in it yet."""
        needle = folded(text)

        def test(values: Sequence[Value]) -> bool:
            return any(needle in folded(str(value)) for value in values)

        if self._store is None or len(needle) < SHORTEST:
            return self._judged_bodies(test, sides)
        side = "" if sides == BOTH else f"{{{sides[0].value}}} : "
        found = (
            "id IN (SELECT exchange FROM search.entry WHERE serial IN (SELECT rowid FROM search.words WHERE words MATCH"
            f" {self._bound(side + _phrase(needle))} UNION ALL SELECT rowid FROM search.longs WHERE longs MATCH"
            f" {self._bound(f'{side}({_trigrams(needle)})')})"
            f" UNION ALL SELECT id FROM course WHERE revision > {self._mark()}"
            " UNION ALL SELECT id FROM course WHERE state = 'running')"
        )
        settled = (
            f"revision <= {self._mark()} AND state != 'running'"
            " AND id NOT IN (SELECT exchange FROM search.entry WHERE long = 1)"
        )
        return f"({found} AND CASE WHEN {settled} THEN 1 ELSE {self._judged_bodies(test, sides)} END)"

    def _mark(self) -> str:
        self.condition.values.append(self._store)
        return _MARK

    def _judged(self, test: Test, field: Field) -> str:
        def judge(bodies: BodyReader, raw: Sequence[Value]) -> bool:
            return test(field.read(raw))

        return self._judge(judge, field.columns)

    def _judged_bodies(self, test: Test, sides: tuple[Side, ...]) -> str:
        def judge(bodies: BodyReader, raw: Sequence[Value]) -> bool:
            id, *rest = raw
            # One after the other: the text of the second is made only where the first does not hold it.
            return any(test((row_text(bodies, id, side, rest[3 * at :]),)) for at, side in enumerate(sides))

        columns = [column for side in sides for column in text_columns(side)]
        return self._judge(judge, ("id", *columns))

    def _judge(self, judge: Judge, columns: Sequence[str]) -> str:
        self.condition.judges.append(judge)
        return f"judge({len(self.condition.judges) - 1}, {', '.join(columns)})"

    def _bound(self, value: Value) -> str:
        self.condition.values.append(value)
        return "?"

    def _either(self, parts: Sequence[str]) -> str:
        return parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"


def _phrase(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _trigrams(needle: str) -> str:
    """Return what a text has to hold to be read at all: the first of the needle's trigrams, each of them."""
    return " AND ".join(
        dict.fromkeys(_phrase(needle[at : at + 3]) for at in range(min(len(needle) - 2, MOST_TRIGRAMS)))
    )


def _field(name: str) -> Field:
    field = field_of(name)
    assert field is not None, "the parser looked it up"
    return field


def text_columns(side: Side) -> list[str]:
    """Return the columns that `row_text` needs of a side."""
    return [f"{side.value}_{what}" for what in ("head", "kept", "body")]


def row_text(bodies: BodyReader, id: Value, side: Side, values: Sequence[Value]) -> str:
    """Return the text of a body, out of a row.

    Args:
      bodies: Reads a body that does not lie in the row.
      id: The exchange.
      side: Which of its bodies.
      values: Begin with those of `text_columns`.
    Raises: ValueError, they are not what is ever written: the store was damaged.
    """
    match id, values[0], values[1], values[2]:
        case int(id), bytes(head), int(kept), bytes() | None as inline:
            return body_text(head, bodies(id, side, inline, kept))
    raise ValueError(f"the {side.value} of exchange {id!r:.40}")
