"""The share's pages in a real browser: its cookies, its redirects, its Origin, its frames, and what people see there."""

import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio
from playwright.sync_api import Browser, BrowserContext, Page, expect

from certs.contexts import ServerContexts
from tests.helpers.browsers import one_browser
from tests.helpers.origins import Heard, Says, origin
from tests.helpers.packages import installed_packages
from tests.helpers.servers import needed
from tests.helpers.visitors import PHONE, Door, Reply, share
from tunnel.model.share import Access, Share

pytestmark = [pytest.mark.real, pytest.mark.page]

SMALL = {"width": 320, "height": 640}
RIGHT = "three small words"


class Site:
    """A share on 127.0.0.1 for a real browser: TLS and HTTP by Python's own server, the rest as `Visitor` has it.

    Attributes:
      door: The gate. It lives in a thread of its own, with its loop: `ask` calls something of it there.
      says: What the service adds to its answers.
    """

    def __init__(self, asked: Share, contexts: ServerContexts) -> None:
        self.says: list[tuple[bytes, bytes]] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._live, asked), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                reply = site.answer(self)
                body = b"<!doctype html><title>s</title><h1>the service</h1>" if reply.admitted else reply.body.encode()
                self.send_response(reply.status)
                fields = [(b"content-type", b"text/html"), *site.says] if reply.admitted else reply.fields
                for name, value in fields:
                    if name.lower() != b"content-length":
                        self.send_header(name.decode(), value.decode())
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request: Any, client_address: Any) -> None:
                try:
                    with contexts.base.wrap_socket(request, server_side=True) as secured:
                        super().finish_request(secured, client_address)
                except (ssl.SSLError, OSError):
                    pass  # a browser opens connections that it does not use

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    async def _live(self, asked: Share) -> None:
        self.door = Door(asked)
        self._token = trio.lowlevel.current_trio_token()
        self._end = trio.Event()
        self._ready.set()
        await self._end.wait()

    def ask(self, what: Callable[[], Any]) -> Any:
        return trio.from_thread.run_sync(what, trio_token=self._token)

    def answer(self, handler: BaseHTTPRequestHandler) -> Reply:
        head = f"{handler.command} {handler.path} HTTP/1.1\r\n".encode()
        head += b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in handler.headers.items()) + b"\r\n"
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        visitor = self.door.visitor("192.0.2.7")
        return trio.from_thread.run(visitor.raw, head, body, trio_token=self._token)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.ask(self._end.set)
        self._thread.join(10)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with one_browser(tmp_path_factory.mktemp("home")) as browser:
        yield browser


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> ServerContexts:
    return ServerContexts(tmp_path_factory.mktemp("authority") / "authority", serves=lambda name: True)


@pytest.fixture
def opened(contexts: ServerContexts) -> Iterator[Callable[[Share], Site]]:
    sites: list[Site] = []

    def open_(asked: Share) -> Site:
        sites.append(Site(asked, contexts))
        return sites[-1]

    yield open_
    for site in sites:
        site.close()


@pytest.fixture(scope="module")
def kept() -> str:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(RIGHT)


def phone(browser: Browser, **options: Any) -> tuple[BrowserContext, Page, list[str]]:
    """Return a browser like a phone's, a page of it, and what its console complains of."""
    known = {"viewport": SMALL, "user_agent": PHONE, "ignore_https_errors": True, **options}
    context = browser.new_context(**known)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if "Content Security" in message.text else None)
    return context, page, troubles


def test_a_phone_waits_without_a_script_and_is_in_after_a_yes(
    browser: Browser, opened: Callable[[Share], Site]
) -> None:
    site = opened(share())
    context, page, troubles = phone(browser, java_script_enabled=False)

    page.goto(f"{site.url}/.tunnel/join?token={site.ask(lambda: site.door.token)}")
    assert page.url == f"{site.url}/.tunnel/wait"  # the token stands in no history
    (question,) = site.ask(site.door.gate.questions)
    expect(page.locator(".code")).to_have_text(question.code)
    with page.expect_request(lambda request: request.url.endswith("?held")):
        pass  # it looks by itself
    site.ask(lambda: site.door.gate.answer(question.number, True))
    expect(page.get_by_role("heading", name="the service")).to_be_visible()

    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/")
    assert troubles == []


