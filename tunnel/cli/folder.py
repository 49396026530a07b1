"""Folder: where a user's authority and records live, and the option that says otherwise."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_VARIABLE = "TUNNEL_FOLDER"


def default_folder() -> Path:
    """Return the system's place for a user's own data, made private (0700) if it is new."""
    import platformdirs  # not needed where --folder is given

    folder = Path(platformdirs.user_data_dir("tunnel", appauthor=False))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def folder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--folder`; its function takes `folder: Path | None`, where None means `default_folder()`."""
    return click.option(
        "--folder",
        envvar=_VARIABLE,
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Where records and the authority live (or {_VARIABLE}; default: your data folder).",
    )(command)
