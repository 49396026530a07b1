"""Store: `tunnel store` and what it does to the store: prune, vacuum, clear. The work itself is for `capture.upkeep`."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from tunnel.capture import search
from tunnel.capture.store import Facts, NoStore, Store
from tunnel.capture.store_schema import FILE
from tunnel.capture.upkeep import Upkeep, family_size, set_aside_stores, upkeep
from tunnel.cli.choice import filtered_ids, parsed_filter
from tunnel.cli.configfile import read_config
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.lines import DIM, YELLOW, Look, iso, json_text, look_of, paint, size
from tunnel.cli.options import Bytes, Seconds
from tunnel.cli.quantity import show_quantity
from tunnel.cli.said import exchanges_word, say_error, say_line
from tunnel.errors import TunnelError, UsageError
from tunnel.model.config import Keep

_OFTEN = 0.2  # seconds between two words of progress


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Read what is kept from this file.")
@folder_option
@click.pass_context
def store(ctx: click.Context, as_json: bool, config: Path | None, folder: Path | None) -> None:
    """Say where the record is, how large, and what is kept; or make it smaller."""
    ctx.obj = folder
    if ctx.invoked_subcommand is not None:
        return
    folder = folder or default_folder()
    keep = read_config(config).keep if config else Keep()
    try:
        with Store(folder) as opened:
            facts = opened.facts()
    except NoStore as error:
        if not as_json:
            click.echo(f"Nothing has been recorded yet in {folder}. Start recording: `tunnel 3000`.", err=True)
            _say_set_aside(folder, look_of(sys.stdout))
            return
        raise error
    if as_json:
        say_line(json_text(_fields(folder, facts, keep)))
        return
    for text in _lines(folder, facts, keep, named=config is not None, look=look_of(sys.stdout)):
        say_line(text)
    _say_set_aside(folder, look_of(sys.stdout))


@store.command()
@click.option("--older-than", "age", type=Seconds(), metavar="DURATION", help="What began longer ago, like 7d or 12h.")
@click.option(
    "--larger-than", "most", type=Bytes(), metavar="SIZE", help="The oldest, until no more is left, like 500mb."
)
@click.option("--filter", "expression", metavar="EXPR", help="What matches a filter.")
@folder_option
@click.pass_obj
def prune(above: Path | None, age: float | None, most: int | None, expression: str | None, folder: Path | None) -> None:
    """Remove exchanges: old ones, the oldest, or what matches. Safe while a tunnel is recording."""
    if sum(choice is not None for choice in (age, most, expression)) != 1:
        raise UsageError(
            "say what to remove, in one way", hint="--older-than 7d, or --larger-than 500mb, or --filter 'status = 200'"
        )
    folder = folder or above or default_folder()
    if expression is not None:
        parsed_filter(expression)

    def work(at: Upkeep, progress: "_Progress") -> int:
        if age is not None:
            return at.remove_before(time.time_ns() // 1000 - int(age * 1e6), progress.removed)
        if most is not None:
            return at.remove_to_size(most, progress.removed)
        with Store(folder) as reading:
            return at.remove_these(filtered_ids(reading, expression or ""), progress.removed)

    _make_smaller(folder, work)


@store.command()
@folder_option
@click.pass_obj
def vacuum(above: Path | None, folder: Path | None) -> None:
    """Give free space back to the file system."""
    folder = folder or above or default_folder()
    before = family_size(_there(folder))
    progress = _Progress()
    with upkeep(folder, _warn) as at:
        anew = at.write_anew()
        if not anew:
            at.shrink(progress.given_back)
    progress.done()
    after = family_size(folder / FILE)
    say_line(f"{size(before)} before, {size(after)} now")
    if not anew:
        say_line("a tunnel is recording, so only whole free pages were given back; for the rest, stop it first")


@store.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@folder_option
@click.pass_obj
def clear(above: Path | None, yes: bool, folder: Path | None) -> None:
    """Remove every exchange that has ended, and what makes bodies searchable."""
    folder = folder or above or default_folder()
    with Store(folder) as opened:
        facts = opened.facts()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"{exchanges_word(facts.exchanges)} would be removed for good, and nobody is there to be asked",
                hint="if that is meant: tunnel store clear --yes",
            )
        click.confirm(f"Remove {exchanges_word(facts.exchanges)} from {folder / FILE} for good?", abort=True, err=True)
    _make_smaller(folder, lambda at, progress: at.remove_to_size(0, progress.removed))
    search.forget(folder)
    with Store(folder) as opened:
        if left := opened.facts().exchanges:
            say_line(f"{left} began meanwhile or still run, and are kept")
    _say_set_aside(folder, look_of(sys.stdout))


def _make_smaller(folder: Path, work: "Callable[[Upkeep, _Progress], int]") -> None:
    """Remove something, give its space back, and say so."""
    before = family_size(_there(folder))
    progress = _Progress()
    with upkeep(folder, _warn) as at:
        removed = work(at, progress)
        at.shrink(progress.given_back)
    progress.done()
    say_line(f"{exchanges_word(removed)} removed; {size(before)} before, {size(family_size(folder / FILE))} now")


def _there(folder: Path) -> Path:
    """Return the store's file.

    Raises:
      TunnelError: There is none, or none that this tunnel can read.
    """
    with Store(folder) as opened:
        return opened.path


class _Progress:
    """Says how far a long work has come: on a terminal, a few times a second, on one line."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = time.monotonic()
        self._said = False

    def removed(self, count: int) -> None:
        """So many exchanges have been removed."""
        self._say(f"{exchanges_word(count)} removed …")

    def given_back(self, count: int) -> None:
        """So many bytes have been given back."""
        self._say(f"{size(count)} given back …")

    def done(self) -> None:
        """Leave the line to what comes."""
        if self._said:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _say(self, text: str) -> None:
        now = time.monotonic()
        if self._shown and now - self._last >= _OFTEN:
            self._last, self._said = now, True
            click.echo(f"\r{text}\x1b[K", nl=False, err=True)


