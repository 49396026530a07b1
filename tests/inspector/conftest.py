"""What the tests of the page share: the fake API, a browser, and a page that must have no trouble of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.helpers.browsers import one_browser
from tests.helpers.packages import installed_packages
from tests.helpers.servers import needed
from tests.inspector.fake_api import FakeApi

PATIENCE = 20_000  # ms for whatever a page is waited for
WIDE = {"width": 1400, "height": 860}
NARROW = {"width": 360, "height": 740}
expect.set_options(timeout=PATIENCE)

Opened = Callable[..., Page]

# What the browser refused for the policy is told on the console, where the fixture finds it.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@pytest.fixture(scope="session")
def node() -> str:
    return needed("node", "nodejs")


@pytest.fixture(scope="session")
def axe(node: str) -> str:
    """Return the source of axe-core."""
    return (installed_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with one_browser(tmp_path_factory.mktemp("home")) as browser:
        yield browser


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as api:
        yield api


@pytest.fixture
def troubles(api: FakeApi) -> Iterator[list[str]]:
    """Collect the errors a page tells the console, and its requests to other hosts; there must be none in the end."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def opened(api: FakeApi, browser: Browser, troubles: list[str]) -> Iterator[Opened]:
    """Open the page: `opened("id=7", viewport=NARROW, color_scheme="dark")`. Its contexts are closed behind the test."""
    contexts = []

    def open(hash: str = "", **options: object) -> Page:
        context = browser.new_context(**{"viewport": WIDE, **options})  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(_TELL_VIOLATIONS)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: troubles.append(request.url) if not _ours(request.url, api.url) else None)
        page.goto(f"{api.url}/#{hash}")
        return page

    yield open
    for context in contexts:
        context.close()


def _ours(url: str, ours: str) -> bool:
    return url.startswith((f"{ours}/", f"blob:{ours}/", "about:"))


@pytest.fixture
def page(opened: Opened) -> Page:
    """The page with its list, read and followed."""
    page = opened()
    ready(page)
    return page


def ready(page: Page) -> None:
    """Wait until the list is read and the feed is followed."""
    expect(page.locator("#feed-words")).to_have_text("live")
    expect(page.locator("#list .row:not(.headings):not(.waiting):visible").first).to_be_visible()


def row(page: Page, id: int) -> Locator:
    """Return the row of an exchange, which is in sight."""
    return page.locator("#list .rows .row:visible").filter(has=page.locator(".number", has_text=str(id)))


def picture(page: Page, folder: Path, name: str) -> None:
    """Keep a screenshot in the folder of the test run."""
    assert len(page.screenshot(path=folder / f"{name}.png")) > 5000
