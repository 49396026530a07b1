"""Config file: what it says arrives, and what is wrong is refused with the file, the key and the nearest known one."""

import dataclasses
from pathlib import Path

import pytest

from tunnel.cli.configfile import FileSettings, read_config
from tunnel.errors import UsageError
from tunnel.model.config import GIB, Keep, Limits, Mode


def told(folder: Path, text: str | bytes) -> FileSettings:
    path = folder / "tunnel.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config(path)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, "") == FileSettings()


def test_everything_that_can_be_said_arrives(tmp_path: Path) -> None:
    settings = told(
        tmp_path,
        """
        target = 3000
        listen = "127.0.0.1:0"
        mode = "both"
        inspector = false
        allow_host = ["app.test", ".app.test"]
        host_header = "upstream"

        [limits]
        first_byte = "10m"
        head_size = "128 KiB"
        wait = 0.5
        connections = 5

        [keep]
        size = "2GiB"
        age = "1d"
        """,
    )

    assert settings == FileSettings(
        target="3000",
        listen="127.0.0.1:0",
        mode=Mode.BOTH,
        inspector=False,
        allow_host=("app.test", ".app.test"),
        host_header="upstream",
        limits=Limits(first_byte=600, head_size=128 * 1024, wait=0.5, connections=5),
        keep=Keep(size=2 * GIB, age=86400),
    )
    assert type(settings.limits.head_size) is int


@pytest.mark.parametrize(("kind", "table"), [(Limits, "limits"), (Keep, "keep")])
def test_every_setting_has_its_key(tmp_path: Path, kind: type, table: str) -> None:
    for field in dataclasses.fields(kind):
        text, value = ("true", True) if field.type is bool else ("7", 7)
        settings = told(tmp_path, f"[{table}]\n{field.name} = {text}")

        assert getattr(getattr(settings, table), field.name) == value


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("tagret = 1", "there is no setting tagret", "did you mean target?"),
        ("[limits]\nfirst_bite = 1", "no setting limits.first_bite", "did you mean limits.first_byte?"),
        ("[keep]\nqqq = 1", "no setting keep.qqq", "body_size, age"),
        ("[keep]\nsecrets = 1", "keep.secrets is 1, and should be true or false", "docs/settings.md"),
        ("[limit]\nwait = 1", "no setting limit", "did you mean limits?"),
        ("target = true", "target is True, and should be a string", "settings.md"),
        ("target = 3.5", "target is 3.5", ""),
        ("listen = [1]", "listen is [1]", ""),
        ("mode = 'http'", "mode is 'http', and should be one of https, plain, both", ""),
        ("mode = ['https']", "mode is ['https']", ""),
        ("allow_host = 'app.test'", "a list of names", ""),
        ("allow_host = [1]", "a list of names", ""),
        ("limits = 5", "limits is 5, and should be a table: [limits]", ""),
        ("[limits]\nwait = 'soon'", "limits.wait is 'soon', and should be a duration", ""),
        ("[limits]\nwait = -1", "limits.wait is -1", ""),
        ("[limits]\nwait = inf", "limits.wait is inf", ""),
        ("[limits]\nwait = nan", "limits.wait is nan", ""),
        ("[limits]\nwait = true", "limits.wait is True", ""),
        ("[limits]\nhead_size = '5 apples'", "limits.head_size is '5 apples', and should be a size", ""),
        ("[keep]\nsize = inf", "keep.size is inf", ""),
        ("[limits]\nconnections = 'many'", "limits.connections is 'many', and should be a number from 1 on", ""),
        ("[limits]\nconnections = 0", "limits.connections is 0", ""),
        ("[limits]\npool_size = 2.5", "limits.pool_size is 2.5", ""),
        ("target = ", "is not TOML", "settings.md"),
        (b"target = '\xff'", "is not TOML", ""),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, text: str | bytes, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        told(tmp_path, text)

    assert said in caught.value.what
    assert "tunnel.toml" in caught.value.what
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: no such file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="is a directory"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "target = " + "[" * 5000,
        "target = " + "9" * 5000,
        "target = 0x" + "f" * 5000,
        "[limits]\nhead = " + "9" * 5000,
        "[limits]\nhead = 0x" + "f" * 5000,
        "[limits]\nconnections = 0x-" + "f" * 5000,
    ],
    ids=lambda text: text[:20],
)
def test_a_value_beyond_all_measure_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as refused:
        told(tmp_path, text)

    assert str(tmp_path) in refused.value.what
    assert len(refused.value.what) < 500
