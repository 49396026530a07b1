"""Talk: one connection of a client on the other host, which sends bytes as they are written down and reads whole answers."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tests.helpers.servers import PATIENCE


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `status` 0 where the connection ended without any."""

    status: int
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for known, value in self.fields if known == name]

    def cookies(self) -> dict[str, str]:
        """Return the cookies that it sets, name and value."""
        pairs = (value.partition(";")[0].partition("=") for value in self.all("set-cookie"))
        return {name: value for name, _, value in pairs}


class Talk:
    """A connection, under TLS or not."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._file: IO[bytes] = sock.makefile("rb")

    def ask(self, request: bytes) -> Answer:
        """Send bytes; return what is answered to them, 1xx left out. A connection that breaks off is no answer."""
        try:
            self.sock.sendall(request)
        except (ConnectionError, ssl.SSLError):
            pass  # it may have been answered before its end, and cut off
        return self.hear(b"HEAD" if request.startswith(b"HEAD ") else b"")

    def hear(self, method: bytes = b"") -> Answer:
        """Return the next answer."""
        try:
            while (answer := self._read(method)).status in range(100, 200) and answer.status != 101:
                pass
        except (ConnectionError, ssl.SSLError):
            return Answer(0)
        return answer

    def _read(self, method: bytes) -> Answer:
        line = self._file.readline()
        if not line:
            return Answer(0)
        version, status, *_ = line.split()
        assert version.startswith(b"HTTP/1."), line
        fields = []
        while (field := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode("latin-1").partition(":")
            fields.append((name.lower(), value.strip()))
        answer = Answer(int(status), tuple(fields))
        if method == b"HEAD" or answer.status < 200 or answer.status in (204, 304):
            return answer
        return Answer(answer.status, answer.fields, self._body(answer))

    def _body(self, answer: Answer) -> bytes:
        if "text/event-stream" in answer.all("content-type"):
            return b""  # it goes on
        if answer.all("transfer-encoding"):
            body = b""
            while size := int(self._file.readline().split(b";")[0] or b"0", 16):
                body += self._file.read(size)
                self._file.readline()
            self._file.readline()
            return body
        if answer.all("content-length"):
            return self._file.read(int(answer.all("content-length")[0]))
        return self._file.read()

    def everything(self, request: bytes) -> bytes:
        """Send bytes; return all that comes until the other side ends or breaks."""
        try:
            self.sock.sendall(request)
        except (ConnectionError, ssl.SSLError):
            pass  # it was ended before that was taken
        heard = b""
        try:
            while piece := self.sock.recv(65536):
                heard += piece
        except (ConnectionError, ssl.SSLError):
            pass
        return heard

    def push(self, piece: bytes, *, most: int) -> int:
        """Send a piece again and again; return how many bytes were taken, at least `most` if nobody minds."""
        sent = 0
        try:
            while sent < most:
                self.sock.sendall(piece)
                sent += len(piece)
        except (OSError, ssl.SSLError):
            pass
        return sent

    def read(self, size: int) -> bytes:
        """Return exactly so many bytes of what is no answer any more; fewer if the other side ends or breaks."""
        try:
            return self._file.read(size)
        except (ConnectionError, ssl.SSLError):
            return b""

    def ended(self) -> bool:
        """Wait until the other side has ended it, whatever it still says."""
        try:
            while self.sock.recv(65536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        return True

    def close(self) -> None:
        self._file.close()
        self.sock.close()


@contextmanager
def talk(sock: socket.socket, context: ssl.SSLContext | None = None, name: str = "") -> Iterator[Talk]:
    """Talk over a connection until the block ends; under TLS with a context, to a server of that name."""
    sock.settimeout(PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with sock, context.wrap_socket(sock, server_hostname=name) if context else sock as spoken:
        here = Talk(spoken)
        try:
            yield here
        finally:
            here.close()
