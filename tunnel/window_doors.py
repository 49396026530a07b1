"""Window's doors to a front: what only a process that serves one can do: send again, and give back what was redacted."""

import importlib
import ssl
from collections.abc import Callable
from typing import Any

from certs.contexts import client_context, trusting
from certs.errors import CertsError
from tunnel.capture.recorder import Recorder
from tunnel.errors import TunnelError
from tunnel.inspector.parts import Replay, Reveal
from tunnel.model.config import Config
from tunnel.net.sweep import Sweep
from tunnel.window_place import authority_folder


def reveal_of(recorder: Recorder) -> Reveal | None:
    """Return what puts real values in the place of their pseudonyms; None where none were made."""
    vault = getattr(recorder, "vault", None)
    reveal: Reveal | None = getattr(vault, "reveal", None)
    return reveal


def replay_of(config: Config, sweep: Sweep) -> Replay:
    """Return what sends a plan: imported with the first, over a connection of its own."""

    def context(plan: Any) -> ssl.SSLContext:
        try:
            if plan.front:
                return trusting(authority_folder(config))
            return client_context(verify=plan.place.scheme == "https")
        except CertsError as error:
            raise TunnelError(error.what, hint=error.hint) from error

    async def replay(plan: object) -> object:
        try:
            send: Callable[..., Any] = importlib.import_module("tunnel.proxy.replay").replay
        except ImportError as error:
            raise TunnelError(
                "this tunnel cannot send a request again yet", status=501, hint="upgrade tunnel"
            ) from error
        return await send(plan, sweep=sweep, context=context)

    return replay
