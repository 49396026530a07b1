"""Config file: TOML to settings. Keys are the fields of `model.config`; an unknown one is refused with the nearest known.

target = 3000
allow_host = ["app.test"]

[limits]
first_byte = "10m"

[keep]
size = "2GiB"
"""

import dataclasses
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunnel.cli.filesettings import FileSettings as FileSettings
from tunnel.cli.filesettings import ShareSettings as ShareSettings
from tunnel.cli.meant import meant
from tunnel.cli.quantity import BYTES, SECONDS, parse_quantity
from tunnel.cli.share_words import EVER, parse_lasting, parse_network, parse_rate
from tunnel.errors import UsageError
from tunnel.model.config import Keep, Limits, Mode
from tunnel.model.share import Network


def read_config(path: Path) -> FileSettings:
    """Read a config file.

    Raises:
      UsageError: It cannot be read, or says what is not understood; with the file, the key and the nearest known key.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the config file {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:  # wrong syntax, bytes that are no text, endless digits or brackets
        raise UsageError(f"{path} is not TOML: {error}", hint="see docs/settings.md for an example") from error
    _known(told, _names(FileSettings), path, "")
    settings: dict[str, Any] = {}
    for key, value in told.items():
        match key:
            case "limits":
                settings[key] = _table(Limits, value, path, key)
            case "keep":
                settings[key] = _table(Keep, value, path, key)
            case "share":
                settings[key] = _share(value, path)
            case "mode":
                if value not in list(Mode):
                    raise _wrong(path, key, value, "one of https, plain, both")
                settings[key] = Mode(value)
            case "inspector" if isinstance(value, bool):
                settings[key] = value
            case "allow_host":
                if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
                    raise _wrong(path, key, value, "a list of names")
                settings[key] = tuple(value)
            case _:
                if isinstance(value, bool) or not isinstance(value, str | int) or _endless(value):
                    raise _wrong(path, key, value, "a string")
                settings[key] = str(value)
    return FileSettings(**settings)


def _table(kind: type[Limits] | type[Keep], value: object, path: Path, name: str) -> Limits | Keep:
    if not isinstance(value, dict):
        raise _wrong(path, name, value, f"a table: [{name}]")
    _known(value, _names(kind), path, f"{name}.")
    settings: dict[str, float] = {}
    for field in dataclasses.fields(kind):
        if field.name not in value:
            continue
        given = value[field.name]
        try:
            match field.metadata["unit"]:
                case "seconds":
                    settings[field.name] = parse_quantity(given, SECONDS, "s")
                case "bytes":
                    settings[field.name] = int(parse_quantity(given, BYTES, "b"))
                case _ if field.type is bool:
                    settings[field.name] = _switch(given)
                case _:
                    settings[field.name] = _count(given)
        except ValueError:
            expected = {"seconds": 'a duration like 2 or "5m"', "bytes": 'a size like 65536 or "64KiB"'}
            other = "true or false" if field.type is bool else "a number from 1 on"
            raise _wrong(path, f"{name}.{field.name}", given, expected.get(field.metadata["unit"], other)) from None
    return kind(**settings)  # type: ignore[arg-type]  # each checked against its field's unit above


def _share(value: object, path: Path) -> ShareSettings:
    if not isinstance(value, dict):
        raise _wrong(path, "share", value, "a table: [share]")
    _known(value, list(_SHARED), path, "share.")
    settings: dict[str, Any] = {}
    for key, given in value.items():
        reader, expected = _SHARED[key]
        try:
            settings["lasting" if key == "for" else key] = reader(given)
        except ValueError:
            raise _wrong(path, f"share.{key}", "***" if key == "password" else given, expected) from None
    return ShareSettings(**settings)


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise ValueError(given)
    return given


def _texts(given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise ValueError(given)
    return tuple(map(_text, given))


def _ending(given: object) -> float:
    if (seconds := parse_lasting(given)) == EVER:
        raise ValueError(given)
    return seconds


def _networks(given: object) -> tuple[Network, ...]:
    return tuple(map(parse_network, _texts(given)))


_SHARED: dict[str, tuple[Callable[[object], object], str]] = {
    "interface": (_text, "a string"),
    "name": (_text, "a string"),
    "for": (_ending, 'a duration like "2h" (for ever is said on the command line, each time)'),
    "password": (_text, "a hash, as `tunnel share --hash-password` prints it"),
    "allow": (_networks, 'a list of networks like ["192.168.1.0/24"]'),
    "deny": (_networks, 'a list of networks like ["192.168.1.0/24"]'),
    "read_only": (lambda given: _switch(given), "true or false"),
    "paths": (_texts, 'a list of paths like ["/app"]'),
    "rate": (lambda given: parse_rate(_text(given)), 'a rate like "20/s"'),
}


def _count(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise ValueError(given)
    return given


def _switch(given: object) -> bool:
    if not isinstance(given, bool):
        raise ValueError(given)
    return given


def _names(kind: type[Any]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _known(told: dict[str, Any], known: list[str], path: Path, prefix: str) -> None:
    for key in told:
        if key not in known:
            near = meant(key, known, likeness=0.5)
            hint = f"did you mean {prefix}{near}?" if near else f"known are: {', '.join(known)}"
            raise UsageError(f"{path}: there is no setting {prefix}{key}", hint=hint)


def _endless(value: object) -> bool:
    """Whether it is an integer that is longer than Python would write (4300 digits); TOML has them in hexadecimal."""
    return isinstance(value, int) and value.bit_length() > 64


def _wrong(path: Path, key: str, value: object, expected: str) -> UsageError:
    given = "an endless number" if _endless(value) else f"{value!r}"
    return UsageError(f"{path}: {key} is {given}, and should be {expected}", hint="see docs/settings.md")
