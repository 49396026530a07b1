"""Server: accept connections, look after them while they run, and wind them down."""

import socket
import traceback
from collections.abc import Sequence
from time import perf_counter

import trio

from tunnel.errors import ClientError, TunnelError
from tunnel.http import answers, heads
from tunnel.model.origin import origin
from tunnel.net.counts import Count
from tunnel.net.crowd import Crowd
from tunnel.net.listen import accept
from tunnel.net.memory import give_back
from tunnel.net.sweep import Sweep
from tunnel.proxy.connection import connection
from tunnel.proxy.forward import Caller
from tunnel.proxy.way import Way

_LONG = 0.5  # seconds after which a running exchange is shown before it ends
_CROWD = 1000  # connections; when so many have left, their memory goes back to the system
_SETTLED = 1.0  # seconds after the start, or between two attempts, to import what the start did not wait for
_FEWEST = 8  # connections that each address of a network may have, however few there may be
_LOOKED = 64  # connections looked at in one go: 0.4 ms where each has to ask the kernel


class Server:
    """Serves one front.

    Args:
      way: What its exchanges share.
      listeners: Bound, listening sockets; closed by `run`.
      count: Of open connections, here and in other processes that share the listeners.
      crowded: What to notice when `limits.connections` are open and one more waits; None for nothing.
    """

    def __init__(
        self, way: Way, listeners: Sequence[socket.socket], count: Count, crowded: TunnelError | None = None
    ) -> None:
        self._way = way
        self._crowded = crowded
        self._listeners = listeners
        self._count = count
        # Whoever can reach a share can connect to it, and must not keep those out who were let in.
        self._crowd = Crowd(max(_FEWEST, way.limits.connections // 4)) if way.guard is not None else None
        self.callers: set[Caller] = set()
        self._leaving: set[Caller] = set()

    async def run(self, stopping: trio.Event) -> None:
        """Serve until `stopping`, then let running exchanges end for `limits.shutdown` seconds.

        Resource handling: the listeners are closed when accepting ends, connections when this returns.
        Error handling: an error of one connection ends that one and is noticed; only bugs here propagate.
        Cancelled: everything stops at once.
        """
        way = self._way
        pools = [way.pool] if way.guard is None else [way.pool, way.guard.pages]
        way.sweep.chores += [pool.sweep for pool in pools]
        try:
            async with trio.open_nursery() as beside:
                beside.start_soon(way.sweep.run)
                beside.start_soon(self._look_after)
                beside.start_soon(self._prepare)
                async with trio.open_nursery() as connections:
                    await self._accept(connections, stopping)
                    self._wind_down()
                    connections.cancel_scope.deadline = trio.current_time() + way.limits.shutdown
                beside.cancel_scope.cancel()
        finally:
            for pool in pools:
                pool.close()

    @property
    def running(self) -> int:
        """How many exchanges run now that will end by themselves."""
        return sum(caller.record is not None and not caller.endless for caller in self.callers)

    def cut_off(self, device: int) -> None:
        """End every connection of a share's device, whatever runs on it: it is let in no more."""
        for caller in self.callers:
            if caller.device == device:
                caller.revoked = caller.closing = True
                if caller.record is not None:
                    caller.record.error = ClientError("the device was revoked", status=403)
                if caller.upstream is not None:
                    caller.upstream.break_off("the device was revoked")
                caller.client.wire.break_off("the device was revoked")

    async def _accept(self, connections: trio.Nursery, stopping: trio.Event) -> None:
        def start(sock: socket.socket) -> None:
            address = origin(_address(sock)) if self._crowd is not None else ""
            if self._crowd is not None and not self._crowd.comes(address):
                sock.close()
                self._way.notice(_too_many(address, self._crowd.most))
                return
            self._count.opened()
            connections.start_soon(self._connection, sock, address)

        def room() -> bool:
            if self._count.total() < self._way.limits.connections:
                return True
            if self._crowded is not None:
                self._way.notice(self._crowded)
            return False

        try:
            async with trio.open_nursery() as accepting:
                for listener in self._listeners:
                    accepting.start_soon(
                        lambda at: accept(at, start, room=room, trouble=self._way.notice, wait=self._count.wait),
                        listener,
                    )
                await stopping.wait()
                accepting.cancel_scope.cancel()
        finally:
            for listener in self._listeners:
                listener.close()

    async def _connection(self, sock: socket.socket, address: str) -> None:
        try:
            await connection(sock, self._way, self.callers)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._way.notice(
                TunnelError(
                    f"a bug in tunnel ended one connection: {type(error).__name__}: {error}"
                    f" ({where.name}, {where.filename.rpartition('/')[2]}:{where.lineno})",
                    hint="please report this line; all other connections go on",
                )
            )
        finally:
            self._count.ended()
            if self._crowd is not None:
                self._crowd.leaves(address)

    async def _look_after(self) -> None:
        """Look at the running exchanges twice a second, until cancelled; thousands a few at a time, or all would wait."""
        most = 0  # connections open at once, since memory was last given back
        while True:
            before, self._leaving = self._leaving, set()
            callers = list(self.callers)
            handfuls = range(0, len(callers) or 1, _LOOKED)
            for at in handfuls:
                self._look(callers[at : at + _LOOKED], before)
                await trio.sleep(Sweep.INTERVAL / len(handfuls))
            most = max(most, len(self.callers))
            if most - len(self.callers) > max(_CROWD, len(self.callers)):
                most = len(self.callers)
                await trio.to_thread.run_sync(give_back)

    async def _prepare(self) -> None:
        """Import what few exchanges need, as soon as none runs that it would hold up: 6 ms."""
        while True:
            await trio.sleep(_SETTLED)
            if not self.running:
                heads.prepare()
                answers.prepare()
                return

    def _look(self, callers: list[Caller], leaving: set[Caller]) -> None:
        """Look at some: show those that are long, and end those whose client has left.

        A client that ended its direction may still read, so it is given until the next look for its answer to be whole.

        Args:
          leaving: Those whose client had left at the look before.
        """
        long_ago = perf_counter() - _LONG
        for caller in callers:
            record = caller.record
            if record is not None and not record.live and record.started < long_ago:
                self._way.recorder.show(record)
            if caller.upstream is not None and caller.client.wire.left():
                self._leaving.add(caller)
                if caller in leaving:
                    caller.left = True
                    caller.upstream.break_off("the client left")

    def _wind_down(self) -> None:
        """Have idle connections end now, endless exchanges too, and running ones after their answer."""
        for caller in self.callers:
            caller.closing = True
            if caller.record is None:
                caller.client.wire.break_off("the tunnel was stopped")
            elif caller.endless and caller.upstream is not None:
                caller.upstream.break_off("the tunnel was stopped")


def _address(sock: socket.socket) -> str:
    """Return a client's address; nothing where it has left already."""
    try:
        return str(sock.getpeername()[0])
    except OSError:
        return ""


def _too_many(address: str, most: int) -> TunnelError:
    return TunnelError(
        f"{address} has {most} connections open, and more of it are closed at once",
        hint=f"who is it? To keep it out: tunnel share --deny {address} …; to allow each more: --max-connections",
    )
