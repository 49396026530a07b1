"""What one does with an exchange on the page: copy, send again, edit and send, reveal, compare; and the overview."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.inspector.conftest import Opened, picture, ready, row
from tests.inspector.fake_api import FakeApi
from tests.inspector.fake_filter import Refused
from tests.inspector.test_page_exchange import one

pytestmark = [pytest.mark.real, pytest.mark.page]

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.mark.parametrize(
    ("choice", "form"), [("curl", "curl"), ("fetch", "fetch"), ("Python requests", "requests"), ("HAR", "har")]
)
def test_a_copy_is_in_the_clipboard_and_said(api: FakeApi, opened: Opened, choice: str, form: str) -> None:
    page = one(opened, api, "json", **CLIPBOARD)
    page.get_by_role("button", name="Copy as").click()
    page.get_by_role("menuitem", name=choice).click()

    expect(page.get_by_role("status").filter(has_text="Copied")).to_have_text(
        f"Copied exchange {api.ids['json']} as {choice}."
    )
    assert page.evaluate("navigator.clipboard.readText()") == f"{form} of {api.ids['json']}: /api/items"


def test_where_the_clipboard_is_refused_the_text_is_shown_to_be_copied_by_hand(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "json")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    page.keyboard.press("c")

    expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value(f"curl of {api.ids['json']}: /api/items")


def test_replay_shows_what_came_of_it_and_compares_it_with_the_original(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "json")
    page.get_by_role("button", name="Replay").click()
    sent = max(api.extra) if api.replays else None
    expect(page.locator("#said")).to_contain_text("Sent again as exchange")

    assert api.replays == [(api.ids["json"], {})]
    sent = max(api.extra)
    expect(page.locator("#one h2")).to_contain_text(str(sent))
    expect(row(page, sent).locator(".flag")).to_have_text("↻ ")
    page.get_by_role("link", name="compare with the original").click()
    expect(page.locator("#view-compare")).to_contain_text(f"Exchange {sent}")
    assert page.url.endswith(f"#view=compare&id={sent}&left={api.ids['json']}&right={sent}")


def test_a_replay_that_cannot_be_done_says_why(api: FakeApi, opened: Opened, troubles: list[str]) -> None:
    page = one(opened, api, "json")
    api.refuse = Refused(409, "no front runs on this store", "start the front")
    page.get_by_role("button", name="Replay").click()

    expect(page.locator("#said")).to_have_text("No front runs on this store. Start the front.")
    api.refuse = None
    troubles[:] = [text for text in troubles if "409" not in text]


def test_an_edited_request_is_sent_as_it_was_edited(api: FakeApi, opened: Opened, tmp_path: Path) -> None:
    page = one(opened, api, "json")
    page.get_by_role("button", name="Edit and send").click()
    form = page.get_by_role("dialog", name=f"Edit and send {api.ids['json']}")
    expect(form.get_by_label("Method")).to_have_value("POST")
    expect(form.get_by_label("Body")).to_have_value('{"name": "lamp"}')
    form.get_by_label("Method").fill("PUT")
    form.get_by_label("Target").fill("/api/items/9")
    form.get_by_label("Headers, one a line").fill("Content-Type: application/json\nno colon here")
    form.get_by_label("Body").fill('{"name": "sun"')
    expect(form.locator("#edit-note")).to_contain_text("The headers say JSON")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_have_text("This is no header: no colon here")
    picture(page, tmp_path, "edit")
    form.get_by_label("Headers, one a line").fill("Content-Type: application/json\nX-Mine: yes: really")
    form.get_by_label("Body").fill('{"name": "sun"}')
    form.get_by_role("button", name="Send").click()

    expect(page.locator("#one h2")).to_contain_text("PUT /api/items/9")
    expect(form).to_have_count(0)
    ((id, edits),) = api.replays
    assert id == api.ids["json"]
    assert edits["method"] == "PUT"
    assert edits["headers"] == [["Content-Type", "application/json"], ["X-Mine", "yes: really"]]
    assert base64.b64decode(edits["body_base64"]) == b'{"name": "sun"}'


def test_an_edited_request_is_sent_several_times_and_what_came_is_counted(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "json")
    page.get_by_role("button", name="Edit and send").click()
    page.get_by_role("dialog").get_by_label("Times").fill("3")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.locator("#said")).to_have_text("Sent again: 3 × 201")
    assert api.replays[-1][1]["times"] == 3
    assert "filter=" + quote(f"replay = {api.ids['json']}") in page.url


def test_an_edited_request_is_sent_to_another_target(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "json")
    page.get_by_role("button", name="Edit and send").click()
    page.get_by_role("dialog").get_by_label("Send to").fill("app.test:8080")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.locator("#said")).to_have_text("Sent again to app.test:8080: 204")
    assert api.replays[-1][1]["to"] == "app.test:8080"
    expect(page.locator("#one h2")).to_contain_text("POST /api/items")


def test_secrets_are_revealed_on_demand_and_how_many_are_gone_is_said(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "secret")
    expect(page.locator("#one")).to_contain_text("2 secrets were replaced before it was written")
    expect(page.locator("#one")).to_contain_text("Bearer redacted-0123456789abcdef")
    page.get_by_role("button", name="Reveal secrets").click()

    expect(page.locator("#one")).to_contain_text("Bearer the-real-secret")
    expect(page.locator(".one-response pre.text")).to_contain_text("token the-real-secret")
    expect(page.locator("#said")).to_have_text("Shown with secrets; 1 secret is gone.")
    expect(page.get_by_role("button", name="Reveal secrets")).to_have_count(0)


def test_the_messages_of_a_websocket_are_revealed_too_and_so_is_what_follows(api: FakeApi, opened: Opened) -> None:
    id = api.ids["socket"]
    api.extra[id]["redacted"] = 1
    api.messages[id][1]["text"] = "token redacted-0123456789abcdef"
    page = one(opened, api, "socket")
    messages = page.locator(".messages li")
    expect(messages.nth(1)).to_contain_text("token redacted-0123456789abcdef")
    page.get_by_role("button", name="Reveal secrets").click()
    expect(messages.nth(1)).to_contain_text("token the-real-secret")
    expect(messages).to_have_count(4)
    api.viewers()
    api.messages[id].append({**api.messages[id][1], "number": 4})
    api.extra[id]["messages"] = 5
    api.tell(id=id, messages=5)

    expect(messages.nth(4)).to_contain_text("token the-real-secret")


def test_two_exchanges_are_compared_by_marking_one_and_choosing_the_other(
    api: FakeApi, page: Page, tmp_path: Path
) -> None:
    row(page, api.ids["json"]).click()
    page.keyboard.press("m")
    expect(page.locator("#marked")).to_have_text(f"{api.ids['json']} marked")
    expect(page.get_by_role("button", name="Take the mark away")).to_be_visible()
    row(page, api.ids["parent"]).click()
    page.get_by_role("button", name=f"Compare with {api.ids['json']}").click()
    table = page.locator(".compare-table")

    expect(page.locator(".compare-sum")).to_have_text("2 things differ, and 2 more are noise (dates, ids), hidden.")
    expect(table.locator("tr.differs")).to_have_text(["≠differs$.namelampsun", "≠differsstatus201500"])
    expect(table.locator("tr.same")).to_have_count(4)
    page.get_by_label("Only differences").check()
    expect(table.locator("tr.same")).to_have_count(0)
    page.get_by_label("Hide noise").uncheck()
    expect(table.locator("tr.noise")).to_have_count(2)
    expect(table.locator("tr.noise mark").first).to_be_visible()
    picture(page, tmp_path, "compare")
    page.get_by_role("button", name="Swap").click()
    expect(table.locator("tr.differs").first).to_have_text("≠differs$.namesunlamp")
    page.keyboard.press("Escape")
    ready(page)


def test_the_overview_has_plots_tables_that_say_the_same_and_the_slowest_paths(
    api: FakeApi, opened: Opened, tmp_path: Path
) -> None:
    page = opened("view=overview")
    plots = page.get_by_role("img")
    expect(plots).to_have_count(3)
    expect(page.locator(".sums")).to_contain_text("Exchanges4,020")
    assert page.locator("rect.fill-5").count() > 20
    assert page.locator("path.line-p99").last.get_attribute("d").count("M") >= 2  # it breaks where nothing passed
    page.get_by_text("As a table").nth(1).click()
    table = page.locator("details[open] table")
    expect(table.locator("thead th")).to_have_text(["Time", "1xx", "2xx", "3xx", "4xx", "5xx", "failed"])
    assert table.locator("tbody tr").count() >= 89
    plots.nth(0).hover(position={"x": 200, "y": 80})
    expect(page.locator(".under-pointer").first).to_contain_text("requests/s")
    picture(page, tmp_path, "overview")
    page.get_by_label("of the last").select_option("1 hour")
    expect(plots).to_have_count(3)
    assert page.url.endswith("#view=overview&minutes=60")
    page.get_by_role("link", name="GET /api/slow/0").click()

    expect(page.get_by_role("combobox", name="Filter")).to_have_value('method = GET and path = "/api/slow/0"')


def test_an_overview_of_nothing_says_so(api: FakeApi, opened: Opened) -> None:
    api.empty = True
    page = opened("view=overview")

    expect(page.locator("#view-overview")).to_contain_text("Nothing passed in this time")
