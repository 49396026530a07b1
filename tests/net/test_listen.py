"""Listen: one port on every address, who gives way to whom, and accepting that nothing can stop."""

import errno
import socket
import sys
from collections.abc import Callable, Iterator

import pytest
import trio
import trio.testing

from tests.helpers.wire import in_no_time
from tunnel.errors import TunnelError
from tunnel.model.address import Listen
from tunnel.net import listen
from tunnel.net.listen import accept, bind

pytestmark = pytest.mark.anyio


def busy(host: str, port: int, error: OSError) -> TunnelError:
    return TunnelError(f"{host} {port} {errno.errorcode[error.errno or 0]}")


def ports(sockets: list[socket.socket]) -> list[tuple[str, int]]:
    """Where sockets listen; they are closed."""
    names = [sock.getsockname()[:2] for sock in sockets]
    for sock in sockets:
        sock.close()
    return names


@pytest.fixture(params=["127.0.0.1", "::1"])
def taken(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A port that somebody else has, with free ones behind it."""
    with socket.socket(socket.AF_INET6 if ":" in request.param else socket.AF_INET) as sock:
        sock.bind((request.param, 0))
        sock.listen()
        yield sock.getsockname()[:2]


def test_port_0_is_the_same_on_both_families() -> None:
    (first, port), (second, other) = ports(bind(Listen(port=0, named=True), busy))

    assert (first, second) == ("127.0.0.1", "::1")
    assert port == other != 0


def test_a_port_the_system_chose_that_is_taken_on_the_other_family_is_chosen_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []
    real = listen._bind_all

    def unlucky_once(hosts: tuple[str, ...], port: int, interface: str) -> list[socket.socket]:
        tries.append(port)
        if len(tries) == 1:
            raise listen._CannotBind("::1", 40000, OSError(errno.EADDRINUSE, "in use"))
        return real(hosts, port, interface)

    monkeypatch.setattr(listen, "_bind_all", unlucky_once)

    assert len(ports(bind(Listen(port=0, named=True), busy))) == 2
    assert tries == [0, 0]


def test_a_default_port_that_is_taken_gives_way_to_the_next_free_one(taken: tuple[str, int]) -> None:
    (_, port), (_, other) = ports(bind(Listen(port=taken[1], named=False), busy))

    assert port == other
    assert taken[1] < port < taken[1] + 64


def test_a_named_port_does_not_give_way_and_the_holder_is_asked_for(taken: tuple[str, int]) -> None:
    host, port = taken

    with pytest.raises(TunnelError, match=f"{host} {port} EADDRINUSE"):
        bind(Listen(port=port, named=True), busy)

    with pytest.raises(ConnectionRefusedError):  # what was bound on the other family was closed again
        socket.create_connection(("::1" if host == "127.0.0.1" else "127.0.0.1", port))


def test_when_every_port_is_taken_the_first_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(hosts: tuple[str, ...], port: int, interface: str) -> list[socket.socket]:
        raise listen._CannotBind(hosts[0], port, OSError(errno.EADDRINUSE, "in use"))

    monkeypatch.setattr(listen, "_bind_all", never)

    with pytest.raises(TunnelError, match=r"127\.0\.0\.1 62893 EADDRINUSE"):
        bind(Listen(), busy)


def test_an_address_that_is_not_there_is_left_out_unless_it_is_the_first() -> None:
    missing = "fd00::1234:5678"

    assert [host for host, _ in ports(bind(Listen(("127.0.0.1", missing), 0), busy))] == ["127.0.0.1"]
    with pytest.raises(TunnelError, match="EADDRNOTAVAIL"):
        bind(Listen((missing, "127.0.0.1"), 0), busy)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can bind to an interface")
def test_one_interface_is_bound_and_this_machine_itself_still_reaches_it() -> None:
    """The weak host model: without it a packet for the address is taken from whatever interface it comes in on."""
    sockets = bind(Listen(("127.0.0.1",), 0, interface="lo"), busy)
    devices = [sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") for sock in sockets]
    ports(sockets)

    assert devices == [b"lo"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can bind to an interface")
def test_where_the_system_does_not_allow_that_the_address_alone_is_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "only", lambda sock, device: False)

    assert len(ports(bind(Listen(("127.0.0.1",), 0, interface="eth0"), busy))) == 1


def test_a_restart_need_not_wait() -> None:
    (sock,) = bind(Listen(("127.0.0.1",), 0), busy)
    port = sock.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        accepted = None
        while accepted is None:
            try:
                accepted, _ = sock.accept()
            except BlockingIOError:
                pass
        accepted.close()  # we close first, so the TIME_WAIT is ours
        assert client.recv(1) == b""
    sock.close()

    assert ports(bind(Listen(("127.0.0.1",), port, named=True), busy)) == [("127.0.0.1", port)]


class Doorway:
    """What `accept` is given and tells."""

    def __init__(self) -> None:
        self.accepted: list[socket.socket] = []
        self.troubles: list[TunnelError] = []
        self.room = True

    async def open(self, listener: socket.socket, *, room: Callable[[], bool] | None = None) -> None:
        await accept(listener, self.accepted.append, room=room or (lambda: self.room), trouble=self.troubles.append)

    def close(self) -> None:
        for sock in self.accepted:
            sock.close()


async def test_connections_are_handed_over_without_delay_or_waiting() -> None:
    (listener,) = bind(Listen(("127.0.0.1",), 0), busy)
    doorway = Doorway()
    with listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(doorway.open, listener)
            clients = [socket.create_connection(listener.getsockname()) for _ in range(100)]
            with trio.fail_after(5):
                while len(doorway.accepted) < 100:
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    assert not doorway.accepted[0].getblocking()
    assert doorway.accepted[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    doorway.close()
    for client in clients:
        client.close()


async def test_who_lets_others_go_first_takes_the_connection_later(autojump_clock: trio.testing.MockClock) -> None:
    (listener,) = bind(Listen(("127.0.0.1",), 0), busy)
    waits = [1.0, 2.0, 0.0]
    doorway, arrived = Doorway(), trio.Event()

    def start(sock: socket.socket) -> None:
        doorway.accepted.append(sock)
        arrived.set()

    def wait() -> float:
        return waits.pop(0) if waits else 0.0

    async def open() -> None:
        await accept(listener, start, room=lambda: True, trouble=doorway.troubles.append, wait=wait)

    with listener, socket.create_connection(listener.getsockname()):
        async with trio.open_nursery() as nursery:
            began = trio.current_time()
            nursery.start_soon(open)
            await arrived.wait()
            assert trio.current_time() - began == pytest.approx(3.0)
            assert waits == []
            nursery.cancel_scope.cancel()
    doorway.close()


class Exhausted(socket.socket):
    """A listener on a system that is out of something for a while."""

    errors: list[int]

    def accept(self) -> tuple[socket.socket, object]:
        if self.errors:
            raise OSError(self.errors.pop(0), "Too many open files")
        return super().accept()


@pytest.mark.parametrize(
    ("errors", "troubles"),
    [
        ([errno.EMFILE], 1),
        ([errno.ENFILE, errno.ENOBUFS, errno.ENOMEM], 3),
        ([errno.ECONNABORTED, errno.EPROTO], 0),
        ([errno.EINTR, errno.EAGAIN], 0),
    ],
)
def test_accepting_goes_on_when_the_system_is_out_of_something(errors: list[int], troubles: int) -> None:
    async def story() -> None:
        listener = Exhausted(socket.AF_INET, socket.SOCK_STREAM)
        listener.errors = list(errors)
        doorway = Doorway()
        with listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.setblocking(False)
            with socket.create_connection(listener.getsockname()):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(doorway.open, listener)
                    await trio.sleep(1)  # ten of its pauses
                    assert doorway.accepted
                    nursery.cancel_scope.cancel()
        doorway.close()

        said = [trouble.what for trouble in doorway.troubles]
        assert said == ["cannot accept a connection: too many open files"] * troubles

    in_no_time(story)


def test_while_there_is_no_room_clients_wait_in_the_kernels_queue() -> None:
    async def story() -> None:
        (listener,) = bind(Listen(("127.0.0.1",), 0), busy)
        doorway = Doorway()
        doorway.room = False
        with listener, socket.create_connection(listener.getsockname()):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(doorway.open, listener)
                await trio.sleep(10)
                assert not doorway.accepted
                doorway.room = True
                await trio.sleep(1)
                assert len(doorway.accepted) == 1
                nursery.cancel_scope.cancel()
        doorway.close()

    in_no_time(story)
