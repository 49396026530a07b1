"""`inspector.json`: private, of a living process alone, and gone with its window."""

import os
from pathlib import Path

import pytest

from tunnel.errors import TunnelError
from tunnel.inspector.link import FILE, Link, found, leave, take_away
from tunnel.inspector.private import write_private

LINK = Link("https://127.0.0.1:62894", "secret", 4711, "/authority/root.pem", "https://127.0.0.1:62893")


def test_what_was_left_is_found_and_private(tmp_path: Path) -> None:
    leave(tmp_path, LINK)

    assert found(tmp_path, lambda pid: pid == 4711) == LINK
    assert LINK.address == "https://127.0.0.1:62894/?token=secret"
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert "secret" not in repr(LINK)


def test_a_dead_process_left_nothing_to_believe(tmp_path: Path) -> None:
    leave(tmp_path, LINK)

    assert found(tmp_path, lambda pid: False) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"url": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_link_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)

    assert found(tmp_path, lambda pid: True) is None


def test_it_takes_away_its_own_and_not_anothers(tmp_path: Path) -> None:
    other = Link("https://127.0.0.1:62895", "another", 4712, None)
    leave(tmp_path, LINK)
    leave(tmp_path, other)
    take_away(tmp_path, LINK)
    assert found(tmp_path, lambda pid: True) == other
    take_away(tmp_path, other)
    take_away(tmp_path, other)
    assert not (tmp_path / FILE).exists()


def test_a_file_that_cannot_be_written_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TunnelError, match="no space left"):
        write_private(path, b"after")

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
