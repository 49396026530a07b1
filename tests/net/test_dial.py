"""Dial: every address of a name, a server that starts a moment later, and the sentence for each failure."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.helpers.wire import contexts, in_no_time
from tunnel.errors import UpstreamError
from tunnel.model.address import Target, parse_target
from tunnel.net import dial
from tunnel.net.dial import Dialler, Place
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.tls import HandshakeFailed, serve_tls

pytestmark = pytest.mark.anyio


def listening(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen()
    return sock


def a_free_port() -> int:
    with listening() as sock:
        return sock.getsockname()[1]


def dialler(
    target: str | Target, wait: float = 0, context: ssl.SSLContext | None = None, connect: float = 5
) -> Dialler:
    parsed = parse_target(target) if isinstance(target, str) else target
    return Dialler(parsed, Sweep(), connect=connect, wait=wait, context=context)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_localhost_is_found_on_either_family(host: str) -> None:
    with listening(host) as sock:
        port = sock.getsockname()[1]
        wire, address = await dialler(f"{port}").dial()

        assert address == (f"[::1]:{port}" if ":" in host else f"127.0.0.1:{port}")
        wire.close()


async def test_the_family_that_answered_is_tried_first_the_next_time() -> None:
    with listening("::1") as on_6:
        port = on_6.getsockname()[1]
        the = dialler(f"{port}")
        (await the.dial())[0].close()
        with listening("127.0.0.1", port):
            wire, address = await the.dial()
            wire.close()
        assert address == f"[::1]:{port}"

        on_6.close()
        with listening("127.0.0.1", port):
            wire, address = await the.dial()
            wire.close()
        assert address == f"127.0.0.1:{port}"


@pytest.mark.parametrize("target", ["127.0.0.1:{}", "http://localhost:{}", "[::ffff:127.0.0.1]:{}"])
async def test_addresses_and_names_are_dialled(target: str) -> None:
    with listening() as sock:
        wire, address = await dialler(target.format(sock.getsockname()[1])).dial()
        other, peer = sock.accept()
        other.close()

        assert wire.sock.getsockname()[1] == peer[1]
        assert address.endswith(f":{sock.getsockname()[1]}")
        wire.close()


async def test_bytes_pass_and_small_ones_are_not_held_back() -> None:
    with listening() as sock:
        wire, _ = await dialler(f"{sock.getsockname()[1]}").dial()
        other, _ = sock.accept()
        with other:
            await wire.send(b"ping")
            assert other.recv(10) == b"ping"
        assert wire.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        wire.close()


async def test_a_unix_socket_is_dialled(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "app.sock"))
        sock.listen()
        wire, address = await dialler(f"unix:{tmp_path}/app.sock").dial()

        assert address == f"unix:{tmp_path}/app.sock"
        wire.close()


async def test_nothing_there_is_said_with_every_address_that_was_tried() -> None:
    port = a_free_port()

    with pytest.raises(UpstreamError) as caught:
        await dialler(f"{port}").dial()

    assert caught.value.what == f"nothing listens on 127.0.0.1:{port} and [::1]:{port}"
    assert caught.value.status == 502
    assert "start your service" in caught.value.hint


async def test_a_missing_unix_socket_is_said_alike(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="nothing listens on unix:"):
        await dialler(f"unix:{tmp_path}/none.sock").dial()


async def test_a_unix_socket_whose_queue_is_full_is_not_taken_for_connected(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(path)

        with trio.fail_after(5), pytest.raises(UpstreamError) as caught:
            await dialler(f"unix:{path}").dial()

        assert caught.value.status == 504
        for client in waiting:
            client.close()


async def test_a_path_that_is_too_long_is_a_plain_failure() -> None:
    with pytest.raises(UpstreamError, match="too long"):
        await dialler("unix:/" + "x" * 200, wait=10).dial()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_a_server_that_starts_a_moment_later_is_waited_for(kind: str, tmp_path: Path) -> None:
    port, path = a_free_port(), str(tmp_path / "app.sock")
    attempts = 0
    started: list[socket.socket] = []

    class Watched(Dialler):
        async def _attempt(self, place: Place) -> socket.socket:
            nonlocal attempts
            attempts += 1
            if attempts == 5:
                if kind == "tcp":
                    started.append(listening("127.0.0.1", port))
                else:
                    started.append(socket.socket(socket.AF_UNIX))
                    started[0].bind(path)
                    started[0].listen()
            return await super()._attempt(place)

    target = parse_target(f"{port}" if kind == "tcp" else f"unix:{path}")
    with trio.fail_after(5):
        wire, _ = await Watched(target, Sweep(), connect=5, wait=5, context=None).dial()

    assert attempts >= 5
    wire.close()
    started[0].close()


def test_a_server_that_never_starts_is_waited_for_as_long_as_was_said() -> None:
    async def story() -> None:
        with pytest.raises(UpstreamError, match="nothing listens"):
            await dialler(f"{a_free_port()}", wait=2).dial()
        assert trio.current_time() == pytest.approx(2, abs=0.1)

    in_no_time(story)


def test_an_address_that_does_not_answer_is_given_up_with_504(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async def never(sock: object) -> None:
            await trio.sleep_forever()

        with listening() as sock:
            monkeypatch.setattr(dial.trio.lowlevel, "wait_writable", never)
            with pytest.raises(UpstreamError, match="cannot connect to") as caught:
                await dialler(f"127.0.0.1:{sock.getsockname()[1]}", wait=60).dial()
            assert caught.value.status == 504
            assert trio.current_time() == pytest.approx(5)

    in_no_time(story)


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "x" * 70 + ".test"])
async def test_a_name_without_an_address_is_said_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(host: str, *args: object, **kwargs: object) -> None:
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(trio.socket, "getaddrinfo", unknown)

    with pytest.raises(UpstreamError, match="has no address"):
        await dialler(Target("http", name, 80), wait=60).dial()


async def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening("::1") as sock:
        port = sock.getsockname()[1]

        async def both(*args: object, **kwargs: object) -> list:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            ]

        monkeypatch.setattr(trio.socket, "getaddrinfo", both)
        wire, address = await dialler(f"http://app.test:{port}").dial()

        assert address == f"[::1]:{port}"
        wire.close()


async def test_a_cancelled_dial_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []
    real = socket.socket

    def watched(*args: object) -> socket.socket:
        opened.append(real(*args))
        return opened[-1]

    async def never(sock: object) -> None:
        await trio.sleep_forever()

    with listening() as sock:
        monkeypatch.setattr(dial.socket, "socket", watched)
        monkeypatch.setattr(dial.trio.lowlevel, "wait_writable", never)
        with trio.move_on_after(0.01):
            await dialler(f"127.0.0.1:{sock.getsockname()[1]}").dial()

    assert opened
    assert all(each.fileno() < 0 for each in opened)


# TLS upstreams.


@asynccontextmanager
async def tls_upstream(answer: bytes = b"") -> AsyncIterator[int]:
    """A TLS server for localhost that greets, or one that says `answer` in plain text whatever it hears."""
    with listening() as sock:
        sock.setblocking(False)
        accepting = trio.socket.from_stdlib_socket(sock.dup())
        opened: list[SocketWire] = []

        async def serve() -> None:
            while True:
                accepted, _ = await accepting.accept()
                plain = socket.socket(fileno=accepted.detach())
                plain.setblocking(False)
                wire = SocketWire(plain, Sweep())
                try:
                    if answer:
                        await wire.receive()
                        await wire.send(answer)
                        await wire.send_end()
                    else:
                        wire = await serve_tls(wire, contexts()[0])
                        await wire.send(b"hello")
                except HandshakeFailed:
                    pass  # it is closed
                else:
                    opened.append(wire)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            try:
                yield sock.getsockname()[1]
            finally:
                nursery.cancel_scope.cancel()
                accepting.close()
                for wire in opened:
                    wire.close()


async def test_a_tls_upstream_is_verified_and_spoken_to() -> None:
    async with tls_upstream() as port:
        wire, address = await dialler(f"https://localhost:{port}", context=contexts()[1]).dial()

        assert await wire.receive() == b"hello"
        assert address == f"127.0.0.1:{port}"
        wire.close()


@pytest.mark.parametrize("target", ["https://localhost:{}", "https://127.0.0.1:{}"])
async def test_an_untrusted_certificate_is_refused_with_the_way_to_accept_it(target: str) -> None:
    async with tls_upstream() as port:
        with pytest.raises(UpstreamError) as caught:
            await dialler(target.format(port), context=ssl.create_default_context()).dial()

    assert f"no TLS with the upstream at 127.0.0.1:{port}: its certificate is not trusted" in caught.value.what
    assert "https+insecure://" in caught.value.hint
    assert caught.value.status == 502


async def test_an_upstream_in_plain_text_is_recognised_with_the_way_to_name_it() -> None:
    async with tls_upstream(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        with pytest.raises(UpstreamError) as caught:
            await dialler(f"https://localhost:{port}", context=contexts()[1]).dial()

    assert f"tunnel http://localhost:{port}" in caught.value.hint


async def test_a_server_that_dies_in_its_handshake_is_dialled_again() -> None:
    """It restarts: with its end go the connections that it had accepted."""
    deaths = 3
    async with tls_upstream() as port, trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def relayed(client: trio.SocketStream) -> None:
            nonlocal deaths
            async with client:
                if deaths:
                    deaths -= 1
                    return
                async with await trio.open_tcp_stream("127.0.0.1", port) as there, trio.open_nursery() as both:
                    both.start_soon(copied, client, there)
                    both.start_soon(copied, there, client)

        nursery.start_soon(trio.serve_listeners, relayed, listeners)
        relay = listeners[0].socket.getsockname()[1]
        wire, _ = await dialler(f"https://localhost:{relay}", context=contexts()[1], wait=5).dial()
        assert await wire.receive() == b"hello"
        assert deaths == 0
        wire.close()
        nursery.cancel_scope.cancel()


async def copied(one: trio.SocketStream, other: trio.SocketStream) -> None:
    async for piece in one:
        await other.send_all(piece)


def test_an_upstream_that_does_not_finish_its_handshake_is_given_up_with_504() -> None:
    async def story() -> None:
        sweep = Sweep()
        with listening() as sock:
            target = parse_target(f"https://127.0.0.1:{sock.getsockname()[1]}")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sweep.run)
                with pytest.raises(UpstreamError, match="within 5 s") as caught:
                    await Dialler(target, sweep, connect=5, wait=60, context=contexts()[1]).dial()
                assert caught.value.status == 504
                assert trio.current_time() == pytest.approx(5, abs=1)
                nursery.cancel_scope.cancel()
        assert not sweep.wires

    in_no_time(story)
