"""Files of keys are private from birth, written whole or not at all, and made once however many try."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from certs import files
from certs.authority import Authority
from certs.errors import CertsError

ROOM = Path(__file__).parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def loose_umask():
    """A umask that takes nothing away, as some containers have it."""
    before = os.umask(0)
    yield
    os.umask(before)


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOM, capture_output=True, text=True)


def test_keys_and_folders_are_private_under_a_loose_umask(folder, loose_umask):
    Authority.load_or_make(folder)

    layout = files.Layout(folder)
    assert mode(folder) == 0o700
    assert mode(layout.root_key) == 0o600
    assert mode(layout.root) == 0o644


def test_a_new_file_is_never_open_to_others_not_even_for_a_moment(tmp_path, loose_umask, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode)))
    monkeypatch.setattr(os, "chmod", None)

    files.write(tmp_path / "key", b"secret", mode=files.PRIVATE, durable=True)

    assert seen[0] == 0o600


def test_of_two_writers_the_first_one_stays(tmp_path):
    assert files.write_once(tmp_path / "file", b"first", mode=files.PRIVATE)
    assert not files.write_once(tmp_path / "file", b"second", mode=files.PRIVATE)

    assert (tmp_path / "file").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_writing_again_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    files.write(tmp_path / "file", b"first", mode=files.PUBLIC)
    files.write(tmp_path / "file", b"second", mode=files.PRIVATE)

    assert (tmp_path / "file").read_bytes() == b"second"
    assert mode(tmp_path / "file") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_key_that_others_can_read_is_refused_with_the_command_that_closes_it(folder):
    Authority.load_or_make(folder)
    files.Layout(folder).root_key.chmod(0o640)

    with pytest.raises(CertsError, match="others may read the key") as refusal:
        Authority.load_or_make(folder)

    assert f"chmod 600 '{folder}/root-key.pem'" in refusal.value.hint


def test_a_folder_that_others_can_write_is_refused(folder):
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(CertsError, match="others may write") as refusal:
        Authority.load_or_make(folder)

    assert f"chmod 700 '{folder}'" in refusal.value.hint


def test_a_file_in_the_folders_place_is_named(tmp_path):
    (tmp_path / "authority").write_text("")

    with pytest.raises(CertsError, match="authority"):
        Authority.load_or_make(tmp_path / "authority")


KILLED_WHILE_NAMING_THE_KEY = """
import os, signal, sys
from pathlib import Path
from certs.authority import Authority
os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Authority.load_or_make(Path(sys.argv[1]))
"""

KILLED_BEFORE_THE_PUBLIC_COPY = """
import os, signal, sys
from pathlib import Path
from certs.authority import Authority
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Authority.load_or_make(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [KILLED_WHILE_NAMING_THE_KEY, KILLED_BEFORE_THE_PUBLIC_COPY])
def test_a_process_killed_while_it_makes_the_root_leaves_a_folder_that_works(folder, code):
    killed = run_python(code, str(folder))
    assert killed.returncode == -signal.SIGKILL
    assert all(mode(path) in (0o600, 0o644) for path in folder.iterdir())

    authority = Authority.load_or_make(folder)

    assert Authority.load_or_make(folder).fingerprint == authority.fingerprint
    assert files.Layout(folder).root.read_bytes() in files.Layout(folder).root_key.read_bytes()


RACER = """
import sys
from pathlib import Path
from certs.authority import Authority
print("ready", flush=True)
for line in sys.stdin:
    print(Authority.load_or_make(Path(line.strip())).fingerprint, flush=True)
"""


def test_of_processes_that_race_to_make_the_root_one_wins_and_all_use_it(tmp_path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER], cwd=ROOM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(4)
    ]
    try:
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        for lap in range(10):
            folder = tmp_path / str(lap)

            for racer in racers:
                racer.stdin.write(f"{folder}\n")
            found = {racer.stdout.readline().strip() for racer in racers}

            assert found == {Authority.load_or_make(folder).fingerprint}
            assert sorted(path.name for path in folder.iterdir()) == ["root-key.pem", "root.pem"]
    finally:
        for racer in racers:
            racer.communicate()


@pytest.mark.parametrize(
    "platform, environ, expected",
    [
        ("linux", {}, "/home/ada/.local/share/tunnel/authority"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/tunnel/authority"),
        ("darwin", {}, "/home/ada/Library/Application Support/tunnel/authority"),
        ("win32", {}, "/home/ada/AppData/Local/tunnel/authority"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/tunnel/authority"),
    ],
)
def test_each_system_has_its_place_for_a_persons_authority(platform, environ, expected):
    assert files.default_folder(platform, environ, Path("/home/ada")) == Path(expected)
