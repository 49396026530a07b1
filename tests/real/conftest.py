"""What the tests with real servers share: the Node packages and the browser, each made ready once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.helpers.browsers import Browsers
from tests.helpers.packages import installed_packages
from tests.helpers.servers import needed


@pytest.fixture(scope="session")
def node() -> str:
    return needed("node", "nodejs")


@pytest.fixture(scope="session")
def node_modules(node: str) -> Path:
    return installed_packages()


@pytest.fixture(scope="session")
def chromium() -> str:
    return needed("chromium", "chromium")


@pytest.fixture(scope="session")
def certutil() -> str:
    return needed("certutil", "libnss3-tools")


@pytest.fixture(scope="module")
def browsers(chromium: str) -> Iterator[Browsers]:
    with sync_playwright() as playwright:
        browsers = Browsers(chromium, playwright.chromium)
        yield browsers
        browsers.close()
