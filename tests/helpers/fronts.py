"""Fronts: the real console command in front of a server, as a user starts it. What it fronts is `helpers.servers`."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import requests

from certs.files import Layout
from tests.helpers.servers import PATIENCE, Program

Row = dict[str, Any]


class Front:
    """A running `tunnel http TARGET`, or `tunnel example` where there is no target.

    On leaving the block it gets SIGINT, and must end in order and without a word of a bug.

    Args:
      target: What to front, as typed.
      folder: Where it keeps its authority and its record; made if it is not there.
      options: Further arguments.
      listen: Port 0 unless a test is about the port; None for the command's own default.
      command: Makes the argv of its words: how it is started where that matters.
      env: Further variables of its environment.
    """

    def __init__(
        self,
        target: object,
        folder: Path,
        *options: str,
        listen: str | None = "127.0.0.1:0",
        command: Callable[..., list[str]] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        words = ["example"] if target is None else ["http", str(target)]
        words += ["--listen", listen] if listen else []
        self.program = Program((command or tunnel)(*words, "--folder", str(folder), *options), env=env)
        self._stopped = False
        try:
            first = self.program.out.wait_for(lambda line: True)
        except AssertionError:
            self.program.stop()
            raise AssertionError(f"{self.program.argv} did not start:\n{self.program.err.text}") from None
        self.url: str = json.loads(first)["url"] if "--json" in options else first

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    @property
    def pid(self) -> int:
        return self.program.pid

    @property
    def root(self) -> Path:
        """The certificate of its authority, in PEM."""
        return Layout(self.folder / "authority").root

    def context(self) -> ssl.SSLContext:
        """Return what a client needs that trusts this front's authority and nobody else."""
        return ssl.create_default_context(cafile=self.root)

    def session(self) -> requests.Session:
        """Return a requests session that trusts this front. Closed by the caller."""
        session = requests.Session()
        session.trust_env = False  # else REQUESTS_CA_BUNDLE wins over what is said here
        session.verify = str(self.root)
        return session

    def client(self) -> httpx.Client:
        """Return an httpx client that trusts this front. Closed by the caller."""
        return httpx.Client(base_url=self.url, verify=self.context(), trust_env=False, timeout=PATIENCE)

    @contextmanager
    def raw(self, *, tls: bool = True) -> Iterator[socket.socket]:
        """Connect without any HTTP, for what no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not tls:
                yield plain
                return
            with self.context().wrap_socket(plain, server_hostname="127.0.0.1") as secured:
                yield secured

    def log(self) -> list[Row]:
        """Return what `tunnel log --json` prints, the latest last; nothing while nothing was recorded."""
        lines = self._ask("log", "--json", "-n", "100000").stdout.splitlines()
        return [json.loads(line) for line in lines]

    def recorded(self, wanted: Callable[[Row], bool] = lambda row: True, *, count: int = 1) -> list[Row]:
        """Return the ended exchanges that are wanted, once so many are in the record: it is written behind the traffic."""
        deadline = time.monotonic() + PATIENCE
        while True:
            log = self.log()  # takes as long as a program takes to start, which is pause enough
            found = [row for row in log if row["state"] != "running" and wanted(row)]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} in the record: {log}"

    def exchange(self, target: str) -> Row:
        """Return the latest ended exchange with this target."""
        return self.recorded(lambda row: row["target"] == target)[-1]

    def exchange_so_far(self, target: str) -> int:
        """Return how much of its answer the latest exchange with this target has had, by the record; 0 before any."""
        return max((row["response_bytes"] for row in self.log() if row["target"] == target), default=0)

    def shown(self, id: int) -> Row:
        """Return what `tunnel show ID --json` prints."""
        row: Row = json.loads(self.run("show", str(id), "--json"))
        return row

    def run(self, *words: str) -> str:
        """Run another `tunnel` command on the same folder; return what it prints."""
        done = self._ask(*words)
        assert done.stderr == b"", done.stderr.decode()
        return done.stdout.decode()

    def _ask(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        argv = tunnel(*words, "--folder", str(self.folder))
        done = subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done

    def peak_memory(self) -> int:
        """Return the most memory it ever had, in bytes (VmHWM)."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

    def ended(self) -> int:
        """Wait until it has ended, told to by the test itself; return its exit code."""
        self._stopped = True
        code = self.program.wait()
        self.looks_well()
        return code

    def said(self, words: str) -> str:
        """Wait until it has told its user so; return the line."""
        return self.program.err.wait_for(lambda line: words in line)

    def kill(self) -> None:
        """Kill it as `kill -9` does: nothing of it runs any more when this returns."""
        self._stopped = True
        self.program.process.kill()
        self.program.wait()
        self.looks_well()

    def stop(self) -> None:
        """Press Ctrl-C, and see that it ends as it should."""
        if self._stopped:
            return
        self._stopped = True
        alive = self.program.process.poll() is None
        if alive:
            self.program.signal(signal.SIGINT)
        try:
            code = self.program.wait()
        except subprocess.TimeoutExpired:
            self.program.process.kill()
            self.program.wait()
            raise AssertionError(f"Ctrl-C did not end it:\n{self.program.err.text}") from None
        said = self.program.err.text
        assert alive, f"it had ended by itself, with {code}:\n{said}"
        assert code == 0, f"exit code {code}:\n{said}"
        self.looks_well()

    def looks_well(self) -> None:
        """Assert that it said nothing of a bug."""
        said = self.program.err.text
        assert "Traceback" not in said, said
        assert "a bug in tunnel" not in said, said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.stop()
        else:  # a test has failed already: what it says must not be hidden
            self._stopped = True
            self.program.stop()


def tunnel(*words: str) -> list[str]:
    """Return the argv of a `tunnel` command."""
    return [sys.executable, "-m", "tunnel", *words]
