"""A share, from its first line to its last: the whole front on an address of its own, with real sockets and its real gate.

The other host, and what it must not reach, are for tests/lan. Here it is 127.0.0.2, which is as good an address as any.
"""

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from certs.contexts import trusting
from tests.helpers.fronts import tunnel
from tests.helpers.origins import Origin, origin
from tests.helpers.waiting import until
from tunnel import run_share
from tunnel.capture.store import Store
from tunnel.model.address import Listen, Target
from tunnel.model.config import Config
from tunnel.model.exchange import State, Summary
from tunnel.model.share import Access, Happening, Question, Share
from tunnel.run import run
from tunnel.share.asking import standings
from tunnel.terminal import Started, Terminal

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address of this machine on Linux alone"),
]
ADDRESS = "127.0.0.2"
TOKEN = "0123456789abcdef0123456789abcdef"
SHARE = Share(
    address=ADDRESS, interface="lo", network=ip_network("127.0.0.0/8"), names=("demo-3000.local",), announce=False,
    access=Access.TOKEN, token=TOKEN,
)  # fmt: skip
PHONE = {"user-agent": "Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/150.0", "accept": "text/html"}


class Watching(Terminal):
    """Keeps what it is told, and lets in whoever asks where a test says so."""

    def __init__(self, *, allow: bool = False) -> None:
        self.shown: Started | None = None
        self.up = trio.Event()
        self.lines: list[Happening] = []
        self.notices: list[str] = []
        self._allow = allow

    def started(self, started: Started) -> None:
        self.shown = started
        self.up.set()

    def happened(self, happening: Happening) -> None:
        self.lines.append(happening)

    def questions(self, questions: Sequence[Question], answer: Callable[[int, bool], None]) -> None:
        for question in questions:
            answer(question.number, self._allow)

    def notice(self, error: Exception) -> None:
        self.notices.append(str(error))


class Visit:
    """A running share, and how it is visited."""

    def __init__(self, folder: Path, terminal: Watching, service: Origin, nursery: trio.Nursery) -> None:
        self.folder, self.terminal, self.service, self.nursery = folder, terminal, service, nursery
        assert terminal.shown is not None and terminal.shown.shared is not None
        self.port = terminal.shown.port
        self.shared = terminal.shown.shared
        self.context = trusting(folder / "authority")
        self.cookies = httpx.Cookies()

    async def ask(self, target: str, *, method: str = "GET", body: object = None, **fields: str) -> httpx.Response:
        """Ask from another thread, as a program would."""
        url = target if "://" in target else f"https://{ADDRESS}:{self.port}{target}"
        return await trio.to_thread.run_sync(partial(self._ask, method, url, body, fields))

    def _ask(self, method: str, url: str, body: object, fields: dict[str, str]) -> httpx.Response:
        with httpx.Client(verify=self.context, cookies=self.cookies, trust_env=False) as client:
            answer = client.request(method, url, headers=fields, json=body)
            self.cookies.update(client.cookies)
            return answer

    def log(self) -> list[Summary]:
        with Store(self.folder) as store:
            return store.latest(100)


