"""Reveal: asks the tunnel that saw an exchange for the secrets that stand for its pseudonyms. They are nowhere else.

The running tunnel leaves in the folder where its inspector is and what token it wants (`inspector.json`, private). The
answer is the exchange with the secrets put back, and its messages page by page; how it is shown is for `whole`.
"""

import base64
import dataclasses
import http.client
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from certs.contexts import trusting
from certs.errors import CertsError
from tunnel.errors import TunnelError
from tunnel.model.exchange import Exchange, Failure, RecordedMessage

FILE = "inspector.json"
PAGE = 200  # messages asked for at once
PATIENCE = 10.0  # seconds for the running tunnel to answer
MOST = 64 * 1024 * 1024  # bytes of an answer: two bodies of some MiB, in base64 and as a view
_HINT = "secrets are never written: only the tunnel that saw them has them, while it runs"


class Revealed(NamedTuple):
    """An exchange with its secrets.

    Attributes:
      missing: How many are gone: another process saw them, or too many have come since.
    """

    exchange: Exchange
    request: bytes
    response: bytes
    missing: int


def revealed(folder: Path, exchange: Exchange, request: bytes, response: bytes) -> Revealed:
    """Return an exchange with the secrets in the place of their pseudonyms.

    Args:
      folder: Where the store lives, and where the running tunnel says how to reach it.
      exchange: As the store has it; `request` and `response` are its bodies.

    Raises:
      TunnelError: No tunnel runs there, or it cannot do that.
    """
    told = _asked(folder, exchange.id, "")
    try:
        return _read(told, exchange, request, response)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_understood() from error


def revealed_messages(folder: Path, id: int) -> Iterator[tuple[RecordedMessage, int]]:
    """Return an exchange's messages with the secrets in the place of their pseudonyms, and how many of each are gone.

    Args:
      folder: Where the store lives.
      id: Of the exchange.

    Raises:
      TunnelError: No tunnel runs there, or it cannot do that.
    """
    after = -1
    while True:
        told = _asked(folder, id, f"/messages?limit={PAGE}" + (f"&after={after}" if after >= 0 else ""))
        try:
            page = [_message(one) for one in told["messages"]]
            missing, following = int(told["missing"]), told["next"]
            if following is not None and not after < following:
                raise ValueError("it would never end")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _not_understood() from error
        for number, message in enumerate(page):
            yield message, 0 if number else missing
        if following is None:
            return
        after = int(following)


def _message(told: Mapping[str, Any]) -> RecordedMessage:
    payload = base64.b64decode(told["payload"], validate=True)
    return RecordedMessage(bool(told["from_client"]), str(told["kind"]), int(told["at"]), int(told["size"]), payload)


def _not_understood() -> TunnelError:
    return TunnelError(
        "the running tunnel gave an answer that this one does not understand", hint="are both of the same version?"
    )


def _asked(folder: Path, id: int, more: str) -> Mapping[str, Any]:
    link = _link(folder)
    url = urlsplit(link["url"])
    host, port = url.hostname or "", url.port
    try:
        connection = (
            http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=trusting(Path(link["authority"]).parent))
            if url.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=PATIENCE)
        )
        try:
            headers = {"Authorization": f"Bearer {link['token']}", "Content-Length": "0", "Accept": "application/json"}
            connection.request("POST", f"/api/exchanges/{id}/reveal{more}", headers=headers)
            answer = connection.getresponse()
            body = answer.read(MOST + 1)
        finally:
            connection.close()
    except ConnectionRefusedError as error:
        raise TunnelError(
            f"the tunnel that ran at {link['url']} has ended, and its secrets with it", hint=_HINT
        ) from error
    except (OSError, http.client.HTTPException, CertsError) as error:
        raise TunnelError(f"cannot ask the tunnel at {link['url']}: {error}", hint="is it still running?") from error
    if len(body) > MOST:
        raise TunnelError(f"the answer for {id} is larger than {MOST // 1024**2} MiB", hint="use the inspector's page")
    told = _json(body)
    if answer.status != 200:
        what = told.get("error") or f"the tunnel at {link['url']} answered {answer.status}"
        raise TunnelError(str(what), hint=str(told.get("hint") or _HINT))
    return told


def _link(folder: Path) -> Mapping[str, Any]:
    try:
        link = _json((folder / FILE).read_bytes())
    except FileNotFoundError as error:
        raise TunnelError(
            f"no tunnel is running that records to {folder}, so no secret can be shown", hint=_HINT
        ) from error
    except OSError as error:
        raise TunnelError(f"cannot read {folder / FILE}: {(error.strerror or str(error)).lower()}") from error
    try:
        url = urlsplit(link["url"])
        usable = url.hostname and url.port and isinstance(link["token"], str)
        if usable and (url.scheme == "http" or (url.scheme == "https" and isinstance(link["authority"], str))):
            return link
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise TunnelError(f"{folder / FILE} is damaged", hint="start tunnel again, which writes it anew")


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _read(told: Mapping[str, Any], exchange: Exchange, request: bytes, response: bytes) -> Revealed:
    shown = told["exchange"]
    asked, answered, failure = shown["request"], shown["response"], shown["failure"]
    changes: dict[str, Any] = {
        "target": str(shown["target"]),
        "request_head": _head(asked["line"], asked["fields"]),
        "sent_head": _head(asked["sent_line"], asked["sent"]),
        "request_trailers": _trailers(asked, exchange.request_trailers),
    }
    if answered is not None:
        changes["response_head"] = _head(answered["line"], answered["fields"])
        changes["returned_head"] = _head(answered["sent_line"], answered["sent"])
        changes["response_trailers"] = _trailers(answered, exchange.response_trailers)
    if failure is not None and exchange.failure is not None:
        changes["failure"] = Failure(str(failure["what"]), str(failure["hint"]), exchange.failure.fault)
    return Revealed(
        dataclasses.replace(exchange, **changes),
        _body(asked, request),
        _body(answered, response) if answered is not None else response,
        int(told["missing"]),
    )


def _head(line: str, fields: list[dict[str, str]]) -> bytes:
    if not line:
        return b""
    return "\r\n".join([line, *(f"{field['name']}: {field['value']}" for field in fields), "", ""]).encode("latin-1")


def _trailers(side: Mapping[str, Any], stored: bytes | None) -> bytes | None:
    if side["trailers"] is None:
        return stored
    return "".join(f"{field['name']}: {field['value']}\r\n" for field in side["trailers"]).encode("latin-1")


def _body(side: Mapping[str, Any], stored: bytes) -> bytes:
    return base64.b64decode(side["base64"]) if "base64" in side else stored
