"""TLS with a client goes wrong at each of its steps: the next client is served, and the user is told which, and the cure.

The client here is OpenSSL in memory, which we make send its alert by feeding it what it cannot read.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fire.old_tls import old, weak
from tests.fire.places import Upstream, upstream_with_ledger
from tests.helpers.fronts import Front
from tests.helpers.servers import within

NONSENSE = b"\x17\x03\x03\x00\x20" + b"n" * 32  # a record that nobody can decrypt
NO_CONTACT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure (RFC 8446 §6)
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    with upstream_with_ledger(tmp_path) as running:
        yield running


@pytest.fixture
def front(tmp_path: Path, upstream: Upstream) -> Iterator[Front]:
    with within(60), Front(upstream.port, tmp_path / "folder") as running:
        yield running


def still_serves(front: Front) -> None:
    with front.client() as client:
        assert client.get("/still").status_code == 200


class Client:
    """A TLS client whose bytes pass through our hands."""

    def __init__(self, front: Front, context: ssl.SSLContext) -> None:
        self.sock = socket.create_connection(("127.0.0.1", front.port), 30)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")

    def feed(self, data: bytes) -> None:
        self._in.write(data)

    def step(self, act: Callable[[], object]) -> bool:
        """Do something, and send what comes of it, alerts too. Returns whether it is done, or more must come first."""
        done = True
        try:
            act()
        except ssl.SSLWantReadError:
            done = False
        except ssl.SSLError:
            pass  # the alert is in our hands
        self.sock.sendall(self._out.read())
        return done

    def until(self, act: Callable[[], object]) -> None:
        while not self.step(act):
            piece = self.sock.recv(65536)
            assert piece, "it ended"
            self.feed(piece)

    def ends(self) -> bool:
        """Whether the front closes, whatever it says before."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionError:
            pass
        self.sock.close()
        return True


def test_an_alert_instead_of_a_hello_is_no_request_and_is_recorded_as_such(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.port), 30) as sock:
        sock.sendall(NO_CONTACT)
        sock.shutdown(socket.SHUT_WR)
        assert not sock.recv(65536).startswith(b"HTTP/1.1 2")
    still_serves(front)


def test_an_alert_after_the_hello_is_told(front: Front) -> None:
    client = Client(front, front.context())
    client.step(client.tls.do_handshake)  # the hello
    client.sock.sendall(NO_CONTACT)

    assert "handshake failure" in front.said("TLS handshake failed")
    assert client.ends()
    still_serves(front)


def test_an_alert_in_the_middle_of_the_handshake_is_told(front: Front) -> None:
    client = Client(front, front.context())
    client.step(client.tls.do_handshake)
    client.feed(NONSENSE)  # instead of the server's hello
    client.step(client.tls.do_handshake)

    front.said("TLS handshake failed")
    assert client.ends()
    still_serves(front)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_does_not_know_our_authority_is_told_with_the_cure_once(
    front: Front, version: ssl.TLSVersion
) -> None:
    stranger = ssl.create_default_context()
    stranger.maximum_version = version
    for _ in range(3):
        client = Client(front, stranger)
        client.until(client.tls.do_handshake)
        assert client.ends()

    assert "tunnel trust" in front.said("a client refused our certificate")
    still_serves(front)
    assert front.program.err.text.count("a client refused our certificate") == 1


@pytest.mark.parametrize(
    "wrecked", ["before the request", "in the middle of the request", "while the answer is awaited"]
)
def test_an_alert_after_the_handshake_ends_that_connection_alone(front: Front, wrecked: str) -> None:
    client = Client(front, front.context())
    client.until(client.tls.do_handshake)
    said = {"before the request": b"", "in the middle of the request": GET[:20]}.get(
        wrecked, GET.replace(b"/ ", b"/slow ")
    )
    client.step(lambda: client.tls.write(said))
    client.feed(NONSENSE)
    client.step(lambda: client.tls.read())

    assert client.ends()
    still_serves(front)
    if said.endswith(b"\r\n\r\n"):
        assert front.exchange("/slow")["fault"] == "client"


def test_a_close_notify_in_the_middle_of_a_request_is_a_client_that_left(front: Front) -> None:
    client = Client(front, front.context())
    client.until(client.tls.do_handshake)
    client.step(lambda: client.tls.write(b"PUT /cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"))
    client.step(client.tls.unwrap)

    assert client.ends()
    row = front.exchange("/cut")
    assert (row["fault"], "in the middle of a body" in row["error"]) == ("client", True)
    still_serves(front)


@pytest.mark.parametrize(
    ("make", "said", "cure"), [(old, "protocol", "TLS 1.2 or 1.3"), (weak, "no shared cipher", "cipher")]
)
def test_a_client_with_nothing_in_common_with_us_is_told_with_the_reason(
    front: Front, make: Callable[[ssl.SSLContext], None], said: str, cure: str
) -> None:
    context = front.context()
    make(context)
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", front.port), 30) as raw:
        context.wrap_socket(raw, server_hostname="localhost")

    line = front.said("TLS handshake failed")
    assert said in line and cure in line and "--both" in line
    still_serves(front)
