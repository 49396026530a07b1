"""Staff: all processes as the first has them: forked, listened to, replaced when they die, told to stop.

They are workers, each at a place with a number, and one that serves the inspector, if there is to be one: its place is the
last, and it is told to stop when no worker is left, so that it can be watched how they end.
"""

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
from tunnel.terminal import Terminal
from tunnel.workers.links import Links
from tunnel.workers.worker import BUG, STOP

if sys.platform == "win32":  # where several workers are refused
    fork: Callable[[], int]
else:
    from os import fork

_KILL = 9  # SIGKILL, which has no name on Windows
_PAUSE = 0.1  # seconds until the terminal is asked again for leave to fork


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the processes do; each returns its exit code, and is given what joins it to the first.

    Attributes:
      work: A worker's, with the count of its connections and its place.
      show: Of the one that serves the inspector; None where none is to be.
    """

    work: Callable[[SharedCount, int, socket.socket], int]
    show: Callable[[socket.socket], int] | None = None


@dataclass(slots=True)
class Member:
    """What the first process knows of one of the others.

    Attributes:
      number: Its place; whoever replaces it has the same.
      shows: It serves the inspector.
      born: By `time.monotonic`.
      begun: It accepts.
      running: Exchanges that ran when it was last told to stop; None while it has not said so.
      said: The beginning of a line that is still to end.
    """

    number: int
    shows: bool
    pid: int
    born: float
    words: socket.socket
    begun: bool = False
    running: int | None = None
    said: bytes = b""


class Staff:
    """The processes.

    Args:
      count: How many workers there are to be.
      links: By which they are asked; told who serves.
      terminal: Told of deaths, and of what workers tell.

    Attributes:
      failed: What a worker said that none can serve for, or None.
    """

    def __init__(
        self, count: int, jobs: Jobs, links: Links, selector: selectors.BaseSelector, terminal: Terminal
    ) -> None:
        self._count = count
        self._jobs = jobs
        self._links = links
        self._selector = selector
        self._terminal = terminal
        self._counts = Counts(count)
        self._members: dict[int, Member] = {}
        places = range(count if jobs.show is None else count + 1)
        self._due = dict.fromkeys(places, 0.0)  # when a place is to be filled
        self._deaths = dict.fromkeys(places, 0)
        self._dismissed = False
        self._statistics: list[Statistics] = []
        self.failed: TunnelError | None = None

    def __len__(self) -> int:
        return len(self._members)

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
        words, first = socket.socketpair()
        words.setblocking(False)
        first.setblocking(False)
        try:
            pid = fork()
        except OSError as error:
            words.close()
            first.close()
            who = "a worker" if number < self._count else "the inspector's process"
            self._terminal.notice(TunnelError(f"cannot start {who}: {(error.strerror or str(error)).lower()}"))
            self._put_off(number, now, lasted=0)
            return
        if not pid:
            self._become(number, first, words)
        first.close()
        member = self._members[number] = Member(number, number == self._count, pid, now, words)
        self._selector.register(words, selectors.EVENT_READ, lambda: self._hear(member))

    def _become(self, number: int, first: socket.socket, words: socket.socket) -> NoReturn:
        """Be another process from here on. The first's ends are closed, or nobody would notice when it is gone."""
        code = BUG
        try:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            words.close()
            self.let_go()
            if number < self._count:
                code = self._jobs.work(self._counts.of(number), number, first)
            elif self._jobs.show is not None:
                code = self._jobs.show(first)
        finally:
            os._exit(code)  # nothing that the first process put off (`with`, `atexit`) is for another to do

    def _put_off(self, number: int, now: float, *, lasted: float) -> None:
        self._deaths[number] = deaths_in_a_row(self._deaths[number], lasted)
        self._due[number] = now + pause_before_another(self._deaths[number])

    def _bury(self, member: Member) -> None:
        """One has ended: have it replaced, unless all are to end."""
        now = time.monotonic()
        self._selector.unregister(member.words)
        member.words.close()
        del self._members[member.number]
        if not member.shows:
            self._counts.forget(member.number)
            self._links.leave(member.number)
        try:
            _, status = os.waitpid(member.pid, 0)
        except ChildProcessError:
            status = 0  # somebody else has waited for it
        if not self._dismissed and not self.failed:
            who = "the inspector's process" if member.shows else "worker"
            self._terminal.notice(TunnelError(f"{who} {member.pid} {how_it_ended(status)}; another takes its place"))
            self._put_off(member.number, now, lasted=now - member.born)

    # Words

    def _hear(self, member: Member) -> None:
        try:
            data = member.words.recv(65_536)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._bury(member)
            return
        *lines, member.said = (member.said + data).split(b"\n")
        for line in lines:
            match json.loads(line):
                case ["begun", None]:
                    member.begun = True
                    self._links.enter(member.number, member.pid)
                case ["notice", [what, hint]]:
                    self._terminal.notice(TunnelError(what, hint=hint))
                case ["failed", [what, hint, code]]:
                    self.failed = TunnelError(what, hint=hint, exit_code=code)
                case ["stopping", running]:
                    member.running = running
                case ["stopped", statistics]:
                    self._statistics.append(Statistics(**statistics))

    def order_stop(self) -> None:
        """Have all workers stop, and nobody replaced; the second time, stop at once."""
        self._dismissed = True
        self._due.clear()
        for worker in self._workers():
            worker.running = None
            _order(worker)

    def order_last(self) -> None:
        """Have the one stop that serves the inspector."""
        for member in self._members.values():
            if member.shows:
                _order(member)

    def worked(self) -> bool:
        """Whether no worker is left, and none will come."""
        return not self._due and not self._workers()

    def kill(self) -> None:
        """End those that do not."""
        for member in self._members.values():
            os.kill(member.pid, _KILL)

    def begun(self) -> bool:
        """Whether every worker's place is filled by one that accepts."""
        return sum(worker.begun for worker in self._workers()) == self._count

    def running(self) -> int | None:
        """Return how many exchanges ran when workers were last told to stop; None while some have not said so."""
        said = [worker.running for worker in self._workers()]
        return None if None in said else sum(count or 0 for count in said)

    def statistics(self) -> Statistics:
        """Return what the workers that have ended recorded together. Those that were killed could not say."""
        return total(self._statistics)

    def let_go(self) -> None:
        """Close what the others listen to: any that are left, after a bug of ours, end by that."""
        for member in self._members.values():
            member.words.close()

    def _workers(self) -> list[Member]:
        return [member for member in self._members.values() if not member.shows]


def _order(member: Member) -> None:
    try:
        member.words.send(STOP)
    except OSError:
        pass  # it has died, which we are about to hear


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
