"""Counts: who takes the next connection where several processes could, and that nobody waits for long."""

import time
from collections.abc import Callable

import pytest

from tunnel.net.counts import PATIENCE, STEP, Count, Counts, SharedCount, ahead


def shared(processes: int, clock: Callable[[], float] = time.monotonic) -> tuple[Counts, list[SharedCount]]:
    """Processes that all accept."""
    counts = Counts(processes)
    each = [counts.of(number, clock) for number in range(processes)]
    for count in each:
        count.begin()
    return counts, each


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("ours", "least", "expected"),
    [
        (0, 0, False),
        (1, 0, True),
        (1, 1, False),
        (8, 7, True),
        (9, 8, False),
        (10, 8, True),
        (36, 32, False),
        (37, 32, True),
    ],
)
def test_who_has_any_more_than_another_is_ahead_and_of_many_an_eighth_more(
    ours: int, least: int, expected: bool
) -> None:
    assert ahead(ours, least) is expected


@pytest.mark.parametrize("processes", [2, 3, 4])
@pytest.mark.parametrize("total", [5, 10, 64, 1000])
def test_however_greedy_a_process_is_the_split_is_no_worse_than_six_to_four(processes: int, total: int) -> None:
    """The first takes whatever it may; another gets only what the first leaves."""
    counts, each = shared(processes)
    for _ in range(total):
        taker = next(count for count in each if not count.wait())
        taker.opened()

    most, least = max(counts.open), min(counts.open)
    assert sum(counts.open) == each[0].total() == total
    assert most / (most + least) <= 0.6 or most - least == 1


def test_who_is_ahead_lets_others_go_first_and_then_takes_it_all_the_same() -> None:
    clock = Clock()
    ours = shared(2, clock)[1][0]
    ours.opened()
    began, waits = clock.now, 0
    while pause := ours.wait():
        assert pause == STEP
        clock.now += pause
        waits += 1

    assert waits > 1
    assert clock.now - began == pytest.approx(PATIENCE, abs=2 * STEP)


def test_a_process_that_hangs_is_waited_for_once_and_again_when_it_moves() -> None:
    clock = Clock()
    _, (ours, other) = shared(2, clock)
    ours.opened()
    while ours.wait():
        clock.now += STEP
    for _ in range(10):
        ours.opened()
        clock.now += 1
        assert not ours.wait()

    other.opened()
    assert ours.wait()


def test_a_wait_that_was_for_another_connection_does_not_count() -> None:
    clock = Clock()
    ours = shared(2, clock)[1][0]
    ours.opened()
    clock.now += PATIENCE - STEP
    assert ours.wait()
    clock.now += 3600

    assert ours.wait()


def test_who_has_died_or_not_yet_begun_is_neither_counted_nor_waited_for() -> None:
    counts = Counts(3)
    first, second = counts.of(0), counts.of(1)
    first.begin()
    for _ in range(5):
        first.opened()
        assert not first.wait()
    second.begin()
    second.opened()
    assert first.wait()
    assert first.total() == 6

    counts.forget(1)
    assert not first.wait()
    assert first.total() == 5


def test_alone_it_is_always_our_turn() -> None:
    count = Count()
    for _ in range(3):
        count.opened()
        assert not count.wait()
    count.ended()

    assert count.total() == 2
