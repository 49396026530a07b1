"""Inspect: `tunnel inspect` opens the inspector's page on what was recorded, without a front."""

import sys
from pathlib import Path

import click
import trio

from certs.glance import trusted_at_a_glance
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.lines import CYAN, DIM, YELLOW, look_of, paint, safe
from tunnel.errors import TunnelError
from tunnel.inspector.link import found
from tunnel.model.address import INSPECTOR_PORT, Listen, parse_listen
from tunnel.model.config import Config, Mode
from tunnel.net.vitals import lives
from tunnel.run_inspect import inspect as run_inspector
from tunnel.terminal import Started, Terminal


@click.command()
@click.option("--listen", metavar="[ADDR:]PORT", help="Where the page is served, loopback only. [62894]")
@click.option("--plain", is_flag=True, help="Serve plain HTTP.")
@folder_option
def inspect(listen: str | None, plain: bool, folder: Path | None) -> None:
    """Open the inspector on what was recorded, without a front.

    It follows what fronts record meanwhile. Sending again and showing redacted values are for the front's own inspector.
    """
    folder = folder or default_folder()
    config = Config(
        target=None,
        folder=str(folder),
        mode=Mode.PLAIN if plain else Mode.HTTPS,
        inspector=parse_listen(listen) if listen else Listen(port=INSPECTOR_PORT),
    )
    trio.run(run_inspector, config, _Said(folder))


class _Said(Terminal):
    """The link alone on stdout, the rest beside it, so that a script can read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._look = look_of(sys.stderr)

    def started(self, started: Started) -> None:
        """See `Terminal.started`."""
        click.echo(paint(started.inspector, CYAN, look_of(sys.stdout)), color=True)
        sys.stdout.flush()
        self._say(
            f"what was recorded in {self._folder}; nothing can be sent again or revealed here, without a front", DIM
        )
        front = found(self._folder, lives)
        if front is not None:
            self._say(f"a front is running, and its own inspector can do that too: {front.address}", DIM)
        if started.authority is not None and not trusted_at_a_glance(started.authority):
            self._say("browsers will warn, since they do not trust the local authority yet; type: tunnel trust", YELLOW)

    def notice(self, error: TunnelError) -> None:
        """See `Terminal.notice`."""
        self._say(f"{error.what}; {error.hint}" if error.hint else error.what, YELLOW)

    def _say(self, text: str, colour: str) -> None:
        click.echo(paint(safe(text), colour, self._look), err=True, color=True)
