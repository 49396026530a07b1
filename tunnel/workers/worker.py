"""Worker: one of several processes that serve a front. It accepts its part, and obeys the first process alone.

It serves as `run` does, with a recorder of its own, and prints its exchanges itself. When the first process is gone, however
that came, it ends at once. What every process but the first has to do (`live`) is here too.
"""

import dataclasses
import os
import signal
import socket
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Self

import trio

from tunnel.capture.recorder import Recorder
from tunnel.errors import TunnelError
from tunnel.model.config import Config
from tunnel.net.counts import SharedCount
from tunnel.proxy.server import Server
from tunnel.rules.sharing import share
from tunnel.run import Front, serve
from tunnel.workers.answering import Told, answer
from tunnel.workers.voice import Voice

STOP = b"s"  # the only order: said once, let running exchanges end; said again, stop at once
BUG = 70  # exit code (docs/command.md)


class Orders:
    """The first process's orders, one item each time it says stop; two when it is gone.

    Args:
      first: Joins us to it; non-blocking, closed by whoever opened it.
    """

    def __init__(self, first: socket.socket) -> None:
        self._first = first
        self._unread = 0
        self._gone = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        """Wait for the next."""
        while not self._unread:
            if self._gone:
                raise StopAsyncIteration
            await trio.lowlevel.wait_readable(self._first)
            try:
                told = self._first.recv(16)
            except (BlockingIOError, InterruptedError):
                continue
            except ConnectionResetError:
                told = b""
            self._gone = not told
            self._unread = len(told) or 2
        self._unread -= 1


def live(who: str, voice: Voice, first: socket.socket, life: Callable[[], int]) -> int:
    """Live as one of several processes, in one that was forked for it. Returns the exit code.

    Args:
      who: For people, should a bug end it.
      first: Joins us to the first process: its orders come here, and what happened is told.
      life: Returns the exit code.
    """
    # A terminal's Ctrl-C, and a service manager's SIGTERM, reach every process; one of them decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    voice.send_to(first)
    try:
        return life()
    except Exception as error:
        voice.notice(bug(f"ended {who} {os.getpid()}", error))
        return BUG
    finally:
        voice.rest()


def bug(what: str, error: Exception) -> TunnelError:
    """Return what is said of a bug.

    Args:
      what: It did.
    """
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    where = traceback.extract_tb(error.__traceback__)[-1]
    return TunnelError(
        f"a bug in tunnel {what}: {type(error).__name__}: {error} ({where.name}:{where.lineno})",
        hint="please report this line",
    )


def work(
    config: Config, front: Front, voice: Voice, count: SharedCount, first: socket.socket, asked: socket.socket
) -> int:
    """Serve until told to stop. Returns the exit code; see `live`.

    Args:
      count: Of this worker's connections.
      asked: Joins us to the inspector's process, which asks here.
    """
    if front.window is not None:
        for listener in front.window.listeners:
            listener.close()
    limits, keep = share(config.limits, config.keep)
    config = dataclasses.replace(config, limits=limits, keep=keep)
    front = dataclasses.replace(front, window=None)

    def told() -> AbstractContextManager[Orders]:
        count.begin()  # not before: who has not begun to accept is not waited for
        return nullcontext(Orders(first))

    async def beside(recorder: Recorder, server: Server) -> None:
        try:
            await answer(asked, Told(recorder.statistics, lambda: server.running, recorder.vault))
        except Exception as error:
            voice.notice(bug(f"keeps worker {os.getpid()} from telling the inspector anything", error))

    def life() -> int:
        try:
            trio.run(serve, config, front, voice, count, told, beside)
        except TunnelError as error:
            voice.failed(error)
            return error.exit_code
        return 0

    return live("worker", voice, first, life)
