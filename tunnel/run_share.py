"""Run, of a share: its gate and its pages, which the front asks, and what goes on beside them until its time is over.

Who is let in is for `tunnel.share`; how the front asks for each request, for `proxy.forward`.
"""

import platform
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from certs.files import Layout
from certs.pem import certificates
from tunnel.errors import TunnelError
from tunnel.http.asgi_memory import in_memory
from tunnel.http.pool import Pool
from tunnel.model.address import Target, is_loopback
from tunnel.model.config import KIB, Limits
from tunnel.model.share import Happening, Share
from tunnel.net.firewall import obstacle
from tunnel.net.firewall_rules import Passage
from tunnel.net.lan_gone import tell_of_what_is_gone
from tunnel.net.ports import holder
from tunnel.net.processes import Holder
from tunnel.proxy.way import Guard
from tunnel.rules.forwarding import Forwarding
from tunnel.share.attending import attend, tell_links
from tunnel.share.desk import Desk
from tunnel.share.gate import Gate
from tunnel.share.onboarding import Onboarding
from tunnel.terminal import Terminal

Told = Callable[[Happening], None]

_PAGES = Target("http", "localhost", 80)  # what the pages take for their own address; nothing dials it
_MOST_PAGES = 256  # answered at once: a device that waits to be let in holds one
_LONGEST_FORM = 64 * KIB
_WARNED = (300.0, 60.0)  # seconds before the end, at which it is told
_LOOK = 1.0  # seconds between two looks at the time that is left


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a share is begun with.

    Attributes:
      url: Where it is reached, by its address.
      target: What it fronts; None for the example service.
      folder: Where the authority and the store live.
      identity: Of the front, as its Forwarding has it.
      limits: Of the front.
    """

    share: Share
    url: str
    port: int
    target: Target | None
    folder: Path
    identity: str
    limits: Limits


class Opened:
    """A share while it lasts. Made by `opened`.

    Attributes:
      guard: What the front asks.
      desk: From where it is steered.
    """

    def __init__(self, plan: Plan, gate: Gate, guard: Guard, terminal: Terminal) -> None:
        self.share = plan.share
        self.gate = gate
        self.guard = guard
        target = str(plan.target) if plan.target else "the example service"
        self.desk = Desk(gate, plan.share, url=plan.url, target=target, port=plan.port, stop=lambda: self._stop())
        self._plan = plan
        self._terminal = terminal
        self._stop: Callable[[], None] = lambda: None

    def happened(self, happening: Happening) -> None:
        """Have it seen at the terminal, and noted for who asks later."""
        self.desk.heard(happening)
        self._terminal.happened(happening)

    async def run(self, stop: Callable[[], None]) -> None:
        """Do what goes on beside a share, until cancelled.

        Args:
          stop: Ends the front, as Ctrl-C does. Called when the time is over, or somebody at the desk says so.
        Resource handling: its name is withdrawn and its control socket gone when this ends.
        """
        self._stop = stop
        plan, notice = self._plan, self._terminal.notice
        async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
            if plan.share.announce:
                from tunnel.net.mdns import announced  # with zeroconf: a tenth of a second

                name, where = plan.share.names[0], plan.share.interface
                coming = announced(name, plan.share.addresses, plan.port, notice, interface=where)
                await stack.enter_async_context(coming)
            nursery.start_soon(self._look_around)
            nursery.start_soon(tell_of_what_is_gone, plan.share.interface, plan.share.addresses, notice)
            nursery.start_soon(
                lambda: attend(
                    self.desk, folder=plan.folder, port=plan.port, ask=self._terminal.questions, notice=notice
                )
            )
            nursery.start_soon(tell_links, self.gate, self._terminal.link)
            await until_over(self.gate.left, self.happened)
            stop()

    async def _look_around(self) -> None:
        """Tell what keeps the network from the share, and what lets it pass beside it."""
        plan, share, target = self._plan, self.share, self._plan.target
        ways = [
            Passage(address, network, plan.port, share.interface, share.seconds)
            for address, network in zip(share.addresses, share.networks, strict=True)
        ]
        if share.announce:
            ways.append(Passage.of_names(share.network, share.interface, share.seconds))
        told = set()
        for way in ways:
            if (found := await obstacle(way)) is not None and (error := found.error()).what not in told:
                told.add(error.what)
                self._terminal.notice(error)
        if target is None or not (target.port and is_loopback(target.host)) or target.port == plan.port:
            return
        for address in share.addresses:
            if program := await trio.to_thread.run_sync(holder, target.port, address, abandon_on_cancel=True):
                self._terminal.notice(_open_to_all(program, Target("http", address, target.port)))
                return


@asynccontextmanager
async def opened(plan: Plan, terminal: Terminal, closed: Callable[[int], None]) -> AsyncIterator[Opened]:
    """Let a share begin: its time runs from here.

    Args:
      closed: Ends the connections of a device.

    Raises:
      TunnelError: The authority's root cannot be read.
    """
    share = plan.share
    gate = Gate(
        share,
        port=plan.port,
        told=lambda happening: begun.happened(happening),
        closed=closed,
        now=time.time,
        onboarding=Onboarding(_root(plan.folder), url=plan.url, name=platform.node()),
    )
    limits = replace(plan.limits, body_size=_LONGEST_FORM)

    def report(error: Exception) -> None:
        terminal.notice(_bug(error))

    async with in_memory(gate.app, limits, "the share's own pages", report=report) as dial:
        pages = Pool(dial, size=_MOST_PAGES, idle=limits.pool_idle, wait=limits.connect)
        guard = Guard(gate, share.access, pages, Forwarding(_PAGES, "", plan.identity, ours=True))
        begun = Opened(plan, gate, guard, terminal)
        yield begun


async def until_over(left: Callable[[], float | None], told: Told) -> None:
    """Return when a share's time is over; five minutes and a minute before, it is told.

    Args:
      left: Gives the seconds that are left, None for ever. They may grow at any time.
    """
    before = left()
    while (now := left()) is None or now > 0:
        if (mark := crossed(before, now)) is not None:
            minutes = "a minute" if mark == 60 else f"{mark / 60:g} minutes"
            told(Happening("ends soon", 0, "", "", f"the share ends in {minutes}; for longer: tunnel share extend 30m"))
        before = now
        await trio.sleep(_LOOK if now is None else min(now, _LOOK))
    told(Happening("ended", 0, "", "", "the share's time is over: all connections are closed"))


def crossed(before: float | None, now: float | None) -> float | None:
    """Return the smallest of the times before the end that lies between two looks; None for none."""
    if before is None or now is None:
        return None
    return min((mark for mark in _WARNED if now <= mark < before), default=None)


def _root(folder: Path) -> bytes:
    """Return the authority's root, DER."""
    path = Layout(folder / "authority").root
    try:
        return certificates(path.read_bytes())[0]
    except (OSError, IndexError) as error:
        raise TunnelError(f"cannot read the root in {path}", hint=f"see what is there: ls -la {path.parent}") from error


def _open_to_all(program: Holder, where: Target) -> TunnelError:
    return TunnelError(
        f"{program} listens on {where} itself: the network reaches it there without asking this share",
        hint="have it listen on 127.0.0.1 alone; most dev servers take --host 127.0.0.1",
    )


def _bug(error: Exception) -> TunnelError:
    where = traceback.extract_tb(error.__traceback__)
    place = f" ({where[-1].name}, {Path(where[-1].filename).name}:{where[-1].lineno})" if where else ""
    return TunnelError(
        f"a bug in the share's own pages: {type(error).__name__}: {error}{place}",
        hint="please report this line; who was let in is still served",
    )
