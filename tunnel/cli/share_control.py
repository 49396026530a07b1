"""Share control: `tunnel share --list`, `revoke`, `extend`, `stop`, `allow`, `deny`: steering a share from another terminal.

What a share itself is begun with is for `cli.share`. Each of these is a word that no target can be.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tunnel.cli.folder import default_folder, folder_option
from tunnel.cli.lines import look_of, safe, wrapped
from tunnel.cli.meant import command_meant
from tunnel.cli.options import Seconds, Settings
from tunnel.cli.said import say_line
from tunnel.cli.share_lines import clock, span, standing_lines

# What speaks to a share is imported with the first word to one: `tunnel --help` needs this file, and none of that.
if TYPE_CHECKING:
    from tunnel.share.orders import Order, Reply
    from tunnel.share.places import Place

ENDING = 15.0  # seconds to wait for a share to have ended; it gives running exchanges `--shutdown` seconds

_share = click.option("--share", type=click.IntRange(1, 65535), metavar="PORT", help="Which, where several run.")


def _steering(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function the command of a word, with the options that all of them have."""

    def made(function: Callable[..., Any]) -> click.Command:
        command = click.command(name)(_share(folder_option(function)))
        WORDS[name] = command
        return command

    return made


WORDS: dict[str, click.Command] = {}
"""The words after `tunnel share` that steer instead of sharing."""


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a share.")
@folder_option
def list_(as_json: bool, folder: Path | None) -> None:
    """Show what is shared now: until when, under which rule, with which devices, and who asks."""
    import msgspec

    from tunnel.share.asking import standings

    found = standings(folder or default_folder())
    if as_json:
        for standing in found:
            say_line(safe(msgspec.json.encode(standing).decode()))
        return
    look, now = look_of(sys.stdout), time.time()
    for number, standing in enumerate(found):
        if number:
            say_line("")
        for line in standing_lines(standing, now, look):
            say_line(wrapped(line, look))
    if not found:
        say_line("nothing is shared just now; begin: tunnel share 3000")


WORDS["list"] = list_


@_steering("revoke")
@click.argument("device")
def revoke(device: str, share: int | None, folder: Path | None) -> None:
    """Take a device's way in from it, by its number or its name; its connections are closed."""
    from tunnel.share.orders import Revoke

    _, reply = _ordered(Revoke(device), share, folder)
    gone = reply.device
    assert gone is not None, "that is what it answers"
    say_line(f"device {gone.number}, {safe(gone.who)}, {safe(gone.address)}, is out")


@_steering("extend")
@click.argument("time", type=Seconds(), metavar="TIME")
def extend(time: float, share: int | None, folder: Path | None) -> None:
    """Move the end by TIME: 30m, 1h."""
    from tunnel.share.orders import Extend

    place, reply = _ordered(Extend(time), share, folder)
    assert reply.left is not None, "that is what it answers"
    say_line(f"the share on port {place.port} ends {_at(reply.left)}, in {span(reply.left)}")


@_steering("stop")
def stop(share: int | None, folder: Path | None) -> None:
    """End a share now, as Ctrl-C does: its connections are closed."""
    from tunnel.share.asking import ordered
    from tunnel.share.orders import Stop

    place, _ = ordered(folder or default_folder(), Stop(), share=share, until_end=ENDING)
    say_line(f"the share on port {place.port} has ended")


@_steering("allow")
@click.argument("question", type=int, required=False)
def allow(question: int | None, share: int | None, folder: Path | None) -> None:
    """Let in who asks: the number that the terminal told; the only one who asks needs none."""
    _answered(question, True, share, folder)


@_steering("deny")
@click.argument("question", type=int, required=False)
def deny(question: int | None, share: int | None, folder: Path | None) -> None:
    """Do not let in who asks."""
    _answered(question, False, share, folder)


class Steered(Settings):
    """A command that shares what it is given, and steers where its first word says so: `tunnel share stop`.

    With `--list` it is `list`, whatever else is said. The help names the words.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of the word's own command, if there is one."""
        word = "list" if "--list" in args else next(iter(args), "")
        if word not in WORDS:
            if near := command_meant(word, WORDS):
                raise click.UsageError(f"there is no command share {word}; did you mean share {near}?", parent)
            return super().make_context(info_name, args, parent, **extra)
        rest = [arg for arg in args if arg != "--list"] if "--list" in args else args[1:]
        return WORDS[word].make_context(f"{info_name} {word}", rest, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the context is of: a word's, or ours."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what steers a running share."""
        with formatter.section("From another terminal"):
            rows = [("--list", _first(list_))]
            formatter.write_dl(
                rows + [(_usage(name, command), _first(command)) for name, command in WORDS.items() if name != "list"]
            )
        super().format_epilog(ctx, formatter)


def _answered(question: int | None, allow: bool, share: int | None, folder: Path | None) -> None:
    from tunnel.share.orders import Answer

    _, reply = _ordered(Answer(allow, question), share, folder)
    asked = reply.question
    assert asked is not None, "that is what it answers"
    say_line(f"{safe(asked.who)}, {safe(asked.address)}, is {'let in' if allow else 'not let in'}")


def _ordered(order: "Order", share: int | None, folder: Path | None) -> "tuple[Place, Reply]":
    from tunnel.share.asking import ordered

    return ordered(folder or default_folder(), order, share=share)


def _at(left: float) -> str:
    return clock(time.time() + left)


def _first(command: click.Command) -> str:
    return (command.help or "").partition("\n")[0]


def _usage(name: str, command: click.Command) -> str:
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    words = [(param.metavar or (param.name or "").upper()) for param in arguments]
    return " ".join(
        [name, *(word if param.required else f"[{word}]" for word, param in zip(words, arguments, strict=True))]
    )
