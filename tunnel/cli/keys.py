"""Keys: lines that a person types at the terminal while other lines scroll by.

It never waits for long, and never reads in the background: the system stops a process that does, service and all (SIGTTIN).
So it is asked first whose the terminal is, and the thread that reads blocks the signal.
"""

import os
import sys
import time


class Ended(Exception):
    """Nobody will type any more: the terminal has gone."""


if sys.platform == "win32":
    import msvcrt

    class Keys:
        """Reads the console.

        Args:
          file: Is there for the sake of other systems.
        """

        def __init__(self, file: int) -> None:
            self._typed = ""

        def prepare(self) -> None:
            """Nothing is to be prepared here."""

        def forget(self) -> None:
            """Forget what was typed until now."""
            self._typed = ""
            while msvcrt.kbhit():
                msvcrt.getwch()

        def line(self, patience: float) -> str | None:
            """Return a line that was typed, or None after so many seconds without one."""
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                while msvcrt.kbhit():
                    key = msvcrt.getwche()
                    if key in "\r\n":
                        typed, self._typed = self._typed, ""
                        return typed
                    self._typed = self._typed[:-1] if key == "\b" else self._typed + key
                time.sleep(0.05)
            return None

else:
    import select
    import signal
    import termios

    class Keys:
        """Reads a terminal.

        Args:
          file: Its descriptor.
        """

        def __init__(self, file: int) -> None:
            self._file = file

        def prepare(self) -> None:
            """Have this thread's reading never stop the process. Called in the thread that reads."""
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN, signal.SIGTTOU})

        def forget(self) -> None:
            """Forget what was typed until now: it was no answer to what is asked next."""
            if self._ours():
                try:
                    termios.tcflush(self._file, termios.TCIFLUSH)
                except (termios.error, OSError):
                    pass  # `line` finds out why

        def line(self, patience: float) -> str | None:
            """Return a line that was typed, or None after so many seconds without one.

            Raises:
              Ended: There will be none.
            """
            try:
                ready, _, _ = select.select([self._file], [], [], patience)
                if not ready:
                    return None
                if not self._ours():
                    time.sleep(patience)  # it is another program's that is in the foreground
                    return None
                typed = os.read(self._file, 4096)
            except InterruptedError:
                return None
            except (OSError, ValueError) as error:
                if self._ours():
                    raise Ended from error
                time.sleep(patience)
                return None
            if not typed:
                raise Ended
            return typed.decode("utf-8", "replace").rstrip("\r\n")

        def _ours(self) -> bool:
            """Whether this process is in the foreground of the terminal."""
            try:
                return os.tcgetpgrp(self._file) == os.getpgrp()
            except OSError:
                return not os.isatty(self._file)  # no terminal of ours: a pseudo-terminal in a test, or none at all
