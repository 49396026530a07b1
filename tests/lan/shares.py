"""Shares: the real `tunnel share`, run on the server of a network. Who is let in to them is in `guests`."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from argon2 import PasswordHasher

from tests.helpers.fronts import Front, tunnel
from tests.helpers.servers import PATIENCE
from tests.lan.network import LAN, SERVER, Network
from tests.lan.talk import Answer, Talk, talk
from tests.share.attacks import at

PASSWORD = "three words & a number 7"
TOKEN = "a-token-of-ones-own-that-is-long-enough"


def _with_a_password(folder: Path) -> list[str]:
    hashed = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)  # a cheap one; what it costs is not the point
    file = folder / "tunnel.toml"
    file.write_text(f'[share]\npassword = "{hashed}"\n')
    return ["--config", str(file)]


RULES: dict[str, Callable[[Path], list[str]]] = {
    "pairing": lambda folder: [],
    "password": _with_a_password,
    "token": lambda folder: ["--token"],
    "certificate": lambda folder: ["--mtls"],
}
"""What `tunnel share` is told for each access rule; what must be there for it is put into a folder."""


class Shared(Front):
    """A running `tunnel share PORT` on the server's LAN interface; a `Front` in all else.

    Args:
      options: The access rule, and what else is asked for.
      address: Of the server, where it is one alone and not those that it would choose.
    """

    def __init__(self, hosts: Network, port: int, folder: Path, *options: str, address: str = SERVER) -> None:
        self.hosts = hosts
        self.address = address

        def command(_: str, *words: str) -> list[str]:
            return ["setpriv", "--pdeathsig", "KILL", "--", *tunnel("share", *words)]

        where = ("--interface", LAN) if address == SERVER else ("--address", address)
        words = (*where, "--port", "0", "--no-qr", *options)
        start = super().__init__
        hosts.server.do(start, port, folder, *words, listen=None, command=command, env={"TUNNEL_SHARE_TOKEN": TOKEN})
        self.authority = self.authority_at(address)

    def authority_at(self, address: str) -> str:
        """Return what a URL calls it by an address."""
        return f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"

    @property
    def inspector_port(self) -> int:
        words = "see what passes: "
        port = urlsplit(self.said(words).partition(words)[2]).port
        assert port is not None
        return port

    @property
    def name(self) -> str:
        """Under `.local`."""
        host = urlsplit(self.said("also https://").partition("also ")[2]).hostname
        assert host is not None and host.endswith(".local")
        return host

    def order(self, *words: str) -> str:
        """Say `tunnel share WORDS` at another terminal of the server; return what it prints."""
        argv = tunnel("share", *words, "--folder", str(self.folder))
        done = self.hosts.server.do(subprocess.run, argv, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def standing(self) -> dict[str, Any]:
        """Return how it stands, by its own word."""
        found: dict[str, Any] = msgspec.json.decode(self.order("--list", "--json"))
        return found

    @property
    def link(self) -> str:
        """The address with the one-time token that lets one more device ask."""
        link: str = self.standing()["link"]
        return link

    def host_like(self, form: str, service: int) -> str:
        """Return a Host field written like this one, with this share's address and port in it."""
        number = int(IPv4Address(SERVER))
        return form.format(address=SERVER, port=self.port, number=number, hex=f"{number:x}", service=service)

    @contextmanager
    def talk(self, source: str = "", *, tls: bool = True, to: str = "", name: str = "") -> Iterator[Talk]:
        """Connect from the other host, from one of its addresses where that matters.

        Args:
          to: The address, where it is not the first.
          name: That the certificate has to have, where it is not that address.
        """
        to = to or self.address
        sock = self.hosts.visitor.connect(to, self.port, source=source)
        with talk(sock, self.context() if tls else None, name or to) as connection:
            yield connection

    def ask(self, request: bytes, source: str = "", *, tls: bool = True, to: str = "", name: str = "") -> Answer:
        """Send a request, HOST filled in, on a connection of its own; return the answer."""
        with self.talk(source, tls=tls, to=to, name=name) as connection:
            return connection.ask(at(f"{name}:{self.port}" if name else self.authority_at(to or self.address), request))

    def open_files(self) -> int:
        """Return how many descriptors its process has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def until_open_files(self, most: int) -> None:
        """Wait until it has no more descriptors than so many."""
        deadline = time.monotonic() + PATIENCE
        while (now := self.open_files()) > most:
            assert time.monotonic() < deadline, f"{now} descriptors, {most} before"
            assert self.program.process.poll() is None
            self.log()  # takes as long as a program takes to start, which is pause enough
