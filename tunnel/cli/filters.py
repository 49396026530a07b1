"""Filters at the terminal: the words of a command made a query, errors that point at the place, and completion.

The language itself is `capture.query`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from tunnel.capture.fields import FIELDS, HEADER, field_of
from tunnel.capture.query import Query, QueryError, parse
from tunnel.capture.query_parse import OPERATORS
from tunnel.cli.lines import safe
from tunnel.errors import UsageError

_WIDEST = 76  # columns of a filter that are shown around its mistake


def filter_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `FILTER…`; its function takes `filter: tuple[str, ...]`, for `asked`."""
    return click.argument("filter", nargs=-1, shell_complete=complete)(command)


def asked(words: Sequence[str]) -> Query | None:
    """Return the query that the words of a command are, or None where there are none.

    Raises: UsageError, with a mark under the place.
    """
    text = " ".join(words)
    if not text.strip():
        return None
    try:
        return parse(text)
    except QueryError as error:
        raise UsageError(safe(error.what), hint=f"{pointed(text, error.column)}\n{safe(error.hint)}") from error


def pointed(text: str, column: int) -> str:
    """Return a filter, or the part of it where its mistake is, and a line with a mark under the column."""
    start = max(0, min(column - _WIDEST // 2, len(text) - _WIDEST))
    end = start + _WIDEST
    before, behind = "…" if start else "", "…" if end < len(text) else ""
    # One sign for one sign, so that the mark stands where it should.
    shown = "".join(char if safe(char) == char else "?" for char in text[start:end])
    return f"{before}{shown}{behind}\n{' ' * (len(before) + column - start)}^"


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return what may come next: a field, one of its operators, one of its values. Also within a filter in quotes."""
    said, space, last = incomplete.rpartition(" ")
    before = " ".join([*(ctx.params.get(param.name or "") or ()), said]).split()
    return [
        CompletionItem(said + space + word, help=help or None)
        for word, help in _next(before)
        if word.lower().startswith(last.lower())
    ]


def _next(before: Sequence[str]) -> list[tuple[str, str]]:
    """Return the words that may follow, each with its help."""
    field = field_of(before[-1]) if before else None
    if field is not None:
        return [(op.value, "") for op in OPERATORS[field.kind]]
    compared = field_of(before[-2]) if len(before) > 1 else None
    if compared is not None and before[-1].lower() not in ("and", "or"):
        return [(value, "") for value in compared.values]
    words = [(f.name.removesuffix(HEADER), f.help) for f in FIELDS]
    return [*words, *((word, "") for word in (("and", "or", "not") if before else ("not",)))]
