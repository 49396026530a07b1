"""Serve: words and a file become a Config."""

from pathlib import Path

import pytest

from tunnel.cli.serve import _config
from tunnel.errors import UsageError
from tunnel.model.address import INSPECTOR_PORT, Listen

BLANK = {"listen": None, "mode": None, "allow_host": (), "host_header": None, "folder": "/x"}


def inspector(folder: Path, flag: str | None = None, *, none: bool = False, file: str = "") -> Listen | None:
    path = folder / "tunnel.toml"
    path.write_text(file)
    given = {**BLANK, "config": path, "inspector": flag, "no_inspector": none}
    return _config("3000", given, example=False).inspector


@pytest.mark.parametrize(
    ("flag", "none", "file", "expected"),
    [
        (None, False, "", Listen(port=INSPECTOR_PORT)),
        (None, False, "inspector = true", Listen(port=INSPECTOR_PORT)),
        (None, False, "inspector = false", None),
        (None, False, "inspector = 7000", Listen(port=7000, named=True)),
        (None, False, 'inspector = "[::1]:7000"', Listen(("::1",), 7000, named=True)),
        ("7001", False, "inspector = 7000", Listen(port=7001, named=True)),
        ("7001", False, "inspector = false", Listen(port=7001, named=True)),
        (None, True, "inspector = 7000", None),
    ],
)
def test_where_the_inspector_listens_is_the_flags_word_then_the_files(
    tmp_path: Path, flag: str | None, none: bool, file: str, expected: Listen | None
) -> None:
    assert inspector(tmp_path, flag, none=none, file=file) == expected


def test_wanting_it_and_wanting_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="do not go together"):
        inspector(tmp_path, "7000", none=True)


def test_it_listens_where_only_this_machine_reaches_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--inspector 0\.0\.0\.0:7000: .*loopback only"):
        inspector(tmp_path, "0.0.0.0:7000")
