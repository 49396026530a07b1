"""The page's list in headless Chromium: 100,000 exchanges of which few are held; live, paused, missed, lost, empty."""

import pytest
from playwright.sync_api import Page, expect

from tests.inspector.conftest import Opened, ready, row
from tests.inspector.fake_api import FakeApi
from tests.inspector.fake_filter import Refused
from tests.inspector.made_exchanges import PLAIN, summary, whole

pytestmark = [pytest.mark.real, pytest.mark.page]

HELD = "async () => (await import('/static/main.js')).reel.rows.length"
SHOWN = """() => {
  const rows = [...document.querySelectorAll('#list .rows .row')].filter((row) => !row.hidden);
  if (!rows.length || rows.some((row) => row.classList.contains('waiting'))) return null;
  return rows.sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => Number(row.querySelector('.number').textContent));
}"""
SHAPE = """(row) => {
  const style = getComputedStyle(row.querySelector('.shape'));
  return style.clipPath + style.borderRadius;
}"""


def wait_for_some(page: Page, wanted: str, given: int = 0) -> None:
    """Wait until a row is drawn whose number is wanted: an expression of `id` and `given`."""
    page.wait_for_function(
        "(given) => [...document.querySelectorAll('#list .rows .row:not([hidden]) .number')]"
        f".some((cell) => {{ const id = Number(cell.textContent); return {wanted}; }})",
        arg=given,
    )


def ids(page: Page) -> list[int]:
    """Return the numbers of the rows that are drawn, once all of them are read."""
    found: list[int] = page.wait_for_function(SHOWN).json_value()
    return found


def test_the_newest_exchange_stands_first_with_what_a_line_says(api: FakeApi, page: Page) -> None:
    newest = max(api.extra)

    assert ids(page)[:3] == [newest, newest - 1, newest - 2]
    cells = (
        page.locator("#list .rows .row")
        .filter(has_text="/api/items")
        .filter(has_text=str(api.ids["json"]))
        .locator(".cell")
    )
    told = cells.all_text_contents()
    assert told[0] == str(api.ids["json"])
    assert told[2] == "POST"
    assert "201" in told[4]
    assert "succeeded" in told[4]
    assert told[6:] == [told[6], "48.2 ms", "chromium 4711"]
    assert told[6].endswith("kB")


@pytest.mark.parametrize(
    ("type", "upgrade", "shown"),
    [
        ("application/json", "", "json"),
        ("text/javascript", "", "js"),
        ("image/svg+xml", "", "svg"),
        ("image/png", "", "png"),
        ("application/vnd.api+json", "", "api+json"),
        ("", "websocket", "ws"),
        ("", "", ""),
    ],
)
def test_the_type_is_that_of_the_answer_and_not_of_the_path(
    api: FakeApi, page: Page, type: str, upgrade: str, shown: str
) -> None:
    api.viewers()
    line = api.tell(type=type, upgrade=upgrade, target="/page.php")

    cell = row(page, line["id"]).locator(".cell.type")
    expect(cell).to_have_text(shown)
    expect(cell).to_have_attribute("title", type)


def test_a_list_of_100_000_scrolls_to_its_end_while_few_rows_are_held_and_drawn(api: FakeApi, page: Page) -> None:
    page.locator("#list").focus()
    page.keyboard.press("End")
    wait_for_some(page, "id === 1")

    assert ids(page)[-1] == 1
    assert page.locator("#list .rows .row").count() < 100
    assert page.evaluate(HELD) <= 1000
    assert len([path for path in api.asked if path.startswith("/api/exchanges?")]) < 40  # it did not read its way there


def test_scrolling_by_the_wheel_passes_every_exchange_in_order_and_without_a_gap(page: Page) -> None:
    page.locator("#list").hover()
    seen: list[int] = ids(page)
    for _ in range(60):
        page.mouse.wheel(0, 500)
        wait_for_some(page, "id < given", seen[-1])
        shown = ids(page)
        assert shown == list(range(shown[0], shown[-1] - 1, -1))
        seen += [id for id in shown if id < seen[-1]]

    assert seen == list(range(seen[0], seen[-1] - 1, -1))
    assert len(seen) > 900
    assert page.evaluate(HELD) <= 1000


