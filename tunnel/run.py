"""Run: puts the parts of a front together, and takes them apart. The nursery tree and the shutdown are on this screen."""

import os
import secrets
import signal
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from certs.contexts import ServerContexts, client_context
from certs.errors import CertsError
from tunnel.capture.recorder import Recorder
from tunnel.errors import TunnelError, UsageError
from tunnel.http.http1 import Http1Upstream
from tunnel.http.pool import Pool
from tunnel.model.address import Target, is_loopback
from tunnel.model.config import Config, Mode
from tunnel.model.peer import Peer
from tunnel.net.callers import Callers
from tunnel.net.counts import Count
from tunnel.net.descriptors import allowed, crowded, fitting, wanted
from tunnel.net.dial import Dialler
from tunnel.net.listen import bind
from tunnel.net.ports import busy
from tunnel.net.probes import probed
from tunnel.net.sweep import Sweep
from tunnel.proxy.server import Server
from tunnel.proxy.way import Way
from tunnel.rules.access import HostRule
from tunnel.rules.forwarding import Forwarding
from tunnel.rules.repair import Repair
from tunnel.terminal import Shared, Started, Terminal
from tunnel.window import Window
from tunnel.window_doors import replay_of, reveal_of
from tunnel.window_place import Place, authority_folder, found_by, link_of, parts_of, placed

if TYPE_CHECKING:
    from tunnel.model.share import Share
    from tunnel.run_share import Opened

# The example service runs in this process; this is what it takes for its own address. Nothing dials it.
EXAMPLE = Target("http", "localhost", 8000)
SECRETS_KEPT = TunnelError(
    "passwords, cookies, tokens and keys are recorded as they are, readable for whoever gets the store (--keep-secrets)",
    hint="leave out --keep-secrets to have them replaced; remove what was recorded with its files: records.sqlite*",
)
_LAST_ROWS = 5.0  # seconds for the recorder to write what is left


@dataclass(frozen=True, slots=True)
class Front:
    """What is made before anything is served; workers are forked from a process that holds it, and share it.

    Attributes:
      listeners: Bound and listening.
      contexts: What TLS is served with, None where none is.
      token: Marks what was forwarded here, so that a request which comes back is known.
      share: What was opened, as far as it could be bound; None for what is no share.
      window: Where the inspector listens; None where there is none.
    """

    listeners: tuple[socket.socket, ...]
    hosts: HostRule
    contexts: ServerContexts | None
    token: str
    started: Started
    share: "Share | None" = None
    window: Place | None = None


Told = Callable[[], AbstractContextManager[AsyncIterable[object]]]
"""Gives, while it is entered, an item each time somebody says stop: a signal, or the first of several processes."""

Beside = Callable[[Recorder, Server], Awaitable[None]]
"""Runs beside a server until that has ended, when it is cancelled: it tells a window that another process serves."""


async def run(config: Config, terminal: Terminal) -> None:
    """Serve until SIGINT or SIGTERM; a second one stops at once.

    Raises:
      TunnelError: It cannot start; nothing is left open then.
    """
    with shown(config, terminal) as front:
        await serve(config, front, terminal, Count(), signals)


@contextmanager
def shown(config: Config, terminal: Terminal) -> Iterator[Front]:
    """Prepare a front, and the place of its window if it is to have one, which other programs find while the block runs.

    Raises:
      TunnelError: It cannot start.
    """
    with prepared(config, terminal) as front, placed(config, scheme_of(front.contexts), terminal.notice) as window:
        if window is None:
            yield front
            return
        # A share is no way for replays: they would come from a device that nobody let in.
        link = link_of(config, window, None if config.share else front.started.url)
        with found_by(Path(config.folder), link, terminal.notice):
            yield replace(front, window=window, started=replace(front.started, inspector=link.address))


def signals() -> AbstractContextManager[AsyncIterable[object]]:
    """See `Told`: Ctrl-C, and what ends a process politely."""
    return trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM)


