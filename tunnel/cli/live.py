"""Live: prints lines while a front runs, from a thread of its own. What a line says is for `cli.lines`.

On a terminal a line can be kept at the bottom, the foot: it is wiped before others are printed, and drawn again behind them.

A terminal may stand still for as long as it likes (Ctrl-S, a pager, a slow link). Then the queue fills, and lines beyond
it are counted instead of kept; when the terminal moves again, it is told how many are missing. Nobody waits for it.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from io import RawIOBase
from typing import TextIO

from tunnel.cli.lines import BOLD, DIM, YELLOW, Look, json_line, line, look_of, paint
from tunnel.model.summary import State, Summary

MOST_LINES = 1000  # waiting; more than a person reads, less than a megabyte
AT_ONCE = 100  # lines in one write
_WIPE = "\r\x1b[K"  # ECMA-48: to the line's begin, and erase to its end


class LivePrinter:
    """Prints each exchange at its end, and a long one at its beginning too."""

    def __init__(
        self,
        stream: TextIO,
        *,
        as_json: bool = False,
        look: Look | None = None,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        """Prepare; the thread is started when there is something to print.

        Args:
          stream: Where to print. Its buffer is gone around: a thread stuck in it could not be left behind at exit.
          as_json: One object per line.
          look: By default what suits the stream.
          turn: To take for each write, where several processes print to one terminal.
        """
        stream.flush()
        buffer = getattr(stream, "buffer", None)
        # Unbuffered streams (PYTHONUNBUFFERED) have no layer to go around: their buffer is the raw file.
        self._raw: RawIOBase | None = getattr(buffer, "raw", buffer)
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._look = look or look_of(stream)
        self._json = as_json
        self._turn = turn or nullcontext()
        self._waiting: deque[Summary | str] = deque()
        self._missed = 0
        self._foot = ""  # the line at the bottom
        self._redraw = False
        self._stands = False  # one is on the terminal: for the printing thread alone
        self._announced: set[int] = set()  # running exchanges that were printed when they opened
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def show(self, exchanges: Sequence[Summary]) -> None:
        """Print exchanges, in their turn. Never waits for the terminal; for any thread."""
        with self._changed:
            for summary in exchanges:
                if summary.state == State.RUNNING:
                    if summary.id in self._announced:
                        continue
                    self._announced.add(summary.id)
                else:
                    self._announced.discard(summary.id)
                self._put(summary)
            self._rouse()

    def say(self, text: str) -> None:
        """Print a line of our own, in its turn among the others."""
        with self._changed:
            self._put(text)
            self._rouse()

    def foot(self, text: str) -> None:
        """Keep a line at the bottom, behind all others, until another one; empty for none. For a terminal alone."""
        with self._changed:
            self._foot = text
            self._redraw = True  # the same again too: what was typed behind it has moved it up
            self._rouse()

    def stop(self, deadline: float) -> bool:
        """Print what is left, for so many seconds at most. Returns whether the thread has ended; saying more begins one."""
        thread = self._thread
        if thread is None:
            return True
        with self._changed:
            self._stopping = True
            self._changed.notify()
        thread.join(deadline)
        self._stopping = False
        if thread.is_alive():
            return False
        self._thread = None
        return True

    def _rouse(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _put(self, item: Summary | str) -> None:
        if len(self._waiting) >= MOST_LINES:
            self._missed += 1
        else:
            self._waiting.append(item)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._missed or self._redraw or self._stopping):
                    self._changed.wait()
                some = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
                missed = 0
                if not self._waiting:  # said where the gap is: behind the last that was kept
                    missed, self._missed = self._missed, 0
                foot, redraw, self._redraw = self._foot, self._redraw, False
                if not (some or missed or redraw):
                    return
            lines = [self._line(item) for item in some]
            if missed and not self._json:
                lines.append(paint(f"… {missed} lines were not shown; `tunnel log` has them", DIM, self._look))
            wipe, self._stands = _WIPE if self._stands else "", bool(foot)
            drawn = paint(foot, f"{BOLD};{YELLOW}", self._look) if foot else ""
            if not self._write(wipe + "".join(f"{text}\n" for text in lines) + drawn):
                return

    def _line(self, item: Summary | str) -> str:
        if isinstance(item, str):
            return item
        return json_line(item) if self._json else line(item, self._look)

    def _write(self, text: str) -> bool:
        """Write it all; whether anybody still reads."""
        rest = memoryview(text.encode(self._encoding, "backslashreplace"))
        if self._raw is None:
            return False
        try:
            with self._turn:
                while rest:
                    written: int | None = self._raw.write(rest)
                    if written is None:  # somebody else made this terminal non-blocking, and it is full
                        time.sleep(0.01)
                    else:
                        rest = rest[written:]
        except (OSError, ValueError):
            return False  # the reader has gone, or the stream was closed
        return True
