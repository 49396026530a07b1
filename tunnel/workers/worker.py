"""Worker: one of several processes that serve a front. It accepts its part, and obeys the first process alone.

It serves as `run` does, with a recorder of its own, and prints its exchanges itself. When the first process is gone, however
that came, it ends at once.
"""

import dataclasses
import os
import signal
import socket
import traceback
from contextlib import AbstractContextManager, nullcontext
from typing import Self

import trio

from tunnel.errors import TunnelError
from tunnel.model.config import Config
from tunnel.net.counts import SharedCount
from tunnel.rules.sharing import share
from tunnel.run import Front, serve
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


def work(config: Config, front: Front, voice: Voice, count: SharedCount, first: socket.socket) -> int:
    """Serve until told to stop. Returns the exit code.

    To be called in a process that was forked for it, and has nothing else to do.

    Args:
      count: Of this worker's connections.
      first: Joins us to the first process: its orders come here, and what happened is told.
    """
    # A terminal's Ctrl-C, and a service manager's SIGTERM, reach every process; one of them decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    limits, keep = share(config.limits, config.keep)
    config = dataclasses.replace(config, limits=limits, keep=keep)
    voice.send_to(first)

    def told() -> AbstractContextManager[Orders]:
        count.begin()  # not before: who has not begun to accept is not waited for
        return nullcontext(Orders(first))

    try:
        trio.run(serve, config, front, voice, count, told)
        return 0
    except TunnelError as error:
        voice.failed(error)
        return error.exit_code
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = (
            f"a bug in tunnel ended worker {os.getpid()}: {type(error).__name__}: {error} ({where.name}:{where.lineno})"
        )
        voice.notice(TunnelError(what, hint="please report this line"))
        return BUG
    finally:
        voice.rest()
