"""Bulk origin: sends so many bytes for a GET, reads and discards what a PUT brings. `bulk_origin.py PORT TLSPORT PEM BYTES`.

Threads that do nothing but `sendall` and `recv_into` large pieces, so that it is the kernel's speed and not Python's.
Nothing listens on TLSPORT but for the direct connection: fronts are measured with a plain origin.
"""

import socket
import ssl
import sys
import threading

PIECE = 1024 * 1024


def main(port: int, tls_port: int, pem: str, size: int) -> None:
    """Serve until killed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    threading.Thread(target=accept, args=(tls_port, size, context), daemon=True).start()
    accept(port, size, None)


def accept(port: int, size: int, context: ssl.SSLContext | None) -> None:
    """Give each connection a thread."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, size, context), daemon=True).start()


def serve(sock: socket.socket, size: int, context: ssl.SSLContext | None) -> None:
    """Answer one request after the other."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(sock, server_side=True) if context else sock as wire:
            rest = b""
            while head := read_head(wire, rest):
                first, _, rest = head.partition(b"\r\n\r\n")
                if first.startswith(b"GET"):
                    send(wire, size)
                else:
                    rest = discard(wire, first.lower(), rest)
                    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
    except OSError:
        pass  # the client had enough


def read_head(wire: socket.socket, data: bytes) -> bytes:
    """Return a head and what came behind it; empty at the end."""
    while b"\r\n\r\n" not in data:
        piece = wire.recv(65536)
        if not piece:
            return b""
        data += piece
    return data


def send(wire: socket.socket, size: int) -> None:
    """Send an answer of `size` bytes."""
    wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % size)
    piece = memoryview(bytes(PIECE))
    for at in range(0, size, PIECE):
        wire.sendall(piece[: min(PIECE, size - at)])


def discard(wire: socket.socket, head: bytes, rest: bytes) -> bytes:
    """Read a body to its end; return nothing, since no client of ours sends two requests at once."""
    buffer = bytearray(PIECE)
    if b"transfer-encoding: chunked" in head:
        tail = rest[-5:]
        while tail != b"0\r\n\r\n" and (got := wire.recv_into(buffer)):
            tail = (tail + bytes(buffer[max(0, got - 5) : got]))[-5:]
        return b""
    left = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]) - len(rest)
    while left > 0 and (got := wire.recv_into(buffer)):
        left -= got
    return b""


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