@contextmanager
def prepared(config: Config, terminal: Terminal) -> Iterator[Front]:
    """Make what a front needs before it serves: no thread, no event loop. The listeners are closed with the block.

    Raises:
      TunnelError: It cannot start.
    """
    _make_folder(Path(config.folder))
    if config.keep.secrets:
        terminal.notice(SECRETS_KEPT)
    with ExitStack() as stack:
        flag = "--port" if config.share else "--listen"
        listeners = [stack.enter_context(sock) for sock in bind(config.listen, partial(busy, flag=flag))]
        for listener in listeners:
            probed(listener, config.limits.probe)
        host, port = listeners[0].getsockname()[:2]
        if config.share is not None:
            config = replace(config, share=config.share.at([sock.getsockname()[0] for sock in listeners]))
        _refuse_own_port(config, listeners)
        hosts = _hosts(config, port)
        contexts = contexts_of(config, hosts, terminal)
        started = Started(
            url=_url(config.mode, host, port),
            port=port,
            target=str(config.target) if config.target else "the example service",
            moved_from=config.listen.port if config.listen.port not in (0, port) else None,
            authority=authority_folder(config) if contexts else None,
        )
        yield Front(tuple(listeners), hosts, contexts, secrets.token_hex(4), started, config.share)


async def serve(
    config: Config, front: Front, terminal: Terminal, count: Count, told: Told, beside: Beside | None = None
) -> None:
    """Serve until told to stop; told again, stop at once. The listeners are closed when accepting ends."""
    with ExitStack() as stack:
        callers = Callers()
        callers.start()
        stack.callback(callers.stop)
        recorder = Recorder(
            Path(config.folder),
            config.keep,
            callers=callers.known,
            after=None if terminal.quiet else terminal.exchanges,
            on_trouble=terminal.notice,
        )
        recorder.start()
        stack.callback(lambda: terminal.stopped(recorder.statistics()))
        stack.callback(recorder.stop, _LAST_ROWS)
        sweep = Sweep()
        target = config.target or EXAMPLE
        async with _dialling(config, sweep) as dial, _opened(config, front, terminal, lambda: server) as share:
            files = allowed(wanted(config.limits))
            limits = fitting(config.limits, files)
            way = Way(
                mode=config.mode,
                limits=limits,
                hosts=front.hosts,
                forwarding=Forwarding(target, config.host_header, front.token),
                repair=Repair(target, passing=config.share is not None),
                pool=Pool(dial, size=limits.pool_size, idle=limits.pool_idle, wait=limits.first_byte),
                recorder=recorder,
                sweep=sweep,
                tls=front.contexts.at if front.contexts else None,
                ask=callers.ask if config.share is None else partial(_ask_of_this_machine, callers),
                notice=terminal.notice,
                guard=share.guard if share else None,
            )
            server = Server(way, front.listeners, count, crowded(limits, config.limits, files))
            window = _window(config, front, way, server, terminal, share)
            more = None if beside is None else partial(beside, recorder, server)
            await _until_told(server, window, more, told, terminal, front, share)


async def _until_told(
    server: Server,
    window: Window | None,
    more: Callable[[], Awaitable[None]] | None,
    told: Told,
    terminal: Terminal,
    front: Front,
    share: "Opened | None",
) -> None:
    stopping = trio.Event()
    with told() as orders:
        # Not before: a script that has read the URL may tell us to stop the next moment.
        terminal.started(_shown(front, share))
        async with trio.open_nursery() as nursery:

            def stop() -> None:
                if stopping.is_set():
                    nursery.cancel_scope.cancel()
                stopping.set()
                terminal.stopping(server.running)

            async def listen() -> None:
                async for _ in orders:
                    stop()

            def stop_once() -> None:
                if not stopping.is_set():
                    stop()

            nursery.start_soon(listen)
            if share is not None:
                nursery.start_soon(share.run, stop_once)
            if window is not None:
                nursery.start_soon(window.run, stopping)
            if more is not None:
                nursery.start_soon(more)
            await server.run(stopping)
            if window is not None:
                await window.ended.wait()
            nursery.cancel_scope.cancel()


def _window(
    config: Config, front: Front, way: Way, server: Server, terminal: Terminal, share: "Opened | None"
) -> Window | None:
    place = front.window
    if place is None:
        return None

    return Window(
        place,
        lambda: replace(
            parts_of(config, place, terminal.notice),
            url=front.started.url,
            target=front.started.target,
            pids=lambda: (os.getpid(),),
            statistics=way.recorder.statistics,
            running=lambda: server.running,
            reveal=reveal_of(way.recorder),
            replay=replay_of(config, way.sweep),
            share=share.desk if share else None,
        ),
        tls=way.tls,
        sweep=way.sweep,
        notice=terminal.notice,
    )


