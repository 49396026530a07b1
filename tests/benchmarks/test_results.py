"""The benchmarks' arithmetic and tables. The measuring itself is tried by `python -m benchmarks --quick`."""

import pytest

from benchmarks import report
from benchmarks.bench import Column, Table, Work
from benchmarks.results import Results


def taken(**figures: list[float]) -> Results:
    results = Results()
    for row, values in figures.items():
        for turn, value in enumerate(values):
            results.add("small", row, "rate", turn, value)
    return results


def test_a_ratio_is_taken_within_a_round() -> None:
    results = taken(tunnel=[100, 50, 10], nginx=[400, 200, 40])

    ratio = results.ratio("small", "nginx", "rate", "tunnel")

    assert ratio == 4


def test_a_ratio_skips_rounds_in_which_ours_is_missing() -> None:
    results = taken(nginx=[400, 300])
    results.add("small", "tunnel", "rate", 1, 100)

    assert results.ratio("small", "nginx", "rate", "tunnel") == 3


def test_a_figure_never_taken_is_no_figure() -> None:
    assert taken(tunnel=[1]).median("small", "nginx", "rate") is None


def test_spread_is_the_whole_range_and_not_flattered_by_the_median_itself() -> None:
    assert taken(tunnel=[50, 100, 150]).spread() == [1]


def test_one_round_has_no_spread() -> None:
    assert taken(tunnel=[100]).spread() == []


def test_a_table_puts_direct_first_then_ours_and_shows_ratios_of_the_others() -> None:
    results = taken(nginx=[4000], tunnel=[1000], direct=[16_000])
    work = Work("small", (), (Table("Small", (Column("rate", "a second"),)),), lambda bench, turn: None)

    lines = report.tables(results, [work]).splitlines()

    rows = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert rows[2:] == ["direct", "**tunnel**", "nginx"]
    assert "16,000 (×16)" in lines[-3]
    assert "×" not in lines[-2]
    assert "4,000 (×4.0)" in lines[-1]


def test_figures_replace_only_what_is_between_the_markers() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"

    page = report.put_between(page, "new")

    assert "old" not in page
    assert page.startswith("before\n") and page.endswith("\nafter\n")
    assert report.put_between(page, "new") == page


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="the page has no"):
        report.put_between("nothing", "new")
