"""`tunnel cert`: two private files, a password that is shown once, and nothing overwritten."""

import re
import stat
import sys

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from tunnel.cli.main import main


def exit_of(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(args)
    return int(ended.value.code or 0)


def test_a_client_gets_two_files_and_a_password(capsys, tmp_path):
    assert exit_of("cert", "--client", "Build server 3", "-o", str(tmp_path), "--folder", str(tmp_path / "f")) == 0
    told = capsys.readouterr().out
    p12, pem = tmp_path / "Build-server-3.p12", tmp_path / "Build-server-3.pem"

    found = re.search(r"shown only now: ((?:[a-z2-9]{4}-){3}[a-z2-9]{4})$", told, re.MULTILINE)
    assert found
    _, certificate, _ = pkcs12.load_key_and_certificates(p12.read_bytes(), found[1].encode())
    assert certificate is not None
    assert certificate.subject.rfc4514_string() == "CN=Build server 3"
    assert b"PRIVATE KEY" in pem.read_bytes()
    assert found[1].encode() not in p12.read_bytes() + pem.read_bytes()
    if sys.platform != "win32":
        assert {stat.S_IMODE(path.stat().st_mode) for path in (p12, pem)} == {0o600}


def test_no_file_is_overwritten(capsys, tmp_path):
    arguments = ("cert", "--client", "alice", "-o", str(tmp_path), "--folder", str(tmp_path / "f"))
    assert exit_of(*arguments) == 0
    before = (tmp_path / "alice.p12").read_bytes()

    assert exit_of(*arguments) == 1
    assert "alice.p12 is there already" in capsys.readouterr().err
    assert (tmp_path / "alice.p12").read_bytes() == before


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "alice.smith"])
def test_a_name_that_cannot_be_one_is_refused_with_the_cure(capsys, tmp_path, name):
    assert exit_of("cert", "--client", name, "-o", str(tmp_path), "--folder", str(tmp_path / "f")) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "Traceback" not in told


@pytest.mark.parametrize("name", ["..", ".hidden", "-rf", "a:b"])
def test_a_name_that_is_no_file_name_makes_one(capsys, tmp_path, name):
    assert exit_of("cert", "--client", name, "-o", str(tmp_path / "out"), "--folder", str(tmp_path / "f")) == 0
    assert all(re.fullmatch(r"[A-Za-z0-9][\w-]*\.(p12|pem)", path.name) for path in (tmp_path / "out").iterdir())


def test_without_a_name_it_says_what_is_missing(capsys):
    assert exit_of("cert") == 2
    assert "--client" in capsys.readouterr().err
