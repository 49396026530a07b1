"""Trust: `tunnel trust` and `tunnel untrust`, a face for `certs.stores`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from certs import stores
from certs.authority import Authority
from certs.errors import CertsError
from certs.files import Layout
from certs.stores import Outcome, Verdict
from tunnel.cli.folder import default_folder, folder_option
from tunnel.errors import TunnelError

_NOT_TRUSTED = 3  # exit code: some store did not take it


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; say what each store thinks.")
@click.option("--dry-run", is_flag=True, help="Change nothing; print the commands.")
@folder_option
def trust(check: bool, dry_run: bool, folder: Path | None) -> int:
    """Make this machine's browsers and tools accept our certificates.

    The local authority can sign for local names and addresses only, so trusting it opens no way to anybody else's site.
    """
    root = _root(folder)
    if dry_run:
        return _preview(root)
    outcomes = _do(stores.check if check else stores.trust, root)
    _tell(outcomes, wanted=Verdict.TRUSTED, done="trusted", kept="already trusted")
    if not outcomes:
        click.echo(f"no trust store that we know was found on this machine; import {root} by hand", err=True)
    return 0 if outcomes and all(o.state.verdict is Verdict.TRUSTED for o in outcomes) else _NOT_TRUSTED


@click.command()
@folder_option
def untrust(folder: Path | None) -> int:
    """Take our authority out of every store that `tunnel trust` put it into."""
    root = _root(folder)
    outcomes = _do(stores.untrust, root)
    _tell(outcomes, wanted=Verdict.ABSENT, done="removed", kept="was not there")
    return 0 if all(o.state.verdict is Verdict.ABSENT for o in outcomes) else _NOT_TRUSTED


def _root(folder: Path | None) -> Path:
    layout = Layout((folder or default_folder()) / "authority")
    try:
        Authority.load_or_make(layout.folder)
    except CertsError as error:
        raise TunnelError(error.what, hint=error.hint) from error
    return layout.root


def _do(deed: Callable[[Path], list[Outcome]], root: Path) -> list[Outcome]:
    try:
        return deed(root)
    except CertsError as error:
        raise TunnelError(error.what, hint=error.hint) from error


def _tell(outcomes: Sequence[Outcome], *, wanted: Verdict, done: str, kept: str) -> None:
    for outcome in outcomes:
        if outcome.state.verdict is wanted:
            word = click.style(done if outcome.changed else kept, fg="green")
            click.echo(f"  {word}  {outcome.store}")
        else:
            reason = outcome.state.reason or outcome.state.verdict.value
            click.echo(f"  {click.style('not yet', fg='yellow')}  {outcome.store}: {reason}")
            if outcome.state.hint:
                click.echo(f"           {outcome.state.hint.replace('python -m certs', 'tunnel')}")


def _preview(root: Path) -> int:
    for store, commands in stores.plan(root):
        click.echo(f"  {store}")
        click.echo("".join(f"    {command}\n" for command in commands) or "    nothing to do\n", nl=False)
    return 0
