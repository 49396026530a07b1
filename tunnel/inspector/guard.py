"""Guard: who may look. Stands before every path, the unknown ones too, and decides before anything else is read.

The order: is the Host ours (else a stranger's page reached us by DNS rebinding), is the Origin, did no other site's page
ask, is the method known, is the token there, as a cookie or as `Authorization: Bearer`. `judge` decides and knows no ASGI;
`Guard` acts. What a visitor may then see is for `inspector.app`.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tunnel.errors import TunnelError, UsageError
from tunnel.inspector.answers import problem
from tunnel.inspector.headers import HEADERS
from tunnel.inspector.parts import Parts
from tunnel.model.own import INSPECTOR_COOKIE

SAFE = ("GET", "HEAD")
METHODS = (*SAFE, "POST", "DELETE")
_MOST_COOKIES = 8  # of our name that are compared: a browser sends one

Fields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What `judge` looks at: the head of a request, field names in lower case, and nothing of its body."""

    method: str
    scheme: str
    path: str
    query: bytes
    fields: Fields

    def all(self, name: bytes) -> list[str]:
        """Return every value of a field."""
        return [value.decode("latin-1") for each, value in self.fields if each == name]


@dataclass(frozen=True, slots=True)
class Pass:
    """It may go on."""


@dataclass(frozen=True, slots=True)
class Enter:
    """It came with the link's token: it gets the cookie, and the page.

    Attributes:
      stranger: It was led here by another site's link, with which a browser sends no strict cookie, redirects included.
    """

    stranger: bool


@dataclass(frozen=True, slots=True)
class GoTo:
    """It is to ask elsewhere: it speaks plain HTTP where we speak TLS."""

    url: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """It gets an error and nothing else."""

    status: int
    what: str
    hint: str


Verdict = Pass | Enter | GoTo | Refuse


def judge(asked: Asked, parts: Parts) -> Verdict:
    """Decide about a request by its head."""
    link = (
        f"open the link with the token that `tunnel` printed at its start: {parts.scheme}://{own_host(parts)}/?token=…"
    )
    host = asked.all(b"host")
    if len(host) != 1 or host[0].lower() not in authorities(parts):
        return Refuse(421, f"the request's Host {(host or [''])[0][:80]!r} is not the inspector's", link)
    if asked.scheme != parts.scheme:
        return (
            GoTo(f"{parts.scheme}://{host[0].lower()}/") if asked.method in SAFE else Refuse(403, "it speaks TLS", link)
        )
    origin = asked.all(b"origin")
    if origin and origin != [f"{parts.scheme}://{host[0].lower()}"]:
        return Refuse(403, f"the request's Origin {origin[0][:80]!r} is not the inspector's", link)
    led = asked.all(b"sec-fetch-site") in (["cross-site"], ["same-site"])  # browsers say so, and no page can unsay it
    if led and not (asked.path == "/" and asked.all(b"sec-fetch-mode") == ["navigate"]):
        return Refuse(403, "the request was made by another site's page", link)
    if asked.method not in METHODS:
        return Refuse(
            405, f"the method {asked.method[:20]!r} is not one of {', '.join(METHODS)}", "see /api/openapi.json"
        )
    if asked.path == "/" and asked.method == "GET" and _same(parts.token, _token_in(asked.query)):
        return Enter(stranger=led)
    if any(_same(f"Bearer {parts.token}", given) for given in asked.all(b"authorization")[:1]):
        return Pass()
    if not any(_same(cookie_value(parts), given) for given in _cookies(asked, cookie_name(parts))):
        return Refuse(403, "the inspector's token is missing or wrong", link)
    if asked.method not in SAFE and not origin:
        return Refuse(
            403,
            f"a {asked.method} with the cookie needs the Origin that browsers send",
            "from a script, use the token instead: Authorization: Bearer TOKEN",
        )
    return Pass()


def authorities(parts: Parts) -> frozenset[str]:
    """Return every Host that is the listener's own, in lower case."""
    implied = {"https": 443, "http": 80}[parts.scheme] == parts.port
    return frozenset(f"{host}:{parts.port}" for host in parts.hosts) | frozenset(parts.hosts if implied else ())


def own_host(parts: Parts) -> str:
    """Return the authority by which people are sent here."""
    return f"{parts.hosts[0]}:{parts.port}"


def cookie_name(parts: Parts) -> str:
    """Return the cookie's name: cookies know no ports (RFC 6265 §8.5), and with one name two windows would take turns."""
    return f"{INSPECTOR_COOKIE.decode()}{parts.port}"


def cookie_value(parts: Parts) -> str:
    """Return what the cookie holds: made from the token, so that the token itself lies in no browser."""
    return hmac.new(parts.token.encode(), b"the inspector's cookie", hashlib.sha256).hexdigest()


def _same(ours: str, given: str) -> bool:
    return hmac.compare_digest(ours.encode(), given.encode("utf-8", "replace"))


def _token_in(query: bytes) -> str:
    try:
        pairs = parse_qsl(query.decode("latin-1"), max_num_fields=10)
    except ValueError:
        return ""
    return next((value for name, value in pairs if name == "token"), "")


def _cookies(asked: Asked, name: str) -> list[str]:
    pairs = [pair.strip().partition("=") for field in asked.all(b"cookie") for pair in field.split(";")]
    return [value for each, _, value in pairs if each == name][:_MOST_COOKIES]


class Guard:
    """An ASGI app around another one. Nothing reaches the inner one that `judge` refuses."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What is no HTTP request is not answered at all."""
        if scope["type"] != "http":
            raise RuntimeError(f"the inspector speaks HTTP, not {scope['type']}")
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        asked = Asked(scope["method"], scope["scheme"], scope["path"], scope["query_string"], scope["headers"])
        match judge(asked, self._parts):
            case Pass():
                answer: ASGIApp = self._app
            case Enter(stranger):
                answer = self._welcome(stranger)
            case GoTo(url):
                answer = RedirectResponse(url, 308)
            case Refuse(status, what, hint):
                answer = problem(status, what, hint, page="text/html" in "".join(asked.all(b"accept")))
        try:
            await answer(scope, receive, guarded)
        except ConnectionResetError:
            raise  # nobody is left to listen
        except TunnelError as error:
            if begun:
                raise
            await problem_of(error)(scope, receive, guarded)
        except Exception as error:
            self._parts.notice(
                TunnelError(f"a bug in the inspector: {type(error).__name__}: {error}", hint="please report this line")
            )
            if begun:
                raise
            what = f"the inspector failed: {type(error).__name__}"
            await problem(500, what, "the front goes on; please report it")(scope, receive, guarded)

    def _welcome(self, stranger: bool) -> Response:
        parts = self._parts
        if stranger:
            # From here on it is our own page that leads on.
            answer: Response = HTMLResponse(
                '<!doctype html><meta http-equiv="refresh" content="0;url=/"><a href="/">open</a>'
            )
        else:
            answer = RedirectResponse("/", 303)
        answer.set_cookie(
            cookie_name(parts),
            cookie_value(parts),
            path="/",
            httponly=True,
            samesite="strict",
            secure=parts.scheme == "https",
        )
        return answer


def problem_of(error: TunnelError) -> Response:
    """Return the answer that tells an error; a filter's says at which column."""
    column = getattr(error, "column", None)
    status = 400 if isinstance(error, UsageError) else error.status
    return problem(status, error.what, error.hint, column=column if isinstance(column, int) else None)
