"""Asking: a running tunnel is asked to send a request again, since it alone may still have the secrets that it held.

What was stored has pseudonyms in their place; the process that saw the real values keeps them while it runs.
"""

import base64

import msgspec

from tunnel.errors import TunnelError
from tunnel.model.address import Target
from tunnel.model.headers import Headers
from tunnel.model.replay import NOT_SENT, Draft, Replayed, ReplayPlan
from tunnel.rules.replaying import no_secrets, planned


class Reply(msgspec.Struct):
    """What the API says of one replay.

    Attributes:
      id: Of the exchange that it became, or None.
      status: Of its answer, or None.
      error: Why there is none, or why it is not whole; or empty.
    """

    id: int | None = None
    status: int | None = None
    error: str = ""


class _Replies(msgspec.Struct):
    replays: list[Reply] = []
    error: str = ""
    hint: str = ""


def asking(id: int, was: Draft, draft: Draft, to: str, window: Target, token: str, patience: float) -> ReplayPlan:
    """Return the request that asks for a replay. Only what was edited is said: the tunnel knows the rest, and better.

    Args:
      id: Of the exchange.
      was: The request as it was recorded; `draft` as it is to be sent.
      to: The target, if not the front; else empty.
      window: Where the API is; `token` opens it.
      patience: Seconds for all of it.
    """
    wish: dict[str, object] = {"to": to, "times": 1}
    if draft.method != was.method:
        wish["method"] = draft.method.decode("latin-1")
    if draft.target != was.target:
        wish["target"] = draft.target.decode("latin-1")
    if draft.headers != was.headers:
        wish["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in draft.headers]
    if draft.body != was.body:
        wish["body_base64"] = base64.b64encode(draft.body).decode()
    fields = [
        (b"Authorization", b"Bearer " + token.encode("latin-1", "replace")),
        (b"Content-Type", b"application/json"),
        (b"Accept", b"application/json"),
    ]
    said = Draft(b"POST", b"/api/exchanges/%d/replay" % id, Headers(fields), msgspec.json.encode(wish))
    return planned(said, parent=0, place=window, front=True, patience=patience)


def reply_to(id: int, secrets: tuple[str, ...], answer: Replayed) -> Reply:
    """Return what the tunnel says of the one request that it was asked to send.

    Args:
      id: Of the exchange that was to be repeated.
      secrets: Where it holds secrets.
      answer: Of the API.

    Raises:
      TunnelError: It was not sent, and what to do.
    """
    try:
        said = msgspec.json.decode(answer.body, type=_Replies)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = _Replies()
    reply = said.replays[0] if said.replays else Reply()
    if answer.status == 200 and reply.status is not None:
        return reply
    why = reply.error or said.error or f"it answered with the status {answer.status}"
    error = no_secrets(id, secrets, f"the tunnel that runs could not send them ({why})")
    if why.startswith(f"exchange {id} is not sent again"):  # it says what we would, and knows better which are missing
        error = TunnelError(why, hint=said.hint or error.hint, exit_code=NOT_SENT)
    raise error


def nobody_to_ask(id: int, secrets: tuple[str, ...]) -> TunnelError:
    """Say that no tunnel runs which could know the secrets of a request."""
    return no_secrets(id, secrets, "no tunnel runs that could still know them")
