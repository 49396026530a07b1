"""`tunnel example` in headless Chromium: the first thing a newcomer sees, with every button of it pressed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.browsers import Browsers, home_that_trusts
from tests.helpers.fronts import Front

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with Front(None, tmp_path_factory.mktemp("front") / "folder") as front:
        yield front


@pytest.fixture(scope="module")
def page(front: Front, certutil: str, browsers: Browsers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    context = browsers.start(home_that_trusts(front.root, tmp_path_factory.mktemp("home")))
    page = context.new_page()
    page.goto(front.url)
    yield page
    context.close()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_the_page_opens_over_https_without_a_certificate_error(front: Front, page: Page) -> None:
    expect(page.locator("h1")).to_have_text("It works. This is the example service.")
    expect(page.locator("#scheme")).to_have_text("HTTPS")
    assert page.evaluate("isSecureContext")


@pytest.mark.parametrize(
    ("button", "status", "told"),
    [
        ("GET /headers", "200 OK", '"x-forwarded-proto": "https"'),
        ("POST /api/items", "201 Created", '"name": "lamp"'),
        ("GET /api/items", "200 OK", '"id": 1'),
        ("PUT /api/items/1", "200 OK", '"name": "moon"'),
        ("DELETE /api/items/1", "204 No Content", ""),
        ("GET /cookies", "200 OK", "__Host-locked"),
        ("GET /gzip", "200 OK", "the same words again and again"),
        ("GET /large?mb=10", "10485760 characters", "large"),
        ("GET /fail/500", "500 Internal Server Error", "always fails"),
        ("GET /fail/cut", "then the answer broke off", "TypeError"),
    ],
)
def test_a_button_shows_what_came_back(page: Page, button: str, status: str, told: str) -> None:
    press(page, button)

    expect(page.locator("#status")).to_contain_text(status)
    expect(page.locator("#answer")).to_contain_text(told)


def test_the_clock_ticks_by_the_event_stream_and_can_be_paused(page: Page) -> None:
    expect(page.locator("#tick")).to_have_text("event 2")
    press(page, "Pause")
    expect(page.locator("#tick")).to_have_text("paused")
    press(page, "Go on")

    expect(page.locator("#tick")).to_have_text("event 1")


def test_the_socket_says_back_what_it_hears(page: Page) -> None:
    page.get_by_label("Message", exact=True).fill("hello through tunnel")
    press(page, "Send")

    expect(page.locator("#socket")).to_have_text("Connected.")
    expect(page.locator("#talk li")).to_have_text(["hello through tunnel", "hello through tunnel"])


def test_an_upload_is_measured(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(range(256)) * 8000)
    page.get_by_label("File", exact=True).set_input_files(file)
    press(page, "Upload")

    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    expect(page.locator("#measured")).to_have_text(f"2048000 bytes arrived, SHA-256 {digest}")


def test_a_redirect_to_the_services_own_address_is_led_back(front: Front, page: Page) -> None:
    with page.context.new_page() as beside:
        beside.goto(f"{front.url}/redirect")

        assert beside.url == f"{front.url}/headers"


def test_the_page_fits_its_window_wide_and_narrow(page: Page, tmp_path: Path) -> None:
    press(page, "GET /headers")
    for name, width, height in (("wide", 1200, 900), ("narrow", 390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        picture = page.screenshot(path=tmp_path / f"{name}.png", full_page=True)

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert len(picture) > 10_000


def test_what_happened_can_be_read_afterwards(front: Front, page: Page) -> None:
    cut = front.exchange("/fail/cut")
    log = front.run("log")
    shown = front.run("show", str(front.exchange("/gzip")["id"]))

    assert (cut["status"], cut["fault"]) == (200, "upstream")
    for words in ("/api/items/1", "/fail/cut", "/large?mb=10", "chrom"):
        assert words in log, words
    assert "the same words again and again" in shown  # unpacked
    assert "Content-Encoding: gzip" in shown or "content-encoding: gzip" in shown
    assert "+ X-Forwarded-Proto: https" in shown
