"""Ends: when a share's time is over, what was open is closed, and nothing of it is left to knock at."""

from pathlib import Path

import pytest

from tests.lan.guests import LetIn, let_in
from tests.lan.network import PHONE, SERVER, Network, open_ports
from tests.lan.service import SECRET, Service
from tests.lan.shares import RULES, Shared
from tests.share.attacks import at

pytestmark = pytest.mark.lan
UPGRADE = (
    b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    b"Sec-WebSocket-Version: 13",
)  # fmt: skip


@pytest.mark.parametrize("how", ["its time", "stop"])
def test_at_the_end_all_that_is_open_is_closed_and_the_port_with_it(
    hosts: Network, service: Service, tmp_path: Path, how: str
) -> None:
    lasting = ["--for", "6s"] if how == "its time" else []
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), *lasting, "--shutdown", "1s") as share:
        guest = let_in(share, "token")
        with (
            share.talk(PHONE) as stream, share.talk(PHONE) as socket, share.talk(PHONE) as idle, share.talk(PHONE) as slow,
            share.talk(hosts.stranger()) as stranger,
        ):  # fmt: skip
            assert stream.ask(at(share.authority, guest.request(b"/events"))).status == 200
            assert socket.ask(at(share.authority, guest.request(b"/socket", *UPGRADE))).status == 101
            socket.sock.sendall(b"echo")
            assert socket.read(4) == b"echo"
            assert idle.ask(at(share.authority, guest.request(b"/idle"))).body == SECRET
            slow.sock.sendall(at(share.authority, guest.request(b"/slow")))
            service.wait_for(lambda: b"GET /slow " in b"".join(service.taken))
            if how == "stop":
                share.order("stop")
            for connection in (stream, socket, idle, slow, stranger):
                assert connection.ended()
        assert share.ended() == 0
        assert open_ports(hosts.visitor, SERVER) == []


def test_an_end_that_was_moved_is_the_end(hosts: Network, service: Service, tmp_path: Path) -> None:
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), "--for", "20s") as share:
        share.order("extend", "1h")
        guest = let_in(share, "token")

        assert share.standing()["left"] > 3000
        assert guest.ask(b"/later").body == SECRET


def test_what_let_somebody_in_lets_nobody_in_to_the_next_share(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    """The same port, the same folder, the same service: but another share."""
    with Shared(hosts, service.port, tmp_path) as share:
        guest = let_in(share, "pairing")
        assert guest.ask(b"/before").body == SECRET
        link, port = share.link, share.port
    service.forget()
    with Shared(hosts, service.port, tmp_path, "--port", str(port)) as again:
        assert again.port == port
        late = LetIn(again, guest.fields)
        assert late.ask(b"/after").status == 401
        old = late.send(
            f"GET {link.partition(again.authority)[2]} HTTP/1.1\r\nHost: {again.authority}\r\n\r\n".encode()
        )
        assert old.status == 401
        assert again.standing()["questions"] == []
    assert service.heads == []
