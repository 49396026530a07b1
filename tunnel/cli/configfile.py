"""Config file: TOML to settings. Keys are the fields of `model.config`; an unknown one is refused with the nearest known.

target = 3000
allow_host = ["app.test"]

[limits]
first_byte = "10m"

[keep]
size = "2GiB"
"""

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunnel.cli.quantity import BYTES, SECONDS, parse_quantity
from tunnel.errors import UsageError
from tunnel.model.config import Keep, Limits, Mode


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What a config file says; an empty one says nothing."""

    target: str | None = None
    listen: str | None = None
    mode: Mode = Mode.HTTPS
    inspector: str | bool | None = None
    allow_host: tuple[str, ...] = ()
    host_header: str = ""
    limits: Limits = Limits()
    keep: Keep = Keep()


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
    _known(told, FileSettings, path, "")
    settings: dict[str, Any] = {}
    for key, value in told.items():
        match key:
            case "limits":
                settings[key] = _table(Limits, value, path, key)
            case "keep":
                settings[key] = _table(Keep, value, path, key)
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
    _known(value, kind, path, f"{name}.")
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


def _count(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise ValueError(given)
    return given


def _switch(given: object) -> bool:
    if not isinstance(given, bool):
        raise ValueError(given)
    return given


def _known(told: dict[str, Any], kind: type[Any], path: Path, prefix: str) -> None:
    known = [field.name for field in dataclasses.fields(kind)]
    for key in told:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are: {', '.join(known)}"
            raise UsageError(f"{path}: there is no setting {prefix}{key}", hint=hint)


def _endless(value: object) -> bool:
    """Whether it is an integer that is longer than Python would write (4300 digits); TOML has them in hexadecimal."""
    return isinstance(value, int) and value.bit_length() > 64


def _wrong(path: Path, key: str, value: object, expected: str) -> UsageError:
    given = "an endless number" if _endless(value) else f"{value!r}"
    return UsageError(f"{path}: {key} is {given}, and should be {expected}", hint="see docs/settings.md")
