"""Peers that leave all at once: some are seen off in each turn of the loop, so that nobody waits for the last of them."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.helpers.wire import socket_wires
from tunnel.net.leaving import _FREE, _WHILE, Leaving
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.wire import WireError

MANY = 6 * _FREE + 5
MOST = 2 * _FREE  # whoever looks in each turn may come first in one and last in the next


async def turns_until(done: list[int], many: int) -> list[int]:
    """Return how many have ended in each turn of the loop, until all have."""
    each = []
    before = 0
    while before < many:
        await trio.lowlevel.checkpoint()
        each.append(len(done) - before)
        before = len(done)
    return each


def test_those_that_end_together_do_so_some_in_a_turn_and_each_once() -> None:
    async def story() -> tuple[list[int], list[int]]:
        leaving, done = Leaving(), list[int]()

        async def end(number: int) -> None:
            await leaving.turn()
            done.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(MANY):
                nursery.start_soon(end, number)
            return await turns_until(done, MANY), done

    each, done = trio.run(story, clock=MockClock())

    assert max(each) <= MOST
    assert sorted(done) == list(range(MANY))


def test_who_ends_alone_does_not_wait_not_even_a_turn() -> None:
    async def story(clock: MockClock) -> None:
        leaving = Leaving()
        for _ in range(3):
            clock.jump(2 * _WHILE)
            for _ in range(_FREE):
                with trio.CancelScope() as scope:
                    scope.cancel()  # any wait would end here
                    await leaving.turn()
                assert not scope.cancelled_caught

    clock = MockClock()
    trio.run(story, clock, clock=clock)


def test_who_is_cancelled_while_it_waits_takes_nobodys_turn() -> None:
    async def story() -> int:
        leaving, done = Leaving(), list[int]()

        async def end(number: int) -> None:
            await leaving.turn()
            done.append(number)

        async with trio.open_nursery() as all_of_them, trio.open_nursery() as some:
            for number in range(MANY):
                (some if number % 2 else all_of_them).start_soon(end, number)
            await trio.lowlevel.checkpoint()
            some.cancel_scope.cancel()
        return sum(number % 2 == 0 for number in done)

    assert trio.run(story, clock=MockClock()) == (MANY + 1) // 2


@pytest.mark.parametrize("reset", [False, True])
def test_wires_whose_peers_left_at_once_end_some_in_a_turn(reset: bool) -> None:
    async def story() -> list[int]:
        sweep, done = Sweep(), list[int]()

        async def serve(wire: SocketWire) -> None:
            try:
                while await wire.receive():
                    pass
                assert not reset
            except WireError:
                assert reset
            wire.close()
            done.append(1)

        async with trio.open_nursery() as nursery:
            theirs = []
            for _ in range(MANY):
                ours, other = socket_wires(sweep)
                assert not reset or ours.try_send(b"x")
                nursery.start_soon(serve, ours)
                theirs.append(other)
            await wait_all_tasks_blocked()
            for other in theirs:
                other.close()  # over a byte that was never read, which is a reset
            return await turns_until(done, MANY)

    assert max(trio.run(story, clock=MockClock())) <= MOST
