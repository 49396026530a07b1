"""Firefox's and Chromium's stores on Linux: NSS databases, asked and changed by certutil(1).

Leaves everything that reads the system's bundle to `linux.py`.  A database is a folder with a `cert9.db` in it; each
Firefox profile has one, Chromium has one for each person.

Sources: mkcert, truststore_nss.go; Chromium, docs/linux/cert_management.md; Mozilla, "NSS tools: certutil".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certs import pem
from certs.errors import CertsError
from certs.stores.store import Command, Machine, Root, State, Verdict

# Below the home folder.
FIREFOX_PROFILES = (
    ".mozilla/firefox",
    ".config/mozilla/firefox",  # since Firefox follows the XDG folders: FiloSottile/mkcert#668
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",  # flatpak
    ".var/app/org.mozilla.firefox/config/mozilla/firefox",
)
CHROMIUM_DATABASES = (
    ".pki/nssdb",
    ".local/share/pki/nssdb",  # Chromium since 146
    "snap/chromium/current/.pki/nssdb",
)
# Made when Chromium is there and has none yet: it makes its own only when somebody opens its certificate settings.
# Both, because which one is read depends on the version, and the version changes over night.
CHROMIUM_MAKES = CHROMIUM_DATABASES[:2]
CHROMIUM_PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "microsoft-edge",
    "vivaldi",
)

PACKAGES = {
    "apt": "apt install libnss3-tools",
    "dnf": "dnf install nss-tools",
    "zypper": "zypper install mozilla-nss-tools",
    "pacman": "pacman -S nss",
    "apk": "apk add nss-tools",
}

# Trusted to sign servers' certificates; nothing for mail or programs.
TRUST_FLAGS = "C,,"
LISTED = re.compile(r"^(?P<nickname>.*\S)\s+(?P<ssl>[a-zA-Z]*),[a-zA-Z]*,[a-zA-Z]*\s*$")


@dataclass(frozen=True, slots=True)
class NssStore:
    """One NSS database."""

    machine: Machine
    browser: str
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.browser} ({self.folder})"

    @property
    def evidence(self) -> Path:
        return self.folder / "cert9.db"

    def check(self, root: Root) -> State:
        """Find our certificate, byte for byte, and see whether it is trusted for servers.

        Its nickname says nothing: it may be another root's, and a certificate that someone imported by hand keeps the
        nickname it was given then.
        """
        if not self.evidence.exists():
            return State(Verdict.ABSENT, "there is no database yet", "type: python -m certs trust")
        try:
            found = self._nicknames(root)
        except CertsError as error:
            return State(Verdict.UNAVAILABLE, error.what, error.hint)
        if not found:
            return State(Verdict.ABSENT, "the root is not in the database", "type: python -m certs trust")
        if any("C" in ssl for ssl in found.values()):
            return State(Verdict.TRUSTED)
        return State(Verdict.ABSENT, "the root is there, but not trusted for servers", "type: python -m certs trust")

    def install(self, root: Root) -> Sequence[Command]:
        add = self._certutil("-A", "-t", TRUST_FLAGS, "-n", root.label, "-i", str(root.path))
        if self.evidence.exists():
            return [add]
        return [
            Command(("mkdir", "-p", "-m", "0700", str(self.folder))),
            self._certutil("-N", "--empty-password"),
            add,
        ]

    def remove(self, root: Root) -> Sequence[Command]:
        if not self.evidence.exists():
            return []
        return [self._certutil("-D", "-n", nickname) for nickname in self._nicknames(root)]

    def _nicknames(self, root: Root) -> dict[str, str]:
        """Under which nicknames the database has our certificate, each with its flags for servers."""
        listed = self.machine.do(self._certutil("-L"))
        flags = {match["nickname"]: match["ssl"] for line in listed.splitlines() if (match := LISTED.match(line))}
        return {
            nickname: ssl
            for nickname, ssl in flags.items()
            if root.der in pem.certificates(self.machine.do(self._certutil("-L", "-n", nickname, "-a")).encode())
        }

    def _certutil(self, verb: str, *arguments: str) -> Command:
        # "sql:" is the default of today's certutil and not of older ones.
        return Command(("certutil", verb, "-d", f"sql:{self.folder}", *arguments), packages=PACKAGES)


def nss_stores(machine: Machine) -> list[NssStore]:
    """The databases of this home, and the ones Chromium will look for."""
    profiles = [path.parent for place in FIREFOX_PROFILES for path in sorted((machine.home / place).glob("*/cert9.db"))]
    present = [machine.home / place for place in CHROMIUM_DATABASES if (machine.home / place / "cert9.db").exists()]
    made = [machine.home / place for place in CHROMIUM_MAKES]
    if not set(made) & set(present) and any(machine.find(program) for program in CHROMIUM_PROGRAMS):
        present = made + present
    return [
        *(NssStore(machine, "Chromium", folder) for folder in present),
        *(NssStore(machine, "Firefox", folder) for folder in profiles),
    ]
