"""What the tests of this room share: a folder for an authority, a clock moved by hand, handshakes in memory."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Clock:
    """Gives the time it was set to.  Starts at the real time, because OpenSSL, who verifies, knows no other."""

    seconds: float

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock(float(int(time.time())))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an authority may live; not made yet."""
    return tmp_path / "authority"


@dataclass
class Conversation:
    """Both ends of one TLS connection, with the wire between them in memory."""

    server: ssl.SSLObject
    client: ssl.SSLObject
    to_server: ssl.MemoryBIO = field(repr=False)
    to_client: ssl.MemoryBIO = field(repr=False)

    @property
    def names(self) -> list[str]:
        """The names in the certificate that the client saw, addresses spelled as `ipaddress` does."""
        shown = self.client.getpeercert() or {}
        return [value.lower().replace("0:0:0:0:0:0:0:", "::") for _, value in shown.get("subjectAltName", ())]

    @property
    def number(self) -> str:
        """The serial number of that certificate."""
        return str((self.client.getpeercert() or {})["serialNumber"])

    def say(self, words: bytes) -> None:
        """The server says something and the client hears it, tickets before it included."""
        self.server.write(words)
        assert self.client.read(len(words)) == words


def _handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str | None, session: ssl.SSLSession | None = None
) -> Conversation:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    for _ in range(6):
        for end in (theirs, ours):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass  # The other end's turn.
    conversation = Conversation(ours, theirs, to_server, to_client)
    conversation.say(b"hello")
    return conversation


@pytest.fixture
def handshake() -> Callable[..., Conversation]:
    """A function: server's context, client's context, name the client asks for, session to resume."""
    return _handshake
