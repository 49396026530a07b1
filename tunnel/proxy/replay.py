"""Replay: sends one planned request over a connection of its own, and reads the answer whole. What is sent is for `rules`.

No redirect is followed and nothing is tried twice: what came is what the plan got.
"""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from tunnel.errors import TunnelError, UpstreamError, one_error
from tunnel.http.http1 import Http1Upstream
from tunnel.model.config import MIB, Limits
from tunnel.model.message import END, End, Framing, Request, Response
from tunnel.model.replay import NOT_SENT, Replayed, ReplayPlan
from tunnel.net.dial import Dialler
from tunnel.net.sweep import Sweep
from tunnel.net.tls import HandshakeFailed

MOST_BODY = 4 * MIB  # of an answer's body that is kept to be compared; what comes behind it is counted
_CONNECT = 5.0  # seconds for one address to accept, and for TLS

Contexts = Callable[[ReplayPlan], ssl.SSLContext]
"""Gives what a place's TLS is verified with: our own authority for a front. Asked for places with TLS alone."""


class Unreachable(TunnelError):
    """Nobody can be reached there, or not who was meant: nothing else needs to be tried there."""


@dataclass(slots=True)
class _Answer:
    """What has come so far. `sent`, `first` and `last` are of `time.perf_counter`; the rest as in `Replayed`."""

    started: int = 0
    sent: float = 0.0
    first: float = 0.0
    last: float = 0.0
    port: int = 0
    response: Response | None = None
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    cut: str = ""


async def replay(plan: ReplayPlan, *, sweep: Sweep, context: Contexts) -> Replayed:
    """Send a request and return what came. The connection is closed then, whatever happens.

    Args:
      plan: What is sent, and where.
      sweep: Keeps the deadlines of the connection; runs beside this.
      context: See `Contexts`.

    Raises:
      Unreachable: Nobody is there, or it is not who was meant.
      TunnelError: No answer came in time, or none that can be read.
    Cancelled: the connection is closed; the request may have been carried out.
    """
    answer = _Answer()
    with trio.move_on_after(plan.patience) as scope:
        leg, answer.port = await _dialled(plan, sweep, context)
        try:
            answer.started, answer.sent = time.time_ns() // 1000, time.perf_counter()
            await _converse(leg, plan, answer)
        except UpstreamError as error:
            if answer.response is None:
                raise _unanswered(plan, error) from error
            answer.cut = _in_its_words(plan, error)
        finally:
            leg.close()
    if scope.cancelled_caught:
        answer.cut = f"it had not ended within {plan.patience:g} s"
    if answer.response is None:
        raise TunnelError(
            f"no answer came from {plan.place} within {plan.patience:g} s",
            hint="give it longer: --timeout 5m",
            exit_code=NOT_SENT,
        )
    return _replayed(answer, answer.response)


async def _dialled(plan: ReplayPlan, sweep: Sweep, context: Contexts) -> tuple[Http1Upstream, int]:
    """Return a connection of our own, and the port that it is from; 0 where there is none."""
    tls = context(plan) if plan.place.tls else None
    try:
        # No waiting for a server that restarts: whoever types a command sees that it is not there, and types it again.
        wire, address = await Dialler(plan.place, sweep, connect=_CONNECT, wait=0, context=tls).dial()
    except TunnelError as error:
        raise _unreachable(plan, error) from error
    name = wire.sock.getsockname()
    port = name[1] if isinstance(name, tuple) else 0
    return Http1Upstream(wire, Limits(first_byte=plan.patience), trio.current_time, address), port


async def _converse(leg: Http1Upstream, plan: ReplayPlan, answer: _Answer) -> None:
    """Send and receive at once, since an answer may come before a long body has been taken."""
    with one_error():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send, leg, plan)
            await _receive(leg, answer)
            nursery.cancel_scope.cancel()


async def _send(leg: Http1Upstream, plan: ReplayPlan) -> None:
    framing = Framing.LENGTH if b"content-length" in plan.headers else Framing.NONE
    request = Request(
        plan.method, plan.target, plan.headers, 1, framing, len(plan.body), keep_alive=False, upgrade=b"", raw=b""
    )
    try:
        await leg.send_request(request, plan.headers, plan.body, END)
    except UpstreamError:
        pass  # it may have answered and closed (413, 401): whoever awaits the answer will tell


async def _receive(leg: Http1Upstream, answer: _Answer) -> None:
    response = await leg.receive_response()
    while response.status < 200 and response.status != 101:
        await trio.lowlevel.checkpoint()
        response = await leg.receive_response()
    if response.status == 101:
        raise UpstreamError(f"the upstream at {leg.address} switched to another protocol, which nobody had asked for")
    answer.response, answer.first = response, leg.first_byte
    answer.last = answer.first
    while not isinstance(piece := await leg.receive_body(), End):
        answer.last = time.perf_counter()
        if answer.size < MOST_BODY:
            answer.body.append(piece[: MOST_BODY - answer.size])
        answer.size += len(piece)
    answer.last = time.perf_counter()


def _replayed(answer: _Answer, response: Response) -> Replayed:
    return Replayed(
        started=answer.started,
        first=int((answer.first - answer.sent) * 1e6),
        took=int((answer.last - answer.sent) * 1e6),
        status=response.status,
        head=response.raw,
        body=b"".join(answer.body),
        size=answer.size,
        cut=answer.cut,
        port=answer.port,
    )


def _unreachable(plan: ReplayPlan, error: TunnelError) -> Unreachable:
    """Say who cannot be reached: the dialler speaks of an upstream, and this may be a front."""
    place, cause = plan.place, error.__cause__
    unverified = isinstance(cause, HandshakeFailed) and cause.unverified
    if plan.front and unverified:
        what = f"what answers at {place} is not the tunnel of this folder: {cause}"
        hint = "see what runs there; or say where the tunnel is: --via URL; or which folder is its own: --folder DIR"
    elif plan.front:
        what = f"no tunnel can be reached at {place}: {_in_its_words(plan, error)}"
        hint = "start it: `tunnel PORT`; or say where it is: --via https://127.0.0.1:62893 (http:// if it is --plain)"
    else:
        what = error.what
        hint = "check that the service is running there, and accepts connections"
        if unverified:
            hint = f"to accept its certificate unverified: --to https+insecure://{place.authority}"
    return Unreachable(what, hint=hint, exit_code=NOT_SENT)


def _unanswered(plan: ReplayPlan, error: UpstreamError) -> TunnelError:
    hint = "see what it says in its own terminal, and `tunnel log`" if plan.front else error.hint
    return TunnelError(_in_its_words(plan, error), hint=hint, exit_code=NOT_SENT)


def _in_its_words(plan: ReplayPlan, error: TunnelError) -> str:
    """Return what a leg or the dialler said, who know no other peer than an upstream."""
    return error.what.replace("the upstream at", "the tunnel at") if plan.front else error.what
