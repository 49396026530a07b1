"""A share's time: it is told before it is over, may grow meanwhile, and then the front ends."""

import pytest
import trio

from tunnel.model.share import Happening
from tunnel.run_share import crossed, until_over

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("before", "now", "mark"),
    [
        (301.0, 300.0, 300.0), (300.0, 299.0, None), (61.0, 60.0, 60.0), (60.0, 59.0, None), (400.0, 30.0, 60.0),
        (30.0, 1830.0, None), (None, 10.0, None), (10.0, None, None), (5.0, 4.0, None),
    ],
)  # fmt: skip
def test_a_mark_is_crossed_once_however_far_apart_the_looks_are(
    before: float | None, now: float | None, mark: float | None
) -> None:
    assert crossed(before, now) == mark


async def test_the_end_is_told_of_twice_before_and_once_when_it_comes(autojump_clock: trio.testing.MockClock) -> None:
    end = trio.current_time() + 600
    told: list[tuple[float, Happening]] = []

    await until_over(
        lambda: end - trio.current_time(), lambda happening: told.append((round(end - trio.current_time()), happening))
    )

    assert [(at, one.what) for at, one in told] == [(300, "ends soon"), (60, "ends soon"), (0, "ended")]
    assert "5 minutes" in told[0][1].sentence and "a minute" in told[1][1].sentence


async def test_who_extends_in_time_is_told_again(autojump_clock: trio.testing.MockClock) -> None:
    end = trio.current_time() + 100
    told: list[str] = []

    def happened(happening: Happening) -> None:
        nonlocal end
        told.append(happening.what)
        if len(told) == 1:
            end += 600

    await until_over(lambda: end - trio.current_time(), happened)

    assert told == ["ends soon", "ends soon", "ends soon", "ended"]


async def test_without_an_end_it_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    with trio.move_on_after(100_000) as scope:
        await until_over(lambda: None, lambda happening: pytest.fail(happening.sentence))

    assert scope.cancelled_caught
