"""Export and import: `tunnel export` writes what was recorded into a file, `tunnel import` takes somebody else's in."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from certs.files import Layout
from certs.glance import trusted_at_a_glance
from tunnel.capture.exporting import Format, Whole, pieces, wholes
from tunnel.capture.store import NoStore, Store
from tunnel.capture.told import iso
from tunnel.cli.choice import selected
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.lines import safe, size
from tunnel.cli.said import exchanges_word
from tunnel.errors import TunnelError, UsageError

if TYPE_CHECKING:
    from tunnel.capture.har import Imported

BY_NAME = {
    ".har": Format.HAR,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".sh": Format.CURL,
}
QUIET = 1.0  # seconds that something takes before its progress is told
AGAIN = 0.2  # seconds between two words of progress


@click.command()
@click.argument("words", nargs=-1, metavar="[FILTER]…")
@click.option("-o", "--output", default="-", metavar="FILE", help="Where to: x.har, x.json, x.jsonl; - is stdout.")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    help="By default what FILE's name says, else har.",
)
@click.option("--ids", metavar="LIST", help="These exchanges: 12,15-20.")
@click.option("--curl", is_flag=True, help="As curl commands: the same as --format curl.")
@click.option("--force", is_flag=True, help="Put it in place of a FILE that is there.")
@folder_option
def export(
    words: tuple[str, ...],
    output: str,
    form: str | None,
    ids: str | None,
    curl: bool,
    force: bool,
    folder: Path | None,
) -> None:
    """Write recorded exchanges, oldest first, as HAR, JSON or curl commands.

    \b
      tunnel export -o all.har
      tunnel export 'status >= 500' -o errors.jsonl
      tunnel export --ids 12,15-20 --curl
    """
    chosen = _format(output, form, curl)
    path = None if output == "-" else Path(output)
    if path is not None and path.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"name a file in it: -o {path / 'x.har'}")
    if path is not None and path.exists() and not force:
        raise _there(path)
    folder = folder or default_folder()
    try:
        store = Store(folder)
    except NoStore as error:
        raise TunnelError("there is nothing to export: nothing has been recorded yet", hint=error.hint) from error
    with store:
        found = selected(store, words, ids)
        if not len(found):
            raise TunnelError(
                "there is nothing to export: no exchange is meant", hint="list what there is: `tunnel log`"
            )
        progress = Progress(len(found), "exported")
        text = pieces(progress.counted(wholes(store, found)), chosen, root=known_root(folder))
        if path is None:
            _print_all(text)
        else:
            write_whole(path, text, force=force)
        progress.end()
    if path is not None:
        gone = f"; {len(found) - progress.done} were removed meanwhile" if progress.done < len(found) else ""
        click.echo(f"{exchanges_word(progress.done)} in {path} ({size(path.stat().st_size)}){gone}", err=True)


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@folder_option
def import_(file: Path, folder: Path | None) -> None:
    """Take in somebody else's recording, a HAR file, so that `tunnel log` and the others show it."""
    from tunnel.capture.importing import import_har  # and with it what reads HAR

    progress = Progress(0, "imported")
    folder = folder or default_folder()
    outcome = import_har(
        folder,
        file,
        change=_change(folder),
        now=time.time_ns() // 1000,
        notice=lambda error: click.echo(safe(f"{error.what}; {error.hint}"), err=True),
        progress=progress.tell,
    )
    progress.end()
    name = safe(file.name)
    numbers = f"{outcome.first} to {outcome.last}" if outcome.count > 1 else f"number {outcome.first}"
    click.echo(f"{exchanges_word(outcome.count)} from {name}: {numbers}; see one: tunnel show {outcome.first}")
    if outcome.left_out:
        click.echo(f"{outcome.left_out} entries were left out: they are no HTTP", err=True)
    if outcome.before is not None:
        then = outcome.before
        click.echo(
            f"the same was imported before, on {iso(then.at)[:10]}: as {then.first} to {then.last}; now it is here twice",
            err=True,
        )


class Progress:
    """Tells a person at the terminal how far something is that takes longer than a second; a pipe is told nothing."""

    def __init__(self, total: int, word: str, stream: TextIO | None = None) -> None:
        self.done = 0
        self._total = total
        self._word = word
        self._stream = stream or sys.stderr
        self._next = time.monotonic() + QUIET
        self._told = False

    def counted(self, found: Iterable[Whole]) -> Iterator[Whole]:
        """Pass on what is found, and count it."""
        for whole in found:
            self.tell(self.done + 1, self._total)
            yield whole

    def tell(self, done: int, total: int) -> None:
        """Say how many of how many are done, if it is time to."""
        self.done = done
        if self._stream.isatty() and (now := time.monotonic()) >= self._next:
            self._next = now + AGAIN
            self._told = True
            self._stream.write(f"\r{done} of {total} {self._word}")
            self._stream.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._told:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def write_whole(path: Path, text: Iterable[str], *, force: bool) -> None:
    """Write a file for its owner alone (0600), whole or not at all.

    Raises: UsageError, it is there; TunnelError, it cannot be written.
    """
    beside = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.part")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(beside, flags, 0o600), "wb")
        try:
            with file:
                for piece in text:
                    file.write(piece.encode())
                file.flush()
                os.fsync(file.fileno())
            if not force and path.exists():
                raise _there(path)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise TunnelError(
            f"{path} cannot be written: {error.strerror or error}",
            hint=f"look: ls -ld {path.parent}; df -h {path.parent}",
        ) from error


def known_root(folder: Path) -> str:
    """Return the file of the authority's certificate where tools would not know it by themselves, else an empty string."""
    authority = folder / "authority"
    root = Layout(authority).root
    return str(root.absolute()) if root.exists() and not trusted_at_a_glance(authority) else ""


def _format(output: str, form: str | None, curl: bool) -> Format:
    if curl:
        if form not in (None, Format.CURL):
            raise UsageError(f"--curl and --format {form} do not go together", hint="use one of them")
        return Format.CURL
    if form is not None:
        return Format(form)
    if output == "-":
        return Format.HAR
    found = BY_NAME.get(Path(output).suffix.lower())
    if found is None:
        known = ", ".join(BY_NAME)
        raise UsageError(
            f"the name {output} does not say in what format", hint=f"end it in {known}, or say --format har"
        )
    return found


def _there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already", hint="take another name, or put it in its place: --force")


def _print_all(text: Iterable[str]) -> None:
    """Print to stdout, as UTF-8 whatever the terminal thinks: it is a file's content."""
    sys.stdout.flush()
    for piece in text:
        sys.stdout.buffer.write(piece.encode())
    sys.stdout.buffer.flush()


def _change(folder: Path) -> "Callable[[Imported], Imported]":
    """Return what hides the secrets of somebody else's recording."""
    from tunnel.capture.har_secrets import HarSecrets  # its patterns take 20 ms to make

    return HarSecrets(folder)
