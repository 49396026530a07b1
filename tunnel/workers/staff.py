"""Staff: the workers as the first process has them: forked, listened to, replaced when they die, told to stop."""

import json
import math
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from tunnel.capture.recorder import Statistics
from tunnel.errors import TunnelError
from tunnel.net.counts import Counts, SharedCount
from tunnel.rules.sharing import deaths_in_a_row, pause_before_another
from tunnel.run import Terminal
from tunnel.workers.worker import BUG, STOP

if sys.platform == "win32":  # where several workers are refused
    fork: Callable[[], int]
else:
    from os import fork

_KILL = 9  # SIGKILL, which has no name on Windows
_PAUSE = 0.1  # seconds until the terminal is asked again for leave to fork


@dataclass(slots=True)
class Worker:
    """What the first process knows of one worker.

    Attributes:
      number: Its place; whoever replaces it has the same.
      born: By `time.monotonic`.
      begun: It accepts.
      running: Exchanges that ran when it was last told to stop; None while it has not said so.
      said: The beginning of a line that is still to end.
    """

    number: int
    pid: int
    born: float
    words: socket.socket
    begun: bool = False
    running: int | None = None
    said: bytes = b""


class Staff:
    """The workers.

    Args:
      count: How many there are to be.
      work: What a worker does; returns its exit code.
      terminal: Told of deaths, and of what workers tell.

    Attributes:
      failed: What a worker said that none can serve for, or None.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[SharedCount, socket.socket], int],
        selector: selectors.BaseSelector,
        terminal: Terminal,
    ) -> None:
        self._work = work
        self._selector = selector
        self._terminal = terminal
        self._counts = Counts(count)
        self._workers: dict[int, Worker] = {}
        self._due = dict.fromkeys(range(count), 0.0)  # when a place is to be filled
        self._deaths = dict.fromkeys(range(count), 0)
        self._dismissed = False
        self._statistics: list[Statistics] = []
        self.failed: TunnelError | None = None

    def __len__(self) -> int:
        return len(self._workers)

    # Coming and going

    def turn(self, now: float) -> None:
        """Fill the places that are due."""
        for number in [number for number, due in self._due.items() if due <= now]:
            # Forking wants a process without threads: a lock that another thread holds stays locked in the child.
            if self._terminal.rest():
                self._hire(number, now)
            else:
                self._due[number] = now + _PAUSE

    def due(self) -> float:
        """Return when the next place is to be filled, by `time.monotonic`; infinity while none is."""
        return min(self._due.values(), default=math.inf)

    def _hire(self, number: int, now: float) -> None:
        del self._due[number]
        count = self._counts.of(number)
        words, first = socket.socketpair()
        words.setblocking(False)
        first.setblocking(False)
        try:
            pid = fork()
        except OSError as error:
            words.close()
            first.close()
            self._terminal.notice(TunnelError(f"cannot start a worker: {(error.strerror or str(error)).lower()}"))
            self._put_off(number, now, lasted=0)
            return
        if not pid:
            self._become(count, first, words)
        first.close()
        worker = self._workers[number] = Worker(number, pid, now, words)
        self._selector.register(words, selectors.EVENT_READ, lambda: self._hear(worker))

    def _become(self, count: SharedCount, first: socket.socket, words: socket.socket) -> NoReturn:
        """Be a worker from here on. The first process's ends are closed, or no worker would notice when it is gone."""
        code = BUG
        try:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            words.close()
            self.let_go()
            code = self._work(count, first)
        finally:
            os._exit(code)  # nothing that the first process put off (`with`, `atexit`) is for a worker to do

    def _put_off(self, number: int, now: float, *, lasted: float) -> None:
        self._deaths[number] = deaths_in_a_row(self._deaths[number], lasted)
        self._due[number] = now + pause_before_another(self._deaths[number])

    def _bury(self, worker: Worker) -> None:
        """A worker has ended: have it replaced, unless all are to end."""
        now = time.monotonic()
        self._selector.unregister(worker.words)
        worker.words.close()
        del self._workers[worker.number]
        self._counts.forget(worker.number)
        try:
            _, status = os.waitpid(worker.pid, 0)
        except ChildProcessError:
            status = 0  # somebody else has waited for it
        if not self._dismissed and not self.failed:
            self._terminal.notice(TunnelError(f"worker {worker.pid} {how_it_ended(status)}; another takes its place"))
            self._put_off(worker.number, now, lasted=now - worker.born)

    # Words

    def _hear(self, worker: Worker) -> None:
        try:
            data = worker.words.recv(65_536)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._bury(worker)
            return
        *lines, worker.said = (worker.said + data).split(b"\n")
        for line in lines:
            match json.loads(line):
                case ["begun", None]:
                    worker.begun = True
                case ["notice", [what, hint]]:
                    self._terminal.notice(TunnelError(what, hint=hint))
                case ["failed", [what, hint, code]]:
                    self.failed = TunnelError(what, hint=hint, exit_code=code)
                case ["stopping", running]:
                    worker.running = running
                case ["stopped", statistics]:
                    self._statistics.append(Statistics(**statistics))

    def order_stop(self) -> None:
        """Have all workers stop, and nobody replaced; the second time, stop at once."""
        self._dismissed = True
        self._due.clear()
        for worker in self._workers.values():
            worker.running = None
            try:
                worker.words.send(STOP)
            except OSError:
                pass  # it has died, which we are about to hear

    def kill(self) -> None:
        """End those that do not."""
        for worker in self._workers.values():
            os.kill(worker.pid, _KILL)

    def begun(self) -> bool:
        """Whether every place is filled by a worker that accepts."""
        return not self._due and all(worker.begun for worker in self._workers.values())

    def running(self) -> int | None:
        """Return how many exchanges ran when workers were last told to stop; None while some have not said so."""
        said = [worker.running for worker in self._workers.values()]
        return None if None in said else sum(count or 0 for count in said)

    def statistics(self) -> Statistics:
        """Return what the workers that have ended recorded together. Those that were killed could not say."""
        return total(self._statistics)

    def let_go(self) -> None:
        """Close what workers listen to: any that are left, after a bug of ours, end by that."""
        for worker in self._workers.values():
            worker.words.close()


def how_it_ended(status: int) -> str:
    """Return what `os.waitpid` told, in words."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def total(statistics: Sequence[Statistics]) -> Statistics:
    """Add up."""
    return Statistics(
        opened=sum(one.opened for one in statistics),
        written=sum(one.written for one in statistics),
        rows_dropped=sum(one.rows_dropped for one in statistics),
        body_bytes_dropped=sum(one.body_bytes_dropped for one in statistics),
        waiting_bytes=sum(one.waiting_bytes for one in statistics),
        waiting_rows=sum(one.waiting_rows for one in statistics),
        last_error=next((one.last_error for one in reversed(statistics) if one.last_error), ""),
    )
