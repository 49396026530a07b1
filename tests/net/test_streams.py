"""Streams: what only real sockets and TLS can do: break, end raggedly, be reset, and be swept."""

import ssl

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from tests.helpers.wire import all_of, in_no_time, open_wires, socket_wires, tls_wires
from tunnel.net.streams import SocketWire, in_words
from tunnel.net.sweep import Sweep
from tunnel.net.tls_streams import TlsWire
from tunnel.net.wire import WireError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", ["socket", "tls"])
async def test_a_reset_is_an_error_to_the_peer_and_not_an_end(kind: str) -> None:
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    sweep = Sweep()
    async with listener[0]:
        plain = await trio.open_tcp_stream("127.0.0.1", listener[0].socket.getsockname()[1])
        accepted = await listener[0].accept()
    near, far = (SocketWire(socket_of(stream), sweep) for stream in (plain, accepted))
    await near.send(b"half an ans")
    near.reset()

    with pytest.raises(WireError, match="reset"):
        await all_of(far)
    far.close()
    assert not sweep.wires


def socket_of(stream: trio.SocketStream):
    """A stream's socket, taken away from it."""
    import socket

    sock = socket.socket(fileno=stream.socket.detach())
    sock.setblocking(False)
    return sock


async def test_a_tls_client_that_drops_the_connection_has_ended() -> None:
    """Nothing depends on a client's close_notify, and few send one."""
    client, server = await tls_wires(Sweep())
    await client.send(b"x")
    client.close()

    assert await all_of(server) == b"x"
    server.close()


async def test_a_tls_upstream_that_drops_the_connection_may_have_been_cut_short() -> None:
    client, server = await tls_wires(Sweep())
    await server.send(b"x")
    assert await client.receive() == b"x"
    server.close()

    with pytest.raises(WireError, match="closed the connection"):
        await client.receive()
    assert client.left()
    client.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("first", [0, 1])
async def test_half_closes_work_in_both_versions_of_tls(version: ssl.TLSVersion, first: int) -> None:
    with trio.fail_after(5):
        ends = await tls_wires(Sweep(), version)
        ending, other = ends[first], ends[1 - first]
        await ending.send_end()
        assert await other.receive() == b""
        await other.send(b"late")
        await other.send_end()
        assert await all_of(ending) == b"late"
    for end in ends:
        end.close()


async def test_after_both_ends_nothing_leaves_in_plain_text() -> None:
    client, server = await tls_wires(Sweep())
    await client.send_end()
    assert await server.receive() == b""
    await server.send_end()

    with pytest.raises(WireError):
        await server.send(b"secret")
    assert await client.receive() == b""
    client.close()
    server.close()


async def test_an_end_behind_more_than_a_little_unread_leaves_with_the_reading() -> None:
    with trio.fail_after(10):
        async with open_wires("tls") as (near, far), trio.open_nursery() as nursery:
            long = b"x" * 8_000_000

            async def send() -> None:
                await far.send(long)
                assert await far.receive() == b""
                await far.send_end()

            nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked(0.01)
            await near.send_end()
            assert await all_of(near) == long


async def test_a_long_tls_stream_is_received_in_pieces_larger_than_a_record() -> None:
    async with open_wires("tls") as (near, far):
        await near.send(b"x" * 60_000)

        assert len(await far.receive()) > 16 * 1024


async def test_a_buffer_takes_all_tls_records_that_are_here_and_then_the_end() -> None:
    async with open_wires("tls") as (near, far):
        await near.send(b"x" * 60_000)
        await near.send_end()
        buffer = memoryview(bytearray(100_000))

        assert await far.receive_into(buffer) == 60_000
        assert await far.receive_into(buffer) == 0


def test_the_sweep_ends_waits_within_its_interval_and_leaves_others_alone() -> None:
    async def story() -> None:
        sweep = Sweep()
        (slow, _), (idle, _) = socket_wires(sweep), socket_wires(sweep)
        ticks: list[float] = []
        sweep.chores.append(ticks.append)

        async def wait_for_ever() -> None:
            await idle.receive()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            nursery.start_soon(wait_for_ever)
            slow.deadline = 15
            with pytest.raises(WireError) as caught:
                await slow.receive()
            assert caught.value.expired
            assert 15 <= trio.current_time() <= 15 + 2 * Sweep.INTERVAL
            nursery.cancel_scope.cancel()
        assert len(ticks) == pytest.approx(30, abs=2)
        for wire in list(sweep.wires):
            wire.close()
        assert not sweep.wires

    in_no_time(story)


def test_a_sweep_that_comes_late_counts_the_time_that_nobody_had_against_nobody() -> None:
    clock = MockClock(autojump_threshold=0)

    async def story() -> None:
        sweep = Sweep()
        ours, _ = socket_wires(sweep)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            ours.deadline = 10
            await trio.sleep(3)
            clock.jump(100)  # the process was suspended
            with pytest.raises(WireError) as caught:
                await ours.receive()
            assert caught.value.expired
            assert trio.current_time() == pytest.approx(110, abs=2)
            nursery.cancel_scope.cancel()
        for wire in list(sweep.wires):
            wire.close()

    trio.run(story, clock=clock)


def test_many_wires_are_swept_a_few_at_a_time_and_none_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel.net.sweep._HANDFUL", 2)
    late: list[float] = []

    async def story() -> None:
        sweep = Sweep()
        wires = [end for _ in range(5) for end in socket_wires(sweep)]

        async def wait(wire: SocketWire) -> None:
            wire.deadline = 10
            with pytest.raises(WireError):
                await wire.receive()
            late.append(trio.current_time() - 10)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep.run)
            async with trio.open_nursery() as waiting:
                for wire in wires:
                    waiting.start_soon(wait, wire)
            nursery.cancel_scope.cancel()
        for wire in wires:
            wire.close()

    in_no_time(story)
    assert len(late) == 10
    assert len(set(late)) == 5, "two at a time"
    assert 0 < min(late) <= max(late) <= 2 * Sweep.INTERVAL


def test_an_expired_wire_can_still_say_so() -> None:
    async def story() -> None:
        async with open_wires("socket", 100) as (ours, client):
            ours.deadline = trio.current_time() + 1
            with pytest.raises(WireError):
                await ours.receive()
            await ours.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
            assert (await client.receive()).startswith(b"HTTP/1.1 408")

    in_no_time(story)


async def test_a_wire_that_tls_took_over_is_swept_no_more() -> None:
    sweep = Sweep()
    client, server = await tls_wires(sweep)

    assert sweep.wires == {client, server}
    assert all(type(wire) is TlsWire for wire in sweep.wires)
    client.close()
    server.close()


def wants_a_certificate() -> ssl.SSLError:
    error = ssl.SSLError(1, "as OpenSSL raises it")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), "connection reset by peer"),
        (OSError("Odd"), "odd"),
        (ssl.SSLEOFError(8, "EOF occurred"), "it closed the connection"),
        (ssl.SSLZeroReturnError(6, "closed"), "it closed the connection"),
        (wants_a_certificate(), "it wants a certificate of its client, of which tunnel has none"),
    ],
)
def test_errors_are_told_in_words(error: OSError, words: str) -> None:
    assert in_words(error) == words
