"""Main: the command, its subcommands, and the one place where an error becomes text and an exit code."""

import errno
import os
import sys
from collections.abc import Sequence

import click

from tunnel import __version__
from tunnel.cli.bringing import brought
from tunnel.cli.meant import command_meant
from tunnel.cli.said import say_error
from tunnel.errors import TunnelError

# A subcommand's module is imported when it is used, so that each pays only for itself.
_COMMANDS = {
    "http": ("tunnel.cli.serve", "http"),
    "example": ("tunnel.cli.serve", "example"),
    "share": ("tunnel.cli.share", "share"),
    "log": ("tunnel.cli.exchanges", "log"),
    "show": ("tunnel.cli.exchanges", "show"),
    "inspect": ("tunnel.cli.inspect", "inspect"),
    "compare": ("tunnel.cli.compare", "compare_"),
    "export": ("tunnel.cli.export", "export"),
    "import": ("tunnel.cli.export", "import_"),
    "replay": ("tunnel.cli.replay", "replay"),
    "store": ("tunnel.cli.store", "store"),
    "cert": ("tunnel.cli.cert", "cert"),
    "trust": ("tunnel.cli.trust", "trust"),
    "untrust": ("tunnel.cli.trust", "untrust"),
}
_BUG = 70  # EX_SOFTWARE of sysexits.h
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Door(click.Group):
    """Finds subcommands by name, and takes any other first word for a target: `tunnel 3000` is `tunnel http 3000`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands, in the order a newcomer meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(brought(module), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `http` before arguments that begin with neither a subcommand nor one of our own options."""
        if args and args[0] not in _COMMANDS and args[0] not in ("--help", "-h", "--version"):
            if near := command_meant(args[0], _COMMANDS):
                raise click.UsageError(f"there is no command {args[0]}; did you mean {near}?", ctx)
            args = ["http", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=Door,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Any other first word is a target: `tunnel 3000` is `tunnel http 3000`.",
)
@click.version_option(__version__)
@click.pass_context
def tunnel(ctx: click.Context) -> None:
    """HTTPS in front of your dev server, and a record of what passes.

    \b
      tunnel 3000          front http://localhost:3000 on https://127.0.0.1:62893
      tunnel share 3000    open it to the local network, for an hour, to those you let in
      tunnel trust         make browsers and tools accept its certificate
      tunnel log -f        watch what passes
      tunnel show 42       one exchange whole
      tunnel replay 42     send it again, and compare the answers
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 failed, 2 wrong words, 130 interrupted; others in docs/command.md."""
    try:
        result = tunnel.main(args=list(args) if args is not None else None, prog_name="tunnel", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except TunnelError as error:
        say_error(error.what, error.hint)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        say_error(error.format_message()[:1].lower() + error.format_message()[1:].rstrip("."), _usage_hint(error))
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(_INTERRUPTED)
    except Exception as error:
        if os.environ.get("TUNNEL_DEBUG"):
            raise
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            say_error("no more files may be opened here, not even those needed to begin", "allow more: ulimit -n 65536")
            sys.exit(1)
        say_error(
            f"a bug in tunnel: {type(error).__name__}: {error}", "please report it, with what TUNNEL_DEBUG=1 shows"
        )
        sys.exit(_BUG)


def _usage_hint(error: click.ClickException) -> str:
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "tunnel"
    return f"see: {command} --help"
