"""A bad network between two ends, made of a relay in a thread: late, in crumbs, cut at a byte, or swallowing everything.

The kernel's own (netem) is not everywhere, needs root, and cannot cut at an exact byte.
"""

import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Self

_RESET = struct.pack("ii", 1, 0)  # struct linger: on, 0 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to the bytes of one direction.

    Attributes:
      delay: Seconds before each piece goes on.
      crumbs: At most so many bytes in a piece; 0 for as they come.
      reset_at: Both connections are reset (RST) when so many bytes have gone on; -1 for never.
      end_at: As `reset_at`, with an ordinary end (FIN) to both sides.
      swallow_at: From so many bytes on nothing arrives any more, and nobody is told: the peer is there no longer.
    """

    delay: float = 0
    crumbs: int = 0
    reset_at: int = -1
    end_at: int = -1
    swallow_at: int = -1


@dataclass(eq=False)
class Path:
    """One connection through the relay: the side that connected, and ours to the place beyond."""

    near: socket.socket
    far: socket.socket
    passed: dict[socket.socket, int] = field(default_factory=dict)

    def other(self, sock: socket.socket) -> socket.socket:
        return self.far if sock is self.near else self.near

    def close(self, *, reset: bool = False) -> None:
        for sock in (self.near, self.far):
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()


class BadNetwork:
    """Listens on a port of its own, and carries each connection to `beyond` through the weather.

    Attributes:
      up: The weather towards `beyond`; may be changed at any time, as the other may.
      down: The weather back.
      ended: How many connections either side has ended by itself.
    """

    def __init__(self, beyond: int, up: Weather = Weather(), down: Weather = Weather()) -> None:
        self.up, self.down = up, down
        self.opened = self.ended = 0
        self._beyond = beyond
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._paths: set[Path] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="bad network")

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def wait_for_ends(self, count: int, patience: float = 30) -> None:
        """Wait until so many connections were ended by either side."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.ended >= count, patience), f"{self.ended} of {count} ended"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join()
        for path in list(self._paths):
            path.close()
        self._selector.close()
        self._listener.close()

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(0.02):
                if key.fileobj is self._listener:
                    self._open()
                elif key.fileobj.fileno() >= 0:  # type: ignore[union-attr]  # else closed with its other side, just now
                    self._carry(key.data, key.fileobj)  # type: ignore[arg-type]

    def _open(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._beyond), 5)
        except OSError:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            near.close()
            return
        path = Path(near, far, {near: 0, far: 0})
        self._paths.add(path)
        self.opened += 1
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(sock, selectors.EVENT_READ, path)

    def _carry(self, path: Path, sock: socket.socket) -> None:
        weather, other = self.up if sock is path.near else self.down, path.other(sock)
        try:
            piece = sock.recv(weather.crumbs or 65536)
            if not piece:
                raise ConnectionAbortedError
            if weather.delay:
                time.sleep(weather.delay)
            passed = path.passed[sock]
            path.passed[sock] = passed + len(piece)
            for limit, reset in ((weather.reset_at, True), (weather.end_at, False)):
                if 0 <= limit <= passed + len(piece):
                    other.sendall(piece[: limit - passed])
                    self._drop(path, reset=reset)
                    return
            if 0 <= weather.swallow_at < passed + len(piece):
                piece = piece[: max(weather.swallow_at - passed, 0)]
            other.sendall(piece)
        except OSError:
            with self._changed:
                self.ended += 1
                self._changed.notify_all()
            self._drop(path, reset=False)

    def _drop(self, path: Path, *, reset: bool) -> None:
        for sock in (path.near, path.far):
            self._selector.unregister(sock)
        self._paths.discard(path)
        path.close(reset=reset)
