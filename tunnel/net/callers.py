"""Callers: which program is at the other end of each connection, found by the way and beside it.

The way asks at accept and never waits. A thread looks, and its appetite is bounded: after a look that took t seconds it
rests 19 t, a twentieth of one core at most, and then answers everything asked meanwhile in one look. Who left in the rest
stays unknown. How a look is done is for `net.processes`.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from tunnel.model.peer import Peer
from tunnel.net.processes import Holder, Processes
from tunnel.net.this_system import this_system

REST = 19  # seconds of rest for each second of looking: 5 % of a core
MOST_ASKED = 1024  # connections waiting for a look; beyond it the oldest, most likely gone, are forgotten
MOST_KNOWN = 8192  # answers; about 3 MiB
MOST_RECENT = 16  # processes to look at first: a browser, an editor, a few workers


class Callers:
    """Finds out who calls. `ask` and `known` are for the way's thread; everything else happens in ours.

    Args:
      system: Finds holders; this system's own unless a test brings one.
      clock: Seconds, for how long a look took.
    """

    def __init__(self, system: Processes | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._system = system
        self._clock = clock
        self._asked: deque[Peer] = deque(maxlen=MOST_ASKED)
        self._known: OrderedDict[int, tuple[float, tuple[str, int]]] = OrderedDict()  # by client port
        self._recent: OrderedDict[int, None] = OrderedDict()  # process ids, the newest last
        self._idle = False  # the thread waits to be roused
        self._rouse = threading.Lock()  # released to rouse it: a third of what an Event takes from the way
        self._rouse.acquire()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, peer: Peer) -> None:
        """Have it found out who this is, as soon as may be. Never waits: 0.1 µs, and 5 µs where the thread is idle."""
        self._asked.append(peer)
        if self._idle:
            self._idle = False
            self._wake()

    def known(self, peer: Peer) -> tuple[str, int] | None:
        """Return the program and the process id, or None where it is not known, or not yet."""
        answer = self._known.get(peer.port)
        # A port serves one connection after another: the time of accept tells them apart.
        return answer[1] if answer is not None and answer[0] == peer.accepted else None

    def start(self) -> None:
        """Start the thread. Whoever starts also stops."""
        self._thread = threading.Thread(target=self._run, name="callers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; returns when it has ended, or after a second, since it may be deep in a look."""
        self._stopped.set()
        self._wake()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def look(self) -> float:
        """Answer everything asked so far in one look. Returns how many seconds to rest. Never raises."""
        began = self._clock()
        peers = {self._asked.popleft() for _ in range(len(self._asked))}
        if not peers:
            return 0.0
        try:
            for peer, holder in self._prepared().calling(peers, [*reversed(self._recent)]).items():
                self._note(peer, holder)
        except Exception:
            # Knowing who calls is a courtesy. Whatever a system's tables hold, nobody's traffic suffers for it.
            pass
        return REST * (self._clock() - began)

    def _prepared(self) -> Processes:
        if self._system is None:
            self._system = this_system()
        return self._system

    def _note(self, peer: Peer, holder: Holder) -> None:
        self._known[peer.port] = (peer.accepted, (holder.program, holder.pid))
        self._known.move_to_end(peer.port)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        self._recent[holder.pid] = None
        self._recent.move_to_end(holder.pid)
        if len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)

    def _run(self) -> None:
        try:
            self._prepared()  # its imports take longer than the first curl lives
        except Exception:
            return  # nothing here can tell who calls
        while not self._stopped.is_set():
            self._idle = True  # before the last look at what was asked: who asks after it will see us idle
            if not self._asked:
                self._rouse.acquire()
            self._idle = False
            if not self._stopped.is_set():
                self._stopped.wait(self.look())

    def _wake(self) -> None:
        try:
            self._rouse.release()
        except RuntimeError:
            pass  # roused already, and yet to notice
