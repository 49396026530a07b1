"""Compare: `tunnel compare A B`. What differs is found by `capture.compare`, and laid out here, in columns or lines."""

import dataclasses
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from tunnel.capture.compare import Difference, compare
from tunnel.capture.exporting import Whole, wholes
from tunnel.capture.store import NoStore, Store
from tunnel.capture.told import json_text
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.lines import BOLD, DIM, GREEN, RED, Look, look_of, paint, safe
from tunnel.cli.said import say_line
from tunnel.errors import TunnelError, UsageError

SIDE_BY_SIDE = 100  # columns from which two values stand beside each other
NAME = 26  # columns of a name then
_LONGEST = 400  # characters of a value that stands on a line of its own


@click.command(name="compare")
@click.argument("a", type=click.IntRange(1))
@click.argument("b", type=click.IntRange(1))
@click.option("--all", "everything", is_flag=True, help="What is the same, too.")
@click.option("--no-noise", is_flag=True, help="Leave out dates, ids and durations, which differ always.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each row.")
@folder_option
def compare_(a: int, b: int, everything: bool, no_noise: bool, as_json: bool, folder: Path | None) -> None:
    """Show what differs between exchanges A and B: heads, bodies, status, timings."""
    try:
        store = Store(folder or default_folder())
    except NoStore as error:
        raise TunnelError("there is nothing to compare: nothing has been recorded yet", hint=error.hint) from error
    with store:
        left, right = (_whole(store, id) for id in (a, b))
        rows = compare(left.exchange, right.exchange, left[1:3], right[1:3], left.messages, right.messages)
    shown = [row for row in rows if (everything or not row.same) and not (no_noise and row.noise)]
    if as_json:
        for row in shown:
            say_line(json_text(dataclasses.asdict(row)))
        return
    look = look_of(sys.stdout)
    for text in table(shown, (str(a), str(b)), look, _width(look)):
        say_line(text)
    say_line(paint(_verdict(rows, no_noise), DIM, look))


def table(rows: Sequence[Difference], names: tuple[str, str], look: Look, width: int) -> Iterator[str]:
    """Return rows as lines.

    Args:
      rows: What is shown.
      names: Of the left and the right exchange.
      look: How to write.
      width: Columns there are; 0 for a pipe.
    """
    wide = width >= SIDE_BY_SIDE
    room = (width - NAME - 8) // 2
    where = ""
    for row in rows:
        if row.where != where:
            where = row.where
            head = f"  {names[0]:<{room}}  {names[1]}" if wide else ""
            yield paint(f"{where:<{NAME + 3}}{head}".rstrip(), BOLD, look)
        mark = " " if row.same else "~" if row.noise else "#" if look.arrows.isascii() else "≠"
        name = f"{mark} {safe(row.name)}"
        yield from _beside(row, name, room, look) if wide else _below(row, name, look)


def _beside(row: Difference, name: str, room: int, look: Look) -> Iterator[str]:
    """Lay out a row in three columns, over several lines where a value is long."""
    name = name if len(name) <= NAME else name[: NAME - 1] + look.arrows[2]
    cells = [_cell(value, room, look) for value in (row.left, row.right)]
    colours = _colours(row)
    for number in range(max(map(len, cells))):
        one, other = (cell[number] if number < len(cell) else "" for cell in cells)
        left = paint(f"{one:<{room}}", colours[0], look)
        yield f"{name if number == 0 else '':<{NAME}}     {left}  {paint(other, colours[1], look)}".rstrip()


def _cell(value: str | None, room: int, look: Look) -> list[str]:
    text = "-" if value is None else safe(value)
    lines = [text[at : at + room] for at in range(0, len(text), room)] or [""]
    return lines if len(lines) <= 4 else [*lines[:3], lines[3][: room - 1] + look.arrows[2]]


def _below(row: Difference, name: str, look: Look) -> Iterator[str]:
    if row.same:
        yield paint(f"{name}: {_long(row.left, look)}", DIM, look)
        return
    yield name
    for sign, value, colour in zip("-+", (row.left, row.right), _colours(row), strict=True):
        if value is not None:
            yield paint(f"    {sign} {_long(value, look)}", colour, look)


def _long(value: str | None, look: Look) -> str:
    text = safe(value or "")
    return text if len(text) <= _LONGEST else text[:_LONGEST] + look.arrows[2]


def _colours(row: Difference) -> tuple[str, str]:
    return (DIM, DIM) if row.same or row.noise else (RED, GREEN)


def _verdict(rows: Sequence[Difference], no_noise: bool) -> str:
    real = sum(not row.same and not row.noise for row in rows)
    noise = sum(row.noise for row in rows)
    same = sum(row.same for row in rows)
    said = f"{real or 'no'} difference{'' if real == 1 else 's'}, {same} the same (--all shows them)"
    hidden = "left out" if no_noise else "marked ~; --no-noise leaves them out"
    return f"{said}; {noise} more are only dates, ids or durations ({hidden})" if noise else said


def _width(look: Look) -> int:
    return shutil.get_terminal_size().columns if look.width else 0


def _whole(store: Store, id: int) -> Whole:
    found = next(wholes(store, [id]), None)
    if found is None:
        raise UsageError(f"there is no exchange {id}", hint="list what there is: `tunnel log`")
    return found
