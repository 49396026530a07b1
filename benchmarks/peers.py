"""Peers: what we are put beside, each with its command, its version and how to get it."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import configs, machine
from benchmarks.install import NotInstalled, node_package, python_program
from benchmarks.origins import Origin
from benchmarks.processes import Program, await_listening, free_port
from benchmarks.tools import PROGRAMS

US = "tunnel"
DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Front:
    """A running front.

    Attributes:
      program: None for the direct connection: there is nothing in between.
      folder: Its own.
    """

    peer: str
    plain: int
    tls: int
    program: Program | None
    folder: Path

    def port(self, *, tls: bool) -> int:
        """Where it is reached."""
        return self.tls if tls else self.plain

    def url(self, *, tls: bool) -> str:
        """Where it is reached, as a URL."""
        return f"{'https' if tls else 'http'}://127.0.0.1:{self.port(tls=tls)}/"


@dataclass(frozen=True, slots=True)
class Places:
    """What a command needs to know: its folder, both its ports, the origin's, and a certificate with its key."""

    folder: Path
    plain: int
    tls: int
    origin: int
    pem: Path


@dataclass(frozen=True, slots=True)
class Peer:
    """One kind of front.

    Attributes:
      command: Writes what it needs into its folder and returns the words to start it with. Raises NotInstalled.
      version: Words that print its version.
      one_port: It speaks both, plain and TLS, on one port.
      works: Those it is measured in; empty for all.
    """

    name: str
    command: Callable[[Places], list[str | Path]]
    version: Callable[[], list[str]]
    one_port: bool = False
    works: tuple[str, ...] = ()
    environment: Callable[[Places], dict[str, str]] = field(default=lambda at: {})


def _tunnel(at: Places) -> list[str | Path]:
    listen = f"127.0.0.1:{at.plain}"
    return [_ours(), "http", str(at.origin), "--listen", listen, "--both", "--quiet", "--folder", at.folder]


def _ours() -> Path:
    return Path(sys.executable).parent / "tunnel"


def _nginx(at: Places) -> list[str | Path]:
    config = at.folder / "nginx.conf"
    text = configs.nginx_front(folder=str(at.folder), pem=str(at.pem), plain=at.plain, tls=at.tls, origin=at.origin)
    config.write_text(text)
    return [_found("nginx", "apt-get install nginx"), "-p", at.folder, "-c", config]


def _caddy(at: Places) -> list[str | Path]:
    config = at.folder / "Caddyfile"
    config.write_text(configs.caddy_front(pem=str(at.pem), plain=at.plain, tls=at.tls, origin=at.origin))
    return [_found("caddy", "apt-get install caddy"), "run", "--config", config, "--adapter", "caddyfile"]


def _caddy_home(at: Places) -> dict[str, str]:
    return {"HOME": str(at.folder), "XDG_DATA_HOME": str(at.folder), "XDG_CONFIG_HOME": str(at.folder)}


def _node(at: Places) -> list[str | Path]:
    node = _found("node", "apt-get install nodejs npm")
    return [node, PROGRAMS / "front.js", str(at.plain), str(at.tls), str(at.origin), at.pem]


def _node_path(at: Places) -> dict[str, str]:
    return {"NODE_PATH": str(node_package("http-proxy") / "node_modules")}


def _mitmdump(at: Places) -> list[str | Path]:
    return [
        python_program("mitmproxy", "mitmdump"), "--quiet", "--mode", f"reverse:http://127.0.0.1:{at.origin}",
        "--listen-host", "127.0.0.1", "--listen-port", str(at.plain), "--certs", f"*={at.pem}",
        "--set", f"confdir={at.folder}", "--set", "stream_large_bodies=1m", "--set", "flow_detail=0",
    ]  # fmt: skip


def _proxypy(at: Places) -> list[str | Path]:
    proxy = python_program("proxy.py", "proxy")
    return [sys.executable, PROGRAMS / "proxypy.py", proxy, str(at.plain), str(at.tls), at.pem]


def _found(name: str, cure: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise NotInstalled(cure)
    return path


def _node_version() -> list[str]:
    asked = "console.log(process.version, 'http-proxy', require('http-proxy/package.json').version)"
    return ["env", f"NODE_PATH={node_package('http-proxy') / 'node_modules'}", "node", "-e", asked]


PEERS = {
    peer.name: peer
    for peer in (
        Peer(US, _tunnel, lambda: [str(_ours()), "--version"], one_port=True),
        Peer("nginx", _nginx, lambda: ["nginx", "-v"]),
        Peer("caddy", _caddy, lambda: ["caddy", "version"], environment=_caddy_home),
        Peer("node", _node, _node_version, environment=_node_path),
        Peer(
            "proxy.py",
            _proxypy,
            lambda: [str(python_program("proxy.py", "proxy")), "--version"],
            works=("small", "startup"),  # it has a thread for each connection
            environment=lambda at: {"ORIGIN": f"http://127.0.0.1:{at.origin}/"},
        ),
        Peer("mitmdump", _mitmdump, lambda: [str(python_program("mitmproxy", "mitmdump")), "--version"], one_port=True),
    )
}


def versions(names: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the version of each peer that is here, and how to get each that is not."""
    here, absent = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        nowhere = Places(Path(folder), 1, 2, 3, Path(folder, "pem"))
        for name in names:
            try:
                PEERS[name].command(nowhere)
                ran = subprocess.run(
                    PEERS[name].version(),
                    capture_output=True,
                    text=True,
                    timeout=30,
                    check=True,
                    stdin=subprocess.DEVNULL,
                )
                here[name] = _first_line(ran.stdout or ran.stderr)
            except NotInstalled as error:
                absent[name] = str(error)
            except (OSError, subprocess.SubprocessError) as error:
                absent[name] = f"it does not start: {error}"
    return here, absent


def _first_line(said: str) -> str:
    words = said.strip().splitlines()[0]
    return (
        re.sub(r"^(nginx version: nginx/|tunnel, version |Mitmproxy: |v(?=\d))", "", words).partition(" h1:")[0].strip()
    )


@contextmanager
def front(
    name: str,
    origin: Origin,
    folder: Path,
    *,
    wait: bool = True,
    options: Sequence[str] = (),
    core: int | tuple[int, ...] = machine.FRONT,
) -> Iterator[Front]:
    """Start a front for an origin; it is ended with the block.

    Args:
      folder: Its own. The authority and the records of ours, if there are any, are used again.
      wait: Return only when it accepts connections.
      options: Further words of its command.
    """
    if name == DIRECT:
        yield Front(DIRECT, origin.plain, origin.tls, None, folder)
        return
    peer = PEERS[name]
    folder.mkdir(parents=True, exist_ok=True)
    plain = free_port()
    at = Places(folder, plain, plain if peer.one_port else free_port(), origin.plain, origin.pem)
    environment = peer.environment(at)
    command = [*peer.command(at), *options]
    with Program(command, core=core, log=folder / "said.log", environment=environment) as program:
        if wait:
            await_listening(program, at.plain)
            await_listening(program, at.tls)
        yield Front(name, at.plain, at.tls, program, folder)
