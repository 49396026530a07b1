"""The onboarding page in a real browser, as a phone shows it: in light and dark, without a scroll sideways, by axe-core."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.helpers.browsers import one_browser
from tests.helpers.origins import Heard, Says, origin
from tests.helpers.packages import installed_packages
from tests.helpers.servers import needed
from tunnel.share.onboarding import POLICY, Onboarding

pytestmark = [pytest.mark.real, pytest.mark.page]

PHONE = {"width": 360, "height": 740}
LARGE = {"width": 1280, "height": 800}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148"
PIXEL = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with one_browser(tmp_path_factory.mktemp("home")) as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[str]:
    """A server that hands out what a share does over plain HTTP, with the policy that it sends."""
    given = Onboarding(b"\x30\x03\x02\x01\x00" * 60, url="https://192.168.178.20:62893", name="martas-laptop")

    def answer(heard: Heard) -> Says:
        found = given(heard.target, next(iter(heard.all("user-agent")), ""))
        if found is None:
            return Says(404)
        kind, body = found
        return Says(body=body, fields={"Content-Type": kind, "Content-Security-Policy": POLICY})

    with origin() as server:
        server.answer = answer
        yield f"http://127.0.0.1:{server.port}/"


def _open(browser: Browser, site: str, **options: object) -> tuple[Page, list[str]]:
    page = browser.new_context(**{"viewport": PHONE, **options}).new_page()  # type: ignore[arg-type]
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: troubles.append(request.url) if request.url not in (site, "data:,") else None)
    page.goto(site)
    return page, troubles


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "agent"), [("iPhone, iPad", IPHONE), ("Android", PIXEL)])
def test_a_phone_shows_its_own_steps_and_nothing_wider_than_itself(
    browser: Browser, site: str, device: str, agent: str, scheme: str, tmp_path: Path
) -> None:
    page, troubles = _open(browser, site, user_agent=agent, color_scheme=scheme)

    assert page.locator("details[open] summary").all_inner_texts() == [device]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator(".words li").count() == 10
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert troubles == []


def test_another_devices_steps_are_a_tap_away_without_a_script(browser: Browser, site: str) -> None:
    page, troubles = _open(browser, site, user_agent=IPHONE, java_script_enabled=False)

    page.get_by_text("Android", exact=True).click()

    assert page.get_by_text("Install anyway").is_visible()
    assert troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, LARGE])
def test_axe_finds_nothing_that_keeps_people_out(browser: Browser, site: str, viewport: object, scheme: str) -> None:
    needed("node", "nodejs")
    source = (installed_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    # Its script may run only where the policy is passed by; the page itself needs none.
    page, _ = _open(browser, site, viewport=viewport, color_scheme=scheme, user_agent=PIXEL, bypass_csp=True)
    page.evaluate(source)
    found = page.evaluate(
        "axe.run().then(result => result.violations.map(each => [each.id, each.nodes.map(n => n.html)]))"
    )

    assert found == []
