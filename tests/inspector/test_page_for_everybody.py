"""The page for everybody: by keyboard alone, by what axe-core finds, in light and dark, at 360 pixels, without motion."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.inspector import made_share
from tests.inspector.conftest import NARROW, WIDE, Opened, picture, ready
from tests.inspector.fake_api import FakeApi

pytestmark = [pytest.mark.real, pytest.mark.page]


def _list(page: Page, api: FakeApi) -> None:
    ready(page)


def _filter(page: Page, api: FakeApi) -> None:
    ready(page)
    box = page.get_by_role("combobox", name="Filter")
    box.fill("statsu = 1")
    box.press("Enter")
    expect(page.locator("#filter-error")).to_be_visible()
    box.press("End")
    box.press_sequentially(" and m")
    expect(page.locator("#choices")).to_be_visible()


def _saved(page: Page, api: FakeApi) -> None:
    ready(page)
    page.get_by_role("combobox", name="Filter").fill("status = 200")
    page.get_by_role("button", name="Saved filters").click()
    expect(page.locator(".save-form")).to_be_visible()


def _exchange(name: str) -> Callable[[Page, FakeApi], None]:
    def show(page: Page, api: FakeApi) -> None:
        page.goto(f"{api.url}/#id={api.ids[name]}")
        expect(page.locator("#one h2")).to_contain_text(str(api.ids[name]))
        expect(page.locator("#one [aria-busy]")).to_have_count(0)

    return show


def _preview(page: Page, api: FakeApi) -> None:
    _exchange("html")(page, api)
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("iframe").content_frame.locator("h1")).to_be_visible()


def _edit(page: Page, api: FakeApi) -> None:
    _exchange("json")(page, api)
    page.get_by_role("button", name="Edit and send").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _help(page: Page, api: FakeApi) -> None:
    ready(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def _compare(page: Page, api: FakeApi) -> None:
    page.goto(f"{api.url}/#view=compare&left={api.ids['json']}&right={api.ids['parent']}")
    expect(page.locator(".compare-table")).to_be_visible()
    page.get_by_label("Hide noise").uncheck()


def _overview(page: Page, api: FakeApi) -> None:
    page.goto(f"{api.url}/#view=overview")
    expect(page.get_by_role("img")).to_have_count(3)
    page.get_by_text("As a table").first.click()


def _share(page: Page, api: FakeApi) -> None:
    api.share = made_share.share()
    page.goto(f"{api.url}/#view=share")
    page.reload()
    expect(page.locator(".device")).to_have_count(2)
    expect(page.locator(".question")).to_have_count(2)


def _open_share(page: Page, api: FakeApi) -> None:
    api.share = made_share.share(access="open", ends=None, left=None, link="", devices=[], questions=[], heard=[])
    page.goto(f"{api.url}/#view=share")
    page.reload()
    expect(page.locator(".share-rules .loud")).to_be_visible()


def _empty(page: Page, api: FakeApi) -> None:
    page.goto(f"{api.url}/#filter=status%20%3D%20299")
    expect(page.locator("#empty h2")).to_be_visible()


VIEWS = {
    "list": _list, "filter": _filter, "saved": _saved, "preview": _preview, "edit": _edit, "help": _help,
    "compare": _compare, "overview": _overview, "share": _share, "open share": _open_share, "empty": _empty,
    **{name: _exchange(name) for name in ("json", "failed", "socket", "multipart", "graphql", "events", "image")},
}  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(
    api: FakeApi, opened: Opened, axe: str, view: str, scheme: str, tmp_path: Path
) -> None:
    page = opened(color_scheme=scheme, reduced_motion="reduce")
    VIEWS[view](page, api)
    page.evaluate(axe)
    found = page.evaluate("() => axe.run({ iframes: false })")
    picture(page, tmp_path, f"{view}-{scheme}")

    assert [
        (one["id"], [node["target"] for node in one["nodes"]][:5])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ] == []
    assert len(found["passes"]) > 10  # it did look


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_a_window_of_360_pixels(api: FakeApi, opened: Opened, view: str, tmp_path: Path) -> None:
    page = opened(viewport=NARROW)
    VIEWS[view](page, api)
    picture(page, tmp_path, view)

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    outside = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, a')]
          .filter((one) => one.checkVisibility() && !one.closest('.scroll-x, .skip'))
          .filter((one) => {
            const { width, left, right } = one.getBoundingClientRect();
            return width && (right > innerWidth + 1 || left < -1);
          })
          .map((one) => one.textContent || one.id)"""
    )
    assert outside == []


