"""Crawlers: slow peers of every kind, many at once, each doing next to nothing.

`python -m tests.fire.crawlers PORT ROOT COUNT EVERY` connects COUNT of them, the kinds in turn, prints "held", and has each
take one small step every EVERY seconds, evenly spread. For each line on standard input it prints, as JSON, what became of
them: how many of each kind are open, and how many steps were taken so far. It ends when its input does.
"""

import enum
import json
import select
import socket
import ssl
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

from tests.fire.openfiles import allow

SMALL_BUFFER = 4096  # bytes that a slow reader's kernel takes, so that soon the other side has to wait
SIP = 8  # bytes that a slow reader takes at a step
_AT_ONCE = 8  # handshakes: as many as keep both sides busy
_PATIENCE = 60.0  # seconds for a connection and for what it asks for first


class Kind(enum.Enum):
    """What a peer is slow at; a closed set."""

    HELLO = "sends a TLS hello byte by byte"
    SILENT = "shakes hands and says nothing"
    HEAD = "sends a head byte by byte"
    BODY = "sends a body byte by byte"
    FRAME = "sends a WebSocket frame byte by byte"
    ANSWER = "reads a large answer a few bytes at a time"
    EVENTS = "reads an event stream a few bytes at a time"


class Crawler:
    """One slow peer; connected when it is made."""

    def __init__(self, kind: Kind, port: int, context: ssl.SSLContext) -> None:
        self.kind = kind
        self.sock = _connect(kind, port, context)
        self.left = _first_flight(context) if kind is Kind.HELLO else b""
        self.open = True

    def step(self) -> None:
        """Do the little it does; note if the other side has had enough."""
        try:
            match self.kind:
                case Kind.HELLO:
                    self.sock.send(self.left[:1])
                    self.left = self.left[1:] or b"\0"
                case Kind.HEAD | Kind.BODY | Kind.FRAME:
                    self.sock.send(b"a")
                case Kind.ANSWER | Kind.EVENTS:
                    self.open = bool(self.sock.recv(SIP))
                case Kind.SILENT:
                    self.look()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self.open = False

    def look(self) -> None:
        """Note whether the other side has ended, where nothing is to come but the end (a session ticket aside)."""
        if self.open and self.kind not in (Kind.ANSWER, Kind.EVENTS):
            try:
                self.open = bool(self.sock.recv(65536))
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except OSError:
                self.open = False


def _connect(kind: Kind, port: int, context: ssl.SSLContext) -> socket.socket:
    """Open a connection and go to the point where it begins to be slow."""
    sock = socket.socket()
    sock.settimeout(_PATIENCE)
    if kind in (Kind.ANSWER, Kind.EVENTS):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if kind is not Kind.HELLO:
        sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
        host = b"Host: 127.0.0.1:%d\r\n" % port
        match kind:
            case Kind.HEAD:
                sock.sendall(b"GET / HTTP/1.1\r\n" + host + b"X-Slow: ")
            case Kind.BODY:
                sock.sendall(b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1000000\r\n\r\n")
            case Kind.FRAME:
                key = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                sock.sendall(
                    b"GET /socket HTTP/1.1\r\n"
                    + host
                    + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
                    + key
                    + b"\r\n"
                )
                _expect(sock, b"HTTP/1.1 101 ")
                sock.sendall(b"\x82\xff" + (1_000_000).to_bytes(8, "big") + bytes(4))  # a masked binary frame begins
            case Kind.ANSWER:
                sock.sendall(b"GET /large HTTP/1.1\r\n" + host + b"\r\n")
                _expect(sock, b"HTTP/1.1 200 ")
            case Kind.EVENTS:
                sock.sendall(b"GET /events HTTP/1.1\r\n" + host + b"\r\n")
                _expect(sock, b"HTTP/1.1 200 ")
    sock.setblocking(False)
    return sock


def _expect(sock: socket.socket, begin: bytes) -> None:
    got = sock.recv(len(begin))
    if got != begin:
        raise SystemExit(f"a slow peer was answered: {(got + sock.recv(1000))!r}")


def _first_flight(context: ssl.SSLContext) -> bytes:
    """Return a client hello as it would be sent."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def crawl(crawlers: list[Crawler], every: float) -> None:
    """Have each take a step in turn, and answer questions, until the input ends."""
    pause = every / len(crawlers)
    begun = time.monotonic()
    for steps, crawler in enumerate(cycle(crawlers), 1):
        if crawler.open:
            crawler.step()
        begun = max(begun, time.monotonic() - steps * pause - 1)  # never faster than said, to make up for lost time
        while select.select([sys.stdin], [], [], max(0.0, begun + steps * pause - time.monotonic()))[0]:
            if not sys.stdin.readline():
                return
            for each in crawlers:
                each.look()
            counts = Counter(each.kind.name for each in crawlers if each.open)
            print(json.dumps({"open": counts, "steps": steps}), flush=True)


def main(port: int, root: str, count: int, every: float) -> None:
    """Connect them, say so, and be slow."""
    allow(count + 100)
    context = ssl.create_default_context(cafile=root)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        kinds = islice(cycle(Kind), count)
        crawlers = list(threads.map(lambda kind: Crawler(kind, port, context), kinds))
    print("held", flush=True)
    crawl(crawlers, every)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
