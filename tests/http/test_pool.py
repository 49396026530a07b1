"""Pool: who is given which connection, how many there are, and when they go."""

import pytest
import trio
import trio.testing

from tests.helpers.wire import in_no_time, received
from tunnel.errors import UpstreamError
from tunnel.http.http1 import Http1Upstream
from tunnel.http.pool import Pool, PoolStatistics
from tunnel.model.config import Limits
from tunnel.model.headers import Headers
from tunnel.model.message import END, Framing, Request
from tunnel.net.wire import MemoryWire, memory_wires

pytestmark = pytest.mark.anyio

GET = Request(b"GET", b"/", Headers(), 1, Framing.NONE, 0, True, b"", b"")


class Upstreams:
    """A dial that always succeeds, and the other ends of what was dialled."""

    def __init__(self) -> None:
        self.ends: list[MemoryWire] = []

    async def __call__(self) -> Http1Upstream:
        await trio.lowlevel.checkpoint()
        theirs, ours = memory_wires()
        self.ends.append(theirs)
        return Http1Upstream(ours, Limits(), trio.current_time, f"upstream {len(self.ends)}")

    async def open(self) -> int:
        """How many connections we have not closed."""
        for end in self.ends:
            await received(end)
        return sum(not end.left() for end in self.ends)


async def served(leg: Http1Upstream, upstreams: Upstreams) -> Http1Upstream:
    """Carry one whole exchange over a connection."""
    await leg.send_request(GET, GET.headers, b"", END)
    await upstreams.ends[int(leg.address.split()[1]) - 1].send(b"HTTP/1.1 204 No Content\r\n\r\n")
    await leg.receive_response()
    assert leg.reusable()
    return leg


def pool_of(upstreams: Upstreams, size: int = 2, idle: float = 15, wait: float = 5) -> Pool:
    return Pool(upstreams, size=size, idle=idle, wait=wait)


async def test_a_connection_that_served_serves_again() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)
    first = await served(await pool.take(), upstreams)
    assert not first.reused

    pool.put(first, trio.current_time())
    again = await pool.take()

    assert again is first
    assert again.reused
    assert pool.statistics() == PoolStatistics(busy=1, idle=0, waiting=0)
    assert repr(pool) == "<Pool busy 1, idle 0, waiting 0>"


async def test_the_last_one_used_is_taken_first() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)
    first, second = [await served(await pool.take(), upstreams) for _ in range(2)]

    pool.put(second, 0)
    pool.put(first, 1)

    assert await pool.take() is first
    assert await pool.take() is second


async def test_a_connection_in_the_middle_of_something_is_not_kept() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)
    leg = await pool.take()
    await leg.send_request(GET, GET.headers, b"", END)

    pool.put(leg, trio.current_time())

    assert pool.statistics() == PoolStatistics(0, 0, 0)
    assert await upstreams.open() == 0


async def test_a_dropped_connection_is_closed() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)

    pool.drop(await served(await pool.take(), upstreams))

    assert pool.statistics() == PoolStatistics(0, 0, 0)
    assert await upstreams.open() == 0


@pytest.mark.parametrize("spoil", [MemoryWire.close, MemoryWire.send_end])
async def test_a_connection_the_upstream_closed_meanwhile_is_not_taken(spoil) -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)
    first = await served(await pool.take(), upstreams)
    pool.put(first, trio.current_time())
    done = spoil(upstreams.ends[0])
    if done is not None:
        await done

    leg = await pool.take()

    assert leg is not first
    assert not leg.reused
    assert pool.statistics().idle == 0


async def test_a_connection_on_which_something_was_said_unasked_is_not_taken() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)
    pool.put(await served(await pool.take(), upstreams), trio.current_time())
    await upstreams.ends[0].send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    assert not (await pool.take()).reused
    assert await upstreams.open() == 1


async def test_a_fresh_one_is_fresh_and_the_others_stay() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)
    pool.put(await served(await pool.take(), upstreams), trio.current_time())

    leg = await pool.take(fresh=True)

    assert not leg.reused
    assert pool.statistics() == PoolStatistics(busy=1, idle=1, waiting=0)


async def test_idle_ones_count_among_the_most_connections() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams, size=1)
    pool.put(await served(await pool.take(), upstreams), trio.current_time())

    await pool.take(fresh=True)

    assert await upstreams.open() == 1