def test_a_place_in_the_middle_is_read_at_once_and_one_comes_back_up_without_a_gap(page: Page) -> None:
    page.evaluate("() => { const list = document.getElementById('list'); list.scrollTop = list.scrollHeight / 2; }")
    wait_for_some(page, "id > 0 && id < 60000")
    middle = ids(page)
    assert 40_000 < middle[0] < 60_000

    page.locator("#list").hover()
    seen = middle
    for _ in range(25):
        page.mouse.wheel(0, -700)
        wait_for_some(page, "id > given", seen[0])
        shown = ids(page)
        assert shown == list(range(shown[0], shown[-1] - 1, -1))
        seen = [*(id for id in shown if id > seen[0]), *seen]

    assert seen == list(range(seen[0], seen[-1] - 1, -1))
    page.evaluate("() => { document.getElementById('list').scrollTop = 0; }")
    wait_for_some(page, "id === given", PLAIN + 5)


def test_ids_with_large_gaps_scroll_to_both_ends(api: FakeApi, opened: Opened) -> None:
    page = opened("filter=status%20%3D%20500")  # one of 41
    ready(page)
    matching = api.matching("status = 500")
    page.locator("#list").focus()
    page.keyboard.press("End")
    wait_for_some(page, "id === given", matching[0])
    shown = ids(page)
    assert shown == matching[: len(shown)][::-1]
    page.keyboard.press("Home")
    wait_for_some(page, "id === given", matching[-1])

    assert ids(page)[:5] == matching[-5:][::-1]


def test_a_new_exchange_shows_while_it_runs_and_when_it_has_ended(api: FakeApi, page: Page) -> None:
    api.viewers()
    line = api.tell(target="/fresh", state="running", status=None, ended=None)
    fresh = row(page, line["id"])

    expect(fresh.locator(".target")).to_have_text("/fresh")
    expect(fresh.locator(".code")).to_have_text("…")
    expect(fresh.locator(".duration")).to_contain_text("…")
    api.tell(id=line["id"], state="done", status=204, ended=7_700)
    expect(fresh.locator(".code")).to_have_text("204")
    expect(fresh.locator(".duration")).to_have_text("7.7 ms")


def test_what_one_looks_at_stays_in_place_while_newer_ones_come(api: FakeApi, page: Page) -> None:
    page.locator("#list").hover()
    page.mouse.wheel(0, 2800)
    page.wait_for_function("() => document.getElementById('list').scrollTop >= 2700")
    looked_at = ids(page)[12]
    before = row(page, looked_at).bounding_box()
    api.viewers()
    for _ in range(7):
        api.tell(target="/fresh")

    expect(page.locator("#newer")).to_have_text("↑ 7 newer")
    assert row(page, looked_at).bounding_box() == before
    page.locator("#newer").click()
    expect(page.locator("#list .rows .row:visible").filter(has_text="/fresh")).to_have_count(7)


def test_a_failure_says_whose_fault_it_was_and_differs_without_colour(api: FakeApi, page: Page) -> None:
    failed = row(page, api.ids["failed"])

    expect(failed.locator(".whose")).to_have_text("upstream")
    expect(failed.locator(".status")).to_have_attribute("title", "nobody listens on localhost:3000")
    expect(row(page, api.ids["interrupted"]).locator(".whose")).to_have_text("interrupted")
    shapes = {
        row(page, id).evaluate(SHAPE)
        for id in (api.ids["failed"], api.ids["json"], api.ids["form"], api.ids["parent"], api.ids["socket"])
    }
    assert len(shapes) == 5


def test_several_hosts_are_told_apart_and_one_is_not_repeated(api: FakeApi, opened: Opened) -> None:
    page = opened()
    ready(page)
    expect(row(page, api.ids["other host"]).locator(".host")).to_have_text("app.localhost:62893")
    page.close()

    alone = opened("filter=status%20%3D%20304")
    ready(alone)
    expect(alone.locator("#list .rows .row:visible .host").first).to_have_text("")


def test_paused_it_stands_still_counts_what_waits_and_goes_on_with_all_of_it(api: FakeApi, page: Page) -> None:
    api.viewers()
    before = ids(page)
    page.get_by_role("button", name="Pause").click()
    api.tell(target="/while-paused")
    api.tell(target="/while-paused")

    expect(page.locator("#feed-words")).to_have_text("paused, 2 waiting")
    assert ids(page) == before
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#list .rows .row:visible").filter(has_text="/while-paused")).to_have_count(2)


