"""Startup: from starting the process to its first answer over HTTPS."""

import socket
import ssl
import time
from pathlib import Path

from benchmarks import origins, peers
from benchmarks.bench import Bench, Column, Table, Work, say
from benchmarks.peers import US, Front
from benchmarks.processes import Failed

_LONGEST = 20.0  # seconds
_NEW = f"{US}, the very first start"


def run(bench: Bench, turn: int) -> None:
    """Take a round. A first start of each, which is not measured, leaves its authority and its leaf behind."""
    with origins.small(bench.folder / "startup-origin", bench.pem) as origin:
        for name in bench.turn("startup", turn, direct=False):
            with bench.attempt("startup", name):
                folder = bench.folder / f"startup-{name}"
                if not folder.exists():
                    _start(name, origin, folder)
                    folder.mkdir(exist_ok=True)
                _note(bench, turn, name, _start(name, origin, folder))
        if US in bench.peers:
            with bench.attempt("startup", _NEW):
                _note(bench, turn, _NEW, _start(US, origin, bench.folder / f"startup-new-{turn}"))


def _start(name: str, origin: origins.Origin, folder: Path) -> float:
    with peers.front(name, origin, folder, wait=False) as front:
        return _first_answer(front)


def _note(bench: Bench, turn: int, row: str, seconds: float) -> None:
    bench.results.add("startup", row, "ms", turn, seconds * 1e3)
    say(f"  startup   {row:9} {seconds * 1e3:7.0f} ms")


def _first_answer(front: Front) -> float:
    """Ask until answered; return the seconds since the front's process was made."""
    assert front.program is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    while (passed := time.perf_counter() - front.program.started) < _LONGEST:
        front.program.check()
        try:
            with (
                socket.create_connection(("127.0.0.1", front.tls), 5) as sock,
                context.wrap_socket(sock, server_hostname="localhost") as wire,
            ):
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see programs/handshakes.py
                wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % front.tls)
                if wire.recv(65536).startswith(b"HTTP/1.1 200"):
                    return time.perf_counter() - front.program.started
        except OSError:
            time.sleep(0.001)
    raise Failed(f"no answer in {passed:.0f} s")


WORK = Work(
    "startup",
    ("nginx",),
    (
        Table(
            "Start to first HTTPS answer, ms",
            (Column("ms", "ms"),),
            "Files are in the system's cache. Ours finds its authority and its leaf in its folder; the very first start"
            " makes both. All others are handed a certificate. Less is better.",
        ),
    ),
    run,
)
