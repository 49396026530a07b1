"""The docs say what the code does."""

import re
from pathlib import Path

from tunnel.cli.filters_page import filters_page
from tunnel.cli.settings_page import settings_page

LINK = re.compile(r"\]\((\.\./tests/[^)]+)\)")
ROOT = Path(__file__).parents[2]


def test_the_settings_page_is_what_the_code_prints():
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page()


def test_the_page_of_filters_is_what_the_code_prints():
    assert (ROOT / "docs" / "filters.md").read_text(encoding="utf-8") == filters_page()


def test_the_tests_that_the_page_of_faults_names_are_there():
    page = ROOT / "docs" / "faults.md"
    linked = LINK.findall(page.read_text(encoding="utf-8"))

    assert linked
    assert [path for path in linked if not (page.parent / path).is_file()] == []
