"""Patterns of people: none holds up the process."""

import threading
import time

import pytest

from tunnel.capture import patterns
from tunnel.capture.patterns import MOST_PATTERN, Pattern, PatternError, TooSlow

ENDLESS = "(a+)+$"


def test_a_pattern_is_found_anywhere_in_any_case_and_at_ends_of_lines():
    assert Pattern("^b.$").found_in("a\nBC\nd")
    assert not Pattern("(?-i:b)").found_in("B")


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "*", "a{2,1}", r"\p{Nonsense}", "(?P<a>.)(?P=b)", "x" * (MOST_PATTERN + 1)]
)
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(PatternError):
        Pattern(pattern)


def test_a_pattern_that_would_run_for_ages_ends_and_lets_others_run_meanwhile(monkeypatch):
    monkeypatch.setattr(patterns, "PATIENCE", 0.3)
    longest, enough = [0.0], threading.Event()

    def beside():
        last = time.perf_counter()
        while not enough.wait(0.001):
            now = time.perf_counter()
            longest[0], last = max(longest[0], now - last), now

    thread = threading.Thread(target=beside)
    thread.start()
    try:
        with pytest.raises(TooSlow, match="takes too long") as caught:
            Pattern(ENDLESS).found_in("a" * 5000 + "b")
    finally:
        enough.set()
        thread.join()

    assert "plainer" in caught.value.hint
    assert longest[0] < 0.2  # the lock of Python was free, although the pattern ran on