@asynccontextmanager
async def _dialling(config: Config, sweep: Sweep) -> AsyncIterator[Callable[[], Awaitable[Http1Upstream]]]:
    """Give what opens an upstream connection: a dialler, or a wire in memory to the example service."""
    limits = config.limits
    if config.target is not None:
        context: ssl.SSLContext | None = None
        if config.target.tls:
            context = client_context(verify=config.target.scheme == "https")
        dialler = Dialler(
            config.target, sweep, connect=limits.connect, wait=limits.wait, context=context, probe=limits.probe
        )

        async def dial() -> Http1Upstream:
            wire, address = await dialler.dial()
            return Http1Upstream(wire, limits, trio.current_time, address)

        yield dial
        return

    from tunnel.example.app import example_app  # with Starlette: imported only when it serves
    from tunnel.http.asgi_memory import in_memory

    async with in_memory(example_app(), limits, "the example service", port=EXAMPLE.port) as connect:
        yield connect


@asynccontextmanager
async def _opened(
    config: Config, front: Front, terminal: Terminal, server: Callable[[], Server]
) -> AsyncIterator["Opened | None"]:
    """Give what makes a front a share; None for every other front."""
    if front.share is None:
        yield None
        return
    from tunnel.run_share import Plan, opened  # with the gate and its pages, which no other front imports

    plan = Plan(
        share=front.share,
        url=front.started.url,
        port=front.started.port,
        target=config.target,
        folder=Path(config.folder),
        identity=front.token,
        limits=config.limits,
    )
    async with opened(plan, terminal, lambda device: server().cut_off(device)) as share:
        yield share


def _shown(front: Front, share: "Opened | None") -> Started:
    if share is None or front.contexts is None:
        return front.started
    hosts = (share.share.address, *share.share.names, *share.share.addresses[1:])
    urls = tuple(_url(Mode.HTTPS, host, front.started.port) for host in hosts)
    return replace(front.started, shared=Shared(share.share, urls, share.gate.link, front.contexts.fingerprint))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise TunnelError(
            f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}",
            hint="name one that you may write to: --folder DIR",
        ) from error


def contexts_of(config: Config, hosts: HostRule, terminal: Terminal) -> ServerContexts | None:
    """Return what TLS is served with; None where none is.

    Raises:
      TunnelError: The authority cannot be had.
    """
    if config.mode is Mode.PLAIN:
        return None

    def warn(error: CertsError) -> None:
        terminal.notice(TunnelError(error.what, hint=error.hint))

    try:
        return ServerContexts(
            authority_folder(config),
            serves=lambda name: hosts.serves(name) or is_loopback(name),  # the inspector has the same contexts
            warn=warn,
            together=(*config.share.addresses, *config.share.names) if config.share else (),
            clients=config.share is not None and config.share.by_certificate,
        )
    except CertsError as error:
        raise TunnelError(error.what, hint=error.hint) from error


def _hosts(config: Config, port: int) -> HostRule:
    """Return which Host is ours. To a network, what means "this machine" to whoever says it means a stranger's."""
    if config.share is not None:
        return HostRule((*config.share.addresses, *config.share.names), loopback=False, port=port)
    return HostRule((*config.allow_host, *config.listen.hosts))


def _ask_of_this_machine(callers: Callers, peer: Peer) -> None:
    """Ask which program a client is, if it runs here: of another machine's nothing can be found, however long one looks."""
    if peer.address == peer.listener:
        callers.ask(peer)


def scheme_of(contexts: ServerContexts | None) -> str:
    """Return "https" or "http"."""
    return "https" if contexts else "http"


def _url(mode: Mode, host: str, port: int) -> str:
    scheme = "http" if mode is Mode.PLAIN else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _refuse_own_port(config: Config, listeners: Sequence[socket.socket]) -> None:
    """Refuse a target that is this front itself. A share is not on loopback: the same port there is somebody else's."""
    port = listeners[0].getsockname()[1]
    target = config.target
    ours = config.share.addresses if config.share else ()
    if target is not None and target.port == port and (target.host in ours if ours else is_loopback(target.host)):
        raise UsageError(
            f"{target} is this tunnel's own address", hint="name the port of your service, or another --listen"
        )
