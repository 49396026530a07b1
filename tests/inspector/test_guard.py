"""The guard: on every path, nobody gets anything without the listener's own Host, Origin and token; nothing is read yet."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.inspector.asking import HOST, TOKEN, Answer, ask, parts, window
from tunnel.errors import TunnelError
from tunnel.inspector.guard import Asked, Enter, GoTo, Pass, Refuse, cookie_name, cookie_value, judge
from tunnel.inspector.readers import Readers

pytestmark = pytest.mark.anyio

PARTS = parts(Path("/nowhere"))
COOKIE = f"{cookie_name(PARTS)}={cookie_value(PARTS)}"
ORIGIN = f"https://{HOST}"
ODD = [
    "/nothing", "/api", "/api/", "/api/exchanges/", "/api/exchanges/x", "/api/exchanges/1/body/other", "/static/", "//",
    "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd", "/static/%00",
    "/%2e%2e/%2e%2e/etc/passwd", "/api/exchanges?filter=%", "/api/filters/%ff", "/favicon.ico", "/robots.txt", "/index.html",
    "/API/STATUS", "*", f"/api/status?token={TOKEN}", f"//?token={TOKEN}", f"/index.html?token={TOKEN}", "/?token=wrong",
    "/?token=", "/?" + "a=1&" * 50,
]  # fmt: skip
LED = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
NUMBERS = {
    "{id:int}": "1",
    "{number:int}": "1",
    "{side}": "request",
    "{kind}": "curl",
    "{name}": "x",
    "{name:path}": "index.html",
}


def targets(app: Any) -> list[tuple[str, str]]:
    """Every route with every one of its methods, and paths that nobody has, with all methods."""
    found = []
    for route in app.routes:
        path = route.path
        for pattern, value in NUMBERS.items():
            path = path.replace(pattern, value)
        assert "{" not in path, path
        found += [(method, path) for method in sorted(route.methods)]
    return found + [
        (method, path) for path in ODD for method in ("GET", "POST", "DELETE", "PUT", "OPTIONS", "TRACE", "X")
    ]


async def nobody_reads() -> Any:
    raise AssertionError("the body was read")


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked of the store fails the test."""

    async def ask(self: Readers, question: object, *, feed: bool = False) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(Readers, "ask", ask)


