"""Readings: what we and what h11 make of the same bytes, side by side. Shared by the differential test and `tests.fuzz`.

We may refuse what h11 takes. What we take, h11 must take too, and both must understand the same: fields, body, trailers,
where the message ends, and whether the connection goes on behind it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import h11
import pytest

from tunnel.errors import ClientError, TunnelError, UpstreamError
from tunnel.http import heads
from tunnel.http.bodies import BodyReader, body_reader
from tunnel.http.heads import read_request, read_response, write_request
from tunnel.model.headers import Headers
from tunnel.model.message import Framing

ROOM = 1 << 20


class Understood(NamedTuple):
    """What a reader made of a message. `goes_on` is None where h11 has no opinion that could be compared."""

    start: tuple[bytes, ...]
    minor: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] | None = None
    rest: bytes = b""
    goes_on: bool | None = None


class NotSure(Exception):
    """The short reader would have asked h11."""


@contextmanager
def short_reader_alone() -> Iterator[None]:
    """h11 is not asked: what the short reader is not sure of raises NotSure."""

    def refuse(*_: object) -> None:
        raise NotSure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "_ask_h11_for_request", refuse)
        patch.setattr(heads, "_ask_h11_for_response", refuse)
        yield


def thirds(data: bytes) -> list[bytes]:
    """Bytes in three pieces or fewer, none of them empty."""
    third = max(1, len(data) // 3)
    return [piece for piece in (data[:third], data[third : 2 * third], data[2 * third :]) if piece]


def check_request(stream: bytes, pieces: Sequence[bytes] | None = None) -> bytes | None:
    """Hold our reading of a request, its body in `pieces` (three, if not given), against h11's.

    Returns:
      What comes behind the request, or None where we refuse it or find it unfinished.
    """
    try:
        ours = _we_read_request(stream, pieces)
    except ClientError:
        return None
    if ours is None:
        return None
    theirs = _h11_reads_request(stream)

    assert theirs is not None, "h11 refuses it"
    rest = ours.rest
    if theirs.start[1] != ours.start[1]:  # an absolute target, taken apart: the fields differ in Host alone
        assert theirs.start[1].lower().startswith((b"http://", b"https://"))
        ours = ours._replace(start=theirs.start, fields=[f for f in ours.fields if f[0] != b"host"])
        theirs = theirs._replace(fields=[f for f in theirs.fields if f[0] != b"host"])
    _compare(ours, theirs)
    return rest


def check_answer(stream: bytes, method: bytes = b"GET", pieces: Sequence[bytes] | None = None) -> bytes | None:
    """As `check_request`, for an answer to a request of `method`; the upstream closes behind the last byte."""
    try:
        ours = _we_read_answer(stream, method, pieces)
    except UpstreamError:
        return None
    if ours is None:
        return None
    theirs = _h11_reads_answer(stream, method)

    assert theirs is not None, "h11 refuses it"
    _compare(ours, theirs)
    return ours.rest


def check_written(stream: bytes) -> None:
    """What goes upstream is what was understood: the head, written anew, has that one reading."""
    end = stream.find(b"\r\n\r\n") + 4
    try:
        request = read_request(stream[:end], target_size=ROOM, header_count=ROOM)
    except TunnelError:
        return
    if b"host" not in request.headers:
        return  # HTTP/1.0; `rules.forwarding` adds one
    again = read_request(write_request(request, request.headers), target_size=ROOM, header_count=ROOM)

    assert (again.method, again.target, again.headers) == (request.method, request.target, request.headers)
    assert (again.framing, again.length) == (request.framing, request.length)


def _compare(ours: Understood, theirs: Understood) -> None:
    # We drop those trailers that frame, route or vouch.
    assert set(ours.trailers or []) <= set(theirs.trailers or [])
    if theirs.goes_on is None:
        ours = ours._replace(goes_on=None)
    assert ours._replace(trailers=None) == theirs._replace(trailers=None)


def _we_read_request(stream: bytes, pieces: Sequence[bytes] | None) -> Understood | None:
    end = stream.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    request = read_request(stream[:end], target_size=ROOM, header_count=ROOM)
    reader = body_reader(request.framing, request.length, ClientError)
    body, rest = _fed(reader, thirds(stream[end:]) if pieces is None else _behind(end, pieces))
    if reader.end is None:
        return None
    start = (request.method, request.target)
    fields, trailers = _lowered(request.headers), _lowered(reader.end.trailers)
    return Understood(start, request.minor, fields, body, trailers, rest, request.keep_alive)


def _we_read_answer(stream: bytes, method: bytes, pieces: Sequence[bytes] | None) -> Understood | None:
    end = stream.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    answer = read_response(stream[:end], method, header_count=ROOM)
    reader = body_reader(answer.framing, answer.length, UpstreamError)
    body, rest = _fed(reader, thirds(stream[end:]) if pieces is None else _behind(end, pieces))
    if reader.end is None and not reader.closed():
        return None
    assert reader.end is not None
    start = (str(answer.status).encode(), answer.reason)
    goes_on = answer.keep_alive and answer.framing is not Framing.CLOSE
    trailers = _lowered(reader.end.trailers)
    return Understood(start, answer.minor, _lowered(answer.headers), body, trailers, rest, goes_on)


def _fed(reader: BodyReader, pieces: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Feed pieces until the body ends; return the body and what came behind it."""
    body, rest = b"", b""
    for piece in pieces:
        if reader.end is not None:
            rest += piece
            continue
        part, after = reader.read(piece)
        assert not after or reader.end is not None, "there is no rest before the end"
        body += part
        rest += after
    return body, rest


