"""Framing: where a body ends. The one place in the house that decides it, for both legs and both readers of heads.

Two readings of one message are an attack (request smuggling), so this is stricter than RFC 9112 §6.3 must be: a message
with both a length and a transfer coding, with two lengths, or with a coding other than `chunked` is refused.
"""

import re

from tunnel.errors import ClientError, TunnelError, UpstreamError
from tunnel.model.headers import Headers
from tunnel.model.message import Framing

_LENGTH = re.compile(rb"[0-9]{1,18}")  # 18 digits are an exabyte and still fit every reader's 64 bits


def request_framing(headers: Headers, minor: int) -> tuple[Framing, int]:
    """Decide how a request's body ends, and its length under `Framing.LENGTH`.

    Raises:
      ClientError: 400 for two answers to that question, 501 for a coding we do not know (RFC 9112 §6.1).
    """
    names = headers.names
    if b"transfer-encoding" not in names:
        if b"content-length" not in names:
            return Framing.NONE, 0
        return Framing.LENGTH, _length(headers, ClientError("the request's Content-Length is not one number"))
    if minor == 0:
        raise ClientError("the request is HTTP/1.0 and has a Transfer-Encoding")
    if b"content-length" in names:
        raise ClientError("the request has both a Content-Length and a Transfer-Encoding")
    if not _chunked(headers):
        raise ClientError("the request's Transfer-Encoding is not `chunked`", status=501)
    return Framing.CHUNKED, 0


def response_framing(headers: Headers, method: bytes, status: int, minor: int) -> tuple[Framing, int]:
    """Decide how the body of an answer to `method` ends.

    Raises:
      UpstreamError: The head gives two answers to that question, or a coding we do not know.
    """
    names = headers.names
    length = None
    if b"content-length" in names:
        length = _length(headers, UpstreamError("the answer's Content-Length is not one number"))
    coded = b"transfer-encoding" in names
    if coded and not _chunked(headers):
        raise UpstreamError("the answer's Transfer-Encoding is not `chunked`")
    if status < 200 or status in (204, 304) or method == b"HEAD":
        return Framing.NONE, 0  # both fields then only say what a GET would get, and may stand together
    if not coded:
        return (Framing.CLOSE, 0) if length is None else (Framing.LENGTH, length)
    if length is not None:
        raise UpstreamError("the answer has both a Content-Length and a Transfer-Encoding")
    if minor == 0:
        raise UpstreamError("the answer is HTTP/1.0 and has a Transfer-Encoding")
    return Framing.CHUNKED, 0


def keeps_alive(headers: Headers, minor: int) -> bool:
    """Whether the sender will go on with this connection after the message (RFC 9112 §9.3)."""
    if b"connection" not in headers.names:
        return minor == 1
    tokens = headers.tokens(b"connection")
    return b"close" not in tokens if minor == 1 else b"keep-alive" in tokens and b"close" not in tokens


def _length(headers: Headers, error: TunnelError) -> int:
    values = headers.all(b"content-length")
    if len(values) != 1 or not _LENGTH.fullmatch(values[0]):
        raise error
    return int(values[0])


def _chunked(headers: Headers) -> bool:
    values = headers.all(b"transfer-encoding")
    return len(values) == 1 and values[0].lower() == b"chunked"