def test_dark_is_dark_and_light_is_light(opened: Opened) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        ready(page)
        red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        grounds[scheme] = int(red)

    assert grounds["light"] > 230
    assert grounds["dark"] < 40


def test_without_motion_nothing_is_animated(opened: Opened) -> None:
    page = opened(reduced_motion="reduce")
    ready(page)

    assert page.evaluate("document.getAnimations().length") == 0


def test_a_walk_with_the_keyboard_alone(api: FakeApi, opened: Opened) -> None:
    page = opened(viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
    ready(page)
    keys = page.keyboard
    newest = max(api.extra)
    keys.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("#list")).to_be_focused()
    keys.press("j")
    keys.press("j")
    keys.press("ArrowDown")
    keys.press("k")
    expect(page.locator("#list .row.active .number")).to_have_text(str(newest - 1))
    expect(page.locator("#list")).to_have_attribute(
        "aria-activedescendant", page.locator("#list .row.active").get_attribute("id") or "none"
    )
    keys.press("Enter")
    expect(page.locator("#one h2")).to_be_focused()
    expect(page.locator("#one h2")).to_contain_text(str(newest - 1))
    keys.press("j")
    expect(page.locator("#one h2")).to_contain_text(str(newest - 2))
    keys.press("c")
    expect(page.locator("#said")).to_have_text(f"Copied exchange {newest - 2} as curl.")
    keys.press("m")
    expect(page.locator("#marked")).to_have_text(f"{newest - 2} marked")
    keys.press("j")
    expect(page.locator("#one h2")).to_contain_text(str(newest - 3))
    keys.press("m")
    expect(page.locator(".compare-table")).to_be_visible()
    keys.press("Escape")
    expect(page.locator("#one h2")).to_contain_text(str(newest - 3))
    keys.press("Escape")
    expect(page.locator("#one")).to_be_hidden()
    expect(page.locator("#list")).to_be_focused()
    keys.press("r")
    expect(page.locator("#said")).to_contain_text("Sent again as exchange")
    assert api.replays == [(newest - 3, {})]
    keys.press("p")
    expect(page.locator("#feed-words")).to_have_text("paused")
    keys.press("p")
    expect(page.locator("#feed-words")).to_have_text("live")
    keys.press("g")
    expect(page.get_by_role("img")).to_have_count(3)
    keys.press("/")
    expect(page.get_by_role("combobox", name="Filter")).to_be_focused()
    keys.type("status = 404")
    keys.press("Enter")
    expect(page.locator("#list .rows .row:visible .code").first).to_have_text("404")
    expect(page.locator("#list")).to_be_focused()
    keys.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    keys.press("j")  # not for the list while a dialog is open
    keys.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_focus_is_always_seen(api: FakeApi, opened: Opened) -> None:
    page = opened(f"id={api.ids['json']}")
    expect(page.locator("#one [aria-busy]")).to_have_count(0)
    unseen = []
    for _ in range(45):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
              const one = document.activeElement;
              const parts = [one, one.querySelector(':scope > .tree-line') ?? one];
              const shown = parts.some((part) => getComputedStyle(part).outlineStyle !== 'none')
                || (one.id === 'list' && getComputedStyle(one.parentElement, '::after').borderStyle === 'solid');
              return one === document.body || shown ? '' : one.outerHTML.slice(0, 120);
            }"""
        )
        if told:
            unseen.append(told)

    assert unseen == []