def _behind(end: int, pieces: Sequence[bytes]) -> list[bytes]:
    """Return the pieces without the first `end` bytes of the whole."""
    found = []
    for piece in pieces:
        if behind := piece[end:]:
            found.append(behind)
        end = max(0, end - len(piece))
    return found


def _h11_reads_request(stream: bytes) -> Understood | None:
    judge = h11.Connection(h11.SERVER, max_incomplete_event_size=ROOM)
    try:
        judge.receive_data(stream)
        request = judge.next_event()
        if not isinstance(request, h11.Request):
            return None
        body, end = _h11_body(judge)
    except h11.RemoteProtocolError:
        return None
    if end is None:
        return None
    start = (request.method, request.target)
    fields, trailers, rest = list(request.headers), list(end.headers), judge.trailing_data[0]
    return Understood(start, _minor(request.http_version), fields, body, trailers, rest, _goes_on(judge, request))


def _h11_reads_answer(stream: bytes, method: bytes) -> Understood | None:
    judge = h11.Connection(h11.CLIENT, max_incomplete_event_size=ROOM)
    upgrading = [(b"Connection", b"upgrade"), (b"Upgrade", b"any")]
    judge.send(h11.Request(method=method, target=b"/", headers=[(b"Host", b"a"), *upgrading]))
    judge.send(h11.EndOfMessage())
    try:
        judge.receive_data(stream)
        answer = judge.next_event()
        if isinstance(answer, h11.InformationalResponse):
            start = (str(answer.status_code).encode(), bytes(answer.reason))
            rest = stream[stream.find(b"\r\n\r\n") + 4 :]
            return Understood(start, _minor(answer.http_version), list(answer.headers), b"", [], rest)
        if not isinstance(answer, h11.Response):
            return None
        body, end = _h11_body(judge)
        rest, goes_on = judge.trailing_data[0], _goes_on(judge, answer)
        if end is None:  # the upstream closes
            judge.receive_data(b"")
            more, end = _h11_body(judge)
            body, goes_on = body + more, False
    except h11.RemoteProtocolError:
        return None
    if end is None:
        return None
    start = (str(answer.status_code).encode(), bytes(answer.reason))
    fields, trailers = list(answer.headers), list(end.headers)
    return Understood(start, _minor(answer.http_version), fields, body, trailers, rest, goes_on)


def _h11_body(judge: h11.Connection) -> tuple[bytes, h11.EndOfMessage | None]:
    """Return the body as far as it has come, and its end if that has come too."""
    body = b""
    while isinstance(event := judge.next_event(), h11.Data):
        body += bytes(event.data)
    return body, event if isinstance(event, h11.EndOfMessage) else None


def _goes_on(judge: h11.Connection, head: h11.Request | h11.Response) -> bool | None:
    """Whether h11 would read another message; of HTTP/1.0 it never would, and of an upgrade it cannot say yet."""
    if head.http_version == b"1.0" or judge.their_state not in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED):
        return None
    return judge.their_state is h11.DONE


def _minor(version: bytes) -> int:
    return 0 if version == b"1.0" else 1


def _lowered(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Fields as h11 gives them: names in lower case, and a coding's value too."""
    return [
        (n, v.lower() if n == b"transfer-encoding" else v) for n, (_, v) in zip(headers.names, headers, strict=True)
    ]
