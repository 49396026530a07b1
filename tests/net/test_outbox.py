"""Outbox: what many send in one turn leaves at its end, in order, all of it; and who is alone sends at once."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.wire import all_of, in_no_time, socket_wires, tls_wires
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.wire import WireError

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def busy_wires(kind: str = "socket", *, room: int = 0) -> AsyncIterator[tuple[SocketWire, SocketWire, Sweep]]:
    """Both ends of a connection, and their sweep in a turn of the loop behind one in which many sent.

    Args:
      kind: "socket" or "tls".
      room: Bytes that the near end's kernel holds; 0 for as many as it likes.
    """
    sweep = Sweep()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            near, far = await tls_wires(sweep) if kind == "tls" else socket_wires(sweep)
            if room:
                near.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
            await many_send(sweep)
            try:
                yield near, far, sweep
            finally:
                near.close()
                far.close()
                nursery.cancel_scope.cancel()


async def many_send(sweep: Sweep) -> None:
    """Come to the turn behind one in which many sent."""
    await trio.lowlevel.checkpoint()
    sweep.outbox.sends = 100
    await trio.lowlevel.checkpoint()
    while not sweep.outbox.busy:
        sweep.outbox.sends = 100
        await trio.lowlevel.checkpoint()


def nothing_came(wire: SocketWire) -> bool:
    """Whether the kernel has nothing for a wire."""
    try:
        wire.sock.recv(1, socket.MSG_PEEK) if type(wire.sock) is socket.socket else wire.sock.read(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    return False


@pytest.mark.parametrize("kind", ["socket", "tls"])
async def test_while_many_send_a_whole_message_leaves_at_the_end_of_the_turn(kind: str) -> None:
    async with busy_wires(kind) as (near, far, _):
        assert near.try_send(b"whole", whole=True) == 5
        assert nothing_came(far)
        assert await far.receive(later=True) == b"whole"


async def test_who_is_alone_sends_at_once() -> None:
    async with busy_wires() as (near, far, sweep):
        for _ in range(3):
            await trio.lowlevel.checkpoint()  # turns in which nobody sends
        assert not sweep.outbox.busy
        near.try_send(b"whole", whole=True)
        assert not nothing_came(far)


async def test_where_no_sweep_runs_nothing_is_held() -> None:
    sweep = Sweep()
    near, far = socket_wires(sweep)
    for _ in range(100):
        near.try_send(b"x", whole=True)
    await trio.lowlevel.checkpoint()
    near.try_send(b"y", whole=True)
    assert await far.receive() == b"x" * 100 + b"y"
    near.close()
    far.close()


async def test_as_many_as_keep_others_waiting_leave_before_the_turn_ends() -> None:
    async with busy_wires() as (near, far, sweep):
        others = [socket_wires(sweep) for _ in range(31)]
        near.try_send(b"first", whole=True)
        for here, _ in others:
            here.try_send(b"other", whole=True)
        assert not nothing_came(far)
        for pair in others:
            for end in pair:
                end.close()


async def test_the_beginning_of_a_message_is_not_held_and_passes_nothing_that_is() -> None:
    async with busy_wires() as (near, far, _):
        near.try_send(b"whole ", whole=True)
        near.try_send(b"begun ")
        assert not nothing_came(far)
        near.try_send(b"whole ", whole=True)
        await near.send(b"sent")
        near.close()
        assert await all_of(far) == b"whole begun whole sent"


@pytest.mark.parametrize("kind", ["socket", "tls"])
@pytest.mark.parametrize("ending", ["end", "close"])
async def test_an_end_comes_behind_what_is_held(kind: str, ending: str) -> None:
    async with busy_wires(kind) as (near, far, _):
        near.try_send(b"whole", whole=True)
        if ending == "end":
            await near.send_end()
        else:
            near.close()
        assert await all_of(far) == b"whole"


async def test_a_reset_sends_nothing_of_what_is_held() -> None:
    async with busy_wires() as (near, far, _):
        near.try_send(b"whole", whole=True)
        near.reset()
        assert await all_of(far) == b""


@pytest.mark.parametrize("kind", ["socket", "tls"])
async def test_what_the_kernel_does_not_take_is_sent_by_who_waits_for_an_answer(kind: str) -> None:
    """The peer has not read what came before: as one does that asks again and again, and reads later."""
    message = b"m" * 1_000_000
    async with busy_wires(kind, room=4096) as (near, far, _), trio.open_nursery() as nursery:
        assert near.try_send(message, whole=True) == len(message)
        answers: list[bytes] = []

        async def wait() -> None:
            answers.append(await near.receive(later=True))

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        came = 0
        while came < len(message):
            came += len(await far.receive())
        await far.send(b"thanks")
        while not answers:
            await trio.lowlevel.checkpoint()
        assert answers == [b"thanks"]


@pytest.mark.parametrize("kind", ["socket", "tls"])
async def test_behind_what_the_kernel_did_not_take_nothing_is_held(kind: str) -> None:
    """So a client that asks on and on, and reads nothing, is answered at the pace at which it reads."""
    message = b"m" * 1_000_000
    async with busy_wires(kind, room=4096) as (near, far, sweep), trio.open_nursery() as nursery:
        near.try_send(message, whole=True)
        await many_send(sweep)
        assert near.try_send(b"next", whole=True) == 0
        nursery.start_soon(near.send, b"next")
        came = b""
        while len(came) < len(message) + 4:
            came += await far.receive()
        assert came == message + b"next"


async def test_what_was_stuck_is_sent_before_an_answer_is_waited_for() -> None:
    async with busy_wires(room=4096) as (near, far, sweep), trio.open_nursery() as nursery:
        near.try_send(b"m" * 1_000_000, whole=True)
        await many_send(sweep)  # nobody waits for an answer yet

        async def read() -> None:
            came = 0
            while came < 1_000_000:
                came += len(await far.receive())
            await far.send(b"thanks")

        nursery.start_soon(read)
        assert await near.receive(later=True) == b"thanks"


async def test_what_cannot_be_sent_fails_who_waits_for_the_answer() -> None:
    async with busy_wires() as (near, _, _sweep):
        near.sock.shutdown(socket.SHUT_WR)
        near.try_send(b"whole", whole=True)
        with pytest.raises(WireError, match="broken pipe"):
            await near.receive(later=True)


def test_an_end_that_waits_for_a_peer_that_does_not_read_has_a_deadline() -> None:
    async def story() -> None:
        async with busy_wires(room=4096) as (near, _, sweep):
            await many_send(sweep)
            near.try_send(b"m" * 10_000_000, whole=True)
            began = trio.current_time()
            near.deadline = began + 1
            await near.send_end()
            assert 1 <= trio.current_time() - began <= 1 + 2 * sweep.INTERVAL

    in_no_time(story)


STEPS = st.lists(
    st.tuples(st.sampled_from(["whole", "begun", "sent", "turn", "quiet"]), st.binary(min_size=1, max_size=9)),
    max_size=30,
)


@given(STEPS)
def test_however_it_is_sent_it_arrives_in_order(steps: list[tuple[str, bytes]]) -> None:
    async def story() -> None:
        async with busy_wires() as (near, far, sweep):
            for step, data in steps:
                match step:
                    case "whole" | "begun":
                        assert near.try_send(data, whole=step == "whole") == len(data)
                    case "sent":
                        await near.send(data)
                    case "turn":
                        await many_send(sweep)
                    case _:
                        await trio.lowlevel.checkpoint()
            near.close()
            sent = b"".join(data for step, data in steps if step in ("whole", "begun", "sent"))
            assert await all_of(far) == sent

    trio.run(story)
