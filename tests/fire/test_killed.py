"""kill -9 of tunnel itself, at random moments under load: it starts again at once on its port, and the store is whole."""

import http.client
import random
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.fire.load import load
from tests.fire.places import upstream_with_ledger
from tests.helpers.fronts import Front
from tests.helpers.servers import free_port
from tunnel.capture.store import Store
from tunnel.model.exchange import State, Summary

LOST = 1.0  # seconds before a kill of which the record may lack exchanges; docs/faults.md promises no more than that
# Most kills come early, a few after so long that there is something that must not be lost. A start takes 0.4 s.
EARLY, LATE = (0.0, 0.8), (1.2, 2.0)


class Reader:
    """Reads what is new in the store after each kill, with the product's own reader."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._revision = 0
        self.states: dict[str, str] = {}

    def read(self) -> None:
        with Store(self._folder) as store:
            while some := store.since(self._revision, 10_000):
                self._revision = some[-1].revision
                self.states.update((f"{each.method} {each.target}", each.state) for each in some)
                self._look_into(store, some[-1])

    def _look_into(self, store: Store, last: Summary) -> None:
        exchange = store.exchange(last.id)
        assert exchange is not None
        assert len(store.body(last.id, "response")) == exchange.response.kept


@pytest.mark.parametrize("kills", [pytest.param(2, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.fire)])
def test_it_starts_again_at_once_and_lacks_at_most_the_last_second(kills: int, tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "folder"
    reader = Reader(folder)
    must: set[str] = set()

    def connect() -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    with upstream_with_ledger(tmp_path) as upstream:

        def start() -> Front:  # a port that was asked for: where it is not free at once, this fails
            return Front(upstream.port, folder, "--plain", "--quiet", listen=f"127.0.0.1:{port}")

        for kill in range(kills):
            front = start()
            moment = random.uniform(*(LATE if kill % 5 == 1 else EARLY))
            with load(connect, clients=3, name=f"{kill}/", pause=0.001) as clients:
                slow = connect()
                slow.request("GET", f"/slow/{kill}")  # runs when the kill comes
                threading.Event().wait(moment)
                front.kill()
                killed = time.monotonic()
                clients.stopping.set()
            slow.close()
            answered = [each for each in clients.told if each.status]
            assert {each.status for each in answered} <= {200}
            must.update(f"{each.method} {each.target}" for each in answered if each.at < killed - LOST)
            reader.read()
            assert State.RUNNING not in reader.states.values(), "a process that is dead runs nothing"
            assert not must - reader.states.keys(), f"after kill {kill}"

        with start() as front:
            client = connect()
            client.request("GET", "/the-last")
            assert client.getresponse().read() == b"GET /the-last 0"
            client.close()
            assert front.exchange("/the-last")["state"] == "done"

    assert len(must) > kills
    assert any(state == State.INTERRUPTED for target, state in reader.states.items() if target.startswith("GET /slow"))
    with sqlite3.connect(folder / "records.sqlite") as sql:
        assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sql.close()