REDUCED = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)


def pixel(browser: Browser) -> Page:
    """Return a page of a browser that is like Chrome on a Pixel 9: no word of that in its User-Agent."""
    context, page, _ = phone(browser, user_agent=REDUCED)
    brands = [{"brand": "Chromium", "version": "142"}, {"brand": "Google Chrome", "version": "142"}]
    known = {"brands": brands, "platform": "Android", "platformVersion": "16", "architecture": ""}
    metadata = {**known, "model": "Pixel 9", "mobile": True}
    context.new_cdp_session(page).send(
        "Emulation.setUserAgentOverride", {"userAgent": REDUCED, "userAgentMetadata": metadata}
    )
    return page


def models_told(site: Site) -> list[bytes | None]:
    """Return what of a model each request held that went on to the service."""
    return [each.request.headers.get(b"sec-ch-ua-model") for each in site.ask(lambda: list(site.door.passed))]


@pytest.mark.parametrize("yes", [False, True])
def test_chrome_is_asked_for_its_model_before_it_asks_and_the_service_is_not_told(
    browser: Browser, opened: Callable[[Share], Site], yes: bool
) -> None:
    site = opened(share(yes=yes))
    page = pixel(browser)
    page.goto(f"{site.url}/.tunnel/join?token={site.ask(lambda: site.door.token)}")
    if not yes:
        (question,) = site.ask(site.door.gate.questions)
        assert question.who == "Pixel 9, Chrome"
        site.ask(lambda: site.door.gate.answer(question.number, True))
    expect(page.get_by_role("heading", name="the service")).to_be_visible()
    page.goto(f"{site.url}/next")

    assert [device.who for device in site.ask(site.door.gate.devices)] == ["Pixel 9, Chrome"]
    assert [happening.what for happening in site.door.told] == (["admitted"] if yes else ["asked", "admitted"])
    assert set(models_told(site)) == {None}


def test_a_form_is_sent_with_the_model_and_a_service_that_asks_for_it_is_told_as_ever(
    browser: Browser, opened: Callable[[Share], Site], kept: str
) -> None:
    site = opened(share(Access.PASSWORD, password=kept))
    site.says = [(b"accept-ch", b"Sec-CH-UA-Model")]
    page = pixel(browser)
    page.goto(site.url)
    page.get_by_label("Password").fill(RIGHT)
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("heading", name="the service")).to_be_visible()
    assert [device.who for device in site.ask(site.door.gate.devices)] == ["Pixel 9, Chrome"]
    assert models_told(site)[0] is None
    site.door.time += 901
    for path in ("/cookie-is-exchanged", "/next"):
        page.goto(f"{site.url}{path}")

    assert set(models_told(site)[-2:]) == {b'"Pixel 9"'}


def test_a_wrong_and_then_the_right_password_and_out_again(
    browser: Browser, opened: Callable[[Share], Site], kept: str
) -> None:
    site = opened(share(Access.PASSWORD, password=kept))
    context, page, troubles = phone(browser)
    page.goto(f"{site.url}/reports?year=1")
    for password in ("wrong wrong", RIGHT):
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Come in").click()
        if password != RIGHT:
            expect(page.get_by_role("alert")).to_contain_text("did not let you in")

    expect(page.get_by_role("heading", name="the service")).to_be_visible()
    assert page.url == f"{site.url}/reports?year=1"
    page.goto(f"{site.url}/.tunnel/")
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="has left")).to_be_visible()
    assert not any(cookie["name"] == site.door.gate.cookie for cookie in context.cookies())
    page.goto(site.url)
    expect(page.get_by_label("Password")).to_be_visible()
    assert troubles == []


