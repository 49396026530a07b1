"""One exchange on the page: heads and what became of them, time, failures, repairs, bodies of every kind, messages."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.inspector.conftest import NARROW, Opened, picture, row
from tests.inspector.fake_api import FakeApi
from tests.inspector.made_exchanges import HOSTILE, body, view

pytestmark = [pytest.mark.real, pytest.mark.page]


def one(opened: Opened, api: FakeApi, name: str, **options: object) -> Page:
    page = opened(f"id={api.ids[name]}", **options)
    expect(page.locator("#one h2")).to_contain_text(str(api.ids[name]))
    return page


def side(page: Page, name: str) -> Locator:
    return page.locator(f".one-{name}")


def test_a_click_opens_it_and_closing_goes_back_to_the_list(api: FakeApi, page: Page) -> None:
    row(page, api.ids["json"]).click()
    expect(page.locator("#one h2")).to_have_text(f"{api.ids['json']} POST /api/items")
    assert page.url.endswith(f"#id={api.ids['json']}")
    page.get_by_role("button", name="Close").click()

    expect(page.locator("#one")).to_be_hidden()
    expect(page.locator("#list")).to_be_focused()


def test_fields_are_marked_as_added_changed_and_removed_in_words_and_signs(api: FakeApi, opened: Opened) -> None:
    request = side(one(opened, api, "json"), "request")
    told = {
        cells[1]: cells
        for cells in (line.locator("td, th").all_text_contents() for line in request.locator(".fields tr").all())
        if len(cells) == 3
    }

    assert told["Host"] == ["~changed", "Host", "127.0.0.1:62893 became localhost:3000"]
    assert told["Connection"] == ["−removed", "Connection", "keep-alive"]
    assert told["X-Forwarded-Proto"] == ["+added", "X-Forwarded-Proto", "https"]
    assert told["Accept"] == ["", "Accept", "*/*"]
    request.get_by_role("button", name="From the client").click()
    expect(request.locator(".fields").first).to_contain_text("keep-alive")
    expect(request.locator(".fields").first).not_to_contain_text("X-Forwarded-Proto")
    request.get_by_role("button", name="To the upstream").click()
    expect(request.locator(".fields").first).not_to_contain_text("keep-alive")
    expect(request.locator(".fields").first).to_contain_text("X-Forwarded-Proto")


def test_repairs_are_sentences_and_parts_of_the_time_have_numbers(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "json")

    expect(page.locator(".repairs li")).to_contain_text(
        "Location named http://localhost:3000/api/items/7, and was made to name https://127.0.0.1:62893."
    )
    expect(page.locator(".bar-row")).to_have_text(["Connect0.4 ms", "Wait31.7 ms", "Receive16.1 ms"])
    expect(page.locator(".facts")).to_contain_text("HTTP/1.1 103 Early Hints")


def test_a_failure_says_whose_fault_and_what_to_do(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "failed")

    expect(page.locator(".failure")).to_contain_text("The upstream’s fault: Nobody listens on localhost:3000.")
    expect(page.locator(".failure .hint")).to_have_text("See what the upstream printed when it ended.")


def test_request_and_response_are_beside_each_other_and_stacked_where_it_is_narrow(
    api: FakeApi, opened: Opened, tmp_path: Path
) -> None:
    wide = one(opened, api, "json")
    request, response = (side(wide, name).bounding_box() for name in ("request", "response"))
    assert request and response
    assert request["y"] == response["y"] and request["x"] < response["x"]
    picture(wide, tmp_path, "wide")

    narrow = one(opened, api, "json", viewport=NARROW)
    request, response = (side(narrow, name).bounding_box() for name in ("request", "response"))
    assert request and response
    assert request["x"] == response["x"] and request["y"] < response["y"]
    expect(narrow.locator("#list")).to_be_hidden()
    picture(narrow, tmp_path, "narrow")


def test_json_is_a_tree_that_opens_by_click_and_keyboard_and_keeps_large_numbers(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "json")
    tree = side(page, "response").get_by_role("tree", name="Body of the response")
    expect(tree).to_contain_text("big: 12345678901234567890")
    items = tree.get_by_role("treeitem").filter(has_text="items: [ 250 items ]").last
    expect(items).to_have_attribute("aria-expanded", "false")
    items.click()
    expect(items.locator(":scope > ul > li")).to_have_count(101)  # a hundred, and the way to the rest
    items.locator(".tree-more").click()
    expect(items.locator(":scope > ul > li")).to_have_count(201)
    items.locator(":scope > .tree-line").click()
    expect(items).to_have_attribute("aria-expanded", "false")

    page.keyboard.press("ArrowRight")
    expect(items).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_contain_text("0: { 2 keys }")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(items).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Home")
    expect(page.locator(":focus")).to_contain_text("{ 7 keys }")
    assert page.url.endswith(f"#id={api.ids['json']}")  # the arrows were the tree's


def test_content_coding_is_said_and_text_and_hex_are_other_views(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "json")
    response = side(page, "response")
    expect(response.locator(".body-facts")).to_contain_text("gzip, shown decoded")
    response.get_by_role("button", name="Text").click()
    expect(response.locator("pre.text")).to_contain_text('"name": "lamp"')
    response.get_by_role("button", name="Hex").click()
    expect(response.locator("pre.text")).to_contain_text(
        '00000000  7b 22 69 64 22 3a 20 37  2c 20 22 6e 61 6d 65 22  |{"id": 7, "name"|'
    )

    with page.expect_download() as download:
        response.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == api.body(api.ids["json"], "response")[1]


def test_a_form_is_a_table_of_names_and_values(api: FakeApi, opened: Opened) -> None:
    rows = side(one(opened, api, "form"), "request").locator(".form-fields tr")

    expect(rows).to_have_text(["nameada", "rememberyes", "empty"])


def test_multipart_shows_each_part_with_its_name_its_file_and_its_bytes(api: FakeApi, opened: Opened) -> None:
    parts = side(one(opened, api, "multipart"), "request").locator(".part")

    expect(parts.nth(0)).to_contain_text("lamp")
    expect(parts.nth(1).locator("h4")).to_have_text("file · file lamp.bin · application/octet-stream · 3 B")
    expect(parts.nth(1)).to_contain_text("00 01 02")


def test_graphql_shows_the_query_and_the_variables_as_a_tree(api: FakeApi, opened: Opened) -> None:
    request = side(one(opened, api, "graphql"), "request")

    expect(request.locator("pre.text")).to_contain_text("query Item($id: ID!) {")
    expect(request.get_by_role("tree", name="variables")).to_contain_text("id: 7")


def test_a_picture_is_shown_and_a_svg_as_text_first(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "image")
    expect(side(page, "response").locator("img.picture")).to_have_js_property("naturalWidth", 48)
    expect(side(page, "response")).to_contain_text("48 × 32")
    assert page.locator("img.picture").get_attribute("src").startswith("blob:")
    page.close()

    svg = one(opened, api, "svg")
    expect(side(svg, "response").locator("pre.text")).to_contain_text("<script>")
    expect(svg.locator("img")).to_have_count(0)

    side(svg, "response").get_by_role("button", name="Picture").click()
    expect(side(svg, "response").locator("img.picture")).to_have_js_property("naturalWidth", 20)
    assert svg.evaluate("window.broken") is None


def test_html_is_source_and_a_preview_in_which_nothing_runs_or_loads(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "html")
    response = side(page, "response")
    expect(response.locator("pre.text")).to_contain_text("<h1 style=")
    response.get_by_role("button", name="Preview").click()
    frame = response.locator("iframe")

    assert frame.get_attribute("sandbox") == ""
    expect(frame.content_frame.locator("h1")).to_have_text("Lamps")
    assert page.evaluate("window.broken") is None
    source = frame.get_attribute("srcdoc") or ""
    for taken in ("script", "onload", "onerror", "other.invalid", "javascript:", "style"):
        assert taken not in source, taken


def test_an_event_stream_is_events_with_their_times(api: FakeApi, opened: Opened) -> None:
    rows = side(one(opened, api, "events"), "response").locator(".events tbody tr")

    expect(rows).to_have_count(4)
    expect(rows.nth(2).locator("td")).to_have_text(["+200 ms", "tick", "2", '{\n  "n": 2\n}'])


def test_text_has_its_notes_and_bytes_are_hex(api: FakeApi, opened: Opened) -> None:
    text = side(one(opened, api, "text"), "response")
    expect(text.locator(".note")).to_have_text("Not all of it is valid utf-8.")
    expect(text.locator("pre.text")).to_contain_text("User-agent: *")

    hex = side(one(opened, api, "hex"), "response")
    expect(hex.locator("pre.text")).to_contain_text("000000f0  f0 f1 f2 f3 f4 f5 f6 f7  f8 f9 fa fb fc fd fe ff")


def test_messages_of_a_socket_show_both_ways_as_they_pass(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "socket")
    messages = page.locator(".messages li")
    expect(messages).to_have_count(4)
    expect(messages.nth(0).locator("summary")).to_contain_text("from the client")
    expect(messages.nth(0).locator("summary")).to_contain_text("+120 ms")
    expect(messages.nth(2).locator(".opcode")).to_have_text("binary")
    api.viewers()
    api.say("and one more", from_client=False)
    expect(messages).to_have_count(5)
    expect(messages.nth(4)).to_contain_text("and one more")
    expect(page.locator(".talk > p")).to_have_text("5 messages")
    messages.nth(0).locator("summary").focus()
    page.keyboard.press("Enter")

    expect(messages.nth(0).locator("pre")).to_have_text('{\n  "hello": "world",\n  "list": [\n    1,\n    2\n  ]\n}')
    messages.nth(2).locator("summary").click()
    expect(messages.nth(2).locator("pre")).to_contain_text("00 01 02 ff")
    messages.nth(3).locator("summary").click()
    expect(messages.nth(3).locator("pre")).to_have_text(HOSTILE)


def test_of_many_messages_the_latest_are_shown_and_the_earlier_can_be_had(api: FakeApi, opened: Opened) -> None:
    id = api.ids["socket"]
    for n in range(4, 700):
        api.messages[id].append({**api.messages[id][1], "number": n, "text": f"message {n}"})
    api.extra[id]["messages"] = 700
    page = one(opened, api, "socket")
    messages = page.locator(".messages li")
    expect(messages).to_have_count(200)
    expect(messages.last).to_contain_text("message 699")
    earlier = page.get_by_role("button", name="Show earlier messages")
    for shown in (400, 600, 700):
        earlier.click()
        expect(messages).to_have_count(shown)

    expect(earlier).to_be_hidden()
    expect(messages.nth(5)).to_contain_text("message 5")


def test_one_that_runs_is_read_again_as_it_goes_on(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "running")
    expect(page.locator(".one-status")).to_contain_text("running")
    api.viewers()
    api.extra[api.ids["running"]]["timings"] |= {"first": 1_000, "ended": 9_000}
    api.tell(id=api.ids["running"], state="done", ended=9_000)

    expect(page.locator(".one-status")).not_to_contain_text("running")
    expect(page.locator(".bar-row").last).to_have_text("Receive8.0 ms")


def test_a_body_that_grows_is_read_again_in_the_view_that_was_chosen(api: FakeApi, opened: Opened) -> None:
    page = one(opened, api, "running")
    whole = api.extra[api.ids["running"]]
    whole["response"] |= {"body": body(b"data: 1", "text/event-stream")}
    api.special["running"][1]["response"] = view("events", "data: 1", events=[event(1)]), b"data: 1"
    api.viewers()
    api.tell(id=whole["id"], response_size=7)
    events = side(page, "response").locator(".events tbody tr")
    expect(events).to_have_count(1)
    side(page, "response").get_by_role("button", name="From the upstream").click()
    api.extra[whole["id"]]["response"] |= {"body": body(b"data: 1\n\ndata: 2", "text/event-stream")}
    api.special["running"][1]["response"] = view("events", "data: 1", events=[event(1), event(2)]), b"data: 1"
    api.tell(id=whole["id"], response_size=16)

    expect(events).to_have_count(2)
    expect(side(page, "response").get_by_role("button", name="From the upstream")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(side(page, "response").locator(".events thead th")).to_have_text(
        ["Event", "Id", "Data"]
    )  # no times, no column


def event(n: int) -> dict[str, object]:
    return {"id": str(n), "event": "message", "data": str(n), "at": None}


def test_one_that_is_gone_says_so(api: FakeApi, opened: Opened, troubles: list[str]) -> None:
    page = opened("id=999999999")

    expect(page.locator("#one")).to_contain_text("There is no exchange 999999999.")
    troubles[:] = [text for text in troubles if "404" not in text]
