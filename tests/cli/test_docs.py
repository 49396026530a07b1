"""The docs say what the code does."""

from pathlib import Path

from tunnel.cli.settings_page import settings_page

ROOT = Path(__file__).parents[2]


def test_the_settings_page_is_what_the_code_prints():
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page()
