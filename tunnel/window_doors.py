"""Window's doors to a front: what only a process that serves one can do: send again, and give back what was redacted."""

import ssl
from typing import TYPE_CHECKING

from certs.contexts import client_context, trusting
from certs.errors import CertsError
from tunnel.capture.recorder import Recorder
from tunnel.errors import TunnelError
from tunnel.model.config import Config
from tunnel.net.sweep import Sweep
from tunnel.window_place import authority_folder

if TYPE_CHECKING:
    from tunnel.inspector.parts import Replay, Reveal
    from tunnel.model.replay import Replayed, ReplayPlan


def reveal_of(recorder: Recorder) -> "Reveal":
    """Return what puts real values in the place of their pseudonyms."""
    return recorder.vault.reveal


def replay_of(config: Config, sweep: Sweep) -> "Replay":
    """Return what sends a plan: imported with the first, over a connection of its own."""

    def context(plan: "ReplayPlan") -> ssl.SSLContext:
        try:
            if plan.front:
                return trusting(authority_folder(config))
            return client_context(verify=plan.place.scheme == "https")
        except CertsError as error:
            raise TunnelError(error.what, hint=error.hint) from error

    async def replay(plan: "ReplayPlan") -> "Replayed":
        if plan.front and config.share is not None:
            raise TunnelError(
                "a share lets in devices, and a request that is sent again comes from none",
                hint=f"send it to the service itself: {config.target or 'tunnel http TARGET has a front for it'}",
                status=409,
            )
        from tunnel.proxy.replay import replay as send

        return await send(plan, sweep=sweep, context=context)

    return replay
