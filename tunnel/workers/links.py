"""Links: what joins the inspector's process to the workers: for each place a pair of sockets, and who is there.

All of it is made before anybody is forked, so whoever takes a dead one's place finds the same ends, and nothing is handed
over. Lines of JSON pass there: a question with its number, and an answer with the number of its question.

    [7, "counts"]                        → [7, {"pid": 4711, "running": 3, "statistics": {…}}]
    [8, "secrets", ["redacted-…", …]]    → [8, {"seen": 2, "secrets": {"redacted-…": ["the secret in base64", false]}}]

Who dies may leave half a line, in either direction. So whoever begins says an empty line first; a line that makes no sense,
and an answer to a question of one's predecessor, are passed over.
"""

import mmap
import socket

BUFFER = 256 * 1024  # bytes that may wait in a link; some systems begin with 8 KiB
MOST_LINE = 32 * 1024 * 1024  # bytes: more than a whole vault in base64


class Links:
    """The links of so many workers. The first process holds all ends as long as it lives."""

    def __init__(self, workers: int) -> None:
        # The first process writes, the others read; a number is written whole.
        self._pids = memoryview(mmap.mmap(-1, 8 * workers)).cast("Q")
        self._pairs = [socket.socketpair() for _ in range(workers)]
        for pair in self._pairs:
            for end in pair:
                end.setblocking(False)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)

    def enter(self, place: int, pid: int) -> None:
        """A worker serves at a place."""
        self._pids[place] = pid

    def leave(self, place: int) -> None:
        """It has died."""
        self._pids[place] = 0

    def pid(self, place: int) -> int:
        """Return who is at a place now; 0 for nobody."""
        return self._pids[place]

    def pids(self) -> tuple[int, ...]:
        """Return all workers that are there now."""
        return tuple(pid for pid in self._pids if pid)

    def for_worker(self, place: int) -> socket.socket:
        """Return a worker's own end, and close all others here."""
        mine = self._pairs[place][1]
        self._close_but([mine])
        return mine

    def for_window(self) -> list[socket.socket]:
        """Return the ends by which the workers are asked, one a place, and close all others here."""
        mine = [ours for ours, _ in self._pairs]
        self._close_but(mine)
        return mine

    def close(self) -> None:
        """Close all ends."""
        self._close_but([])

    def _close_but(self, mine: list[socket.socket]) -> None:
        for pair in self._pairs:
            for end in pair:
                if end not in mine:
                    end.close()


class Line:
    """One end of a link, for whoever waits elsewhere: takes lines apart, and keeps what could not be said at once.

    Attributes:
      ended: Nothing will come any more: the first process, which holds all ends, is gone.
    """

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.ended = False
        self._unsaid = b""
        self._heard = bytearray()
        self.say(b"")

    def say(self, line: bytes) -> bool:
        """Say a line; whether it has gone whole. The rest of it goes with `flush`.

        It is lost where much is still unsaid: then nobody listens.
        """
        if len(self._unsaid) < BUFFER:
            self._unsaid += line + b"\n"
        return self.flush()

    def flush(self) -> bool:
        """Say what is still unsaid, as far as the other side takes it; whether nothing is left."""
        while self._unsaid:
            try:
                self._unsaid = self._unsaid[self.end.send(self._unsaid) :]
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self.ended = True
                self._unsaid = b""
        return True

    def hear(self) -> list[bytes]:
        """Return the lines that have come whole."""
        try:
            data = self.end.recv(BUFFER)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return []
        *lines, rest = data.split(b"\n")
        if not lines:
            self._heard += rest
            if len(self._heard) > MOST_LINE:
                self._heard.clear()  # nobody says so much: what follows makes no sense, and is passed over
            return []
        lines[0] = bytes(self._heard) + lines[0]
        self._heard = bytearray(rest)
        return lines
