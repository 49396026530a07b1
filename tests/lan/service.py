"""Service: what is shared. It counts every connection and keeps every byte that reaches it, however it was meant.

It is no HTTP library: what those would forgive or hide must show. It answers what it understands: `/events` with a stream
that goes on, an upgrade with an echo, `/slow` never, all else with SECRET, which nobody may see who was not let in.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.helpers.servers import PATIENCE
from tests.lan.hosts import Host

SECRET = b"only for those who were let in"


@dataclass
class Service:
    """A running one.

    Attributes:
      port: At 127.0.0.1 of its host.
      connections: How many were made to it.
      taken: All bytes that it was sent, connection by connection.
    """

    port: int
    connections: int = 0
    taken: list[bytearray] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def heads(self) -> list[bytes]:
        """The requests that reached it, in the order of their connections."""
        with self.changed:
            return [head for taken in self.taken for head in bytes(taken).split(b"\r\n\r\n") if head]

    @property
    def targets(self) -> list[bytes]:
        return [head.split(b" ")[1] for head in self.heads]

    def forget(self) -> None:
        """Begin to count anew. What was taken on a connection that goes on is forgotten too."""
        with self.changed:
            self.connections = 0
            for taken in self.taken:
                taken.clear()

    def wait_for(self, wanted: Callable[[], bool]) -> None:
        """Wait until something holds of what it took."""
        with self.changed:
            assert self.changed.wait_for(wanted, PATIENCE), f"it has only taken {self.taken}"


@contextmanager
def service(host: Host) -> Iterator[Service]:
    """Run one on a host's loopback until the block ends."""
    with host.listen("127.0.0.1") as listener:
        running = Service(listener.getsockname()[1])
        open_now: set[socket.socket] = set()

        def accept() -> None:
            with suppress(OSError):  # the listener was shut down
                while True:
                    sock, _ = listener.accept()
                    taken = bytearray()
                    with running.changed:
                        open_now.add(sock)
                        running.connections += 1
                        running.taken.append(taken)
                        running.changed.notify_all()
                    threading.Thread(target=serve, args=(sock, taken), daemon=True).start()

        def serve(sock: socket.socket, taken: bytearray) -> None:
            with sock, suppress(OSError):
                _serve(sock, taken, running)
            with running.changed:
                open_now.discard(sock)

        thread = threading.Thread(target=accept, name="service", daemon=True)
        thread.start()
        try:
            yield running
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)
            with running.changed:
                for sock in open_now:
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)


def _serve(sock: socket.socket, taken: bytearray, running: Service) -> None:
    unread = b""

    def receive() -> bytes:
        piece = sock.recv(65536)
        with running.changed:
            taken.extend(piece)
            running.changed.notify_all()
        return piece

    while True:
        while b"\r\n\r\n" not in unread:
            if not (piece := receive()):
                return
            unread += piece
        head, _, unread = unread.partition(b"\r\n\r\n")
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        }
        target = head.split(b" ")[1]
        length = int(fields.get(b"content-length", b"0"))
        while len(unread) < length:
            if not (piece := receive()):
                return
            unread += piece
        unread = unread[length:]
        if fields.get(b"upgrade"):
            sock.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % fields[b"upgrade"]
            )
            while piece := receive():
                sock.sendall(piece)
            return
        if target == b"/slow":
            while receive():
                pass
            return
        if target == b"/events":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: " + SECRET + b"\n\n")
            while receive():
                pass
            return
        body = SECRET if not head.startswith(b"HEAD ") else b""
        sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(SECRET), body)
        )
