"""Jobs: what is sent for each exchange that is to be repeated. Each is made when it is asked for: thousands may follow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tunnel.capture.heads import fields_of
from tunnel.capture.store import Store
from tunnel.cli.asking import asking, nobody_to_ask
from tunnel.cli.front import Running, front_of, running
from tunnel.cli.replay_lines import Told
from tunnel.errors import TunnelError, UsageError
from tunnel.model.address import Target, parse_target
from tunnel.model.exchange import Exchange, Side
from tunnel.model.replay import Draft, ReplayPlan
from tunnel.rules.replaying import Edits, addressed, edited, planned, pseudonyms, recalled

ByHand = Callable[[Draft, str], Draft]
"""Gives what a person makes of a request, which a line describes."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where everything goes, and how.

    Attributes:
      front: The tunnel.
      told: What that says of itself, if it does.
      to: Where requests go instead, or None.
      patience: Seconds for each.
      force: Send what was kept, whatever is missing of it.
    """

    front: Target
    told: Running | None
    to: Target | None
    patience: float
    force: bool


@dataclass(frozen=True, slots=True)
class Job:
    """One request to be sent.

    Attributes:
      original: The exchange that it repeats.
      method: Of the request that the service will get; `target` too.
      plan: What we send.
      to: Where the service's request goes if not through the front; else empty.
      secrets: Where it holds what only the running tunnel knows, so that `plan` asks that to send it; else empty.
    """

    original: Exchange
    method: str
    target: str
    plan: ReplayPlan
    to: str
    secrets: tuple[str, ...]


def way_of(folder: Path, *, to: str | None, via: str | None, patience: float, force: bool) -> Way:
    """Return where requests go, by what was typed and by what the folder's tunnel says of itself.

    Raises:
      TunnelError: An address that is none, or a file that is none of ours.
    """
    try:
        told = running(folder)
    except TunnelError:
        if via is None:
            raise
        told = None  # then it is not needed, since the user says where the tunnel is
    front = front_of(told, via)
    if told is not None and told.front not in (front, None):
        told = None  # another tunnel is meant, and it is not ours to send secrets through this one instead
    return Way(front, told, parse_target(to) if to else None, patience, force)


def jobs(
    store: Store, numbers: Iterator[int], way: Way, edits: Edits, times: int, by_hand: ByHand | None
) -> Iterator[Job | Told]:
    """Yield what is to be sent, each so many times; and what cannot be, with the reason.

    Raises:
      UsageError: An edit makes no request; it would be wrong for all of them.
    """
    for number in numbers:
        exchange = store.exchange(number)
        if exchange is None:
            continue  # removed since it was named
        try:
            job = _job(store, exchange, way, edits, by_hand)
        except UsageError:
            raise
        except TunnelError as error:
            yield Told(exchange.id, exchange.method, exchange.target, error=error)
            continue
        for _ in range(times):
            yield job


def _job(store: Store, exchange: Exchange, way: Way, edits: Edits, by_hand: ByHand | None) -> Job:
    kept = store.body(exchange.id, Side.REQUEST)
    was = recalled(exchange, fields_of(exchange.request_head), kept, body=edits.body, force=way.force)
    if way.to is not None:
        was = addressed(was, way.to)
    draft = edited(was, edits)
    if by_hand is not None:
        draft = by_hand(draft, f"Exchange {exchange.id}, to be sent again to {way.to or way.front}.")
    place, front = (way.front, True) if way.to is None else (way.to, False)
    to = str(way.to) if way.to else ""
    secrets = () if way.force else pseudonyms(draft)
    if secrets:
        if way.told is None or way.told.window is None:
            raise nobody_to_ask(exchange.id, secrets)
        plan = asking(exchange.id, replace(was, body=kept), draft, to, way.told.window, way.told.token, way.patience)
    else:
        plan = planned(draft, parent=exchange.id, place=place, front=front, patience=way.patience)
    return Job(exchange, draft.method.decode("latin-1"), draft.target.decode("latin-1"), plan, to, secrets)