async def test_who_waited_is_given_the_connection_that_was_put_back() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams, size=1)
    first = await served(await pool.take(), upstreams)
    taken = []

    async def wait() -> None:
        taken.append(await pool.take())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert pool.statistics() == PoolStatistics(busy=1, idle=0, waiting=1)
        pool.put(first, trio.current_time())

    assert taken == [first]
    assert len(upstreams.ends) == 1


async def test_waiting_exchanges_are_served_in_their_order_and_before_newcomers() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams, size=1)
    leg = await served(await pool.take(), upstreams)
    order = []

    async def wait(name: str) -> None:
        leg = await pool.take()
        order.append(name)
        pool.put(await served(leg, upstreams), trio.current_time())

    async with trio.open_nursery() as nursery:
        for name in ("first", "second"):
            nursery.start_soon(wait, name)
            await trio.testing.wait_all_tasks_blocked()
        pool.put(leg, trio.current_time())
        nursery.start_soon(wait, "newcomer")

    assert order == ["first", "second", "newcomer"]
    assert pool.statistics() == PoolStatistics(busy=0, idle=1, waiting=0)


def test_an_exchange_does_not_wait_for_ever() -> None:
    async def story() -> None:
        pool = pool_of(Upstreams(), size=1, wait=5)
        await pool.take()

        with pytest.raises(UpstreamError, match="all 1 connections") as caught:
            await pool.take()

        assert (caught.value.status, trio.current_time()) == (504, pytest.approx(5))
        assert "--pool-size" in caught.value.hint
        assert pool.statistics() == PoolStatistics(busy=1, idle=0, waiting=0)

    in_no_time(story)


async def test_who_gives_up_waiting_leaves_the_queue() -> None:
    pool = pool_of(Upstreams(), size=1)
    leg = await pool.take()

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.take)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    pool.drop(leg)

    assert pool.statistics() == PoolStatistics(0, 0, 0)
    await pool.take()


async def test_a_turn_given_to_somebody_who_leaves_at_that_moment_is_passed_on() -> None:
    pool = pool_of(Upstreams(), size=1)
    leg = await pool.take()
    got = []

    async def wait() -> None:
        got.append(await pool.take())

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as leaving:
                leaving.start_soon(pool.take)
                await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(wait)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()  # first in the queue, and now on its way out
                pool.drop(leg)
        with trio.fail_after(1):
            await trio.testing.wait_all_tasks_blocked()
            assert len(got) == 1

    assert pool.statistics() == PoolStatistics(busy=1, idle=0, waiting=0)


async def test_a_dial_that_fails_takes_no_place() -> None:
    async def fail() -> Http1Upstream:
        raise UpstreamError("nothing listens")

    pool = Pool(fail, size=1, idle=15, wait=5)

    for _ in range(3):
        with pytest.raises(UpstreamError):
            await pool.take()

    assert pool.statistics() == PoolStatistics(0, 0, 0)


async def test_a_dial_that_is_cancelled_takes_no_place() -> None:
    pool = Pool(trio.sleep_forever, size=1, idle=15, wait=5)

    with trio.move_on_after(0):
        await pool.take()

    assert pool.statistics() == PoolStatistics(0, 0, 0)


async def test_connections_idle_for_too_long_are_closed_and_no_others() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams, idle=15)
    first, second = [await served(await pool.take(), upstreams) for _ in range(2)]
    pool.put(first, 100)
    pool.put(second, 110)

    pool.sweep(115)
    assert pool.statistics().idle == 2
    pool.sweep(120)
    assert pool.statistics().idle == 1
    assert await pool.take() is second


async def test_closing_closes_the_idle_ones() -> None:
    upstreams = Upstreams()
    pool = pool_of(upstreams)
    for leg in [await served(await pool.take(), upstreams) for _ in range(2)]:
        pool.put(leg, 0)

    pool.close()

    assert (await upstreams.open(), pool.statistics()) == (0, PoolStatistics(0, 0, 0))


@pytest.mark.parametrize("size", [1, 3])
def test_under_load_there_are_never_more_connections_than_allowed(size: int) -> None:
    async def story() -> None:
        upstreams = Upstreams()
        pool = pool_of(upstreams, size=size, wait=1000)
        most = 0

        async def exchange() -> None:
            nonlocal most
            for _ in range(5):
                leg = await served(await pool.take(), upstreams)
                await trio.sleep(0.1)
                pool.put(leg, trio.current_time())
                most = max(most, await upstreams.open())

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(exchange)

        assert (most, len(upstreams.ends)) == (size, size)
        assert pool.statistics() == PoolStatistics(busy=0, idle=size, waiting=0)

    in_no_time(story)
