"""Load: honest clients in threads, which ask one thing after another over kept connections and note what they were told."""

import http.client
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

METHODS = ("GET", "PUT", "DELETE", "POST")
BODY = b"a small body"


@dataclass(frozen=True, slots=True)
class Told:
    """One request and what became of it.

    Attributes:
      status: Of the answer; 0 where none came, for `why`.
      at: When it was whole, by `time.monotonic`.
    """

    method: str
    target: str
    status: int
    at: float
    why: str = ""


@dataclass
class Load:
    """What clients have been told so far; appended to by all of them."""

    told: list[Told] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def note(self, method: str, target: str, status: int, why: str = "") -> None:
        with self.changed:
            self.told.append(Told(method, target, status, time.monotonic(), why))
            self.changed.notify_all()

    def wait_for(self, more: int, patience: float = 30) -> None:
        """Wait until so many more requests have been told of."""
        with self.changed:
            wanted = len(self.told) + more
            done = self.changed.wait_for(lambda: len(self.told) >= wanted, patience)
            assert done, f"no {more} answers within {patience:g} s; the last: {self.told[-3:]}"


@contextmanager
def load(
    connect: Callable[[], http.client.HTTPConnection],
    *,
    clients: int,
    methods: Sequence[str] = METHODS,
    name: str = "",
    pause: float = 0,
) -> Iterator[Load]:
    """Ask until the block ends.

    Args:
      connect: Makes a client's connection; asked again where one ended.
      methods: What is asked, at random. Each request has a target of its own.
      name: Begins every target.
      pause: Seconds between two requests of a client.
    """
    here = Load()

    def ask(client: int) -> None:
        connection = connect()
        for number in itertools.count():
            if here.stopping.wait(pause) if pause else here.stopping.is_set():
                break
            method, target = random.choice(methods), f"/{name}{client}-{number}"
            try:
                connection.request(method, target, BODY if method in ("PUT", "POST") else None)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                here.note(method, target, 0, repr(error))
                connection.close()
                connection = connect()
            else:
                here.note(method, target, answer.status)
        connection.close()

    threads = [threading.Thread(target=ask, args=(client,), name=f"client {client}") for client in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield here
    finally:
        here.stopping.set()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a client hangs"
