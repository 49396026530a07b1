"""Window: the process of several that serves the inspector, and nothing else. It reads the store, and asks the workers.

It stands beside the workers as the window of a single process stands beside its way: a bug in it, or its end, costs them
nothing, and another takes its place. Its address, its token and its listeners are the first process's, so they stay.
"""

import dataclasses
import os
import socket

import trio

from tunnel.inspector.parts import Parts
from tunnel.model.config import Config
from tunnel.model.vitals import Vitals
from tunnel.net.sweep import Sweep
from tunnel.net.vitals import vitals_of
from tunnel.run import Front
from tunnel.window import Window
from tunnel.window_doors import replay_of
from tunnel.window_place import parts_of
from tunnel.workers.asking import Asking
from tunnel.workers.links import Links
from tunnel.workers.voice import Voice
from tunnel.workers.worker import BUG, Orders, live


def show(config: Config, front: Front, voice: Voice, began: float, links: Links, first: socket.socket) -> int:
    """Serve the front's window until told to stop. Returns the exit code; see `live`.

    Args:
      began: When the front did, seconds since the epoch.
      links: To the workers.
    """
    place = front.window
    assert place is not None, "it is the only reason to be"

    def life() -> int:
        for listener in front.listeners:
            listener.close()  # else clients would still be let in when the workers accept no more
        sweep = Sweep()
        asking = Asking(links.for_window(), links.pid)

        def parts() -> Parts:
            return dataclasses.replace(
                _parts(parts_of(config, place, voice.notice), asking, links),
                url=front.started.url,
                target=front.started.target,
                began=began,
                replay=replay_of(config, sweep),
            )

        tls = front.contexts.at if front.contexts else None
        window = Window(place, parts, tls=tls, sweep=sweep, notice=voice.notice)
        return trio.run(_serve, window, sweep, Orders(first))

    return live("the inspector's process", voice, first, life)


def _parts(parts: Parts, asking: Asking, links: Links) -> Parts:
    """Give a window what only the workers know."""
    family = os.getpid(), os.getppid()

    def vitals() -> Vitals:
        return vitals_of((*family, *links.pids()))

    return dataclasses.replace(
        parts,
        pids=links.pids,
        statistics=asking.statistics,
        running=asking.running,
        vitals=vitals,
        reveal=asking.reveal,
    )


async def _serve(window: Window, sweep: Sweep, orders: Orders) -> int:
    """Serve until told to stop, or until a bug has ended it."""
    stopping = trio.Event()
    code = BUG

    async def listen() -> None:
        nonlocal code
        await anext(orders)
        code = 0
        stopping.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sweep.run)
        nursery.start_soon(listen)
        await window.run(stopping)
        nursery.cancel_scope.cancel()
    return code
