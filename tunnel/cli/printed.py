"""Printed: what a person at the terminal, or a program at the pipe, is told while a front runs.

On a terminal everything goes to stdout. In a pipe the URL alone is stdout's first line, for scripts, and the rest goes to
stderr; with `--json` stdout is JSON objects only, the first of which tells the URL.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from certs.glance import trusted_at_a_glance
from tunnel.capture.recorder import Statistics
from tunnel.cli.lines import BOLD, CYAN, DIM, RED, YELLOW, json_text, look_of, paint, safe, size, wrapped
from tunnel.cli.live import LivePrinter
from tunnel.cli.turns import Turn
from tunnel.errors import TunnelError
from tunnel.model.summary import Summary
from tunnel.terminal import Started, Terminal

_LAST_LINES = 2.0  # seconds for a slow terminal to take what is left
_MOST_NOTICES = 100  # different ones remembered, so that none is said twice


class Printed(Terminal):
    """Prints for a person or a program.

    Args:
      folder: Where the record is.
      as_json: One JSON object a line.
      quiet: No line for each request.
      shared: Several processes, forked from this one, print to the same terminal.
    """

    def __init__(self, folder: Path, *, as_json: bool, quiet: bool, shared: bool = False) -> None:
        self._folder = folder
        self._json = as_json
        self.quiet = quiet
        self._piped = not sys.stdout.isatty()
        stream = sys.stderr if self._piped and not as_json else sys.stdout
        self._words = sys.stderr if self._piped or as_json else sys.stdout
        self._look = look_of(self._words)
        self._printer = LivePrinter(stream, as_json=as_json, turn=Turn() if shared else None)
        self._noticed: set[str] = set()

    def started(self, started: Started) -> None:
        """See `Terminal.started`."""
        if self._json:
            print(json_text(self.told(started)), flush=True)
        elif self._piped:
            print(started.url, flush=True)
        url = paint(started.url, f"{BOLD};{CYAN}", self._look)
        self._say(f"{url} → {safe(started.target)}")
        self.began(started)
        if started.inspector and not self.quiet:
            self._say(f"see what passes: {paint(started.inspector, CYAN, self._look)}")
        self._say(paint(f"recording to {self._folder / 'records.sqlite'}; read it with: tunnel log", DIM, self._look))
        if started.moved_from is not None:
            flag = "--port" if started.shared else "--listen"
            self._warn(
                f"port {started.moved_from} is busy, so this is {started.port}; to insist: {flag} {started.moved_from}"
            )
        if started.authority is not None and not trusted_at_a_glance(started.authority):
            self._warn("browsers will warn, since they do not trust the local authority yet; type: tunnel trust")

    def told(self, started: Started) -> dict[str, object]:
        """Return what `--json` says first."""
        told: dict[str, object] = {"event": "started", "url": started.url, "target": started.target}
        told["folder"] = str(self._folder)
        return told | {"inspector": started.inspector} if started.inspector else told

    def began(self, started: Started) -> None:
        """Say, behind where a front is, what else it is: nothing of an ordinary one."""

    def exchanges(self, exchanges: Sequence[Summary]) -> None:
        """See `Terminal.exchanges`."""
        self._printer.show(exchanges)

    def notice(self, error: TunnelError) -> None:
        """See `Terminal.notice`. The same words are said once."""
        if error.what in self._noticed or len(self._noticed) >= _MOST_NOTICES:
            return
        self._noticed.add(error.what)
        self._warn(safe(f"{error.what}; {error.hint}" if error.hint else error.what))

    def stopping(self, running: int) -> None:
        """See `Terminal.stopping`."""
        wait = f"waiting for {running} running; Ctrl-C again to stop at once" if running else "stopping"
        self._say(paint(wait, DIM, self._look))

    def stopped(self, statistics: Statistics) -> None:
        """See `Terminal.stopped`."""
        lost = []
        if statistics.rows_dropped:
            lost.append(f"{statistics.rows_dropped} exchanges")
        if statistics.body_bytes_dropped:
            lost.append(f"{size(statistics.body_bytes_dropped)} of bodies")
        if lost:
            why = f": {statistics.last_error}" if statistics.last_error else ""
            self._say(paint(f"not recorded: {' and '.join(lost)}{why}", RED, self._look))
        self._say(paint(f"{statistics.written} exchanges recorded", DIM, self._look))

    def rest(self) -> bool:
        """See `Terminal.rest`."""
        return self._printer.stop(_LAST_LINES)

    def close(self) -> None:
        """Print what is left."""
        self._printer.stop(_LAST_LINES)

    def _say(self, text: str) -> None:
        if self._json:
            print(text, file=self._words, flush=True)
        else:
            self._printer.say(wrapped(text, look_of(self._words)))

    def _warn(self, text: str) -> None:
        self._say(paint(text, YELLOW, self._look))
