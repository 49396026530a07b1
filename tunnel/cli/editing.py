"""Editing: a request in the user's editor, $VISUAL or $EDITOR. How it is written there is for `rules.request_text`."""

import os
import sys
import tempfile
from pathlib import Path

import click

from tunnel.errors import TunnelError, UsageError
from tunnel.model.replay import NOT_SENT, Draft
from tunnel.rules.request_text import read_text, write_text


def edited_by_hand(draft: Draft, about: str) -> Draft:
    """Return what a person made of a request. The file is private, and gone afterwards.

    Args:
      draft: What is to be edited.
      about: A line that says what it is.

    Raises:
      TunnelError: The file was emptied, or the editor failed: nothing is to be sent.
      UsageError: What was written is not understood, and nobody is there to be asked to mend it.
    """
    number, name = tempfile.mkstemp(prefix="tunnel-", suffix=".http")  # mode 0600: it may hold secrets
    path = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(write_text(draft, about))
        while True:
            _edit(path)
            try:
                found = read_text(path.read_bytes(), draft)
            except UsageError as error:
                if not sys.stdin.isatty():
                    raise
                click.echo(f"{error.what}\n{error.hint}", err=True)
                click.confirm("Edit it again?", default=True, abort=True, err=True)
                continue
            if found is None:
                raise TunnelError("nothing was sent: the request was emptied", exit_code=NOT_SENT)
            return found
    finally:
        path.unlink(missing_ok=True)


def _edit(path: Path) -> None:
    try:
        click.edit(filename=str(path))
    except click.ClickException as error:
        raise TunnelError(
            f"nothing was sent: the editor failed ({error.format_message()})",
            hint="name another: EDITOR=nano tunnel replay …",
            exit_code=NOT_SENT,
        ) from error
