"""The door: what a wrong word gets, what each command imports, and where output goes."""

import json
import subprocess
import sys

import pytest

from tests.helpers.fronts import Front
from tests.helpers.origins import origin
from tunnel.cli.main import main


def exit_of(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    return int(ended.value.code or 0)


def test_help_names_the_commands_and_the_short_form(capsys):
    assert exit_of("--help") == 0
    told = capsys.readouterr().out
    assert "tunnel 3000" in told
    for name in ("http", "example", "log", "show", "inspect", "replay", "store", "export", "trust", "untrust"):
        assert f"  {name} " in told


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("foo",), "the port is missing"),
        (("lgo", "-f"), "there is no command lgo; did you mean log?"),
        (("shar", "3000"), "there is no command shar; did you mean share?"),
        (("share", "revok", "2"), "there is no command share revok; did you mean share revoke?"),
        (("share", "app"), "the port is missing"),
        (("http://a/b",), "without a path"),
        (("ftp://a",), "'ftp' is not one of"),
        (("70000",), "70000 is not a port"),
        (("unix:relative.sock",), "absolute path"),
        (("3000", "--frist-byte", "2"), "did you mean --first-byte?"),
        (("3000", "--first-byte", "soon"), "write it like 300ms, 2s, 5m or 1h"),
        (("3000", "--listen", "0.0.0.0:80"), "tunnel share TARGET"),
        (("3000", "--listen", "192.0.2.7:80"), "loopback only"),
        (("3000", "--listen", "nonsense"), "the port is missing"),
        (("http",), "nothing to front yet"),
        (("3000", "--config", "/nowhere.toml"), "/nowhere.toml"),
        (("3000", "--host-header", "ü..test"), "is not a host"),
        (("3000", "--host-header", "a\r\nX: y"), "is not a host"),
        (("3000", "--host-header", "a b"), "is not a host"),
    ],
)
def test_a_wrong_word_is_told_with_the_cure(capsys, args, said):
    assert exit_of(*args) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.startswith("error: ")
    assert "Traceback" not in told


def test_a_folder_that_cannot_be_made_is_told(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert exit_of("3000", "--folder", str(tmp_path / "file" / "inside")) == 1
    assert "--folder DIR" in capsys.readouterr().err


def test_a_bug_is_told_without_a_traceback(capsys, monkeypatch, tmp_path):
    def broken(*args: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("trio.run", broken)
    monkeypatch.delenv("TUNNEL_DEBUG", raising=False)
    assert exit_of("3000", "--folder", str(tmp_path)) == 70
    assert "a bug in tunnel: ZeroDivisionError" in capsys.readouterr().err


def imported_by(code: str) -> set[str]:
    """Return the names of what a program imports: of others' packages the first part, of our modules all."""
    printing = (
        f"{code}\nimport sys, json; print(json.dumps(sorted({{name if name.startswith(('tunnel.', 'certs.')) else "
        "name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", printing], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_imports_only_what_it_needs():
    found = imported_by("from tunnel.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit: pass")
    assert not found & {"rich", "zeroconf", "starlette", "psutil", "msgspec"}


def test_a_front_imports_neither_the_example_nor_what_signs_nor_what_decodes_nor_websockets():
    found = imported_by("import tunnel.cli.serve")
    assert not found & {"rich", "starlette", "psutil", "cryptography", "brotli", "msgspec", "wsproto", "regex"}
    assert not found & {"tunnel.capture.query", "tunnel.capture.search", "tunnel.inspector.app", "tunnel.proxy.replay"}


SELDOM = {
    *("tunnel.model.share", "tunnel.model.replay", "tunnel.model.exchange", "tunnel.capture.decode"),
    *("tunnel.inspector.parts", "tunnel.cli.configfile", "certs.stores", "tomllib", "difflib"),
}


def test_a_front_imports_nothing_of_shares_replays_readers_and_config_files_nor_h11_at_its_start():
    found = imported_by("import tunnel.cli.serve")
    assert not found & {*SELDOM, "h11", "html", "http"}


def test_a_front_that_has_answered_a_request_has_imported_no_more(tmp_path):
    def watched(*words: str) -> list[str]:
        return [sys.executable, "-X", "importtime", "-m", "tunnel", *words]

    with origin() as behind, Front(behind.port, tmp_path / "folder", command=watched) as front:
        with front.client() as client:
            assert client.get("/").status_code == 200
        front.recorded()
    found = {line.rpartition("|")[2].strip() for line in front.program.err.text.splitlines() if "import time:" in line}
    assert "trio" in found and "tunnel.capture.redact_bodies" in found  # so the writer has written
    assert not sorted(found & {*SELDOM - {"tunnel.capture.decode"}, "psutil", "msgspec", "rich"})


def test_no_garbage_is_looked_for_while_a_command_is_imported():
    code = """
import gc
from tunnel.cli.bringing import brought
looked = [generation["collections"] for generation in gc.get_stats()]
brought("tunnel.cli.serve")
assert looked == [generation["collections"] for generation in gc.get_stats()]
assert gc.isenabled() and gc.get_freeze_count() > 10_000
try:
    brought("tunnel.nowhere")
except ModuleNotFoundError:
    assert gc.isenabled()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_program_runs_as_a_module_too():
    done = subprocess.run([sys.executable, "-m", "tunnel", "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "version" in done.stdout
