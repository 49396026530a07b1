"""Viewers: watch the inspector's live feed, as so many open pages do. `viewers.py FOLDER COUNT`.

The last of them never reads. Prints "watching" once all are answered, and ends when its input does, with how many events the
others have read.
"""

import json
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit


def main(folder: Path, count: int) -> None:
    """Open the feeds, say so, and read until told to stop."""
    until = time.perf_counter() + 10
    while not (folder / "inspector.json").exists() and time.perf_counter() < until:
        time.sleep(0.05)  # the front listens a moment before its window does
    said = json.loads((folder / "inspector.json").read_text())
    feeds = [open_feed(said["url"], said["token"]) for _ in range(count)]
    read = [0] * count
    for number, wire in enumerate(feeds[:-1]):
        threading.Thread(target=follow, args=(wire, read, number), daemon=True).start()
    print("watching", flush=True)
    sys.stdin.read()
    print(sum(read))


def open_feed(url: str, token: str) -> socket.socket:
    """Return a connection on which the feed has begun."""
    where = urlsplit(url)
    assert where.hostname and where.port
    wire = socket.create_connection((where.hostname, where.port), 10)
    if where.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        wire = context.wrap_socket(wire, server_hostname=where.hostname)
    head = f"GET /api/feed HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    wire.sendall(head.encode())
    if not wire.recv(65536).startswith(b"HTTP/1.1 200"):
        raise SystemExit("the feed was not answered with 200")
    wire.settimeout(None)
    return wire


def follow(wire: socket.socket, read: list[int], number: int) -> None:
    """Count the events that come."""
    while piece := wire.recv(65536):
        read[number] += piece.count(b"\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
