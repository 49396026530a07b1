"""Hello: a client's first bytes, sniffed and then, if they begin TLS, given to OpenSSL with our choice of a certificate.

Input: the bytes. The sniff takes none of them and looks at the first alone. The handshake fails by an SSLError alone, and
nothing is said behind our back: what a callback of OpenSSL's raises would be printed with its traceback.
"""

import atexit
import functools
import shutil
import socket
import ssl
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from certs.contexts import ServerContexts
from certs.errors import CertsError
from tests.fuzz.splits import now
from tunnel.cli.serve import unraisable
from tunnel.net.sniff import Speech, sniff

EXAMPLES = 100
SERVED = ("localhost", "app.test", "a.localhost")
WORDS = [
    b"\x16\x03\x01", b"\x01\x00", b"\x03\x03", b"localhost", b"app.test", b"http/1.1", b"\x00\x00", b"\xff", b"xn--",
    b".", b"h2",
]  # fmt: skip


def hello(name: str, *alpn: str) -> bytes:
    """What Python's own client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(alpn)
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    assert _sniffed(data) is (Speech.NOTHING if not data else Speech.TLS if data[0] == 22 else Speech.PLAIN)
    if data[:1] != b"\x16":
        return
    came = ssl.MemoryBIO()
    came.write(data)
    came.write_eof()
    behind_our_back: list[object] = []
    printed, sys.__unraisablehook__ = sys.__unraisablehook__, lambda said: behind_our_back.append(said.exc_value)
    before, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        _contexts().base.wrap_bio(came, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLError:
        pass
    finally:
        sys.unraisablehook, sys.__unraisablehook__ = before, printed
    assert not behind_our_back, f"a callback raised {behind_our_back[0]!r}"


def _sniffed(data: bytes) -> Speech:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:4096])
        theirs.shutdown(socket.SHUT_WR)
        speech = now(sniff(SimpleNamespace(sock=ours, deadline=0.0), 1.0))  # type: ignore[arg-type]
        ours.setblocking(False)
        assert ours.recv(8192) == data[:4096], "sniffing took bytes"
    return speech


@functools.cache
def _contexts() -> ServerContexts:
    folder = Path(tempfile.mkdtemp(prefix="tunnel-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    def warn(error: CertsError) -> None:
        raise AssertionError(f"a leaf could not be made: {error}")

    return ServerContexts(folder, serves=lambda name: name in SERVED, warn=warn)


@functools.cache
def _seeds() -> list[bytes]:
    whole = hello("app.test", "h2", "http/1.1")
    names = ["localhost", "app.test", "stranger.example", "a" * 60 + ".localhost"]
    no_text = whole.replace(b"app.test", b"app\xfftest")
    return [*map(hello, names), whole, whole[:40], b"\x16", b"GET / HTTP/1.1\r\n\r\n", no_text]


SEEDS = _seeds()
