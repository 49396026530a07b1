"""Answers: JSON out, errors in one shape, and numbers of the query read with a sentence where they are wrong."""

import html

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tunnel.errors import ClientError, UsageError

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<h1>{title}</h1>
<p>{what}.</p>
<p>{hint}</p>
</html>
"""


def json(content: object, status: int = 200) -> Response:
    """Return a value as JSON; bytes are JSON already, made in the thread that read them."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return Response(body, status, media_type="application/json")


def problem(status: int, what: str, hint: str = "", *, column: int | None = None, page: bool = False) -> Response:
    """Return an error: what happened, what to do, and where in a filter; as a short page for a browser that asks for one."""
    if page:
        text = _PAGE.format(
            title=f"{status} from tunnel's inspector", what=_sentence(what), hint=html.escape(_up(hint))
        )
        return Response(text, status, media_type="text/html")
    return json({"error": what, "hint": hint, "column": column}, status)


def number(request: Request, name: str, default: int | None, *, least: int = 0, most: int = 2**53) -> int | None:
    """Return a number of the query, or the default where it is absent or empty.

    Raises:
      UsageError: It is no number, or out of its range.
    """
    text = request.query_params.get(name) or ""
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and least <= int(text) <= most):
        raise UsageError(f"{name} is a whole number from {least} to {most}, not {text[:40]!r}")
    return int(text)


async def body_as(request: Request, kind: type[msgspec.Struct], most: int) -> msgspec.Struct:
    """Return the request's JSON body as a struct.

    Raises:
      ClientError: It is no JSON, or larger than `most` bytes.
      UsageError: It says what is not understood; the path of the wrong value is named.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        # A form of a stranger's page cannot send this type.
        raise ClientError("the body is to be JSON", status=415, hint="send Content-Type: application/json")
    pieces, size = [], 0
    more = True
    while more:  # not by `stream`, a generator: left in the middle it would be closed by the garbage collector
        event = await request.receive()
        if event["type"] != "http.request":
            raise ConnectionResetError("the client left")
        pieces.append(event.get("body", b""))
        more = event.get("more_body", False)
        size += len(pieces[-1])
        if size > most:
            raise ClientError(f"the body is larger than {most} bytes", status=413)
    try:
        return msgspec.json.decode(b"".join(pieces), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"the body is not what is wanted here: {error}", hint="see /api/openapi.json") from error


def _up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(what: str) -> str:
    return html.escape(_up(what))
