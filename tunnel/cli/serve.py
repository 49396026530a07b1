"""Serve: `tunnel http TARGET` and `tunnel example`. Words to a Config, and what happens to lines."""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import trio

from tunnel.capture.recorder import Statistics
from tunnel.cli.configfile import FileSettings, read_config
from tunnel.cli.folder import default_folder
from tunnel.cli.lines import LivePrinter, Style
from tunnel.cli.options import Settings, chosen, settings
from tunnel.errors import TunnelError, UsageError
from tunnel.model.address import Listen, parse_listen, parse_target
from tunnel.model.config import Config, Mode
from tunnel.model.exchange import Summary
from tunnel.run import Started, Terminal, run


def _front(command: Any) -> Any:
    """The options of both commands, in the order of their help."""
    for option in reversed(
        (
            click.option("--listen", metavar="ADDR:PORT", help="Where to listen, loopback only. [127.0.0.1:62893]"),
            click.option("--plain", "mode", flag_value="plain", help="Serve plain HTTP only."),
            click.option("--both", "mode", flag_value="both", help="Serve HTTPS and plain HTTP on the same port."),
            click.option("--allow-host", multiple=True, metavar="NAME", help="Another Host that is ours; .NAME for all below it."),
            click.option("--host-header", metavar="upstream|NAME", help="The Host that the target sees. [the client's]"),
            click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout."),
            click.option("--quiet", "-q", is_flag=True, help="No line for each request."),
            click.option("--config", metavar="FILE", help="Read these settings from a TOML file; flags win."),
            click.option("--folder", metavar="DIR", envvar="TUNNEL_FOLDER", help="Where the authority and the record live."),
        )
    ):
        command = option(command)
    return settings(command)


@click.command(cls=Settings)
@click.argument("target", required=False)
@_front
def http(target: str | None, **given: Any) -> None:
    """Front a service over HTTPS and record what passes.

    TARGET is a port, host:port, http://…, https://… (verified against the system's store), https+insecure://… or
    unix:/path.sock.
    """
    _serve(target, given, example=False)


@click.command(cls=Settings)
@_front
def example(**given: Any) -> None:
    """Front the example service: pages, JSON, an event stream, a WebSocket, uploads, slow and failing paths."""
    _serve(None, given, example=True)


def _serve(target: str | None, given: dict[str, Any], *, example: bool) -> None:
    config = _config(target, given, example=example)
    terminal = Printed(config, as_json=given["as_json"], quiet=given["quiet"])
    try:
        trio.run(run, config, terminal)
    finally:
        terminal.close()


def _config(target: str | None, given: dict[str, Any], *, example: bool) -> Config:
    """Lay the flags over the config file, and that over the defaults."""
    base = read_config(Path(given["config"])) if given["config"] else FileSettings()
    target = target or base.target
    if target is None and not example:
        raise UsageError("there is nothing to front yet", hint="name your dev server's port, like: tunnel 3000")
    limits, keep = chosen(given, base.limits, base.keep)
    listen = given["listen"] or base.listen
    return Config(
        target=None if example or target is None else parse_target(target),
        folder=str(given["folder"] or default_folder()),
        listen=parse_listen(listen) if listen else Listen(),
        mode=Mode(given["mode"]) if given["mode"] else base.mode,
        allow_host=(*base.allow_host, *given["allow_host"]),
        host_header=given["host_header"] or base.host_header,
        limits=limits,
        keep=keep,
    )
