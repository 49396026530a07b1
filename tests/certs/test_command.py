"""`python -m certs`: words in, lines and an exit code out."""

import ssl
import stat
import sys

import pytest

from certs import files, stores
from certs.__main__ import EXAMPLES, _parser, main
from certs.authority import Authority
from certs.stores import Machine


@pytest.fixture(autouse=True)
def no_stores_of_this_machine(tmp_path, monkeypatch):
    """A home and a system without any store, so that nothing outside tmp_path is asked or changed."""
    monkeypatch.setattr(stores, "Machine", lambda home: Machine(tmp_path, tmp_path, find=lambda name: None))


def test_root_shows_the_file_the_fingerprint_and_the_last_day(folder, capsys):
    assert main(["--folder", str(folder), "root"]) == 0

    shown = capsys.readouterr().out
    assert str(files.Layout(folder).root) in shown
    assert Authority.load_or_make(folder).fingerprint[:2].upper() + ":" in shown


def test_issue_writes_a_pair_that_openssl_loads_the_key_private(folder, tmp_path, capsys):
    assert main(["--folder", str(folder), "issue", "App.test", "::1", "-o", str(tmp_path / "tls")]) == 0

    key, chain = tmp_path / "tls/app.test-key.pem", tmp_path / "tls/app.test.pem"
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "app.test, ::1" in capsys.readouterr().out


def test_a_refusal_goes_to_stderr_with_its_hint_and_exit_code_1(folder, tmp_path, capsys):
    assert main(["--folder", str(folder), "issue", "google.com", "-o", str(tmp_path)]) == 1

    shown = capsys.readouterr()
    assert not shown.out
    assert shown.err.startswith("certs: google.com is not a local name")
    assert "use a name under localhost" in shown.err


@pytest.mark.parametrize("verb", ["trust", "untrust", "check"])
def test_without_any_store_a_person_is_told_what_to_import(folder, capsys, verb):
    main(["--folder", str(folder), "root"])
    capsys.readouterr()

    assert main(["--folder", str(folder), verb]) == 1

    assert str(files.Layout(folder).root) in capsys.readouterr().out


def test_check_makes_no_root(folder, capsys):
    assert main(["--folder", str(folder), "check"]) == 1

    assert not folder.exists()
    assert "there is no certificate" in capsys.readouterr().err


def test_a_root_that_is_damaged_can_still_be_taken_out_of_the_stores(folder, capsys):
    main(["--folder", str(folder), "root"])
    files.Layout(folder).root_key.write_bytes(b"")

    main(["--folder", str(folder), "untrust"])

    assert not capsys.readouterr().err


def test_a_command_line_that_is_not_understood_is_exit_code_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sing"])

    assert ended.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_every_example_of_the_help_is_a_command_line_that_parses():
    for line in EXAMPLES.splitlines()[1:]:
        words = line.split("  ")[1].split()
        assert _parser().parse_args(words[3:])


def test_without_a_folder_the_persons_own_is_used(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr(sys, "platform", "linux")

    assert main(["root"]) == 0

    assert str(tmp_path / "share/tunnel/authority/root.pem") in capsys.readouterr().out
