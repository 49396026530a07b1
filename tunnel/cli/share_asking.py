"""Share, asking: what a person is asked before something is opened: on which interface, with what password, to everybody?

Where nobody is there to be asked, nothing is guessed: the words that say it are told.
"""

import sys
from collections.abc import Sequence

import click

from tunnel.cli.lines import safe
from tunnel.errors import UsageError
from tunnel.net.lan import Interface

_LONGEST = 1024  # characters of a password that are read
_WORD = "open"  # has to be typed: nobody types it by mistake


def ask_interface(found: Sequence[Interface]) -> Interface:
    """Return which of several interfaces is meant.

    Raises:
      UsageError: Nobody is there to be asked.
    """
    those = ", ".join(f"{one.name} ({one.address})" for one in found)
    if not _somebody():
        raise UsageError(
            f"this machine is in several networks: {safe(those)}", hint=f"name one: --interface {safe(found[0].name)}"
        )
    click.echo("this machine is in several networks; on which one shall it be shared?", err=True)
    for number, one in enumerate(found, 1):
        click.echo(f"  {number}  {safe(one.name):<12} {one.address}, {one.kind.value}", err=True)
    number = click.prompt("number", type=click.IntRange(1, len(found)), err=True)
    return found[number - 1]


def confirm_open(*places: Interface) -> None:
    """Return if a person says that everybody is to be let in.

    Args:
      places: What is opened, each address with its network.

    Raises:
      UsageError: They do not, or nobody is there to be asked.
    """
    if not _somebody():
        raise UsageError(
            "--open lets in everybody, and has to be confirmed",
            hint="where nobody can be asked: --open --yes-to-everybody",
        )
    click.secho(
        f"--open lets in everybody who reaches {' or '.join(place.address for place in places)}: every device in"
        f" {' and '.join(str(place.network) for place in places)}, known or not.",
        fg="red",
        bold=True,
        err=True,
    )
    if click.prompt(f"type {_WORD!r} to do that", default="", show_default=False, err=True).strip() != _WORD:
        raise UsageError(
            "nothing was opened: it was not confirmed", hint="leave --open out, and each device asks you first"
        )


def ask_password() -> str:
    """Return a new password: asked for twice at a terminal, or the first line of a pipe. Never a word of the command.

    Raises:
      UsageError: There is none.
    """
    if _somebody():
        password: str = click.prompt(
            "password for the share", hide_input=True, confirmation_prompt="once more", err=True
        )
    else:
        try:
            password = sys.stdin.readline(_LONGEST + 2).rstrip("\r\n")
        except UnicodeDecodeError:
            raise UsageError("the password on stdin is not text", hint="send it in UTF-8") from None
    if not password:
        raise UsageError(
            "there is no password",
            hint="type it when it is asked for, or send it as a line: tunnel share --password 3000 <FILE",
        )
    return password


def _somebody() -> bool:
    return sys.stdin.isatty()
