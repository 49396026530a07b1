"""Hold: open so many TLS connections, ask once on each, and keep them open. `hold.py PORT COUNT`.

Prints "held" when all are open, and ends when its input does.
"""

import socket
import ssl
import sys


def main(port: int, count: int) -> None:
    """Open them, say so, and wait."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    held = []
    for _ in range(count):
        wire = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost")
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see handshakes.py
        wire.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        if not wire.recv(65536).startswith(b"HTTP/1.1 200"):
            raise SystemExit("not answered with 200")
        held.append(wire)
    print("held", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
