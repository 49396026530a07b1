"""Trust is looked up, not assumed: in real NSS databases and a real bundle, all below a folder of the test's own."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from certs import files, stores
from certs.authority import Authority
from certs.errors import CertsError
from certs.glance import trusted_at_a_glance
from certs.stores import Machine, Result, Verdict
from certs.stores.linux import ROWS, linux_stores
from certs.stores.store import Command, Root, find_program, run_command

DEBIAN = next(row for row in ROWS if row.update == ("update-ca-certificates",))
needs_certutil = pytest.mark.skipif(not shutil.which("certutil"), reason="needs certutil, from libnss3-tools")
needs_update = pytest.mark.skipif(not find_program("update-ca-certificates"), reason="needs ca-certificates")


@pytest.fixture
def root(folder) -> Path:
    Authority.load_or_make(folder)
    return files.Layout(folder).root


@pytest.fixture
def machine(tmp_path) -> Machine:
    """A home with nothing in it, on a Debian below tmp_path, where programs are real but told to stay there."""
    home, system = tmp_path / "home", tmp_path / "system"
    home.mkdir()
    for place in [DEBIAN.anchors, "etc/ssl/certs", "hooks", "shipped"]:
        (system / place).mkdir(parents=True)
    # Two, because openssl rehash takes a bundle of one for a certificate.
    for name in ("one", "two"):
        Authority.load_or_make(tmp_path / "shipped" / name)
        shutil.copy(tmp_path / "shipped" / name / "root.pem", system / "shipped" / f"{name}.crt")
    (system / "etc/ca-certificates.conf").write_text("one.crt\ntwo.crt\n")
    shipped = [path.read_bytes() for path in sorted((system / "shipped").iterdir())]
    (system / DEBIAN.bundle).write_bytes(b"".join(shipped))

    def run(argv: Sequence[str]) -> Result:
        if Path(argv[0]).name == "update-ca-certificates":
            places = {
                "--certsconf": "etc/ca-certificates.conf",
                "--certsdir": "shipped",
                "--localcertsdir": DEBIAN.anchors,
                "--etccertsdir": "etc/ssl/certs",
                "--hooksdir": "hooks",
            }
            argv = [*argv, *(word for flag, place in places.items() for word in (flag, str(system / place)))]
        return run_command(argv)

    def find(name: str) -> str | None:
        return None if name in ("chromium", "google-chrome", "google-chrome-stable") else find_program(name)

    return Machine(home, system, platform="linux", run=run, find=find, superuser=True)


def database(folder: Path) -> Path:
    folder.mkdir(parents=True)
    subprocess.run(["certutil", "-N", "-d", f"sql:{folder}", "--empty-password"], check=True)
    return folder


def certutil(folder: Path, *arguments: str) -> None:
    subprocess.run(["certutil", "-d", f"sql:{folder}", *arguments], check=True, capture_output=True)


def verdicts(outcomes) -> list[str]:
    return [outcome.state.verdict.value for outcome in outcomes]


def contents(folder: Path) -> dict[str, str | bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if not path.is_dir()]
    return {str(path): str(path.readlink()) if path.is_symlink() else path.read_bytes() for path in paths}


def with_chromium(machine: Machine, present: bool = True) -> Machine:
    def find(name: str) -> str | None:
        return "/usr/bin/chromium" if present and name == "chromium" else machine.find(name)

    return Machine(machine.home, machine.system, "linux", machine.run, find, machine.superuser)


@needs_update
def test_the_system_store_takes_the_root_and_gives_it_back_to_the_byte(machine, root):
    machine.do(Command(("update-ca-certificates",)))
    before = contents(machine.system)
    assert verdicts(stores.check(root, machine)) == ["absent"]

    assert verdicts(stores.trust(root, machine)) == ["trusted"]
    assert verdicts(stores.check(root, machine)) == ["trusted"]
    assert verdicts(stores.untrust(root, machine)) == ["absent"]

    assert contents(machine.system) == before


def test_a_file_in_the_anchors_folder_alone_is_no_trust(machine, root):
    (store,) = linux_stores(machine)
    certificate = Root.read(root)
    shutil.copy(root, machine.system / DEBIAN.anchors / f"{certificate.label}.crt")

    state = store.check(certificate)

    assert state.verdict is Verdict.ABSENT
    assert "made without it" in state.reason
    assert "update-ca-certificates" in state.hint


def test_an_update_that_does_nothing_is_not_believed(machine, root):
    idle = Machine(machine.home, machine.system, "linux", lambda argv: Result(0, "done."), machine.find, True)

    (outcome,) = stores.trust(root, idle)

    assert outcome.state.verdict is Verdict.ABSENT
    assert not trusted_at_a_glance(root.parent)


def test_without_root_rights_commands_go_through_sudo(machine, root):
    seen = []

    def run(argv: Sequence[str]) -> Result:
        seen.append([Path(word).name for word in argv if word.startswith("/usr/bin/") or "/" not in word])
        return Result(0, "")

    def find(name: str) -> str | None:
        return f"/usr/bin/{name}" if name in ("sudo", "update-ca-certificates") else machine.find(name)

    person = Machine(machine.home, machine.system, "linux", run, find, superuser=False)
    stores.trust(root, person)

    assert [words[0] for words in seen[:2]] == ["sudo", "sudo"]
    assert ["install" in seen[0], "update-ca-certificates" in seen[1]] == [True, True]


def test_without_root_rights_and_sudo_the_outcome_says_what_to_run(machine, root):
    def find(name: str) -> str | None:
        return None if name == "sudo" else machine.find(name)

    person = Machine(machine.home, machine.system, "linux", machine.run, find, superuser=False)
    (outcome,) = stores.trust(root, person)

    assert outcome.state.verdict is Verdict.UNAVAILABLE
    assert "install -m 0644" in outcome.state.reason


def test_a_distribution_is_known_by_its_anchors_folder(tmp_path):
    for number, row in enumerate(ROWS):
        system = tmp_path / str(number)
        (system / row.anchors).mkdir(parents=True)

        assert [store.row for store in linux_stores(Machine(tmp_path, system))] == [row]
    assert linux_stores(Machine(tmp_path, tmp_path / "unknown")) == []


@needs_certutil
@pytest.mark.parametrize(
    "place",
    [
        ".pki/nssdb",
        ".local/share/pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        ".mozilla/firefox/abc.default",
        ".config/mozilla/firefox/abc.default",
        "snap/firefox/common/.mozilla/firefox/abc.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/abc.default",
    ],
)
def test_each_browsers_database_takes_the_root_and_gives_it_back(machine, root, place):
    database(machine.home / place)

    _, before = stores.check(root, machine)
    _, after = stores.trust(root, machine)
    _, removed = stores.untrust(root, machine)

    assert verdicts([before, after, removed]) == ["absent", "trusted", "absent"]
    assert after.changed
    assert str(machine.home / place) in after.store


@needs_certutil
def test_chromiums_databases_are_made_when_it_is_installed_and_has_none(machine, root):
    outcomes = stores.trust(root, with_chromium(machine))

    made = [machine.home / ".pki/nssdb", machine.home / ".local/share/pki/nssdb"]
    assert [outcome.evidence for outcome in outcomes[1:]] == [folder / "cert9.db" for folder in made]
    assert verdicts(outcomes)[1:] == ["trusted", "trusted"]
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in made)


@needs_certutil
def test_no_database_is_made_where_one_exists_or_chromium_does_not(machine, root):
    assert len(stores.trust(root, machine)) == 1
    database(machine.home / ".pki/nssdb")

    assert len(stores.trust(root, with_chromium(machine))) == 2
    assert not (machine.home / ".local").exists()


@needs_certutil
def test_another_certificate_under_our_nickname_is_not_taken_for_ours(machine, root, tmp_path):
    folder = database(machine.home / ".pki/nssdb")
    certutil(folder, "-A", "-n", Root.read(root).label, "-t", "C,,", "-i", str(tmp_path / "shipped/one/root.pem"))

    assert verdicts(stores.check(root, machine))[1] == "absent"


@needs_certutil
def test_a_root_imported_by_hand_is_found_and_removed_under_its_own_nickname(machine, root):
    folder = database(machine.home / ".pki/nssdb")
    certutil(folder, "-A", "-n", "my own  C,, name", "-t", "C,,", "-i", str(root))

    assert verdicts(stores.check(root, machine))[1] == "trusted"
    assert verdicts(stores.untrust(root, machine))[1] == "absent"


@needs_certutil
def test_a_root_without_the_trust_flag_is_not_trusted_and_trust_mends_it(machine, root):
    folder = database(machine.home / ".pki/nssdb")
    certutil(folder, "-A", "-n", "here", "-t", ",,", "-i", str(root))

    assert "not trusted for servers" in stores.check(root, machine)[1].state.reason
    assert verdicts(stores.trust(root, machine))[1] == "trusted"


@needs_certutil
def test_a_missing_certutil_is_named_with_its_package(machine, root):
    database(machine.home / ".pki/nssdb")

    def find(name: str) -> str | None:
        return {"certutil": None, "apt": "/usr/bin/apt"}.get(name, machine.find(name))

    lacking = Machine(machine.home, machine.system, "linux", machine.run, find, superuser=True)
    state = stores.check(root, lacking)[1].state

    assert state.verdict is Verdict.UNAVAILABLE
    assert state.hint == "type: sudo apt install libnss3-tools"


@needs_certutil
def test_a_broken_database_spoils_nothing_for_the_others(machine, root):
    broken = machine.home / ".pki/nssdb"
    broken.mkdir(parents=True)
    (broken / "cert9.db").write_bytes(b"no database")
    database(machine.home / ".mozilla/firefox/abc.default")

    assert verdicts(stores.trust(root, machine))[1:] == ["unavailable", "trusted"]
    assert not trusted_at_a_glance(root.parent)


def test_a_plan_runs_nothing_and_shows_commands_a_person_can_type(machine, root):
    ((_, commands),) = stores.plan(root, machine)

    assert [str(command).split()[:2] for command in commands] == [
        ["sudo", "install"],
        ["sudo", "update-ca-certificates"],
    ]
    assert not list((machine.system / DEBIAN.anchors).iterdir())


def test_a_system_we_do_not_know_has_no_stores(root, tmp_path):
    assert stores.trust(root, Machine(tmp_path, tmp_path, platform="plan9")) == []
    assert not trusted_at_a_glance(root.parent)


def test_a_command_that_never_ends_or_does_not_exist_is_a_result_not_a_crash(monkeypatch):
    monkeypatch.setattr("certs.stores.store.PATIENCE", 0.05)

    assert run_command(["sleep", "5"]).code == 124
    assert run_command(["/no/such/program"]).code == 127


def test_a_failing_command_says_its_last_words(machine):
    stuck = Machine(machine.home, run=lambda argv: Result(3, "sh: cannot open\nthe door"), find=str)

    with pytest.raises(CertsError, match="cannot open the door") as failure:
        stuck.do(Command(("sh", "x y")))

    assert failure.value.hint == "try it by hand: sh 'x y'"


@needs_certutil
@needs_update
def test_a_glance_sees_trust_come_and_go(machine, root):
    firefox = database(machine.home / ".mozilla/firefox/abc.default")
    assert not trusted_at_a_glance(root.parent)

    stores.trust(root, machine)
    assert trusted_at_a_glance(root.parent)

    certutil(firefox, "-D", "-n", Root.read(root).label)
    assert not trusted_at_a_glance(root.parent)

    stores.trust(root, machine)
    assert trusted_at_a_glance(root.parent)
    (machine.system / DEBIAN.bundle).write_bytes(b"")
    assert not trusted_at_a_glance(root.parent)


@needs_update
def test_a_glance_at_another_root_sees_nothing(machine, root):
    stores.trust(root, machine)
    files.Layout(root.parent).root_key.unlink()
    root.unlink()
    assert not trusted_at_a_glance(root.parent)

    Authority.load_or_make(root.parent)
    assert not trusted_at_a_glance(root.parent)


def test_a_glance_loads_neither_subprocess_nor_cryptography(folder):
    code = """
import sys
from pathlib import Path
from certs.glance import trusted_at_a_glance
seldom = {"subprocess", "cryptography", "ssl", "shutil", "certs.stores"}
print(trusted_at_a_glance(Path(sys.argv[1])), seldom & set(sys.modules))
"""
    argv = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(argv, cwd=Path(__file__).parents[2], capture_output=True, text=True)

    assert done.stdout == "False set()\n"
