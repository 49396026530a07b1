"""First: the first of several processes. It serves nothing itself: it binds, forks the others, and looks after them.

    the first process ── stop ───────────────────────────────▶ worker: trio, a recorder, a pool
        selectors     ◀── what a person should hear once ─────     (as many as --workers says)
                      ── stop, the last ─────────────────────▶ window: trio, the inspector
                      ◀── what a person should hear once ─────     asks the workers (`workers.links`)

What they share is made before they are forked: the listeners' ports, the authority, the TLS contexts with their ticket
keys, by which a session resumes whichever worker it comes to. Who accepts what is settled among them (`net.counts`). There
is no event loop here and no thread while it forks.
"""

import math
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tunnel.capture.alive import Claim
from tunnel.capture.store_write import WriteError, Writing
from tunnel.model.config import Config
from tunnel.run import Front, shown
from tunnel.terminal import Terminal
from tunnel.workers.links import Links
from tunnel.workers.staff import Jobs, Staff
from tunnel.workers.voice import Voice
from tunnel.workers.window import show
from tunnel.workers.worker import work

_GRACE = 15.0  # seconds to write what is left, beyond what running exchanges are given; then a worker is killed
_AGAIN = 1.0  # seconds
_LAST = 3.0  # seconds for the inspector to end, once no worker is left; it takes half a second at most
_BEGIN = 5.0  # seconds for workers to begin, before it is said that the front is up: one that accepts is enough


def run_workers(config: Config, terminal: Terminal) -> None:
    """Serve as `run` does, in as many processes as the config says. To be called before any thread was started.

    Raises:
      TunnelError: It cannot start, or no worker can serve. Nothing is left open then, and no process.
    """
    voice = Voice(terminal)
    with shown(config, voice) as front:
        if front.contexts:
            for listener in (*front.listeners, *(front.window.listeners if front.window else ())):
                front.contexts.at(listener.getsockname()[0])  # with it its ticket keys are made, before there are two
        _make_store(Path(config.folder), voice)
        First(config, front, voice).run()


def _make_store(folder: Path, terminal: Terminal) -> None:
    """Make the store, or set aside what cannot be used, once: workers that all begin with it get in each other's way."""
    try:
        claim = Claim(folder)
        try:
            Writing(claim, folder, terminal.notice).close()
        finally:
            claim.release()
    except (WriteError, OSError):
        pass  # a worker says so, and tries again


class First:
    """The first process. `run` is all of its life."""

    def __init__(self, config: Config, front: Front, voice: Voice) -> None:
        self._front = front
        self._voice = voice
        self._shutdown = config.limits.shutdown
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._links = Links(config.limits.workers)
        began = time.time()
        jobs = Jobs(
            lambda count, place, first: work(config, front, voice, count, first, self._links.for_worker(place)),
            (lambda first: show(config, front, voice, began, self._links, first)) if front.window else None,
        )
        self._staff = Staff(config.limits.workers, jobs, self._links, self._selector, voice)
        self._say_started_at = time.monotonic() + _BEGIN
        self._told = 0  # signals that came
        self._orders = 0  # times that the workers were told to stop
        self._asked = False  # the terminal waits to hear how many exchanges run
        self._last = False  # the inspector's process was told to stop
        self._kill_at = math.inf

    def run(self) -> None:
        """Serve until told to stop and all workers have ended.

        Raises:
          TunnelError: A worker said that none can serve.
        """
        with ExitStack() as stack:
            stack.callback(self._close)
            self._hear_signals(stack)
            while self._staff or not self._orders:
                self._turn(time.monotonic())
                for key, _ in self._selector.select(self._patience(time.monotonic())):
                    act: Callable[[], object] = key.data
                    act()
        if self._staff.failed:
            raise self._staff.failed
        self._voice.stopped(self._staff.statistics())

    def _turn(self, now: float) -> None:
        while self._orders < max(self._told, self._staff.failed is not None):
            self._stop(now)
        self._staff.turn(now)
        if not self._orders and (self._staff.begun() or self._say_started_at <= now):
            self._say_started()
        if self._asked and (running := self._staff.running()) is not None:
            self._asked = False
            self._voice.stopping(running)
        if self._orders and not self._last and self._staff.worked():
            self._last = True
            self._staff.order_last()
            self._kill_at = min(self._kill_at, now + _LAST)
        if self._kill_at <= now:
            self._kill_at = now + _AGAIN
            self._staff.kill()

    def _say_started(self) -> None:
        if self._say_started_at < math.inf:
            self._say_started_at = math.inf
            self._voice.started(self._front.started)

    def _stop(self, now: float) -> None:
        """Have running exchanges end, within their time; the second time at once."""
        self._orders += 1
        self._asked = True
        self._kill_at = now + _GRACE + (self._shutdown if self._orders == 1 else 0)
        for listener in self._front.listeners:
            listener.close()
        self._staff.order_stop()

    def _patience(self, now: float) -> float | None:
        """Return how many seconds the next turn can wait; None for as long as nothing happens."""
        next = min(self._staff.due(), self._kill_at, math.inf if self._orders else self._say_started_at)
        return None if next == math.inf else max(0.0, next - now)

    def _hear_signals(self, stack: ExitStack) -> None:
        def note(number: int, frame: object) -> None:
            self._told += 1

        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ, lambda: self._wake.recv(4096))
        stack.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False))
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.signal(number, note))

    def _close(self) -> None:
        self._staff.let_go()
        self._links.close()
        self._selector.close()
        self._wake.close()
        self._waker.close()
