"""Options: flags made from the fields of `model.config`, so that a field gives its flag, its help and its check at once."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import click

from tunnel.cli.meant import meant
from tunnel.cli.quantity import BYTES, SECONDS, parse_quantity, show_quantity
from tunnel.model.config import Keep, Limits

Command = TypeVar("Command", bound=Callable[..., Any])

_PREFIXES: dict[type, str] = {Keep: "keep-"}


class Seconds(click.ParamType[float]):
    """A duration: "2", "2.5s", "300ms", "5m", "1h", "7d"."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        try:
            return parse_quantity(value, SECONDS, "s")
        except ValueError:
            self.fail(f"{value!r} is not a duration; write it like 300ms, 2s, 5m or 1h", param, ctx)


class Bytes(click.ParamType[int]):
    """A size: "65536", "64KiB", "10mb", "1g"."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        try:
            return int(parse_quantity(value, BYTES, "b"))
        except ValueError:
            self.fail(f"{value!r} is not a size; write it like 64KiB, 10mb or 1g", param, ctx)


class Settings(click.Command):
    """A command whose help shows the flags of `Limits` and `Keep` as sections of their own, behind the ones people need."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Limits": [], "Recording": []}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx)
            if row is not None and isinstance(param, click.Option):  # an argument's row has no words
                prefix = (param.name or "").partition("__")[0]
                section = {"limits": "Limits", "keep": "Recording"}.get(prefix, "Options")
                sections[section].append(row)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and where a flag is unknown propose the nearest."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = [opt for param in self.params for opt in param.opts]
            near = meant(error.option_name, known)
            raise click.UsageError(
                f"there is no option {error.option_name}" + (f"; did you mean {near}?" if near else ""), ctx
            ) from error


def settings(command: Command) -> Command:
    """Give a command a flag for each field of `Limits` and `Keep`; they arrive as `limits__name` and `keep__name`."""
    for kind in (Keep, Limits):
        for field in reversed(dataclasses.fields(kind)):
            flag = "--" + _PREFIXES.get(kind, "") + field.name.replace("_", "-")
            unit = field.metadata["unit"]
            if field.type is bool:
                name = f"{kind.__name__.lower()}__{field.name}"
                click.option(flag, name, is_flag=True, default=None, help=_sentence(field.metadata["help"]))(command)
                continue
            click.option(
                flag,
                f"{kind.__name__.lower()}__{field.name}",
                type=_type_of(unit),
                default=None,
                metavar={"seconds": "DURATION", "bytes": "SIZE"}.get(unit, "NUMBER"),
                help=f"{_sentence(field.metadata['help'])} [{show_quantity(field.default, unit)}]",
            )(command)
    return command


def chosen(given: dict[str, Any], base_limits: Limits, base_keep: Keep) -> tuple[Limits, Keep]:
    """Return the settings with what was given on the command line laid over the base."""
    picked: dict[str, dict[str, Any]] = {"limits": {}, "keep": {}}
    for name, value in given.items():
        kind, found, field = name.partition("__")
        if found and value is not None:
            picked[kind][field] = value
    return dataclasses.replace(base_limits, **picked["limits"]), dataclasses.replace(base_keep, **picked["keep"])


def _type_of(unit: str) -> click.ParamType[Any]:
    match unit:
        case "seconds":
            return Seconds()
        case "bytes":
            return Bytes()
        case _:
            return click.IntRange(min=1)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