STRANGERS: dict[str, dict[str, Any]] = {
    "no token": {"token": None},
    "a wrong token": {"token": "wrong"},
    "a token with more behind it": {"token": TOKEN + "x"},
    "an empty token": {"token": ""},
    "no host": {"host": None},
    "another host": {"host": "evil.test:62894"},
    "a rebound host without a port": {"host": "127.0.0.1"},
    "the host of the front": {"host": "127.0.0.1:62893"},
    "a host that begins as ours": {"host": HOST + ".evil.test"},
    "a foreign origin": {"fields": {"origin": "https://evil.test"}},
    "the front's origin": {"fields": {"origin": "https://127.0.0.1:62893"}},
    "our origin without TLS": {"fields": {"origin": f"http://{HOST}"}},
    "no origin's origin": {"fields": {"origin": "null"}},
    "the token as a cookie": {"token": None, "fields": {"cookie": f"{cookie_name(PARTS)}={TOKEN}"}},
    "another window's cookie": {
        "token": None,
        "fields": {"cookie": f"tunnel-inspector-62895={cookie_value(PARTS)}"},
    },
    "a cookie with our name and another window's value": {
        "token": None,
        "fields": {"cookie": f"{cookie_name(PARTS)}={cookie_value(parts(Path('/x'), token='another'))}"},
    },
    "another port's page that asks without an origin": {
        "token": None,
        "fields": {"cookie": COOKIE, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    },
    "a cookie with a foreign origin": {"token": None, "fields": {"cookie": COOKIE, "origin": "https://evil.test"}},
    "two origins": {"fields": {"origin": f"{ORIGIN}, https://evil.test"}},
}


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_every_path_refuses_a_stranger_before_anything_is_read(
    stranger: str, tmp_path: Path, no_reading: None
) -> None:
    async with window(parts(tmp_path)) as app:
        for method, target in targets(app):
            answer = await ask(app, target, method=method, receive=nobody_reads, **STRANGERS[stranger])

            assert answer.status in (403, 405, 421), (method, target, answer)
            assert set(answer.json) == {"error", "hint", "column"}
            assert "set-cookie" not in answer.headers
            assert answer.guarded, (method, target)
            assert TOKEN not in answer.body.decode()
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_what_is_let_in_carries_the_headers_on_every_path_and_error(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        for method, target in targets(app):
            if target != "/api/feed":
                answer = await ask(app, target, method=method)
                assert answer.guarded, (method, target, answer)
                assert answer.status != 403
                assert b"Traceback" not in answer.body


async def test_a_stranger_in_a_browser_gets_a_page_that_says_what_to_do(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        answer = await ask(app, "/", token=None, fields={"accept": "text/html,*/*"})

        assert answer.status == 403
        assert answer.headers["content-type"].startswith("text/html")
        assert b"open the link" in answer.body.lower()


async def test_plain_http_on_a_tls_listener_is_led_to_tls_without_its_token(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        led = await ask(app, f"/?token={TOKEN}", scheme="http")
        posted = await ask(app, "/api/filters", method="POST", scheme="http", body={})

        assert (led.status, led.headers["location"]) == (308, f"https://{HOST}/")
        assert posted.status == 403


async def test_the_link_gives_a_cookie_that_opens_all_and_no_other_window(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        entered = await ask(app, f"/?token={TOKEN}", token=None)
        name, *attributes = entered.headers["set-cookie"].split("; ")

        assert (entered.status, entered.headers["location"]) == (303, "/")
        assert {each.lower() for each in attributes} == {"httponly", "path=/", "samesite=strict", "secure"}
        assert TOKEN not in name
        assert (await ask(app, "/", token=None, fields={"cookie": f"other=1; {name}"})).status == 200
        assert (await ask(app, "/api/status", token=None, fields={"cookie": name})).status == 200


async def test_the_link_followed_from_another_site_leads_on_by_a_page_of_ours(tmp_path: Path) -> None:
    """With a redirect the browser would still be on the stranger's errand, and would not send the strict cookie."""
    async with window(parts(tmp_path)) as app:
        answer = await ask(app, f"/?token={TOKEN}", token=None, fields=LED)

        assert answer.status == 200
        assert "set-cookie" in answer.headers
        assert b"url=/" in answer.body


@pytest.mark.parametrize(
    ("method", "fields", "status"),
    [
        ("POST", {}, 403),
        ("POST", {"origin": ORIGIN}, 200),
        ("DELETE", {}, 403),
        ("DELETE", {"origin": ORIGIN}, 404),
    ],
)
async def test_what_changes_something_needs_an_origin_with_the_cookie(
    tmp_path: Path, method: str, fields: dict[str, str], status: int
) -> None:
    target = "/api/filters" if method == "POST" else "/api/filters/x"
    async with window(parts(tmp_path)) as app:
        body = {"name": "errors", "filter": "status >= 500"} if method == "POST" else None
        answer = await ask(app, target, method=method, token=None, body=body, fields={"cookie": COOKIE, **fields})

        assert answer.status == status, answer


async def test_a_form_of_a_strangers_page_has_not_the_type_that_is_wanted(tmp_path: Path) -> None:
    async with window(parts(tmp_path)) as app:
        answer = await ask(app, "/api/filters", method="POST", fields={"content-type": "text/plain"})

        assert answer.status == 415


def asked(method: str = "GET", path: str = "/", query: bytes = b"", **fields: str) -> Asked:
    told = [(name.encode().replace(b"_", b"-"), value.encode("latin-1")) for name, value in fields.items()]
    return Asked(method, "https", path, query, told)


def test_names_of_loopback_are_ours_with_our_port_in_any_case() -> None:
    for host in ("127.0.0.1:62894", "localhost:62894", "LOCALHOST:62894", "[::1]:62894"):
        assert judge(asked(host=host, authorization=f"Bearer {TOKEN}"), PARTS) == Pass()
    for host in ("127.0.0.2:62894", "app.localhost:62894", "localhost.:62894", "0.0.0.0:62894", " localhost:62894", ""):
        assert isinstance(judge(asked(host=host, authorization=f"Bearer {TOKEN}"), PARTS), Refuse)


def test_two_hosts_are_nobodys() -> None:
    both = Asked("GET", "https", "/", b"", [(b"host", HOST.encode()), (b"host", HOST.encode())])
    assert isinstance(judge(both, PARTS), Refuse)


def test_the_links_token_counts_on_the_one_path_and_for_get_alone() -> None:
    right = f"token={TOKEN}".encode()
    assert judge(asked(host=HOST, query=right), PARTS) == Enter(stranger=False)
    assert isinstance(judge(asked("HEAD", host=HOST, query=right), PARTS), Refuse)
    assert isinstance(judge(asked("POST", host=HOST, query=right), PARTS), Refuse)
    assert isinstance(judge(asked(path="/api/status", host=HOST, query=right), PARTS), Refuse)
    assert isinstance(judge(asked(host=HOST, query=b"token=a&" + right), PARTS), Refuse)


def test_a_token_in_other_letters_is_wrong_and_no_error() -> None:
    assert isinstance(judge(asked(host=HOST, authorization="Bearer ü\x80"), PARTS), Refuse)
    assert isinstance(judge(asked(host=HOST, query=b"token=%ff%80"), PARTS), Refuse)


def test_a_plain_listener_sets_a_cookie_for_plain_http() -> None:
    plain = parts(Path("/x"), scheme="http")
    told = Asked("GET", "http", "/", f"token={TOKEN}".encode(), [(b"host", HOST.encode())])
    assert judge(told, plain) == Enter(stranger=False)
    assert isinstance(judge(told, PARTS), GoTo)


async def test_a_bug_is_told_to_the_terminal_and_shows_the_visitor_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Readers, question: object, *, feed: bool = False) -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(Readers, "ask", broken)
    told: list[TunnelError] = []
    async with window(parts(tmp_path, notice=told.append)) as app:
        answer: Answer = await ask(app, "/api/status")

        assert answer.status == 500
        assert answer.guarded
        assert "secret" not in answer.body.decode()
        assert "a bug in the inspector: ZeroDivisionError" in told[0].what
