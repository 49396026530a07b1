"""A fake of the inspector's API, in threads: the page's files, made exchanges, and a live feed that the test drives."""

import json
import queue
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any, Self

from tests.inspector import made_exchanges as made
from tests.inspector.fake_answers import Answers
from tests.inspector.fake_filter import Refused, matches, terms
from tests.inspector.made_special import special, talk

Shape = dict[str, Any]


class FakeApi:
    """The API; a test changes what it holds, and tells its viewers.

    Attributes:
      special: The special exchanges by name; `ids` their numbers.
      replays: What was asked to be sent again: the number and the edits.
      share: What is shared, or None; `orders` what was asked to be done about it.
      refuse: An error for every path of the API, or None.
      empty: Whether nothing is recorded.
    """

    def __init__(self, *, plain: int = made.PLAIN) -> None:
        self.plain = plain
        self.special = special()
        self.ids = {name: whole["id"] for name, (whole, _) in self.special.items()}
        self.extra: dict[int, Shape] = {whole["id"]: whole for whole, _ in self.special.values()}
        self.messages = {self.ids["socket"]: talk(self.extra[self.ids["socket"]]["started"])}
        self.saved: list[Shape] = [{"name": "errors", "filter": "status >= 500"}]
        self.replays: list[tuple[int, Shape]] = []
        self.asked: list[str] = []
        self.share: Shape | None = None
        self.orders: list[tuple[str, Shape]] = []
        self.refuse: Refused | None = None
        self.empty = False
        self.revision = made.PLAIN + 1000
        self._feeds: list[tuple[str, queue.Queue[bytes | None]]] = []
        self._changed = threading.Condition()
        self._known: dict[str, list[int]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (Answers,), {"api": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="fake api", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    # What a test does.

    def tell(self, **given: Any) -> Shape:
        """Make a new exchange, or change one whose id is given; tell the viewers. Return its summary."""
        with self._changed:
            self.revision += 1
            id = given.pop("id", None) or max([*self.extra, self.plain]) + 1
            line = {**made.summary(id), **self.line(id)} if id in self.extra else made.summary(id)
            line = {**{key: line[key] for key in made.summary(0)}, **given, "revision": self.revision}
            before = self.extra.get(id)
            self.extra[id] = {**before, **line} if before and "request" in before else made.whole(line)
            self._known.clear()
        self._send("exchange", line)
        return line

    def say(self, text: str, *, from_client: bool) -> None:
        """Let a message pass on the socket."""
        id = self.ids["socket"]
        talk = self.messages[id]
        talk.append(made.message(len(talk), text, from_client=from_client, at=self.extra[id]["started"] + 3_000_000))
        self.tell(id=id, messages=len(talk))

    def miss(self, count: int) -> None:
        """Tell the viewers that they missed so many."""
        self._send("missed", {"count": count})

    def cut(self) -> None:
        """Break every feed."""
        with self._changed:
            for _, waiting in self._feeds:
                waiting.put(None)

    def viewers(self, count: int = 1, patience: float = 20) -> None:
        """Wait until so many follow the feed."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self._feeds) >= count, patience)
        assert enough, "nobody follows the feed"

    def left(self, patience: float = 20) -> None:
        """Wait until nobody follows the feed. That a viewer has left shows when something is written to it."""
        deadline = time.monotonic() + patience
        with self._changed:
            while self._feeds:
                for _, waiting in self._feeds:
                    waiting.put(b": still here\n\n")
                self._changed.wait_for(lambda: not self._feeds, 0.05)
                assert time.monotonic() < deadline, f"{len(self._feeds)} follow the feed"

    def stop(self) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What it answers.

    def line(self, id: int) -> Shape:
        """Return the summary of an exchange."""
        return {key: self.extra[id][key] for key in made.summary(0)} if id in self.extra else made.plain(id)

    def exchange(self, id: int) -> Shape:
        """Return an exchange whole."""
        if id in self.extra:
            return self.extra[id]
        if not 0 < id <= self.plain:
            raise Refused(404, f"there is no exchange {id}", "it may have been removed for its age: see --keep-age")
        return made.whole(made.plain(id))

    def page(self, filter: str, before: int | None, limit: int) -> Shape:
        ids = self.matching(filter)  # oldest first
        below = ids if before is None else ids[: _count_below(ids, before)]
        chosen = below[-limit:][::-1]
        more = len(below) > len(chosen)
        return {
            "exchanges": [self.line(id) for id in chosen],
            "next": chosen[-1] if more and chosen else None,
            "revision": self.revision,
            "total": min(len(ids), 100_000),
        }

    def matching(self, filter: str) -> list[int]:
        """Return the numbers that match, oldest first."""
        if self.empty:
            return []
        with self._changed:
            if filter not in self._known:
                wanted = terms(filter)
                every = [*range(1, self.plain + 1), *sorted(id for id in self.extra if id > self.plain)]
                self._known[filter] = every if not wanted else [id for id in every if matches(wanted, self.line(id))]
            return self._known[filter]

    def body(self, id: int, side: str) -> tuple[Shape, bytes]:
        for whole, bodies in self.special.values():
            if whole["id"] == id and side in bodies:
                return bodies[side]
        return made.EMPTY, b""

    def follow(self, filter: str) -> Iterator[bytes]:
        """Yield the events of one viewer, until the feed is cut."""
        waiting: queue.Queue[bytes | None] = queue.Queue()
        with self._changed:
            self._feeds.append((filter, waiting))
            self._changed.notify_all()
        try:
            yield _event("hello", {"revision": self.revision})
            while (piece := waiting.get()) is not None:
                yield piece
        finally:
            with self._changed:
                self._feeds.remove((filter, waiting))
                self._changed.notify_all()

    def _send(self, name: str, told: Shape) -> None:
        with self._changed:
            for filter, waiting in self._feeds:
                if name != "exchange" or matches(terms(filter), told):
                    waiting.put(_event(name, told))


def _event(name: str, told: Shape) -> bytes:
    return f"event: {name}\ndata: {json.dumps(told)}\n\n".encode()


def _count_below(ids: list[int], before: int) -> int:
    low, high = 0, len(ids)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if ids[middle] < before else (low, middle)
    return low
