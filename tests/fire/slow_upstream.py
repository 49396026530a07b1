"""Slow upstream: a small real server with something slow for everybody. `python -m tests.fire.slow_upstream PORT`.

`/` a small answer; `/large` one that never ends; `/events` an event stream; a POST is read to its end, which may never come;
an upgrade to WebSocket is agreed to, and what comes then is read and dropped. It never holds more than a socket's buffer
for anybody, so that thousands of slow readers are not its own trouble.
"""

import asyncio
import base64
import hashlib
import sys

from tests.fire.openfiles import allow

SMALL = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % (1 << 40)
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
)
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
PIECE = bytes(16 * 1024)
EVENT = b"data: " + b"x" * 1000 + b"\n\n"
EVERY = 5.0  # seconds between two events of one stream
OPEN_FILES = 8000


class Connection(asyncio.Protocol):
    """One connection: heads are read, whatever follows one that never ends is dropped."""

    def __init__(self) -> None:
        self.rest = b""
        self.dropping = False  # a body or frames, to the connection's end
        self.sending = False  # the answer that never ends
        self.paused = False
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.dropping:
            return
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head, _, self.rest = self.rest.partition(b"\r\n\r\n")
            self.answer(head)

    def answer(self, head: bytes) -> None:
        match head.split(b" ", 2)[:2]:
            case [b"GET", b"/large"]:
                self.transport.write(LARGE)
                self.sending = True
                self.send()
            case [b"GET", b"/events"]:
                self.transport.write(EVENTS)
                self.tell()
            case [b"GET", b"/socket"]:
                key = head.lower().partition(b"sec-websocket-key: ")[2].partition(b"\r\n")[0]
                at = head.lower().index(key)
                accept = base64.b64encode(hashlib.sha1(head[at : at + len(key)] + MAGIC).digest())
                self.transport.write(SWITCH % accept)
                self.dropping = True
            case [b"POST", _]:
                self.dropping = True
            case _:
                self.transport.write(SMALL)

    def send(self) -> None:
        while self.sending and not self.paused:
            self.transport.write(PIECE)

    def tell(self) -> None:
        if not self.paused:
            self.transport.write(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        self.timer = asyncio.get_running_loop().call_later(EVERY, self.tell)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self.sending = False
        if self.timer is not None:
            self.timer.cancel()


async def main(port: int) -> None:
    """Serve until killed."""
    allow(OPEN_FILES)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
