"""Visit: what every kind of client is given for one run of it, and the words in which it asks."""

import random
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from tests.fire.soak.client import Answer, Client, Place, connected, head
from tests.fire.soak.tally import Tally
from tests.fire.soak.upstream import Upstream


@dataclass(frozen=True)
class Visit:
    """One run of one kind of client.

    Attributes:
      kind: What it is counted as.
      random: Its choices; every visit of a soak chooses anew.
    """

    kind: str
    place: Place
    upstream: Upstream
    tally: Tally
    random: random.Random

    def connected(self, **how: Any) -> AbstractAsyncContextManager[Client]:
        """Connect; see `client.connected`."""
        return connected(self.place, **how)

    def either(self) -> AbstractAsyncContextManager[Client]:
        """Connect over TLS, and one time in four plain."""
        return connected(self.place, tls=self.random.random() < 0.75)

    def target(self, path: str, status: int | None = 200, fault: str = "") -> str:
        """Return a target that must have its row; see `Tally.target`."""
        return self.tally.target(self.kind, path, status, fault)

    def head(self, method: str, target: str, *fields: str) -> bytes:
        """Write a head, with the front's own address as the Host unless a field says another."""
        return head(method, target, self.place, *fields)

    async def ask(self, client: Client, method: str, target: str, *fields: str, body: bytes = b"") -> Answer:
        """Send a request whole, and read its answer whole."""
        if body:
            fields = (*fields, f"Content-Length: {len(body)}")
        await client.send(self.head(method, target, *fields) + body)
        return await client.answer(method)


def serial(target: str) -> bytes:
    """Return the number in a target, which is what /small answers."""
    return target.rpartition("n=")[2].encode()