def _lines(folder: Path, facts: Facts, keep: Keep, *, named: bool, look: Look) -> list[str]:
    taken = family_size(folder / FILE)
    free = f", of which {size(facts.free)} are free: `tunnel store vacuum`" if facts.free > facts.size // 10 else ""
    kept = (
        f"for {show_quantity(keep.age, 'seconds')} (--keep-age), {show_quantity(keep.size, 'bytes')} in all (--keep-size),"
        f" {show_quantity(keep.body_size, 'bytes')} of each body (--keep-body-size)"
    )
    by = "" if named else "; by default: a tunnel may have been started with others"
    now = {0: "no tunnel is recording", 1: "a tunnel is recording"}.get(
        facts.writers, f"{facts.writers} processes record"
    )
    lines = [("where", str(folder / FILE)), ("size", f"{size(taken)}{free}")]
    if facts.oldest is None or facts.newest is None:
        lines.append(("holds", "no exchange"))
    else:
        lines.append(("holds", f"{exchanges_word(facts.exchanges)}, from {iso(facts.oldest)} to {iso(facts.newest)}"))
    lines += [("kept", f"{kept}{by}"), ("now", now)]
    if index := family_size(folder / search.FILE):
        lines.append(("search", f"{size(index)} in {search.FILE}, made from the record"))
    return [f"{paint(f'{name:<7}', DIM, look)}{text}" for name, text in lines]


def _say_set_aside(folder: Path, look: Look) -> None:
    for path, taken in set_aside_stores(folder):
        say_line(
            paint(f"set aside: {path}, {size(taken)}; delete it when you do not miss it: rm {path}*", YELLOW, look)
        )


def _fields(folder: Path, facts: Facts, keep: Keep) -> dict[str, object]:
    """Return what `--json` prints. The keys are a promise (docs/store.md)."""
    return {
        "path": str(folder / FILE),
        "bytes": family_size(folder / FILE),
        "free_bytes": facts.free,
        "exchanges": facts.exchanges,
        "oldest": None if facts.oldest is None else iso(facts.oldest),
        "newest": None if facts.newest is None else iso(facts.newest),
        "writers": facts.writers,
        "search_bytes": family_size(folder / search.FILE),
        "keep": {"age_seconds": keep.age, "bytes": keep.size, "body_bytes": keep.body_size},
        "set_aside": [{"path": str(path), "bytes": taken} for path, taken in set_aside_stores(folder)],
    }


def _warn(error: TunnelError) -> None:
    say_error(error.what, error.hint)
