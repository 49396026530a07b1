"""Gathering: thousands of running exchanges are looked at a few at a time, each in its turn."""

import pytest

from tests.capture.making import PEER, request, response
from tunnel.capture.gathering import MOST_LOOKED, Gathering
from tunnel.capture.tap import Budget, Record
from tunnel.capture.writer import Queue


@pytest.mark.parametrize("running", [1, MOST_LOOKED, 3 * MOST_LOOKED + 5])
def test_each_running_exchange_has_its_turn_and_one_look_never_takes_long(running: int) -> None:
    queue, gathering, budget = Queue(), Gathering(), Budget(1 << 20)
    records = [Record(number, PEER, request(), 0.0, 100, budget) for number in range(running)]
    queue.shown.extend(records)
    for record in records:
        record.live = True

    seen: list[int] = []
    for _ in range(-(-running // MOST_LOOKED)):
        entries = gathering.take(queue, 10).records
        assert len(entries) <= MOST_LOOKED
        seen += [entry.record.id for entry in entries]
    assert seen == list(range(running))

    records[-1].response = response()
    found = [entry for _ in range(-(-running // MOST_LOOKED)) for entry in gathering.take(queue, 10).records]
    assert [entry.record for entry in found] == [records[-1]]


def test_at_the_end_every_running_exchange_is_taken() -> None:
    queue, gathering, budget = Queue(), Gathering(), Budget(1 << 20)
    records = [Record(number, PEER, request(), 0.0, 100, budget) for number in range(2 * MOST_LOOKED)]
    queue.shown.extend(records)

    assert len({entry.record.id for entry in gathering.take(queue, 10, stopping=True).records}) == len(records)
