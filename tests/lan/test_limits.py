"""What a share is limited to: networks, paths, reading, a rate. Tried by a guest, who may do the rest and nothing more."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lan.guests import LetIn, let_in
from tests.lan.network import LAPTOP, PHONE, Network
from tests.lan.service import SECRET, Service
from tests.lan.shares import RULES, Shared
from tests.share.attacks import PATHS, at, get

pytestmark = pytest.mark.lan
UPGRADE = (
    b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    b"Sec-WebSocket-Version: 13",
)  # fmt: skip


@pytest.fixture(scope="module")
def narrow(hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LetIn]:
    """A guest of a share of two paths, for reading only."""
    folder = tmp_path_factory.mktemp("share")
    options = (*RULES["token"](folder), "--read-only", "--path", "/app", "--path", "/api/*")
    with Shared(hosts, counted.port, folder, *options) as share:
        yield let_in(share, "token")


def test_what_is_shared_can_be_read(narrow: LetIn, service: Service) -> None:
    for target in (b"/app", b"/app/", b"/app/x?y=/../z", b"/api/v1"):
        assert narrow.ask(target).body == SECRET
    assert narrow.send(narrow.request(b"/app").replace(b"GET", b"HEAD", 1)).status == 200


@pytest.mark.parametrize("attack", PATHS)
def test_no_way_of_writing_a_path_leads_out_of_those_that_are_shared(
    narrow: LetIn, service: Service, attack: str
) -> None:
    for request in (PATHS[attack], PATHS[attack].replace(b"/.tunnel/", b"/app/").replace(b"/.TUNNEL/", b"/app/")):
        shown = request.replace(b"\r\n\r\n", b"\r\n" + narrow.fields[0] + b"\r\n\r\n", 1)
        assert narrow.send(shown).body != SECRET
    assert service.connections == 0


@pytest.mark.parametrize(
    "method", [b"POST", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"PROPFIND", b"get", b"GETX", b"MKCOL"]
)
def test_what_is_for_reading_only_is_not_written(narrow: LetIn, service: Service, method: bytes) -> None:
    request = narrow.request(b"/app", b"Content-Length: 3").replace(b"GET", method, 1) + b"a=b"

    assert narrow.send(request).status in (400, 405, 501)
    assert service.connections == 0


@pytest.mark.parametrize("field", [
    b"X-HTTP-Method-Override: DELETE", b"X-Method-Override: PUT", b"X-HTTP-Method: POST", b"X_HTTP_Method_Override: DELETE",
    b"x-http-method-override: delete", b"X-Original-URL: /secret", b"X-Rewrite-URL: /secret",
])  # fmt: skip
def test_no_field_asks_for_more_than_the_first_line(narrow: LetIn, service: Service, field: bytes) -> None:
    assert narrow.ask(b"/app", field).status == 403
    assert service.connections == 0


def test_no_upgrade_passes_what_is_for_reading_only(narrow: LetIn, service: Service) -> None:
    assert narrow.ask(b"/app", *UPGRADE).status == 403
    assert narrow.ask(b"/app", b"Connection: Upgrade", b"Upgrade: raw").status == 403
    assert service.connections == 0


def test_a_second_request_behind_an_open_one_is_judged_too(narrow: LetIn, service: Service) -> None:
    with narrow.share.talk(PHONE) as connection:
        heard = connection.everything(
            at(
                narrow.share.authority,
                narrow.request(b"/app")
                + narrow.request(b"/secret")
                + narrow.request(b"/app/2").replace(b"GET", b"DELETE", 1)
                + get(b"/app/3", b"Connection: close"),
            )
        )

    assert heard.count(SECRET) == 1
    assert service.targets == [b"/app"]


def test_only_who_is_in_an_allowed_network_and_in_no_denied_one_may_even_ask(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    options = ("--allow", "10.77.0.0/28", "--allow", "10.77.200.0/24", "--deny", f"{LAPTOP}/32")
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), *options) as share:
        phone = let_in(share, "token")
        assert phone.ask(b"/phone").body == SECRET
        for source in (LAPTOP, hosts.stranger()):
            guest = LetIn(share, phone.fields, source=source)
            forged = (b"X-Forwarded-For: 10.77.0.7", b"X-Real-IP: 10.77.0.7", b"Forwarded: for=10.77.0.7")
            for fields in ((), forged):
                assert guest.ask(b"/other", *fields).status == 403
            assert guest.ask(b"/.tunnel/login").status == 403
        assert LetIn(share, phone.fields, source="10.77.200.9").ask(b"/far").body == SECRET

    assert service.targets == [b"/phone", b"/far"]


def test_a_device_that_asks_too_fast_is_held_up_alone(hosts: Network, service: Service, tmp_path: Path) -> None:
    with Shared(hosts, service.port, tmp_path, *RULES["token"](tmp_path), "--rate", "5/s") as share:
        fast, calm = let_in(share, "token"), LetIn(share, let_in(share, "token").fields, source=LAPTOP)
        with share.talk(PHONE) as connection:
            asked = at(share.authority, fast.request(b"/fast"))
            told = Counter(connection.ask(asked).status for _ in range(200))
        assert calm.ask(b"/calm").body == SECRET

    assert set(told) == {200, 429}
    assert told[429] > 100
    assert service.targets.count(b"/fast") == told[200]


def test_a_share_that_is_open_to_everybody_still_refuses_what_it_must(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    """No credential is asked for; the Host, the limits and the share's own paths are judged all the same."""
    with Shared(hosts, service.port, tmp_path, "--open", "--yes-to-everybody", "--path", "/app") as share:
        anybody = LetIn(share)
        assert anybody.ask(b"/app").body == SECRET
        service.forget()
        assert anybody.ask(b"/secret").status == 403
        assert anybody.send(b"GET /app HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 421
        assert anybody.send(get(b"/app"), tls=False).status == 308
        assert anybody.ask(b"/app", b"Connection: Upgrade", b"Upgrade: h2c").status in (200, 403)

    assert set(service.targets) <= {b"/app"}