def test_what_was_missed_is_said_and_read_anew(api: FakeApi, page: Page) -> None:
    api.viewers()
    api.extra[PLAIN + 500] = {**api.extra[api.ids["text"]], "id": PLAIN + 500, "target": "/never-told"}
    api._known.clear()
    api.miss(123)

    expect(page.locator("#said")).to_contain_text("You missed 123")
    expect(page.locator("#count")).to_contain_text("you missed 123")
    expect(page.locator("#list .rows .row:visible").first).to_contain_text("/never-told")


def test_of_thousands_that_were_missed_each_is_passed_on_the_way_up(api: FakeApi, page: Page) -> None:
    page.locator("#list").hover()
    page.mouse.wheel(0, 2800)
    page.wait_for_function("() => document.getElementById('list').scrollTop >= 2700")
    before = ids(page)
    newest = max(api.extra) + 2500
    for id in range(max(api.extra) + 1, newest + 1):
        api.extra[id] = whole(summary(id, target="/missed"))
    api._known.clear()
    api.viewers()
    api.miss(2500)
    expect(page.locator("#newer")).to_contain_text("newer")
    seen = ids(page)
    assert seen == before
    page.locator("#list").hover()
    for _ in range(8):
        page.mouse.wheel(0, -700)
        wait_for_some(page, "id > given", seen[0])
        shown = ids(page)
        assert shown == list(range(shown[0], shown[-1] - 1, -1))
        seen = [*(id for id in shown if id > seen[0]), *seen]

    assert seen == list(range(seen[0], seen[-1] - 1, -1))
    page.locator("#newer").click()
    wait_for_some(page, "id === given", newest)


def test_a_lost_feed_is_said_and_found_again_with_what_came_meanwhile(
    api: FakeApi, page: Page, troubles: list[str]
) -> None:
    api.viewers()
    api.refuse = Refused(503, "not now")
    api.cut()
    expect(page.locator("#feed-words")).to_have_text("lost")
    api.refuse = None

    expect(page.locator("#feed-words")).to_have_text("live")
    expect(page.locator("#said")).to_have_text("tunnel is back.")
    api.tell(target="/after-all")
    expect(page.locator("#list .rows .row:visible").first).to_contain_text("/after-all")
    troubles[:] = [text for text in troubles if "503" not in text and "ERR_" not in text]


def test_a_tab_that_nobody_sees_gives_its_feed_back_and_goes_on_when_it_is_seen(api: FakeApi, page: Page) -> None:
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    api.viewers()
    page.evaluate(hide, True)
    api.left()
    page.evaluate(hide, False)
    api.viewers()
    api.tell(target="/seen-again")

    expect(page.locator("#list .rows .row:visible").first).to_contain_text("/seen-again")


def test_an_empty_store_says_what_to_type(api: FakeApi, opened: Opened) -> None:
    api.empty = True
    page = opened()

    expect(page.locator("#empty h2")).to_have_text("Nothing is recorded yet")
    expect(page.locator("#empty .command")).to_have_text("curl https://127.0.0.1:62893/")
    api.empty = False
    api.viewers()
    api.tell(target="/first")
    expect(page.locator("#list .rows .row:visible").first).to_contain_text("/first")
    expect(page.locator("#empty")).to_be_hidden()


def test_a_filter_that_matches_nothing_can_be_cleared_there(opened: Opened) -> None:
    page = opened("filter=status%20%3D%20299")

    expect(page.locator("#empty h2")).to_have_text("No exchange matches this filter")
    page.get_by_role("button", name="Clear the filter").click()
    ready(page)
    assert page.url.endswith("#")


def test_a_link_without_its_token_says_how_to_get_one(api: FakeApi, opened: Opened, troubles: list[str]) -> None:
    api.refuse = Refused(403, "the token is wrong")
    page = opened()

    expect(page.locator("#trouble")).to_contain_text(
        "Type tunnel or tunnel inspect again, and open the link that it prints."
    )
    troubles[:] = [text for text in troubles if "403" not in text]


def test_a_stopped_tunnel_is_said_and_the_page_goes_on_once_it_is_back(
    api: FakeApi, page: Page, troubles: list[str]
) -> None:
    page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    api.cut()
    expect(page.locator("#trouble")).to_contain_text("Tunnel does not answer")
    page.unroute("**/api/**")

    expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#feed-words")).to_have_text("live")
    troubles[:] = [text for text in troubles if "ERR_" not in text]
