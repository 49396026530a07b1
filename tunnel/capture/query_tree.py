"""Tree: what a filter says, as frozen values, and how it is written again. Reading it from text is for `query_parse`."""

import enum
import re
from dataclasses import dataclass
from typing import TypeAlias


class Op(enum.StrEnum):
    """How a field is compared. `!=`, `!~` are their opposites, also of what is missing."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    MATCHES = "~"
    MATCHES_NOT = "!~"
    CONTAINS = "contains"
    IN = "in"


OPPOSITES = {Op.UNEQUAL: Op.EQUAL, Op.MATCHES_NOT: Op.MATCHES}


@dataclass(frozen=True, slots=True)
class Compare:
    """A field and what it is compared with.

    Attributes:
      field: Its name in the table, or that of a header field ("header.accept"); never an alias.
      values: As they were typed; several with `in` alone.
    """

    field: str
    op: Op
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """Text that is searched for everywhere."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    term: "Tree"


@dataclass(frozen=True, slots=True)
class And:
    """All of them, at least two."""

    terms: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them, at least two."""

    terms: tuple["Tree", ...]


Tree: TypeAlias = Compare | Word | Not | And | Or

KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "matches"})
_PLAIN = re.compile(r"[A-Za-z0-9_./:-]+\Z")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def show(tree: Tree) -> str:
    """Return the filter that says this; parsed, it gives the same tree. No parenthesis is in it that need not be."""
    match tree:
        case Word(text):
            return quoted(text)
        case Compare(field, Op.IN, values):
            return f"{field} in ({', '.join(map(_value, values))})"
        case Compare(field, op, (value,)):
            return f"{field} {op} {_value(value)}"
        case Not(Compare(field, Op.IN | Op.CONTAINS) as term):
            return f"{field} not {show(term).removeprefix(field).lstrip()}"
        case Not(term):
            return f"not {_nested(term, And, Or)}"
        case And(terms):
            return " and ".join(_nested(term, And, Or) for term in terms)
        case Or(terms):
            return " or ".join(_nested(term, Or) for term in terms)
    raise AssertionError(tree)


def quoted(text: str) -> str:
    """Return text in quotes, on one line."""
    return '"' + "".join(_ESCAPES.get(c) or (f"\\u{ord(c):04x}" if _hidden(c) else c) for c in text) + '"'


def _hidden(char: str) -> bool:
    return not char.isprintable() and ord(char) <= 0xFFFF


def _value(text: str) -> str:
    return text if _PLAIN.match(text) and text.lower() not in KEYWORDS else quoted(text)


def _nested(tree: Tree, *weaker: type) -> str:
    return f"({show(tree)})" if isinstance(tree, weaker) else show(tree)
