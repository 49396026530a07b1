"""Report: figures as tables, for a terminal and for docs/speed.md."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.bench import Column, Table, Work
from benchmarks.peers import US
from benchmarks.results import Results

BEGIN = "<!-- figures: written by `python -m benchmarks --write-docs`; do not edit by hand -->"
END = "<!-- end of figures -->"
_MISSING = "–"


def tables(results: Results, works: Iterable[Work]) -> str:
    """Return every table for which there are figures, as Markdown."""
    parts = []
    for work in works:
        for table in work.tables:
            rows = _rows(results, work.name, table)
            if rows:
                words = f"{table.words}\n\n" if table.words else ""
                heading = [""] + [column.heading for column in table.columns]
                parts.append(f"### {table.title}\n{words}{_grid(heading, rows)}\n")
    return "\n".join(parts)


def circumstances(about: dict[str, Any], results: Results) -> str:
    """Return where and how the figures were taken, as Markdown."""
    machine, versions = about["machine"], about["versions"]
    lines = [
        f"Taken on {machine['date']}: {machine['processor']}, {machine['system']}; cores: {machine['cores']};"
        f" load before: {machine.get('load before', 'unknown')}.",
        "Versions: "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f"; Python {machine['python']}, its OpenSSL {machine['openssl']}.",
        f"Medians of {about['rounds']} rounds, {about['seconds']} s a figure where it is taken by time."
        f"{_noise(results.spread())} “×” is how many times ours it is, compared round by round.",
    ]
    lines += [f"Left out: {name}; to have it: {cure}." for name, cure in about["absent"].items()]
    lines += [f"Note: {note}." for note in results.notes]
    return "\n".join(f"- {line}" for line in lines)


def _noise(spread: Sequence[float]) -> str:
    if not spread:
        return ""
    typical, worst = spread[len(spread) // 2], spread[len(spread) * 9 // 10]
    return (
        f" Between the lowest and the highest round of a figure lie {typical:.0%} of it typically, and more than {worst:.0%}"
        " for one in ten."
    )


def put_between(page: str, text: str) -> str:
    """Return a page with what is between the markers replaced.

    Raises:
      ValueError: It has not both of them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN!r} … {END!r}")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def _rows(results: Results, work: str, table: Table) -> list[list[str]]:
    rows = []
    for name in sorted(results.rows(work), key=_rank):
        cells = [_cell(results, work, name, column) for column in table.columns]
        if any(cell != _MISSING for cell in cells):
            rows.append([f"**{name}**" if name == US else name, *cells])
    return rows


def _rank(name: str) -> int:
    """Order rows: the direct connection, ours, the others as they come."""
    return {"direct": 0, US: 1}.get(name, 1 if name.startswith(US) else 2)


def _cell(results: Results, work: str, row: str, column: Column) -> str:
    value = results.median(work, row, column.name)
    if value is None:
        return _MISSING
    text = f"{value:,.{column.digits}f}"
    ratio = results.ratio(work, row, column.name, US) if column.ratio and row != US else None
    return text if ratio is None else f"{text} (×{_short(ratio)})"


def _short(ratio: float) -> str:
    return f"{ratio:.0f}" if abs(ratio) >= 10 else f"{ratio:.1f}" if abs(ratio) >= 2 else f"{ratio:.2f}"


def _grid(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align a table, so that it can be read as it is."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(heading), rule, *map(line, rows)])
