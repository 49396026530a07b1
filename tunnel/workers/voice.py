"""Voice: what a worker has to tell, as lines of JSON to the first process, which tells it once for all workers."""

import dataclasses
import json
import socket
import threading
from collections.abc import Sequence

from tunnel.capture.recorder import Statistics
from tunnel.errors import TunnelError
from tunnel.model.summary import Summary
from tunnel.terminal import Started, Terminal

_MOST_UNSAID = 65_536  # bytes that wait for a first process that does not listen; beyond it words are lost


class Voice(Terminal):
    """Tells the terminal; in a worker, which it is from `send_to` on, tells the first process all but exchanges."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.quiet = terminal.quiet
        self._first: socket.socket | None = None
        self._turn = threading.Lock()  # the recorder's thread tells too
        self._unsaid = b""

    def send_to(self, first: socket.socket) -> None:
        """From now on this is a worker's voice."""
        self._first = first

    def started(self, started: Started) -> None:
        """See `Terminal.started`. The first process says it once, when all workers have begun."""
        if self._first is None:
            self._terminal.started(started)
        else:
            self._tell("begun", None)

    def exchanges(self, exchanges: Sequence[Summary]) -> None:
        """See `Terminal.exchanges`."""
        self._terminal.exchanges(exchanges)

    def notice(self, error: TunnelError) -> None:
        """See `Terminal.notice`."""
        if self._first is None:
            self._terminal.notice(error)
        else:
            self._tell("notice", [error.what, error.hint])

    def failed(self, error: TunnelError) -> None:
        """This worker cannot serve, and no other would: the front has to end with this error."""
        self._tell("failed", [error.what, error.hint, error.exit_code])

    def stopping(self, running: int) -> None:
        """See `Terminal.stopping`."""
        if self._first is None:
            self._terminal.stopping(running)
        else:
            self._tell("stopping", running)

    def stopped(self, statistics: Statistics) -> None:
        """See `Terminal.stopped`."""
        if self._first is None:
            self._terminal.stopped(statistics)
        else:
            self._tell("stopped", dataclasses.asdict(statistics))

    def rest(self) -> bool:
        """See `Terminal.rest`."""
        return self._terminal.rest()

    def _tell(self, kind: str, what: object) -> None:
        """Send a line; never waits, since whoever tells may be the way itself."""
        assert self._first is not None
        with self._turn:
            if len(self._unsaid) < _MOST_UNSAID:
                self._unsaid += json.dumps([kind, what]).encode() + b"\n"
            try:
                self._unsaid = self._unsaid[self._first.send(self._unsaid) :]
            except OSError:
                pass  # full, so it is said before the next; or the first process is gone, and there is nobody to tell
