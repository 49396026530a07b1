"""Honest clients: 64 keep-alive HTTPS connections that ask at a modest, fixed rate. `python -m tests.fire.honest PORT ROOT`.

For each line on standard input, `SECONDS`, it asks for so long and prints how long answers took, as JSON: `p50` and `p99`
in seconds, and how many there were. One thread and no event loop, so that what is measured is the other side.
"""

import json
import selectors
import socket
import ssl
import sys
import time

CONNECTIONS = 64
RATE = 400.0  # requests a second, all together: a tenth of what the front can do
_GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
_LAST = 5.0  # seconds for the last answers


class Client:
    """One connection."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("127.0.0.1", port), 30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.sock.setblocking(False)
        self.asked = 0.0
        self.got = b""

    def whole(self) -> bool:
        """Take what has come; whether that is the answer."""
        try:
            piece = self.sock.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False  # a session ticket
        if not piece:
            raise SystemExit("an honest client's connection was closed")
        self.got += piece
        if not self.got.endswith(b"hello"):
            return False
        if not self.got.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"an honest client was answered: {self.got[:200]!r}")
        self.got = b""
        return True


def measure(clients: list[Client], get: bytes, seconds: float) -> dict[str, float]:
    """Ask for so long, each client in its turn; a client that still awaits its answer is passed over."""
    took: list[float] = []
    free = clients.copy()
    asked = 0
    with selectors.DefaultSelector() as waiting:
        begun = time.perf_counter()
        while True:
            now = time.perf_counter() - begun
            while free and now < seconds and asked < now * RATE:
                client = free.pop(0)
                client.asked = time.perf_counter()
                client.sock.sendall(get)
                waiting.register(client.sock, selectors.EVENT_READ, client)
                asked += 1
            if now >= seconds and len(free) == len(clients):
                break
            if now >= seconds + _LAST:
                raise SystemExit(f"{len(clients) - len(free)} honest clients were not answered within {_LAST:g} s")
            next_one = max(0.0, (asked + 1) / RATE - now) if now < seconds and free else 0.1
            for key, _ in waiting.select(next_one):
                client = key.data
                if client.whole():
                    took.append(time.perf_counter() - client.asked)
                    waiting.unregister(client.sock)
                    free.append(client)
    took.sort()
    return {"p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)], "most": took[-1], "count": len(took)}


def main(port: int, root: str) -> None:
    """Connect, say so, and measure whenever told to."""
    context = ssl.create_default_context(cafile=root)
    clients = [Client(port, context) for _ in range(CONNECTIONS)]
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(clients, _GET % port, float(line))), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
