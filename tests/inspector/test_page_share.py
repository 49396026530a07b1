"""The share on the page: who wants in is asked on every view, devices are seen and revoked, the end is seen and moved."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.inspector import made_share
from tests.inspector.conftest import NARROW, Opened, picture, ready, row
from tests.inspector.fake_api import FakeApi
from tests.inspector.made_exchanges import HOSTILE

pytestmark = [pytest.mark.real, pytest.mark.page]


def shared(opened: Opened, api: FakeApi, hash: str = "view=share", **options: object) -> Page:
    """Open the page of a front that shares."""
    api.share = api.share or made_share.share()
    return opened(hash, **options)


def asked(page: Page) -> Locator:
    return page.locator("#asking .question")


def press_when_read(page: Page, words: str) -> None:
    """Press a button of the strip, once it takes what is pressed."""
    expect(page.locator("#asking.moving")).to_have_count(0)
    page.get_by_role("button", name=re.compile(f"^{words}")).click()


def test_a_front_that_shares_nothing_says_nothing_of_shares_and_asks_once(api: FakeApi, page: Page) -> None:
    ready(page)

    expect(page.locator("#go-share")).to_be_hidden()
    expect(page.locator("#asking")).to_be_hidden()
    assert api.asked.count("/api/share") == 1


def test_who_wants_in_is_asked_above_every_view_with_the_code_of_the_device(api: FakeApi, opened: Opened) -> None:
    page = shared(opened, api, "")
    ready(page)
    expect(asked(page)).to_have_count(2)
    expect(asked(page).first).to_contain_text("Galaxy S25, Firefox at 192.0.2.44 wants in. It shows 42.")
    expect(page).to_have_title("(2) tunnel")
    page.locator("#go-overview").click()
    expect(asked(page)).to_have_count(2)
    expect(page).to_have_title("(2) Overview · tunnel")
    press_when_read(page, "Let in: Galaxy S25")
    expect(asked(page)).to_have_count(1)

    assert api.orders == [("questions/3", {"allow": True})]
    expect(page).to_have_title("(1) Overview · tunnel")


def test_what_moved_under_the_pointer_a_moment_ago_is_not_taken_for_meant(api: FakeApi, opened: Opened) -> None:
    page = shared(opened, api)
    expect(asked(page)).to_have_count(2)
    press_when_read(page, "Do not let in: Galaxy S25")
    expect(asked(page)).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Let in: <img")).evaluate("one => one.click()")

    expect(page.locator("#said")).to_have_text("The questions have just moved. Read them again.")
    assert api.orders == [("questions/3", {"allow": False})]


def test_a_device_that_names_itself_in_markup_stays_text(api: FakeApi, opened: Opened) -> None:
    api.share = made_share.share(devices=[made_share.device(1, HOSTILE, "192.0.2.7")])
    page = shared(opened, api)
    expect(asked(page).last).to_contain_text(HOSTILE)

    expect(page.locator(".device-name")).to_contain_text(HOSTILE)
    assert page.evaluate("window.broken") is None
    assert page.locator("#asking img, .share img").count() == 0


def test_the_view_says_what_is_shared_with_whom_and_how_long(api: FakeApi, opened: Opened, tmp_path: Path) -> None:
    page = shared(opened, api)
    sheet = page.locator(".share-sheet")
    expect(sheet).to_contain_text("https://192.0.2.10:62893 → http://localhost:3000")
    expect(page.locator(".share-rules li")).to_have_text(
        ["by pairing: each device is asked about", "read-only", "only /app", "only from 192.0.2.0/24"]
    )
    expect(page.locator(".share-left")).to_contain_text("42 min left")
    expect(page.locator(".device-name").first).to_have_text("1 Pixel 9")
    expect(page.locator(".device").first).to_contain_text("Chrome · 192.0.2.7 · let in")
    expect(page.locator(".device").first).to_contain_text("last seen just now · 212 requests")
    expect(page.locator(".heard li").first).to_contain_text("192.0.2.99 has no way in: GET /admin.")
    expect(page.get_by_label("One more device may ask")).to_have_value(api.share["link"] if api.share else "")
    picture(page, tmp_path, "share")


def test_a_name_that_begins_with_a_small_letter_is_not_written_otherwise(api: FakeApi, opened: Opened) -> None:
    api.share = made_share.share(heard=[made_share.heard("admitted", "iPhone, Safari, 192.0.2.7 is in", 0)])

    expect(shared(opened, api).locator(".heard li").first).to_contain_text("iPhone, Safari, 192.0.2.7 is in.")


def test_the_end_is_moved(api: FakeApi, opened: Opened) -> None:
    page = shared(opened, api)
    page.get_by_role("button", name="Go on for 1 hour longer").click()

    expect(page.locator(".share-left")).to_contain_text("1 h 42 min left")
    assert api.orders == [("extend", {"seconds": 3600})]


def test_a_device_is_revoked_and_a_share_ended_only_when_pressed_twice(api: FakeApi, opened: Opened) -> None:
    page = shared(opened, api)
    page.get_by_role("button", name="Revoke iPad").click()
    expect(page.locator(".twice.sure")).to_have_text("Really revoke?")
    assert api.orders == []
    page.locator(".twice.sure").click()
    expect(page.locator(".device")).to_have_count(1)
    page.get_by_role("button", name="Stop sharing").click()
    page.get_by_role("button", name="Really stop?").click()
    expect(page.locator("#said")).to_have_text("The share is ending, and this page with it.")

    assert api.orders == [("devices/2/revoke", {}), ("stop", {})]


def test_what_is_focused_stays_while_numbers_change(api: FakeApi, opened: Opened) -> None:
    page = shared(opened, api)
    button = page.get_by_role("button", name="Revoke Pixel 9")
    button.focus()
    assert api.share is not None
    api.share["devices"][0]["requests"] = 213
    expect(page.locator(".device").first).to_contain_text("213 requests")

    expect(button).to_be_focused()


def test_the_exchanges_of_a_device_are_one_click_away(api: FakeApi, opened: Opened, troubles: list[str]) -> None:
    page = shared(opened, api)
    page.get_by_role("link", name="Exchanges of Pixel 9").click()

    expect(page.get_by_role("combobox", name="Filter")).to_have_value('device = "Pixel 9"')


def test_the_list_and_an_exchange_name_the_device_they_came_from(api: FakeApi, opened: Opened) -> None:
    page = shared(opened, api, "")
    ready(page)
    api.viewers()
    line = api.tell(device="Pixel 9", rule="pairing", caller="", caller_pid=0)
    expect(row(page, line["id"]).locator(".cell.client")).to_have_text("Pixel 9")
    expect(row(page, line["id"]).locator(".cell.client")).to_have_attribute("title", "Pixel 9, let in by pairing")
    row(page, line["id"]).click()

    expect(page.locator(".facts")).to_contain_text("Pixel 9 · pairing")


def test_what_was_shared_when_tunnel_ended_is_not_taken_for_shared(
    api: FakeApi, opened: Opened, troubles: list[str]
) -> None:
    page = shared(opened, api)
    expect(page.locator(".device")).to_have_count(2)
    expect(asked(page)).to_have_count(2)
    page.context.set_offline(True)

    expect(page.locator(".share-left")).to_have_text("Not shared any more · this is how it stood last")
    expect(page.get_by_role("button", name="Stop sharing")).to_be_disabled()
    expect(asked(page)).to_have_count(0)
    page.context.set_offline(False)
    expect(page.locator(".share-left")).to_contain_text("42 min left")
    expect(page.get_by_role("button", name="Stop sharing")).to_be_enabled()
    expect(asked(page)).to_have_count(2)
    troubles[:] = [text for text in troubles if "ERR_INTERNET_DISCONNECTED" not in text]


def test_a_share_that_ends_takes_its_questions_along(api: FakeApi, opened: Opened) -> None:
    page = shared(opened, api, "", viewport=NARROW)
    ready(page)
    expect(asked(page)).to_have_count(2)
    api.share = None

    expect(page.locator("#asking")).to_be_hidden()
    expect(page.locator("#go-share")).to_be_hidden()
