"""The mix: every kind of client at once, each again and again, for a given time."""

import random
import traceback
from collections.abc import Awaitable, Callable

import trio

from tests.fire.soak import aborts, kinds
from tests.fire.soak.client import Place
from tests.fire.soak.tally import Tally
from tests.fire.soak.upstream import Upstream
from tests.fire.soak.visit import Visit

PATIENCE = 60.0  # seconds for one visit: the slowest take three on a quiet machine
MOST_TROUBLES = 20  # then it is of no use to go on
_PAUSE = 0.05  # seconds at most between two visits of one client: a tenth of it would leave the huge ones no room

# The kind, and how many such clients there are at once.
MIX: dict[Callable[[Visit], Awaitable[None]], int] = {
    kinds.keep_alive: 2,
    kinds.pipelined: 1,
    kinds.churn: 3,
    kinds.named: 1,
    kinds.statuses: 1,
    kinds.echo: 2,
    kinds.waiting_for_100: 1,
    kinds.huge_up: 1,
    kinds.huge_down: 1,
    kinds.events: 4,
    kinds.websocket: 3,
    kinds.slow_sender: 4,
    kinds.slow_reader: 2,
    aborts.in_the_handshake: 1,
    aborts.in_the_head: 1,
    aborts.behind_the_head: 1,
    aborts.in_the_body: 2,
    aborts.before_the_answer: 2,
    aborts.in_the_answer: 2,
    aborts.in_the_websocket: 1,
    aborts.no_request: 1,
    aborts.a_stranger: 1,
    aborts.too_much: 1,
    aborts.the_upstream: 2,
}


async def run_mix(place: Place, upstream: Upstream, tally: Tally, seconds: float) -> None:
    """Run all clients until the time is up, and let every visit end by itself.

    What a client did not get as it should have goes into the tally: the others go on, since an hour's soak should tell more
    than its first trouble.
    """
    end = trio.current_time() + seconds
    chance = random.Random()

    async def visits(kind: Callable[[Visit], Awaitable[None]]) -> None:
        name = kind.__name__
        while trio.current_time() < end and len(tally.troubles) < MOST_TROUBLES:
            tally.visits[name] += 1
            try:
                with trio.fail_after(PATIENCE):
                    await kind(Visit(name, place, upstream, tally, chance))
            except Exception as error:
                where = "".join(traceback.format_exception(error)[-3:])
                tally.troubles.append(f"{name}: {type(error).__name__}: {error}\n{where}")
            await trio.sleep(chance.uniform(0, _PAUSE))

    async with trio.open_nursery() as nursery:
        for kind, count in MIX.items():
            for _ in range(count):
                nursery.start_soon(visits, kind)
