"""No memory for sockets (ENOBUFS, ENOMEM): it passes, so it is tried again. By a fake where the kernel would say so."""

import errno
import socket

import pytest
import trio

from tests.helpers.wire import in_no_time, open_wires
from tunnel.errors import TunnelError, UpstreamError
from tunnel.model.address import parse_target
from tunnel.net.dial import Dialler
from tunnel.net.streams import SocketWire
from tunnel.net.sweep import Sweep
from tunnel.net.wire import WireError


class Short(socket.socket):
    """A socket on a system that is out of memory for a while."""

    errors: list[int]

    def _short(self) -> None:
        if self.errors:
            raise OSError(self.errors.pop(), "No buffer space available")

    def send(self, *args: object) -> int:  # type: ignore[override]
        self._short()
        return super().send(*args)  # type: ignore[arg-type]

    def recv(self, *args: object) -> bytes:  # type: ignore[override]
        self._short()
        return super().recv(*args)  # type: ignore[arg-type]

    def connect_ex(self, address: object) -> int:  # type: ignore[override]
        return self.errors.pop() if self.errors else super().connect_ex(address)  # type: ignore[arg-type]


def short_of_memory(wire: SocketWire, times: int) -> None:
    """Put a socket under a wire that fails so often."""
    sock = Short(fileno=wire.sock.detach())
    sock.setblocking(False)
    sock.errors = [errno.ENOBUFS, errno.ENOMEM] * times
    wire.sock = sock


def test_a_send_and_a_receive_that_find_no_memory_are_tried_again() -> None:
    async def story() -> None:
        async with open_wires("socket") as (ours, theirs):
            assert isinstance(ours, SocketWire)
            short_of_memory(ours, 2)
            assert ours.try_send(b"head") == 0
            await ours.send(b"head")
            assert await theirs.receive() == b"head"
            await theirs.send(b"answer")
            short_of_memory(ours, 2)
            assert await ours.receive() == b"answer"

    in_no_time(story)


def test_a_memory_shortage_that_does_not_end_meets_the_deadline() -> None:
    async def story() -> None:
        async with open_wires("socket", 1000) as (ours, _):
            assert isinstance(ours, SocketWire)
            short_of_memory(ours, 10_000)
            ours.deadline = trio.current_time() + 5
            with pytest.raises(WireError) as caught:
                await ours.send(b"head")
            assert caught.value.expired

    in_no_time(story)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOBUFS])
def test_an_upstream_is_dialled_again_while_something_has_run_out_and_it_is_not_blamed(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [number] * 3

    def opened(*args: int) -> Short:
        sock = Short(*args)
        sock.errors = errors
        return sock

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = parse_target(str(listener.getsockname()[1]))
            monkeypatch.setattr("tunnel.net.dial.socket.socket", opened)
            wire, _ = await Dialler(target, Sweep(), connect=5, wait=2, context=None).dial()
            wire.close()
            errors.extend([number] * 1000)
            with pytest.raises(TunnelError) as caught:
                await Dialler(target, Sweep(), connect=5, wait=2, context=None).dial()
        assert not isinstance(caught.value, UpstreamError)
        assert caught.value.status == 503

    in_no_time(story)
