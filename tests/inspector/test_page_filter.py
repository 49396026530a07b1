"""The page's filter box: completion by keyboard, errors under the word they mean, saved filters, the address."""

import pytest
from playwright.sync_api import Page, expect

from tests.inspector.conftest import Opened, ready
from tests.inspector.fake_api import FakeApi

pytestmark = [pytest.mark.real, pytest.mark.page]


def choices(page: Page) -> list[str]:
    return page.locator("#choices .choice-word").all_text_contents()


def test_fields_operators_values_and_joiners_are_completed_by_keyboard(page: Page) -> None:
    box = page.get_by_role("combobox", name="Filter")
    box.press_sequentially("me")
    assert choices(page) == ["method"]
    box.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "choice-0")
    box.press("Enter")
    expect(box).to_have_value("method ")
    assert choices(page) == ["=", "!=", "contains", "~", "!~", "in"]
    box.press("ArrowDown")
    box.press("Tab")
    assert choices(page) == ["GET", "POST", "PUT"]
    box.press_sequentially("po")
    assert choices(page) == ["POST"]
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("method = POST ")
    box.press("ArrowDown")
    assert choices(page) == ["and", "or"]
    box.press("Escape")
    expect(page.locator("#choices")).to_be_hidden()
    box.press("Enter")

    expect(page.locator("#list .rows .row:visible .method").first).to_have_text("POST")
    assert page.url.endswith("#filter=method%20%3D%20POST")


def test_a_number_is_compared_and_a_flag_has_two_values(page: Page) -> None:
    complete = """async ([text, caret]) => (await import('/static/complete.js')).complete(text, caret ?? text.length,
      await (await fetch('/api/fields')).json()).choices.map(({ text }) => text)"""

    assert page.evaluate(complete, ["status ", None])[:3] == [">", ">=", "<"]
    assert page.evaluate(complete, ["duration > ", None]) == ["200ms"]
    assert page.evaluate(complete, ["tls ", None]) == ["=", "!="]
    assert page.evaluate(complete, ["hea", None]) == ["header."]
    assert page.evaluate(complete, ["header.accept ", None])[:2] == ["=", "!="]
    assert page.evaluate(complete, ["alias = x ", None]) == ["and", "or"]
    assert page.evaluate(complete, ["tls = ", None]) == ["yes", "no"]
    assert page.evaluate(complete, ["(status = 200 or m", None]) == ["method"]
    assert page.evaluate(complete, ["st and method = GET", 2]) == ["status"]
    assert page.evaluate(complete, ['path ~ "^/a"', None]) == ["and", "or"]


def test_an_error_is_marked_under_its_word_and_the_proposed_field_is_a_button(page: Page) -> None:
    box = page.get_by_role("combobox", name="Filter")
    box.fill("method = GET and statsu >= 500")
    box.press("Enter")

    expect(page.locator("#filter-error")).to_contain_text("There is no field statsu. Did you mean status?")
    expect(box).to_have_attribute("aria-invalid", "true")
    mark = page.locator("#filter-mark")
    place = mark.bounding_box()
    assert place
    measured = page.evaluate(
        """() => {
          const box = document.getElementById('filter'), style = getComputedStyle(box);
          const pen = document.createElement('canvas').getContext('2d');
          pen.font = style.font;
          const left = box.getBoundingClientRect().left + parseFloat(style.borderLeftWidth) + parseFloat(style.paddingLeft);
          return [left + pen.measureText('method = GET and ').width, pen.measureText('statsu').width];
        }"""
    )
    assert abs(place["x"] - measured[0]) < 2
    assert abs(place["width"] - measured[1]) < 2
    page.get_by_role("button", name="Use status").click()
    expect(box).to_have_value("method = GET and status >= 500")
    expect(page.locator("#filter-error")).to_be_hidden()
    box.press("Enter")
    expect(page.locator("#list .rows .row:visible .code").first).to_have_text("500")


def test_what_is_still_being_typed_is_not_called_wrong(page: Page) -> None:
    box = page.get_by_role("combobox", name="Filter")
    box.press_sequentially("foo >")
    with page.expect_response(lambda response: "/api/check" in response.url):
        box.press_sequentially("=")

    expect(page.locator("#filter-error")).to_be_visible()  # foo is wrong whatever follows
    expect(page.locator("#list .rows .row:visible").first).to_be_visible()


def test_escape_clears_the_filter_and_the_address(opened: Opened) -> None:
    page = opened("filter=status%20%3D%20404")
    ready(page)
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("status = 404")
    expect(page.locator("#list .rows .row:visible .code").first).to_have_text("404")
    page.get_by_role("combobox", name="Filter").press("Escape")

    expect(page.get_by_role("combobox", name="Filter")).to_have_value("")
    expect(page.locator("#count")).to_have_text("100,000 or more")
    assert page.url.endswith("#")


def test_the_feed_follows_the_filter(api: FakeApi, opened: Opened) -> None:
    page = opened("filter=status%20%3D%20404")
    ready(page)
    api.viewers()
    api.tell(target="/not-this", status=200)
    api.tell(target="/but-this", status=404)

    expect(page.locator("#list .rows .row:visible .target").first).to_have_text("/but-this")
    expect(page.locator("#list .rows .row:visible").filter(has_text="/not-this")).to_have_count(0)


def test_back_goes_to_the_filter_before(page: Page) -> None:
    box = page.get_by_role("combobox", name="Filter")
    box.fill("status = 404")
    box.press("Enter")
    expect(page.locator("#list .rows .row:visible .code").first).to_have_text("404")
    page.go_back()

    expect(box).to_have_value("")
    expect(page.locator("#count")).to_have_text("100,000 or more")


def test_what_a_filter_matches_is_exported(api: FakeApi, opened: Opened) -> None:
    page = opened("filter=status%20%3D%20404")
    ready(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="jsonl").click()

    assert download.value.suggested_filename == "exchanges.jsonl"
    assert "/api/export?filter=status+%3D+404&format=jsonl" in api.asked


def test_filters_are_saved_applied_and_deleted(api: FakeApi, page: Page) -> None:
    page.get_by_role("combobox", name="Filter").fill("method = PUT")
    page.get_by_role("button", name="Saved filters").click()
    page.get_by_label("Save method = PUT as").fill("puts")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#said")).to_have_text("Saved as puts.")
    assert api.saved[-1] == {"name": "puts", "filter": "method = PUT"}
    page.get_by_role("button", name="errors status >= 500").click()
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("status >= 500")
    expect(page.locator("#list .rows .row:visible .code").first).to_have_text("502")
    page.get_by_role("button", name="Saved filters").click()
    page.get_by_role("button", name="Delete errors").click()

    expect(page.get_by_role("button", name="Delete errors")).to_have_count(0)
    assert [one["name"] for one in api.saved] == ["puts"]
    page.keyboard.press("Escape")
    expect(page.locator("#saved")).to_be_hidden()