@asynccontextmanager
async def opened(
    tmp_path: Path, share: Share, *, allow: bool = False, inspector: Listen | None = None
) -> AsyncIterator[Visit]:
    """Run a share of a service that keeps what it hears, until the block ends."""
    terminal = Watching(allow=allow)
    with origin() as service:
        config = Config(
            target=Target("http", "127.0.0.1", service.port), folder=str(tmp_path), inspector=inspector,
            listen=Listen(share.addresses, 0, named=True, interface=share.interface), share=share,
        )  # fmt: skip
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, config, terminal)
            await terminal.up.wait()
            yield Visit(tmp_path, terminal, service, nursery)
            nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def no_firewall(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own is no matter of these tests."""

    async def none(passage: object) -> None:
        return None

    monkeypatch.setattr(run_share, "obstacle", none)


async def test_who_has_the_token_is_let_in_and_nobody_else_and_the_record_tells(tmp_path: Path) -> None:
    async with opened(tmp_path, SHARE) as share:
        without = await share.ask("/a", authorization="Bearer wrong")
        served = await share.ask("/b", authorization=f"Bearer {TOKEN}", **{"x-forwarded-user": "root"})
        stranger = await share.ask("/c", authorization=f"Bearer {TOKEN}", host="localhost")

        assert [heard.target for heard in share.service.heard] == ["/b"]
        (heard,) = share.service.heard
        assert heard.all("authorization") == [] and heard.all("x-forwarded-for") == ["127.0.0.1"]
        assert len(heard.all("x-forwarded-user")) == 1 and heard.all("x-forwarded-user") != ["root"]
    assert (without.status_code, served.status_code, stranger.status_code) == (401, 200, 421)
    assert "Bearer" in without.headers["www-authenticate"]
    a, b, c = share.log()
    assert [(line.target, line.status, line.rule, line.fault) for line in (a, b, c)] == [
        ("/a", 401, "token", "client"), ("/b", 200, "token", ""), ("/c", 421, "token", "client"),
    ]  # fmt: skip
    assert b.device and not a.device and TOKEN not in str((a, b, c))


async def test_one_certificate_names_the_address_and_the_name(tmp_path: Path) -> None:
    async with opened(tmp_path, SHARE) as share:

        def names(asked: str) -> list[str]:
            import socket

            with (
                socket.create_connection((ADDRESS, share.port)) as sock,
                share.context.wrap_socket(sock, server_hostname=asked) as tls,
            ):
                return [value for _, value in (tls.getpeercert() or {})["subjectAltName"]]

        by_address = await trio.to_thread.run_sync(names, ADDRESS)
        by_name = await trio.to_thread.run_sync(names, "demo-3000.local")

    assert by_address == by_name == [ADDRESS, "demo-3000.local"]
    assert share.shared.urls == (f"https://{ADDRESS}:{share.port}", f"https://demo-3000.local:{share.port}")


async def test_a_share_on_two_addresses_is_one_share_and_what_cannot_be_bound_is_no_part_of_it(tmp_path: Path) -> None:
    more = tuple((address, ip_network(f"{address}/128")) for address in ("::1", "fd12:3456::1"))
    async with opened(tmp_path, replace(SHARE, more=more)) as share:
        six = f"https://[::1]:{share.port}"
        served = await share.ask(f"{six}/six", authorization=f"Bearer {TOKEN}")
        without = await share.ask(f"{six}/without")
        mapped = await share.ask(
            f"{six}/mapped", authorization=f"Bearer {TOKEN}", host=f"[::ffff:{ADDRESS}]:{share.port}"
        )

        def names() -> list[str]:
            import socket

            with (
                socket.create_connection((ADDRESS, share.port)) as sock,
                share.context.wrap_socket(sock, server_hostname=ADDRESS) as tls,
            ):
                return [value for _, value in (tls.getpeercert() or {})["subjectAltName"]]

        named = await trio.to_thread.run_sync(names)
        heard = [(heard.target, heard.all("x-forwarded-for")) for heard in share.service.heard]

    assert (served.status_code, without.status_code, mapped.status_code) == (200, 401, 421)
    assert heard == [("/six", ["::1"])]
    assert named == [ADDRESS, "0:0:0:0:0:0:0:1", "demo-3000.local"]
    assert share.shared.urls == (f"https://{ADDRESS}:{share.port}", f"https://demo-3000.local:{share.port}", six)
    assert share.shared.share.addresses == (ADDRESS, "::1")


async def test_a_device_asks_and_is_let_in_by_a_persons_yes_and_by_nothing_else(tmp_path: Path) -> None:
    async with opened(tmp_path, replace(SHARE, access=Access.PAIRING, token=""), allow=True) as share:
        before = await share.ask("/", **PHONE)
        joining, waiting = await let_in(share, share.shared.link, PHONE)
        inside = await share.ask("/inside", **PHONE)
        cookie = share.service.heard[0].all("cookie")

    assert before.status_code == 401 and joining.status_code == 303
    assert waiting.status_code in (302, 303)
    assert inside.status_code == 200 and inside.text == "hello"
    assert [heard.target for heard in share.service.heard] == ["/inside"]
    assert cookie == [], "the share's own cookies end at the front"
    assert [line.what for line in share.terminal.lines if line.what in ("asked", "admitted")] == ["asked", "admitted"]
    last = share.log()[-1]
    assert (last.device, last.rule) == ("Pixel 9", "pairing")
    with Store(tmp_path) as store:
        pages = [store.exchange(line.id) for line in share.log() if line.target.startswith("/.tunnel/")]
        assert pages and all(one and not one.request.kept and not one.response.kept for one in pages)


async def let_in(share: Visit, link: str, fields: dict[str, str]) -> tuple[httpx.Response, httpx.Response]:
    """Open a link as a new device, which the terminal says yes to. Return the first answer and the last."""
    share.cookies = httpx.Cookies()
    first = joining = await share.ask(link, **fields)
    while "/join" in joining.headers["location"]:
        joining = await share.ask(joining.headers["location"], **fields)
    while (waiting := await share.ask("/.tunnel/wait?held", **fields)).status_code == 200:
        pass  # the page itself comes again each second
    return first, waiting


async def test_the_record_is_asked_for_a_device_by_the_name_that_people_and_the_service_are_told(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, replace(SHARE, access=Access.PAIRING, token=""), allow=True) as share:
        await let_in(share, share.shared.link, PHONE)
        await share.ask("/first", **PHONE)
        (place,) = await trio.to_thread.run_sync(standings, tmp_path)
        await let_in(share, place.link, PHONE)
        await share.ask("/second", **PHONE)
        told = [heard.all("x-forwarded-user") for heard in share.service.heard]
        shown = await trio.to_thread.run_sync(_said, tunnel("share", "--list", "--folder", str(tmp_path)))

    asked = [line.sentence for line in share.terminal.lines if line.what == "asked"]
    assert [words.partition(" wants in")[0] for words in asked] == ["Pixel 9, Chrome, 127.0.0.1"] * 2
    assert told == [["Pixel 9"], ["Pixel 9 (2)"]]
    assert "  1  Pixel 9               Chrome    127.0.0.1" in shown
    assert "  2  Pixel 9 (2)           Chrome    127.0.0.1" in shown
    for typed, target in (('device = "Pixel 9"', "/first"), ('device = "Pixel 9 (2)"', "/second")):
        found = await trio.to_thread.run_sync(_said, tunnel("log", typed, "--folder", str(tmp_path)))
        assert [line.split()[3] for line in found.splitlines()] == [target], found


def _said(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_link_that_leads_on_to_itself_for_the_model_is_still_no_secret_of_the_record(tmp_path: Path) -> None:
    fields = {
        **PHONE,
        "user-agent": "Mozilla/5.0 (Linux; Android 10; K) Chrome/150.0",
        "sec-ch-ua-platform": '"Android"',
    }
    async with opened(tmp_path, replace(SHARE, access=Access.PAIRING, token=""), allow=True) as share:
        token = share.shared.link.rpartition("token=")[2]
        first, last = await let_in(share, share.shared.link, fields)
        await share.ask("/inside", **fields)

    assert token in first.headers["location"] and first.headers["accept-ch"] == "Sec-CH-UA-Model"
    assert last.headers["accept-ch"] == ""
    with Store(tmp_path) as store:
        heads = [store.exchange(line.id) for line in share.log()]
    assert any("/.tunnel/join" in str(one) for one in heads)
    assert token not in str(heads)
    assert heads[-1] is not None and heads[-1].device == "Android"


async def test_what_came_unencrypted_gets_the_root_and_is_sent_on(tmp_path: Path) -> None:
    async with opened(tmp_path, SHARE) as share:
        plain = f"http://{ADDRESS}:{share.port}"
        page, root = await share.ask(f"{plain}/"), await share.ask(f"{plain}/.tunnel/root.crt")
        other = await share.ask(f"{plain}/other", authorization=f"Bearer {TOKEN}")

    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert ssl.DER_cert_to_PEM_cert(root.content).split() == (tmp_path / "authority" / "root.pem").read_text().split()
    assert (other.status_code, other.headers["location"]) == (308, f"https://{ADDRESS}:{share.port}/other")
    assert share.service.heard == []


async def test_at_its_end_everything_is_closed_and_written(tmp_path: Path) -> None:
    """An upgraded connection does not end by itself: the share's time ends it."""
    asked = (
        b"GET /ws HTTP/1.1\r\nHost: %b\r\nAuthorization: Bearer %b\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    )

    async def switch(stream: trio.SocketStream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        while await stream.receive_some(65536):
            pass

    terminal = Watching()
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, switch, 0, host="127.0.0.1"))
        config = Config(
            target=Target("http", "127.0.0.1", listeners[0].socket.getsockname()[1]), folder=str(tmp_path),
            inspector=None, listen=Listen((ADDRESS,), 0, named=True, interface="lo"), share=replace(SHARE, seconds=2.0),
        )  # fmt: skip
        ended = trio.Event()

        async def until_its_end() -> None:
            await run(config, terminal)
            ended.set()

        nursery.start_soon(until_its_end)
        await terminal.up.wait()
        assert terminal.shown is not None
        context = trusting(tmp_path / "authority")
        stream = await trio.open_ssl_over_tcp_stream(ADDRESS, terminal.shown.port, ssl_context=context)
        await stream.send_all(asked % (f"{ADDRESS}:{terminal.shown.port}".encode(), TOKEN.encode()))
        assert (await stream.receive_some(65536)).startswith(b"HTTP/1.1 101")
        with trio.fail_after(20):
            async with stream:
                assert await stream.receive_some(65536) == b""
            await ended.wait()
        nursery.cancel_scope.cancel()

    assert [line.what for line in terminal.lines][-1] == "ended"
    with Store(tmp_path) as store:
        (line,) = store.latest(10)
    assert (line.target, line.status, line.state, line.rule) == ("/ws", 101, State.DONE, "token")


async def test_its_owner_sees_and_steers_it_on_the_inspectors_api_and_sends_nothing_again_through_it(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, SHARE, inspector=Listen(("127.0.0.1",), 0, named=True)) as share:
        assert share.terminal.shown is not None
        window = urlsplit(share.terminal.shown.inspector)
        token = {"authorization": "Bearer " + window.query.removeprefix("token=")}
        url = f"https://{window.netloc}/api"
        await share.ask("/a", authorization=f"Bearer {TOKEN}")
        standing = (await share.ask(f"{url}/share", **token)).json()
        exchanges: list[dict[str, Any]] = []
        while not exchanges:
            exchanges = (await share.ask(f"{url}/exchanges", **token)).json()["exchanges"]
        id = exchanges[0]["id"]
        again = await share.ask(f"{url}/exchanges/{id}/replay", method="POST", body={}, **token)
        url_of_lan = f"https://{ADDRESS}:{share.port}/api/share"
        outside = await share.ask(url_of_lan, **token)

    assert standing["access"] == "token" and len(standing["devices"]) == 1
    assert exchanges[0]["device"] == standing["devices"][0]["name"] and exchanges[0]["rule"] == "token"
    assert "comes from none" in again.text
    assert outside.status_code == 401
    assert [heard.target for heard in share.service.heard] == ["/a"]


async def test_the_owner_is_told_of_a_service_that_the_network_reaches_without_the_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_share, "holder", lambda port, host: f"node (pid 7) at {host}")
    async with opened(tmp_path, SHARE) as share:
        with trio.fail_after(10):
            await until(lambda: share.terminal.notices)

    assert "without asking this share" in share.terminal.notices[0]
