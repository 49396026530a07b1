"""Handshakes: new TLS connections, one request on each, for so many seconds. `handshakes.py PORT SECONDS`.

wrk with `Connection: close` would not do: it resumes sessions. Python's ssl never does unless it is told to. Eight threads
keep a front busy; nearly all of a connection's cost here is OpenSSL's, outside the interpreter's lock. Nagle is
off: with it the request waits, behind Caddy 40 ms, for the acknowledgement of the handshake's last message.
Prints how many connections were answered, and in how many seconds.
"""

import socket
import ssl
import sys
import threading
import time

THREADS = 8
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"


def main(port: int, seconds: float) -> None:
    """Run, and print."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    began = time.perf_counter()
    counts = [0] * THREADS

    def work(which: int) -> None:
        while time.perf_counter() < began + seconds:
            with (
                socket.create_connection(("127.0.0.1", port), 10) as sock,
                context.wrap_socket(sock, server_hostname="localhost") as wire,
            ):
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wire.sendall(REQUEST % port)
                answer = wire.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"not answered with 200: {answer[:80]!r}")
                counts[which] += 1

    threads = [threading.Thread(target=work, args=(which,)) for which in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(counts), time.perf_counter() - began)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
