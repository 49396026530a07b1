"""Events: how late the events of a stream arrive. `events.py serve PORT` sends them, `events.py read PORT SECONDS` reads.

Each event is the time at which it was sent, on the clock that both share. The reader asks for something small 200 times a
second beside it, so that there is something to record and to show, and prints the latencies as JSON: p50 and p99, µs.
"""

import json
import socket
import sys
import threading
import time

APART = 0.005  # seconds between two events, and between two requests beside them


def serve(port: int) -> None:
    """Answer `/events` with a stream, anything else with a word, each connection in a thread."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        wire, _ = listener.accept()
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer, args=(wire,), daemon=True).start()


def answer(wire: socket.socket) -> None:
    """Answer one request after the other; a stream never ends."""
    try:
        while head := wire.recv(65536):
            if not head.startswith(b"GET /events"):
                wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
                continue
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
            while True:
                wire.sendall(b"data: %d\n\n" % time.perf_counter_ns())
                time.sleep(APART)
    except OSError:
        pass  # the reader has had enough


def read(port: int, seconds: float) -> None:
    """Read the stream for so long, and say how late its events were."""
    wire = ask(port, b"/events")
    stopped = threading.Event()
    beside = threading.Thread(target=keep_asking, args=(port, stopped))
    beside.start()
    late: list[float] = []
    until = time.perf_counter() + seconds
    rest = b""
    while time.perf_counter() < until:
        rest += wire.recv(65536)
        now = time.perf_counter_ns()
        *events, rest = rest.split(b"\n\n")
        late += [(now - int(event.rpartition(b"data: ")[2])) / 1e3 for event in events if b"data: " in event]
    stopped.set()
    beside.join()
    late.sort()
    print(json.dumps({"p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100]}))


def keep_asking(port: int, stopped: threading.Event) -> None:
    """Ask on one kept connection."""
    wire = ask(port, b"/")
    while not stopped.wait(APART):
        wire.recv(65536)
        wire.sendall(request(port, b"/"))


def ask(port: int, path: bytes) -> socket.socket:
    """Return a connection on which a request was sent."""
    wire = socket.create_connection(("127.0.0.1", port), 10)
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.sendall(request(port, path))
    return wire


def request(port: int, path: bytes) -> bytes:
    """Return a request's head."""
    return b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (path, port)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        read(int(sys.argv[2]), float(sys.argv[3]))
