"""The share's own pages under attack: what they tell, where they lead, who may send their forms, who may frame them."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.lan.forms import TOKEN_IN_FORM, Form
from tests.lan.guests import Device
from tests.lan.network import PHONE, Network
from tests.lan.service import SECRET, Service
from tests.lan.shares import PASSWORD, RULES, Shared
from tests.share.attacks import at

pytestmark = pytest.mark.lan
ELSEWHERE = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)", "/%09/evil.example", "/\t/evil.example", "/\r\nLocation: https://evil.example",
    "//evil.example/%2f..",
    "/%5cevil.example", "http:///evil.example", "evil.example", "/.tunnel/logout", " //evil.example",
    "/;@evil.example", "//[::1]",
)  # fmt: skip


@pytest.fixture(scope="module")
def locked(hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A share by password."""
    folder = tmp_path_factory.mktemp("share")
    with Shared(hosts, counted.port, folder, *RULES["password"](folder)) as share:
        yield share


def test_the_password_lets_a_browser_in(hosts: Network, locked: Shared, service: Service) -> None:
    form = Form(locked, hosts.stranger())
    answer = form.send(PASSWORD, "/wanted?x=1")

    assert (answer.status, answer.all("location")) == (303, ["/wanted?x=1"])
    assert form.device.follow(answer).body == SECRET
    [cookie] = [value for value in answer.all("set-cookie") if "Max-Age=0" not in value]
    assert cookie.startswith("__Host-tunnel-share-")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize("to", ELSEWHERE)
def test_the_way_on_after_the_login_stays_on_this_host(hosts: Network, locked: Shared, to: str) -> None:
    for opened, sent in (to, "/"), ("/", to):
        form = Form(locked, hosts.stranger(), opened)
        [location] = form.send(PASSWORD, form.hidden if opened == to else sent).all("location")
        parts = urlsplit(location)
        assert (parts.scheme, parts.netloc) == ("", "")
        assert re.match(r"/(?![/\\])", location), location


@pytest.mark.parametrize("forged", [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""}, {"origin": "http://{authority}"},
    {"origin": "https://{authority}.evil.example"}, {"origin": "https://{address}"}, {"origin": "https://{address}:1"},
    {"token": ""}, {"token": "0" * 64},
], ids=str)  # fmt: skip
def test_a_form_that_another_sites_page_sends_is_refused(
    hosts: Network, locked: Shared, forged: dict[str, str]
) -> None:
    filled = {
        name: value.replace("{authority}", locked.authority).replace("{address}", locked.authority.partition(":")[0])
        for name, value in forged.items()
    }
    form = Form(locked, hosts.stranger())

    assert form.send(PASSWORD, **filled).status == 403
    assert not [name for name in form.device.cookies if not name.endswith("-form")]


def test_a_form_of_another_browser_is_refused(hosts: Network, locked: Shared) -> None:
    mine, theirs = Form(locked, hosts.stranger()), Form(locked, hosts.stranger())

    assert mine.send(PASSWORD, token=theirs.token).status == 403
    assert mine.send(PASSWORD, "/", b"Sec-Fetch-Site: cross-site").status == 403


def test_an_answer_does_not_say_what_was_wrong(hosts: Network, locked: Shared) -> None:
    """Empty, short, nearly right, much too long: all the same page."""
    told = set()
    for wrong in ("", "x", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "x" * 2000):
        answer = Form(locked, hosts.stranger()).send(wrong)
        page = TOKEN_IN_FORM.sub("", answer.body.decode())
        told.add((answer.status, page, tuple(name for name, _ in answer.fields)))

    assert len(told) == 1
    assert next(iter(told))[0] == 401


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/.tunnel/",
        b"/.tunnel/login",
        b"/.tunnel/join?token=x",
        b"/.tunnel/wait",
        b"/.tunnel/x",
        b"/.tunnel/trust",
    ],
)
def test_each_page_guards_itself(locked: Shared, share: Shared, path: bytes) -> None:
    for each in (locked, share):
        answer = Device(each, PHONE).ask(path)
        [policy] = answer.all("content-security-policy")
        rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["frame-ancestors"] == "'none'"
        assert rules["base-uri"] == "'none'"
        assert "unsafe" not in policy
        assert "script-src" not in rules
        assert b"<script" not in answer.body.lower()
        assert answer.all("x-content-type-options") == ["nosniff"]
        assert answer.all("cache-control") == ["no-store"]
        assert answer.all("referrer-policy")[0] in ("no-referrer", "same-origin")
        assert answer.all("access-control-allow-origin") == []


