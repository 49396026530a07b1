"""Answers: what a client is told when we answer instead of the upstream: a redirect, or an error that names fault and cure.

A browser gets a page, a program gets JSON or text, by its Accept (RFC 9110 §12.5.1).
"""

import json

from tunnel.errors import Fault, TunnelError
from tunnel.model.headers import Field, Headers
from tunnel.model.message import Framing, Request, Response

_WHOSE = {
    Fault.CLIENT: "The request was at fault.",
    Fault.UPSTREAM: "The service behind this address was at fault.",
    Fault.TUNNEL: "The tunnel itself was at fault.",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{status} {phrase}</title>
<style>
 :root {{ color-scheme: light dark }}
 body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 38em; margin: 12vh auto; padding: 0 1.5em }}
 h1 {{ font-size: 1.4em; margin: 0 }} p {{ margin: .7em 0 }} small, .whose {{ opacity: .7 }}
 code {{ font: .95em ui-monospace, monospace; background: #8882; padding: .1em .35em; border-radius: .3em }}
</style>
<h1>{status} {phrase}</h1>
<p>{what}.</p>
<p class="whose">{whose}</p>
{hint}
<p><small>answered by tunnel, not by the service · <code>tunnel log</code> shows what was recorded</small></p>
</html>
"""


def error_answer(error: TunnelError, request: Request | None, *, close: bool) -> tuple[Response, bytes]:
    """Return the answer to give for an error.

    Args:
      error: Its status, fault, sentence and hint are told.
      request: What was asked, for Accept and HEAD; None when it could not be read.
      close: Say that the connection ends with it.

    Returns: The head, framed by length, and the body (empty for HEAD).
    """
    phrase = _phrase(error.status)
    kind = _preferred(request.headers.get(b"accept") if request else None)
    match kind:
        case "text/html":
            import html  # see `prepare`

            hint = f"<p>What to do: {html.escape(error.hint)}</p>" if error.hint else ""
            text = _PAGE.format(
                status=error.status,
                phrase=phrase,
                what=html.escape(_sentence(error.what)),
                whose=_WHOSE[error.fault],
                hint=hint,
            )
        case "application/json":
            told = {"status": error.status, "error": error.what, "fault": error.fault.value, "hint": error.hint}
            text = json.dumps(told) + "\n"
        case _:
            hint = f"What to do: {error.hint}\n" if error.hint else ""
            text = f"{error.status} {phrase}: {_sentence(error.what)}.\n{_WHOSE[error.fault]}\n{hint}"
    fields = [(b"Content-Type", f"{kind}; charset=utf-8".encode()), (b"Cache-Control", b"no-store")]
    return _answer(error.status, [*fields, *error.fields], text.encode(), request, close=close)


def prepare() -> None:
    """Import what only an answer of ours needs, 1.5 ms: after the start, and before no descriptor is left to open files."""
    import html  # noqa: F401
    import http  # noqa: F401


def to_guests(error: TunnelError) -> TunnelError:
    """Return what devices in the network are told of an error: not where the service is, nor commands for its owner."""
    match error.fault:
        case Fault.CLIENT:
            return error
        case Fault.UPSTREAM:
            what = "the service that is shared here does not answer"
        case Fault.TUNNEL:
            what = "the tunnel could not ask the service that is shared here"
    return TunnelError(
        what, hint="ask whoever shares it: their terminal says why", status=error.status, fault=error.fault
    )


def redirect_answer(location: bytes, request: Request) -> tuple[Response, bytes]:
    """Return a 308 to `location`: permanent, and the method and body stay (RFC 9110 §15.4.9)."""
    text = b"This address speaks HTTPS: " + location + b"\n"
    fields = [
        (b"Location", location),
        (b"Content-Type", b"text/plain; charset=utf-8"),
        (b"Cache-Control", b"no-store"),  # a browser would keep it for longer than this front lives
    ]
    return _answer(308, fields, text, request, close=True)


def _answer(
    status: int, fields: list[Field], body: bytes, request: Request | None, *, close: bool
) -> tuple[Response, bytes]:
    if close:
        fields.append((b"Connection", b"close"))
    headers = Headers([*fields, (b"Content-Length", b"%d" % len(body))])
    head_only = request is not None and request.method == b"HEAD"
    framing = Framing.NONE if head_only else Framing.LENGTH
    response = Response(status, _phrase(status).encode(), headers, 1, framing, len(body), not close, b"")
    return response, b"" if head_only else body


def _preferred(accept: bytes | None) -> str:
    """Choose what to answer in: the first of ours that Accept lists; text where it lists none."""
    for part in (accept or b"").lower().split(b","):
        kind = part.split(b";")[0].strip().decode("latin-1")
        if kind in ("text/html", "application/xhtml+xml"):
            return "text/html"
        if kind == "application/json" or kind.endswith("+json"):
            return "application/json"
        if kind == "text/plain":
            return "text/plain"
    return "text/plain"


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _sentence(what: str) -> str:
    return what[:1].upper() + what[1:]
