"""Run the inspector alone: a window on what was recorded, without a front."""

from functools import partial
from pathlib import Path

import trio

from tunnel.model.config import Config
from tunnel.net.sweep import Sweep
from tunnel.rules.access import HostRule
from tunnel.run import contexts_of, scheme_of, signals
from tunnel.terminal import Started, Terminal
from tunnel.window import Window
from tunnel.window_place import authority_folder, link_of, parts_of, placed


async def inspect(config: Config, terminal: Terminal) -> None:
    """Open the inspector on what was recorded, without a front, until SIGINT or SIGTERM.

    Raises:
      NoStore: Nothing was recorded yet.
      TunnelError: It cannot start; nothing is left open then.
    """
    from tunnel.capture.store import Store  # with the filter language, which a front does without

    Store(Path(config.folder)).close()
    contexts = contexts_of(config, HostRule(()), terminal)
    sweep = Sweep()
    with placed(config, scheme_of(contexts), terminal.notice, needed=True) as place:
        assert place is not None, "it is the only reason to run"
        parts = partial(parts_of, config, place, terminal.notice)
        window = Window(place, parts, tls=contexts.at if contexts else None, sweep=sweep, notice=terminal.notice)
        stopping = trio.Event()
        with signals() as orders:
            link = link_of(config, place)
            authority = authority_folder(config) if contexts else None
            terminal.started(Started(link.url, place.port, "", None, authority, link.address))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sweep.run)
                nursery.start_soon(window.run, stopping)
                async for _ in orders:
                    break
                stopping.set()
                await window.ended.wait()
                nursery.cancel_scope.cancel()