def test_a_cookie_is_exchanged_while_somebody_goes_from_page_to_page(
    browser: Browser, opened: Callable[[Share], Site]
) -> None:
    site = opened(share(yes=True))
    context, page, _ = phone(browser)
    page.goto(f"{site.url}/.tunnel/join?token={site.ask(lambda: site.door.token)}")
    before = context.cookies()[0]["value"]
    site.door.time += 901

    page.goto(f"{site.url}/next?x=1")

    expect(page.get_by_role("heading", name="the service")).to_be_visible()
    assert page.url == f"{site.url}/next?x=1"
    assert context.cookies()[0]["value"] != before
    assert len(site.ask(site.door.gate.devices)) == 1


def test_another_sites_page_can_neither_frame_nor_send_the_form(
    browser: Browser, opened: Callable[[Share], Site], kept: str
) -> None:
    site = opened(share(Access.PASSWORD, password=kept))

    def evil(heard: Heard) -> Says:
        page = f"""<!doctype html><iframe src="{site.url}/.tunnel/login"></iframe>
        <form method="post" action="{site.url}/.tunnel/login"><input name="password" value="{RIGHT}">
        <input name="to" value="/"><input name="token" value="x"><button>win</button></form>"""
        return Says(body=page.encode(), fields={"Content-Type": "text/html"})

    with origin() as server:
        server.answer = evil
        context, page, _ = phone(browser)
        page.goto(f"{site.url}/.tunnel/login")
        page.goto(f"http://127.0.0.1:{server.port}/")
        assert page.frames[1].locator("input").count() == 0
        with page.expect_navigation():
            page.get_by_role("button", name="win").click()

    expect(page.get_by_role("alert")).to_contain_text("not sent from here")
    assert site.ask(site.door.gate.devices) == ()
    assert not any(cookie["name"] == site.door.gate.cookie for cookie in context.cookies())


PAGES = ("scan", "used", "wait", "login", "wrong", "in", "left", "token", "nothing")


def shown(view: str, browser: Browser, opened: Callable[[Share], Site], kept: str, **options: Any) -> Page:
    """Return a browser's page that shows one of ours."""
    rules = {"login": Access.PASSWORD, "wrong": Access.PASSWORD, "token": Access.TOKEN}
    asked = share(
        rules.get(view, Access.PAIRING), yes=view in ("in", "left"), password=kept, token="a-token-of-some-length"
    )
    site = opened(asked)
    _, page, _ = phone(browser, **options)
    token = site.ask(lambda: site.door.token)
    match view:
        case "used":
            page.goto(f"{site.url}/.tunnel/join?token=wrong")
        case "wait" | "in" | "left":
            page.goto(f"{site.url}/.tunnel/join?token={token}")
            if view != "wait":
                page.goto(f"{site.url}/.tunnel/")
            if view == "left":
                page.get_by_role("button", name="Leave").click()
        case "nothing":
            page.goto(f"{site.url}/.tunnel/nothing")
        case _:
            page.goto(site.url)
    if view == "wrong":
        page.get_by_label("Password").fill("wrong wrong")
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("h1")).to_be_visible()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", PAGES)
def test_no_page_keeps_anybody_out_or_is_wider_than_a_phone(
    browser: Browser, opened: Callable[[Share], Site], kept: str, view: str, scheme: str, tmp_path: Path
) -> None:
    needed("node", "nodejs")
    axe = (installed_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    # Its script may run only where the policy is passed by; the page itself needs none.
    page = shown(view, browser, opened, kept, color_scheme=scheme, bypass_csp=True)

    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    page.evaluate(axe)
    # Its own page that goes on by itself is what a waiting device is for, and there is a link beside it.
    found = page.evaluate(
        "axe.run({ rules: { 'meta-refresh': { enabled: false } } })"
        ".then(result => result.violations.map(each => [each.id, each.nodes.map(n => n.html)]))"
    )
    assert found == []
