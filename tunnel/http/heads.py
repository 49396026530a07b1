"""Heads: bytes to Request and Response, and back. What a head means for the body is for `http.framing`.

Two readers, one understanding (law 4). The short reader takes the plain, common head: two patterns that are stricter than
the grammar of RFC 9112 §3 to §5 and accept a head whole or not at all. Whatever they are not sure of goes to h11, after
the forms that h11 forgives and we do not (bare LF, obs-fold) were refused. On a head that both accept they agree; a test
holds them to it on generated and mutated heads. Of a browser's head with ten fields the short reader
makes 5 µs, or 1 where it has met the same fields before; h11 makes 30 (measured on one machine).
"""

import re
from functools import lru_cache

from tunnel.errors import ClientError, TunnelError, UpstreamError
from tunnel.http.framing import keeps_alive, request_framing, response_framing
from tunnel.model.address import split_host
from tunnel.model.headers import Field, Headers, loosely
from tunnel.model.message import Framing, Request, Response
from tunnel.model.own import MARK

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/1\.([01])\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([ -~]*))?\r\n")
# A line is one field exactly, so a block is understood when it has as many fields as lines.
_FIELD = re.compile(rb"^(" + _TOKEN + rb"): ([!-~](?:[ -~]*[!-~])?)\r\n", re.MULTILINE)
# As above, with the white space, empty values (gRPC's `grpc-message`) and bytes past ASCII that RFC 9110 §5.5 allows.
# The first white space is not given back (*+): tried at each place anew, a line of nothing else took seconds.
_TRAILER = re.compile(
    rb"^(" + _TOKEN + rb"):[ \t]*+((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*\r\n", re.MULTILINE
)
# What h11 would forgive: a line that ends in a bare LF, a field continued on the next line, a CR or control byte inside.
_FORGIVEN = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REMEMBERED = 64  # blocks of fields: 64 KiB or so as a rule, and 4 MiB where each is as large as a head may be
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(/[^#]*|\?[^#]*)?", re.IGNORECASE)


def read_request(raw: bytes, *, target_size: int, header_count: int) -> Request:
    """Read a request's head.

    Args:
      raw: The head with its blank line, nothing before or behind it.
      target_size: Longest request target, bytes.
      header_count: Most fields.

    Raises:
      ClientError: 400, 414, 431, 501 or 505, with what was wrong.
    """
    line = _REQUEST_LINE.match(raw)
    facts = _request_facts(raw[line.end() :], line[3]) if line else None
    if line and facts is not None:
        method, target = line[1], line[2]
    else:
        method, target, headers, minor = _ask_h11_for_request(raw)
        facts = _facts(headers, minor)
    if len(target) > target_size:
        raise ClientError(f"the request target is longer than {target_size} bytes", status=414)
    headers, minor, framing, length, keep_alive, upgrade = facts
    if len(headers.fields) > header_count:
        raise ClientError(f"the request has more than {header_count} header fields", status=431)
    if not target.startswith(b"/"):
        target, headers = _other_form(method, target, headers)
    return Request(method, target, headers, minor, framing, length, keep_alive, upgrade, raw)


def _facts(headers: Headers, minor: int) -> tuple[Headers, int, Framing, int, bool, bytes]:
    """Return what a request's fields say of it: fields, minor, framing, length, keep-alive, upgrade."""
    framing, length = request_framing(headers, minor)
    upgrade = b""
    if minor == 1 and b"upgrade" in headers.names and b"upgrade" in headers.tokens(b"connection"):
        upgrade = b", ".join(headers.tokens(b"upgrade"))  # all of them: the upstream may take the last for the first
        if upgrade.startswith(b"h2c"):
            upgrade = b""  # RFC 9113 §3.1 has withdrawn it, and requests after it would pass unseen by our rules
    return headers, minor, framing, length, keeps_alive(headers, minor), upgrade


@lru_cache(maxsize=_REMEMBERED)
def _request_facts(block: bytes, digit: bytes) -> tuple[Headers, int, Framing, int, bool, bytes] | None:
    """Return `_facts` of a block of plain fields, blank line included; None where h11 is to judge.

    A client says the same of itself with each request, whatever the path: what was understood once need not be read again.
    """
    fields = _plain_fields(block)
    if fields is None:
        return None
    headers, minor = Headers(fields), 1 if digit == b"1" else 0
    if headers.names.count(b"host") != minor:
        return None  # missing or twice: h11 knows which of the two, and what HTTP/1.0 allows
    return _facts(headers, minor)


def read_response(raw: bytes, method: bytes, *, header_count: int) -> Response:
    """Read the head of an answer to a request of `method`.

    Raises:
      UpstreamError: With what was wrong.
    """
    response = _plain_response(raw, method == b"HEAD")
    if response is None:
        minor, status, reason, headers = _ask_h11_for_response(raw, method)
        response = _response(status, reason, headers, minor, method == b"HEAD", raw)
    if len(response.headers.fields) > header_count:
        raise UpstreamError(f"the answer has more than {header_count} header fields")
    return response


@lru_cache(maxsize=_REMEMBERED)
def _plain_response(raw: bytes, to_head: bool) -> Response | None:
    """Return a plain head, understood; None where h11 is to judge. Many answers within a second have the same one."""
    line = _STATUS_LINE.match(raw)
    fields = _plain_fields(raw[line.end() :]) if line else None
    if line is None or fields is None:
        return None
    return _response(int(line[2]), line[3] or b"", Headers(fields), int(line[1]), to_head, raw)


def _response(status: int, reason: bytes, headers: Headers, minor: int, to_head: bool, raw: bytes) -> Response:
    framing, length = response_framing(headers, b"HEAD" if to_head else b"", status, minor)
    return Response(status, reason, headers, minor, framing, length, keeps_alive(headers, minor), raw)


def prepare() -> None:
    """Import h11, which takes 4 ms. Most heads never need it, so a start need not wait for it.

    Not left to the first head that does need it: an import opens files, and by then no descriptor may be free.
    """
    import h11  # noqa: F401


def write_request(request: Request, headers: Headers) -> bytes:
    """Write a request's head anew, with the fields it is to have; always as HTTP/1.1."""
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method, request.target, headers.lines)


def write_response(response: Response) -> bytes:
    """Write a response's head anew; always as HTTP/1.1, which a 1.0 client reads too (RFC 9110 §6.2)."""
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (response.status, response.reason, response.headers.lines)


def read_trailers(raw: bytes, error: TunnelError) -> Headers:
    """Read a trailer section: field lines without the blank line, strictly (RFC 9112 §7.1.2). h11 is not asked.

    Fields that frame, route or authenticate have no business behind a body and are dropped (RFC 9110 §6.5.1).
    """
    fields: list[Field] = _TRAILER.findall(raw)
    if len(fields) != raw.count(b"\n"):
        raise error
    trailers = Headers(fields)
    try:
        request_framing(trailers, 1)  # a frame that could not stand in a head is no trailer to drop, but an attack
    except ClientError:
        raise error from None
    return trailers.without(*(name for name in trailers.names if _goes_in_a_head(loosely(name))))


def _goes_in_a_head(name: bytes) -> bool:
    """Whether a field has no business in a trailer, by its name as `loosely` returned it."""
    return name in _NOT_IN_TRAILERS or name.startswith(b"x-forwarded-")


_NOT_IN_TRAILERS = (
    b"transfer-encoding", b"content-length", b"host", b"connection", b"trailer", b"te", b"upgrade", b"content-encoding",
    b"content-type", b"content-range", b"authorization", b"set-cookie", b"cookie", b"cache-control", b"expect",
    b"forwarded", b"via", b"x-real-ip", b"x-http-method-override", b"x-method-override", b"x-http-method", MARK.lower(),
)  # fmt: skip


def _plain_fields(block: bytes) -> list[Field] | None:
    """Return the fields of a block, blank line included, if every line is one in the plain grammar; else None."""
    fields: list[Field] = _FIELD.findall(block)
    return fields if len(fields) == block.count(b"\n") - 1 and block.endswith(b"\r\n") else None


def _other_form(method: bytes, target: bytes, headers: Headers) -> tuple[bytes, Headers]:
    """Understand a target that is not a path: `*`, or absolute, whose authority then is the Host (RFC 9112 §3.2.2)."""
    if method == b"CONNECT":
        raise ClientError(
            "CONNECT is for forward proxies, and this is not one", hint="ask for a path of the service instead"
        )
    if target == b"*" and method == b"OPTIONS":
        return target, headers
    match = _ABSOLUTE.fullmatch(target)
    if not match:
        raise ClientError(f"the request target {target[:80].decode('latin-1')!r} is neither a path nor an http URL")
    try:
        split_host(match[1].decode("ascii"))
    except ValueError:
        raise ClientError("the request target's host is not a host") from None
    path = match[2] or b"/"
    if path.startswith(b"?"):
        path = b"/" + path
    fields = [
        (n, match[1]) if lower == b"host" else (n, v) for lower, (n, v) in zip(headers.names, headers, strict=True)
    ]
    if b"host" not in headers:
        fields.insert(0, (b"Host", match[1]))
    if method == b"OPTIONS" and match[2] is None:
        path = b"*"  # RFC 9112 §3.2.4: an absolute form without a path asks about the server itself
    return path, Headers(fields)


def _ask_h11_for_request(raw: bytes) -> tuple[bytes, bytes, Headers, int]:
    if found := _FORGIVEN.search(raw):
        raise ClientError(f"the request's head has {_name(found[0])}")
    import h11  # see `prepare`

    judge = h11.Connection(h11.SERVER, max_incomplete_event_size=len(raw) + 1)
    judge.receive_data(raw)
    try:
        event = judge.next_event()
    except h11.RemoteProtocolError as error:
        status = error.error_status_hint
        raise ClientError(
            f"the request is malformed: {error}", status=status if status in (431, 501) else 400
        ) from error.with_traceback(None)  # h11's has a frame that holds the error itself
    if not isinstance(event, h11.Request):
        raise ClientError("the request's head is not whole")
    if not event.http_version.startswith(b"1."):
        raise ClientError("the request is not HTTP/1", status=505)
    headers, minor = _as_they_came(raw), _minor(event.http_version)
    if minor == 1 and b"host" not in headers:
        raise ClientError("the request has no Host")  # h11 asks for one in 1.1 only, not in what we read as 1.1
    return event.method, event.target, headers, minor


def _ask_h11_for_response(raw: bytes, method: bytes) -> tuple[int, int, bytes, Headers]:
    if found := _FORGIVEN.search(raw):
        raise UpstreamError(f"the answer's head has {_name(found[0])}")
    import h11

    judge = h11.Connection(h11.CLIENT, max_incomplete_event_size=len(raw) + 1)
    upgrading = [(b"Connection", b"upgrade"), (b"Upgrade", b"any")] if raw[8:12] == b" 101" else []
    asked = b"GET" if method == b"CONNECT" else method
    judge.send(h11.Request(method=asked, target=b"/", headers=[(b"Host", b"judge"), *upgrading]))
    judge.send(h11.EndOfMessage())
    judge.receive_data(raw)
    try:
        event = judge.next_event()
    except h11.RemoteProtocolError as error:
        raise UpstreamError(f"the answer is malformed: {error}") from error.with_traceback(None)
    if not isinstance(event, h11.Response | h11.InformationalResponse):
        raise UpstreamError("the answer's head is not whole")
    if not event.http_version.startswith(b"1."):
        raise UpstreamError("the answer is not HTTP/1")
    return _minor(event.http_version), event.status_code, event.reason, _as_they_came(raw)


def _as_they_came(raw: bytes) -> Headers:
    """Return the fields of a head that h11 accepts. Its own have been tidied: of two equal lengths it keeps one."""
    lines = (line.partition(b":") for line in raw.split(b"\r\n")[1:-2])
    return Headers([(name, value.strip(b" \t")) for name, _, value in lines])


def _minor(version: bytes) -> int:
    return 0 if version == b"1.0" else 1  # RFC 9110 §2.5: a higher one is read as the highest we know


def _name(forgiven: bytes) -> str:
    match forgiven:
        case b"\n":
            return "a line that ends in a bare LF"
        case b"\r":
            return "a bare CR"
        case b"\n " | b"\n\t":
            return "a field folded over two lines (obs-fold)"
        case b"\x00":
            return "a NUL byte"
        case _:
            return f"a control byte (0x{forgiven.hex()})"
