"""Serve: `tunnel http TARGET` and `tunnel example`. Words to a Config, and what happens to lines."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import trio

from tunnel.cli.filesettings import FileSettings
from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.options import Settings, chosen, settings
from tunnel.cli.printed import Printed
from tunnel.errors import UsageError
from tunnel.model.address import INSPECTOR_PORT, Listen, parse_host_header, parse_listen, parse_target
from tunnel.model.config import Config, Mode
from tunnel.rules.sharing import refuse_workers
from tunnel.run import run

Function = TypeVar("Function", bound=Callable[..., Any])

# What stands beside every front, whoever may reach it.
BESIDE = (
    click.option("--inspector", metavar="[ADDR:]PORT", help="Where the inspector listens, loopback only. [62894]"),
    click.option("--no-inspector", is_flag=True, help="Serve no inspector."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line."),
    click.option("--quiet", "-q", is_flag=True, help="Print no line for each request."),
    click.option(
        "--config", metavar="FILE", type=click.Path(path_type=Path), help="TOML with these settings; flags win."
    ),
    folder_option,
)
_OPTIONS = (
    click.option("--listen", metavar="ADDR:PORT", help="Where to listen, loopback only. [127.0.0.1:62893]"),
    click.option("--plain", "mode", flag_value="plain", help="Serve plain HTTP only."),
    click.option("--both", "mode", flag_value="both", help="Serve HTTPS and plain HTTP on the same port."),
    click.option("--allow-host", multiple=True, metavar="NAME", help="Another Host that is ours; .NAME: all below it."),
    click.option("--host-header", metavar="upstream|NAME", help="The Host that the target sees. [the client's]"),
    *BESIDE,
)


def given_options(*options: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Return what gives a command these options, in the order of their help, and behind them every limit."""

    def give(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
        return settings(command)

    return give


@click.command(cls=Settings)
@click.argument("target", required=False)
@given_options(*_OPTIONS)
def http(target: str | None, **given: Any) -> None:
    """Front a service over HTTPS and record what passes.

    TARGET is a port, host:port, http://…, https://… (verified against the system's store), https+insecure://… or
    unix:/path.sock.
    """
    _serve(target, given, example=False)


@click.command(cls=Settings)
@given_options(*_OPTIONS)
def example(**given: Any) -> None:
    """Front the example service: pages, JSON, an event stream, a WebSocket, uploads, slow and failing paths."""
    _serve(None, given, example=True)


def _serve(target: str | None, given: dict[str, Any], *, example: bool) -> None:
    config = _config(target, given, example=example)
    several = config.limits.workers > 1
    if several:
        refuse_workers(config, sys.platform)
    run_front(config, Printed(Path(config.folder), as_json=given["as_json"], quiet=given["quiet"], shared=several))


def run_front(config: Config, terminal: Printed) -> None:
    """Serve until told to stop, and print what is left."""
    _let_garbage_wait()
    sys.unraisablehook = unraisable
    try:
        if config.limits.workers > 1:
            from tunnel.workers.first import run_workers

            run_workers(config, terminal)
        else:
            trio.run(run, config, terminal)
    finally:
        terminal.close()


def unraisable(said: "sys.UnraisableHookArgs") -> None:
    """Say nothing of a name that is no text (SNI): Python decodes it before it asks us, and would print a traceback.

    The handshake fails, and that is told as any other's failure. Whatever else cannot be raised is printed.
    """
    if not (isinstance(said.exc_value, UnicodeDecodeError) and said.object == said.exc_value.object):
        sys.__unraisablehook__(said)


def _let_garbage_wait() -> None:
    """Collect garbage seldom: exchanges leave next to none in cycles, and looking for it cost a tenth of each request."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _config(target: str | None, given: dict[str, Any], *, example: bool) -> Config:
    """Lay the flags over the config file, and that over the defaults."""
    base = FileSettings()
    if given["config"]:
        from tunnel.cli.configfile import read_config  # with tomllib, and the words of a share: 2.5 ms

        base = read_config(given["config"])
    target = target or base.target
    if target is None and not example:
        raise UsageError("there is nothing to front yet", hint="name your dev server's port, like: tunnel 3000")
    return settled(None if example else target, given, base)


def settled(target: str | None, given: dict[str, Any], base: FileSettings) -> Config:
    """Return what the flags and the file say together; a flag that the command does not have says nothing."""
    limits, keep = chosen(given, base.limits, base.keep)
    listen = given.get("listen") or base.listen
    inspector = _inspector(given["inspector"], given["no_inspector"], base.inspector)
    return Config(
        target=None if target is None else parse_target(target),
        folder=str(given["folder"] or default_folder()),
        listen=parse_listen(listen) if listen else Listen(),
        inspector=inspector,
        mode=Mode(given["mode"]) if given.get("mode") else base.mode,
        allow_host=(*base.allow_host, *given.get("allow_host", ())),
        host_header=parse_host_header(given["host_header"] or base.host_header),
        limits=limits,
        keep=keep,
    )


def _inspector(given: str | None, none: bool, base: str | bool | None) -> Listen | None:
    """Return where the inspector listens; None for none. A flag wins over the file, which may say true or false."""
    if given and none:
        raise UsageError("--inspector and --no-inspector do not go together", hint="leave one of them out")
    if none or (base is False and not given):
        return None
    address = given or (base if isinstance(base, str) else None)
    return parse_listen(address, "--inspector") if address else Listen(port=INSPECTOR_PORT)
