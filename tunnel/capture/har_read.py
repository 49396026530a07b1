"""Reading HAR: what another program recorded, as exchanges. Their rows are for `importing`, writing HAR for `har`.

Chromium, Firefox, Charles, Proxyman, mitmproxy, Insomnia and we ourselves write the same format a little differently, and a
file may come from anybody. So what can be missing may be missing, nothing is believed to be of its kind before it was looked
at, and what cannot be read is said in a sentence that names the entry. Entries are taken one by one out of the file's bytes,
which are held once.

What a HAR file says twice (`_tunnel` holds heads, times and bodies as they were) is taken from where it is exact.
"""

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from tunnel.capture import har_parts as parts
from tunnel.capture import har_read_bodies as bodies
from tunnel.capture import har_read_heads as heads
from tunnel.capture.har_values import Map, Unreadable, items, mapping, milliseconds, text, whole
from tunnel.capture.heads import fields_of, lines_of
from tunnel.errors import Fault, TunnelError
from tunnel.model.exchange import Exchange, Failure, Moment, RecordedMessage, State, Timings
from tunnel.model.peer import Tls

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.[01]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_OURSELVES = ("ABORTED", "BLOCKED_BY_CLIENT", "CANCELED")  # in Chromium's errors: the client did not want it any more
_MOST_TIME = 1 << 53


class HarError(TunnelError):
    """A file is no HAR, or an entry of it cannot be read; who knows the file's name puts it before."""


class Imported(NamedTuple):
    """One entry, as the store would have it: what `har.entry` takes. It has no number yet.

    Attributes:
      request_body: All of it that is known; `response_body` likewise, content-coded if the head says so.
      moments: When the parts of the response's body came, where that is known.
    """

    exchange: Exchange
    request_body: bytes
    response_body: bytes
    messages: tuple[RecordedMessage, ...]
    moments: tuple[Moment, ...] = ()


Raw = msgspec.Raw


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _File(msgspec.Struct):
    log: _Log


def read(data: bytes) -> Iterator[Imported]:
    """Yield a HAR file's exchanges, in its order. Entries that are no HTTP ("data:", "chrome-extension:") are left out.

    Raises: HarError.
    """
    for number, raw in enumerate(entries(data), 1):
        found = imported(raw, number)
        if found is not None:
            yield found