@pytest.mark.parametrize("head", [
    b"POST /.tunnel/wait HTTP/1.1", b"GET /.tunnel/login HTTP/1.1", b"POST /.tunnel/login HTTP/1.1",
    b"DELETE /.tunnel/x HTTP/1.1",
    b"HEAD /.tunnel/login HTTP/1.1", b"POST /.tunnel/logout HTTP/1.1", b"GET / HTTP/1.1",
])  # fmt: skip
@pytest.mark.parametrize("framing", ["length", "chunked", "length, late", "chunked, late"])
def test_what_stands_behind_a_page_is_no_request_to_the_pages_and_no_answer_for_the_next(
    hosts: Network, locked: Shared, service: Service, head: bytes, framing: str
) -> None:
    """The pages run behind connections that visitors share, one after the other: none may leave anything in them."""
    inner = b"GET /.tunnel/smuggled HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 10.77.0.7\r\n\r\n"
    inner = at(locked.authority, inner)
    framed = (
        b"Content-Length: %d\r\n\r\n%b" % (len(inner), inner)
        if framing.startswith("length")
        else b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
    )
    request = at(locked.authority, b"%b\r\nHost: {host}\r\nAccept: text/html\r\n%b" % (head, framed))
    cut = request.index(b"\r\n\r\n") + 4 if framing.endswith("late") else len(request)
    with locked.talk(hosts.stranger()) as rude:
        rude.sock.sendall(request[:cut])
        if cut < len(request):
            rude.hear(head[:5].strip())  # it is answered by its head, or waits for its body
            rude.push(request[cut:], most=1)
        for _ in range(5):
            next_one = Device(locked, hosts.stranger()).ask(b"/.tunnel/login")
            assert next_one.status == 200
            assert b"Password" in next_one.body
    assert not [row for row in locked.log() if "smuggled" in row["target"] and row["address"] == PHONE]
    assert service.connections == 0


@pytest.mark.parametrize("path", [b"/", b"/.tunnel/root.crt", b"/.tunnel/root.mobileconfig"])
def test_plain_http_hands_out_the_root_and_nothing_else(share: Shared, service: Service, path: bytes) -> None:
    answer = share.ask(b"GET %b HTTP/1.1\r\nHost: {host}\r\n\r\n" % path, tls=False)

    assert answer.status == 200
    assert not answer.cookies()
    assert share.link.rpartition("=")[2].encode() not in answer.body
    assert b"PRIVATE KEY" not in answer.body
    assert service.connections == 0


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"])
@pytest.mark.parametrize("path", [b"/", b"/.tunnel/root.crt", b"/.tunnel/login", b"/secret"])
def test_plain_http_takes_nothing(share: Shared, service: Service, method: bytes, path: bytes) -> None:
    answer = share.ask(b"%b %b HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\na=b" % (method, path), tls=False)

    assert answer.status in (308, 405)
    assert service.connections == 0


def test_plain_http_sends_on_to_this_host_and_no_other(share: Shared) -> None:
    for target in (b"//evil.example/", b"/\\evil.example", b"/x", b"/.tunnel/login?to=//evil.example"):
        answer = share.ask(b"GET %b HTTP/1.1\r\nHost: {host}\r\n\r\n" % target, tls=False)
        assert answer.status == 308
        assert urlsplit(answer.all("location")[0]).netloc == share.authority


def test_no_secret_of_the_share_is_in_its_record_or_on_its_terminal(
    hosts: Network, service: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    with Shared(hosts, service.port, folder, *RULES["password"](folder)) as share:
        form = Form(share, PHONE)
        device = form.device
        device.follow(form.send(PASSWORD, "/by-cookie"))
        wrong = Form(share, hosts.stranger())
        wrong.send("a wrong one, perhaps that of my bank")
        cookies = set(device.cookies.values()) | set(wrong.device.cookies.values())
        share.recorded(lambda row: row["target"] == "/by-cookie")
        said = share.program.err.text + share.program.out.text
        kept = b"".join(file.read_bytes() for file in folder.glob("records.sqlite*"))

    for secret in (PASSWORD, quote(PASSWORD, safe=""), form.token, "bank", *cookies):
        assert secret not in said
        assert secret.encode() not in kept


def test_no_link_is_in_the_record_of_its_share(hosts: Network, service: Service, tmp_path: Path) -> None:
    with Shared(hosts, service.port, tmp_path) as share:
        device = Device(share, PHONE)
        token = share.link.rpartition("=")[2]
        device.knock(share.link)
        share.order("deny")
        share.recorded(lambda row: row["target"].startswith("/.tunnel/join"))
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("records.sqlite*"))

    assert token.encode() not in kept
    assert not any(value.encode() in kept for value in device.cookies.values())
