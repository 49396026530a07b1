"""Browsers: headless Chromium in a home of its own, which trusts what was put into that home's database and nothing else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, BrowserType, sync_playwright

from certs import stores
from certs.stores import Machine, Verdict
from tests.helpers.servers import needed

# As root there is no sandbox; the rest keeps Chromium from calling Google, which a machine without a way out refuses.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
PATIENCE = 20_000  # ms for whatever a page is waited for


class Browsers:
    """Starts Chromium and closes what it started."""

    def __init__(self, program: str, kind: BrowserType) -> None:
        self._program = program
        self._kind = kind
        self._open: list[Browser] = []

    def start(self, home: Path, **options: Any) -> BrowserContext:
        """Return a fresh context of a browser that calls `home` its home. It judges certificates: that is what is tested.

        Args:
          home: Where it keeps what it keeps.
          options: Of the context: its window, whether it prefers dark, and the like.
        """
        env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        browser = self._kind.launch(executable_path=self._program, args=FLAGS, env={**env, "HOME": str(home)})
        self._open.append(browser)
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        return context

    def close(self) -> None:
        for browser in self._open:
            browser.close()


@contextmanager
def one_browser(home: Path) -> Iterator[Browser]:
    """Run the system's Chromium while the block lasts, in a home of its own."""
    program = needed("chromium", "chromium")
    with sync_playwright() as playwright:
        browsers = Browsers(program, playwright.chromium)
        try:
            browser = browsers.start(home).browser
            assert browser is not None
            yield browser
        finally:
            browsers.close()


def home_that_trusts(root: Path, home: Path) -> Path:
    """Put a root into the databases of a home's Chromium, as `tunnel trust` does. Return the home.

    The system's store stays as it is: a machine whose system begins at another folder has none that we know.
    """
    outcomes = stores.trust(root, Machine(home, system=home / "no-such-system"))
    assert outcomes
    assert {outcome.state.verdict for outcome in outcomes} == {Verdict.TRUSTED}
    return home
