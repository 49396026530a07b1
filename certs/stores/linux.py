"""The system's store on Linux: the distributions' folders of extra roots and their update commands, as rows.

Read by curl, git, wget, Go, Ruby, PHP, and Python's ssl.  Leaves browsers, which keep stores of their own, to `nss.py`.

Every distribution works alike: put the certificate into a folder, run a command, and the command writes a bundle that
programs read.  What counts is the bundle: a file in the folder proves nothing (wrong ending, command never run).

Sources: mkcert, truststore_linux.go, for folders and commands; update-ca-certificates(8), update-ca-trust(8),
trust(1) for the bundles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certs import files, pem
from certs.errors import CertsError
from certs.stores.store import Command, Machine, Root, State, Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """How one family of distributions keeps extra roots.  Paths are below the system's first folder."""

    anchors: str
    ending: str
    """Files with another are passed over."""
    update: tuple[str, ...]
    update_after_removal: tuple[str, ...]
    bundle: str
    """What `update` writes and programs read."""


ROWS = (
    Row(  # Fedora, RHEL, Amazon
        anchors="etc/pki/ca-trust/source/anchors",
        ending=".pem",
        update=("update-ca-trust", "extract"),
        update_after_removal=("update-ca-trust", "extract"),
        bundle="etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    ),
    Row(  # Debian, Ubuntu, Alpine
        anchors="usr/local/share/ca-certificates",
        ending=".crt",
        update=("update-ca-certificates",),
        # Without --fresh a removed root leaves dangling links in /etc/ssl/certs (seen on Debian 12).
        update_after_removal=("update-ca-certificates", "--fresh"),
        bundle="etc/ssl/certs/ca-certificates.crt",
    ),
    Row(  # Arch
        anchors="etc/ca-certificates/trust-source/anchors",
        ending=".crt",
        update=("trust", "extract-compat"),
        update_after_removal=("trust", "extract-compat"),
        bundle="etc/ssl/certs/ca-certificates.crt",
    ),
    Row(  # openSUSE
        anchors="usr/share/pki/trust/anchors",
        ending=".pem",
        update=("update-ca-certificates",),
        update_after_removal=("update-ca-certificates",),
        bundle="var/lib/ca-certificates/ca-bundle.pem",
    ),
)

PACKAGES = {
    "apt": "apt install ca-certificates",
    "apk": "apk add ca-certificates",
    "dnf": "dnf install ca-certificates",
    "zypper": "zypper install ca-certificates",
    "pacman": "pacman -S ca-certificates-utils",
}


@dataclass(frozen=True, slots=True)
class LinuxStore:
    """The store that one row describes, on one machine."""

    machine: Machine
    row: Row

    @property
    def name(self) -> str:
        return f"this system ({self.evidence})"

    @property
    def evidence(self) -> Path:
        return self.machine.system / self.row.bundle

    def check(self, root: Root) -> State:
        try:
            bundle = files.read(self.evidence)
        except CertsError as error:
            return State(Verdict.UNAVAILABLE, error.what, error.hint)
        if bundle is None:
            return State(Verdict.UNAVAILABLE, f"there is no {self.evidence}", f"type: sudo {' '.join(self.row.update)}")
        if root.der in pem.certificates(bundle):
            return State(Verdict.TRUSTED)
        if self._anchor(root).exists():
            why = f"{self._anchor(root)} is there, but the bundle was made without it"
            return State(Verdict.ABSENT, why, f"type: sudo {' '.join(self.row.update)}")
        return State(Verdict.ABSENT, "the root is not in the bundle", "type: python -m certs trust")

    def install(self, root: Root) -> Sequence[Command]:
        # A copy, not a link: this person's folder is closed to others, and the system must not depend on it.
        copy = ("install", "-m", "0644", str(root.path), str(self._anchor(root)))
        return [Command(copy, as_root=True), self._updating(self.row.update)]

    def remove(self, root: Root) -> Sequence[Command]:
        if not self._anchor(root).exists():
            return []
        delete = ("rm", str(self._anchor(root)))
        return [Command(delete, as_root=True), self._updating(self.row.update_after_removal)]

    def _anchor(self, root: Root) -> Path:
        return self.machine.system / self.row.anchors / (root.label + self.row.ending)

    def _updating(self, argv: tuple[str, ...]) -> Command:
        return Command(argv, as_root=True, packages=PACKAGES)


def linux_stores(machine: Machine) -> list[LinuxStore]:
    """The store of this distribution: the first row whose folder exists.  None on one we do not know, say NixOS."""
    return [LinuxStore(machine, row) for row in ROWS if (machine.system / row.anchors).is_dir()][:1]
