"""Sniff: what the first byte begins, without taking it."""

import pytest
import trio
import trio.testing

from tests.helpers.wire import in_no_time, open_wires
from tunnel.net.sniff import Speech, sniff

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "speech"),
    [
        (b"\x16\x03\x01\x02\x00\x01", Speech.TLS),
        (b"\x16", Speech.TLS),
        (b"GET / HTTP/1.1\r\n", Speech.PLAIN),
        (b"\x00", Speech.PLAIN),
        (b"\x15\x03\x01", Speech.PLAIN),
        (b"PRI * HTTP/2.0", Speech.PLAIN),
    ],
)
async def test_the_first_byte_tells_and_all_are_still_there(said: bytes, speech: Speech) -> None:
    async with open_wires("socket") as (client, ours):
        await client.send(said)

        assert await sniff(ours, float("inf")) is speech
        assert await ours.receive() == said


async def test_it_waits_for_the_first_byte() -> None:
    async with open_wires("socket") as (client, ours), trio.open_nursery() as nursery:
        found = []

        async def look() -> None:
            found.append(await sniff(ours, float("inf")))

        nursery.start_soon(look)
        await trio.testing.wait_all_tasks_blocked()
        assert not found
        await client.send(b"G")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert found == [Speech.PLAIN]


async def test_a_client_that_leaves_at_once_says_nothing() -> None:
    async with open_wires("socket") as (client, ours):
        client.close()

        assert await sniff(ours, float("inf")) is Speech.NOTHING


def test_a_client_that_says_nothing_in_time_says_nothing() -> None:
    async def story() -> None:
        async with open_wires("socket", 1000) as (_, ours):
            assert await sniff(ours, trio.current_time() + 75) is Speech.NOTHING
            assert trio.current_time() == pytest.approx(75, abs=1)

    in_no_time(story)
