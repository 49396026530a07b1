"""Wire: one contract, kept by memory, sockets and TLS alike."""

import pytest
import trio
import trio.testing

from tests.helpers.wire import all_of, in_no_time, open_wires
from tunnel.net.wire import PIECE, WireError, memory_wires

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("kind", ["memory", "socket", "tls"])]

LONG = bytes(range(256)) * 20_000  # 5 MB, far more than any buffer between the ends


async def test_bytes_pass_both_ways(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        await near.send(b"ping")
        assert await far.receive() == b"ping"
        await far.send(b"pong")
        assert await near.receive() == b"pong"


async def test_a_receive_takes_at_most_what_it_asked_for_and_leaves_the_rest(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        await near.send(b"abcdef")

        assert [await far.receive(4), await far.receive(4)] == [b"abcd", b"ef"]


async def test_sending_nothing_is_not_an_end(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        await near.send(b"")
        await near.send(b"x")

        assert await far.receive() == b"x"


async def test_a_long_stream_arrives_whole_at_the_pace_of_its_reader(kind: str) -> None:
    async with open_wires(kind) as (near, far), trio.open_nursery() as nursery:
        sent = trio.Event()

        async def send() -> None:
            for at in range(0, len(LONG), PIECE):
                await near.send(LONG[at : at + PIECE])
            sent.set()
            await near.send_end()

        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert not sent.is_set()
        assert await all_of(far) == LONG


async def test_a_long_stream_arrives_whole_through_one_buffer_both_to_receive_and_to_send(kind: str) -> None:
    """As long bodies pass: what is sent must not change when the buffer is filled again."""
    async with open_wires(kind) as (near, there), open_wires(kind) as (here, far):
        got = b""

        async def send() -> None:
            await near.send(LONG)
            await near.send_end()

        async def read() -> None:
            nonlocal got
            got = await all_of(far)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            nursery.start_soon(read)
            buffer = memoryview(bytearray(100_000))
            while size := await there.receive_into(buffer):
                await here.send(buffer[:size])
            assert await there.receive_into(buffer) == 0
            await here.send_end()
    assert got == LONG


async def test_what_a_look_for_the_peers_leaving_found_goes_into_the_buffer_first(kind: str) -> None:
    """The sweep looks while an upload waits for its upstream. What it found was passed over once: the rest never came."""
    async with open_wires(kind) as (near, far):
        buffer = memoryview(bytearray(100))
        await near.send(b"first ")
        assert await far.receive_into(buffer) == 6
        await near.send(b"second ")
        assert not far.left()
        await near.send(b"third")
        got = b"first "
        while len(got) < 18:
            got += buffer[: await far.receive_into(buffer[: 18 - len(got)])]
        assert got == b"first second third"


async def test_a_receive_into_a_buffer_fails_when_the_wire_is_broken_off(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        await near.send(b"last words")
        buffer = memoryview(bytearray(100))
        assert await far.receive_into(buffer) == 10

        async def wait() -> None:
            with pytest.raises(WireError, match="the client left"):
                await far.receive_into(buffer)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            far.break_off("the client left")


@pytest.mark.parametrize("first", [0, 1])
async def test_one_direction_may_end_while_the_other_goes_on(kind: str, first: int) -> None:
    async with open_wires(kind) as ends:
        ending, going_on = ends[first], ends[1 - first]
        await ending.send(b"last words")
        await ending.send_end()

        assert await all_of(going_on) == b"last words"
        assert await going_on.receive() == b""
        await going_on.send(b"still here")
        assert await ending.receive() == b"still here"
        await going_on.send_end()
        assert await ending.receive() == b""
        assert await ending.receive() == b""


async def test_both_directions_may_end_at_once(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        await near.send(b"a")
        await far.send(b"b")
        await near.send_end()
        await far.send_end()

        assert (await all_of(far), await all_of(near)) == (b"a", b"b")


async def test_an_end_is_told_although_bytes_wait_to_be_read(kind: str) -> None:
    """The peer is in the middle of its own stream when we end ours: neither may be lost."""
    async with open_wires(kind) as (near, far), trio.open_nursery() as nursery:
        await far.send(b"early")
        await near.send(b"question")
        await near.send_end()

        async def answer_at_the_end() -> None:
            assert await all_of(far) == b"question"
            await far.send(b" late")
            await far.send_end()

        nursery.start_soon(answer_at_the_end)
        with trio.fail_after(2):
            assert await all_of(near) == b"early late"


async def test_an_end_is_told_while_another_task_receives(kind: str) -> None:
    async with open_wires(kind) as (near, far), trio.open_nursery() as nursery:
        got = []

        async def receive() -> None:
            got.append(await all_of(near))

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await near.send_end()
        assert await far.receive() == b""
        await far.send(b"late")
        await far.send_end()
        with trio.fail_after(2):
            while not got:
                await trio.testing.wait_all_tasks_blocked()

        assert got == [b"late"]


async def test_nothing_can_be_sent_after_our_end(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        await near.send_end()
        with pytest.raises(WireError):
            await near.send(b"more")
        await far.send_end()
        assert await far.receive() == b""
        with pytest.raises(WireError):
            await far.send(b"more")


async def test_it_can_be_asked_whether_the_peer_has_left(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        assert not near.left()
        assert not near.pending()
        await far.send(b"bytes")
        assert not near.left()
        assert near.pending()
        assert await near.receive() == b"bytes"
        assert not near.pending()
        await far.send_end()

        assert near.left()
        assert near.left()
        assert await near.receive() == b""


async def test_bytes_before_the_end_are_not_lost_by_asking(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        await far.send(b"last")
        await far.send_end()

        assert not near.left()
        assert await all_of(near) == b"last"
        assert near.left()


async def test_asking_does_not_disturb_who_receives(kind: str) -> None:
    async with open_wires(kind) as (near, far), trio.open_nursery() as nursery:
        got = []

        async def receive() -> None:
            got.append(await near.receive())

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        assert not near.left()
        await far.send(b"x")
        await trio.testing.wait_all_tasks_blocked(0.01)

        assert got == [b"x"]


async def test_a_peer_that_closed_is_gone(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        far.close()

        with pytest.raises(WireError):
            for _ in range(100):
                await near.send(b"x" * PIECE)


async def test_closing_ends_a_wait_and_may_be_done_twice(kind: str) -> None:
    async with open_wires(kind) as (near, _), trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(WireError, match="closed"):
                await near.receive()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        near.close()
        near.close()
        assert near.left()


async def test_breaking_off_ends_waits_now_and_later(kind: str) -> None:
    async with open_wires(kind) as (near, far), trio.open_nursery() as nursery:
        seen = []

        async def receive() -> None:
            for _ in range(2):
                with pytest.raises(WireError) as caught:
                    await near.receive()
                seen.append(str(caught.value))

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        near.break_off("the client left")
        with trio.fail_after(2):
            while len(seen) < 2:
                await trio.testing.wait_all_tasks_blocked()

        assert seen == ["the client left"] * 2
        assert near.left()
        assert not far.left()


async def test_a_cancelled_receive_loses_nothing(kind: str) -> None:
    async with open_wires(kind) as (near, far):
        with trio.move_on_after(0.01):
            await near.receive()
        await far.send(b"x")

        assert await near.receive() == b"x"


def test_a_deadline_ends_a_receive_and_a_send_and_the_wire_can_be_used_again(kind: str) -> None:
    async def story() -> None:
        async with open_wires(kind, 100) as (near, far):
            near.deadline = trio.current_time() + 10
            with pytest.raises(WireError) as caught:
                await near.receive()
            assert caught.value.expired
            assert 10 <= trio.current_time() < 11

            near.deadline = trio.current_time() + 10
            with pytest.raises(WireError) as caught:
                while True:
                    await near.send(b"x" * PIECE)
            assert caught.value.expired
            assert 20 <= trio.current_time() < 22

            near.deadline = float("inf")
            await far.send(b"y")
            assert await near.receive() == b"y"

    in_no_time(story)


async def test_a_busy_stream_lets_others_run(kind: str) -> None:
    async with open_wires(kind) as (near, far), trio.open_nursery() as nursery:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        nursery.start_soon(count)
        for _ in range(200):
            await near.send(b"x")
            await far.receive()
        assert turns >= 10
        nursery.cancel_scope.cancel()


async def test_memory_is_bounded_by_its_pieces(kind: str) -> None:
    if kind != "memory":
        return
    near, _ = memory_wires(2)
    with trio.move_on_after(0.01) as scope:
        for _ in range(3):
            await near.send(b"x")

    assert scope.cancelled_caught
