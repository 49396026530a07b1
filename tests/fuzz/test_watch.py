"""What is said of a target's share of the time: numbers, and which law was broken by what."""

from pathlib import Path

from tests.fuzz.watch import MOST_GROWN, _judged, _quoted

DONE = [
    "#1024\tINITED cov: 10 ft: 20 corp: 7/80b exec/s: 0 rss: 60Mb\n",
    "#2048\tDONE   cov: 12 ft: 22 corp: 9/99b lim: 70 exec/s: 1024 rss: 61Mb\n",
    "stat::number_of_executed_units: 2048\n",
]
CRASH = [*DONE, " === Uncaught Python exception: ===\n", "AssertionError: it depends on how the bytes are cut\n"]
MIB = 2**20


def test_a_share_without_a_find_gives_numbers() -> None:
    outcome = _judged("heads", DONE, 2.0, 60 * MIB, MIB, 0, None)

    assert (outcome.executions, outcome.rate, outcome.corpus, outcome.wrong, outcome.said) == (2048, 1024.0, 9, "", "")


def test_a_crash_is_told_with_its_traceback_and_its_input() -> None:
    outcome = _judged("heads", CRASH, 2.0, 60 * MIB, MIB, 77, Path("crash-abc"))

    assert (outcome.wrong, outcome.input) == ("an input breaks its law", Path("crash-abc"))
    assert outcome.said.endswith("AssertionError: it depends on how the bytes are cut\n")


def test_a_hang_is_told_from_a_crash() -> None:
    assert _judged("heads", DONE, 2.0, 0, 0, 70, Path("timeout-abc")).wrong == "an input takes too long"


def test_growth_and_an_engine_that_dies_are_failures_too() -> None:
    assert "grew by 101 MiB" in _judged("heads", DONE, 2.0, 0, (MOST_GROWN + 1) * MIB, 0, None).wrong
    assert _judged("heads", [], 2.0, 0, 0, -9, None).wrong == "the engine ended with -9"


def test_words_are_written_as_a_dictionary_has_them() -> None:
    assert _quoted(b'a"\\\x00\xff') == r"a\x22\x5c\x00\xff"