def entries(data: bytes) -> list[msgspec.Raw]:
    """Return a HAR file's entries, still as JSON: parts of `data`, which they hold.

    Raises: HarError.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        try:
            return msgspec.json.decode(data, type=_File).log.entries
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            # Some writers cut a text between the two halves of a character.
            return msgspec.json.decode(_ESCAPE.sub(_no_half, data), type=_File).log.entries
    except msgspec.ValidationError as error:
        raise HarError(f"it is no HAR file: {error}", hint="a HAR file is JSON with a list log.entries") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HarError(f"it is no JSON: {error}", hint="was it cut short on its way here?") from error


def _no_half(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]


def imported(raw: msgspec.Raw, number: int) -> Imported | None:
    """Return what an entry says, or None for one that is no HTTP.

    Args:
      raw: The entry as JSON.
      number: Its place in the file, from 1, for errors.

    Raises: HarError, which names the entry.
    """
    try:
        entry = mapping(msgspec.json.decode(raw))
        url = text(mapping(entry.get("request")).get("url"))
        if not url:
            raise Unreadable("request.url is missing")
        if not url.lower().startswith(("http:", "https:", "ws:", "wss:")):
            return None
        return _imported(entry, url)
    except (Unreadable, ValueError, RecursionError) as error:
        raise HarError(f"entry {number} cannot be read: {error}") from error


def _imported(entry: Map, url: str) -> Imported:
    request, response, ours = (mapping(entry.get(name)) for name in ("request", "response", "_tunnel"))
    were = mapping(ours.get("heads"))
    try:
        scheme, server, port = parts.place_of(url)
    except ValueError:
        raise Unreadable(f"request.url {url[:200]!r} is no address") from None
    try:
        started = parts.micros(text(entry.get("startedDateTime")))
    except ValueError:
        raise Unreadable(f"startedDateTime {entry.get('startedDateTime')!r:.100} is no date") from None
    notes: list[str] = []
    asked = heads.asked(request, url, notes)
    request_head = heads.as_it_was(were, "request", asked)
    line = _REQUEST_LINE.fullmatch(lines_of(request_head)[0])
    if line is None:
        raise Unreadable(f"request.method {request.get('method')!r:.100} is no method")
    status = whole(response.get("status"), most=999)
    answered, body, size = heads.answered(response, status, ours, notes)
    returned = heads.as_it_was(were, "returned", answered)
    upgrade = _upgrade(entry, ours, status)
    messages = tuple(bodies.messages(entry, started)) if upgrade else ()
    body = b"" if upgrade else body
    request_body = b"" if upgrade else bodies.request_body(request)
    up, down = (sum(m.size for m in messages if m.from_client is side) for side in (True, False))
    failure = _failure(ours, response, status)
    told = mapping(ours.get("caller"))
    client, listener = mapping(ours.get("client")), mapping(ours.get("listener"))
    exchange = Exchange(
        id=0,
        revision=0,
        state=_state(ours, failure),
        started=started,
        timings=_timings(entry, ours, bool(status)),
        address=text(client.get("address")),
        port=whole(client.get("port"), most=65535),
        listener=text(listener.get("address")),
        listener_port=whole(listener.get("port"), most=65535),
        tls=_tls(ours, scheme, server),
        caller=text(told.get("name")),
        caller_pid=whole(told.get("pid")),
        method=line[1],
        target=line[2],
        host=(fields_of(request_head).get(b"host") or b"").decode("latin-1"),
        status=status or None,
        upgrade=upgrade,
        upstream=text(ours.get("upstream")) if ours else _upstream(entry, bool(status), server, port),
        reused=ours.get("reused") is True,
        request=bodies.body_of(
            ours, "request", b"" if upgrade else request_body, up if upgrade else bodies.size_of(request, request_body)
        ),
        response=bodies.body_of(ours, "response", body, down if upgrade else size),
        messages=len(messages),
        failure=failure,
        repairs=(*(text(repair).replace("\n", " ") for repair in items(ours.get("repairs"))), *notes),
        parent=0,
        source="",
        redacted=whole(ours.get("redacted")),
        device=text(ours.get("device")),
        rule=text(ours.get("rule")),
        request_head=request_head,
        sent_head=heads.as_it_was(were, "sent", request_head),
        informational=heads.as_it_was(were, "informational", b"", heads.HEADS),
        response_head=heads.as_it_was(were, "response", returned),
        returned_head=returned,
        request_trailers=heads.trailers(ours, "request"),
        response_trailers=heads.trailers(ours, "response"),
    )
    return Imported(exchange, request_body, body, messages, bodies.moments(ours, body))


# Facts


def _upgrade(entry: Map, ours: Map, status: int) -> str:
    """Return what was switched to. A WebSocket that was refused was not."""
    if ours:
        return text(ours.get("upgrade"))
    if items(entry.get("_webSocketMessages")) or (status == 101 and entry.get("_resourceType") == "websocket"):
        return "websocket"
    return ""


def _upstream(entry: Map, answered: bool, server: str, port: int) -> str:
    """Return what was reached: an address where the file says one, else the name; nothing where nothing answered."""
    address = text(entry.get("serverIPAddress"))
    if not address and not answered:
        return ""
    address = f"[{address}]" if ":" in address and not address.startswith("[") else address
    return f"{address or server}:{port}"


def _timings(entry: Map, ours: Map, answered: bool) -> Timings:
    if ours:
        told = mapping(ours.get("timings"))
        accepted, ready = (_moment(told.get(name), -_MOST_TIME) for name in ("accepted", "ready"))
        connected, first, ended = (_moment(told.get(name), 0) for name in ("connected", "first", "ended"))
        return Timings(accepted or 0, ready or 0, connected, first, ended)
    phases = mapping(entry.get("timings"))
    before, sent, received = (
        [milliseconds(phases.get(name)) for name in names]
        for names in (("blocked", "dns", "connect"), ("send", "wait"), ("receive",))
    )
    if all(taken is None for taken in (*before, *sent, *received)):
        total = milliseconds(entry.get("time"))
        return Timings(0, 0, None, None, None if total is None else int(total * 1000))
    connected, first, ended = (
        int(sum(taken or 0 for taken in phase) * 1000)
        for phase in (before, (*before, *sent), (*before, *sent, *received))
    )
    return Timings(0, 0, connected, first if answered else None, ended)


def _moment(value: object, least: int) -> int | None:
    """Return µs relative to the start, `least` at least; those before it are negative."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return min(max(value, least), _MOST_TIME)


def _tls(ours: Map, scheme: str, server: str) -> Tls | None:
    told = mapping(ours.get("tls"))
    if told:
        return Tls(*(text(told.get(name)) for name in ("version", "cipher", "sni", "alpn")))
    return Tls("TLS", "", server, "") if scheme == "https" and not ours else None


def _failure(ours: Map, response: Map, status: int) -> Failure | None:
    told = mapping(ours.get("error"))
    if told:
        fault = text(told.get("fault"))
        known = Fault(fault) if fault in list(Fault) else Fault.UPSTREAM
        return Failure(text(told.get("what")), text(told.get("hint")), known)
    if ours or status:
        return None
    error = text(response.get("_error")) or "no answer was recorded"
    return Failure(error, "", Fault.CLIENT if any(word in error.upper() for word in _OURSELVES) else Fault.UPSTREAM)


def _state(ours: Map, failure: Failure | None) -> State:
    """Return the state; what was running when it was exported ended for us there."""
    said = text(ours.get("state"))
    if said in (State.RUNNING, State.INTERRUPTED):
        return State.INTERRUPTED
    return State.DONE if failure is None else State.FAILED
