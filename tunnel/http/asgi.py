"""ASGI, http: the requests of a client leg answered by an app in this process, one after the other.

The app speaks in events (`http.asgi_words`), the leg in messages; this turns one into the other. An upgrade goes to
`http.asgi_websocket`, startup and shutdown to `http.asgi_lifespan`. Whoever opened the leg closes it.
"""

from collections.abc import Mapping
from email.utils import formatdate
from http.client import responses

import trio

from tunnel.errors import ClientError, ClientGone, TunnelError, UpstreamError
from tunnel.http.answers import error_answer
from tunnel.http.asgi_websocket import answer_websocket
from tunnel.http.asgi_words import App, Event, Report, body_bytes, field, header_fields, ignore, request_scope
from tunnel.http.leg import ClientLeg
from tunnel.model.headers import Headers
from tunnel.model.message import END, End, Framing, Request, Response
from tunnel.model.peer import Peer

LOOK = 0.1  # seconds between looks whether the client has left, while the app waits to hear of it
LINGER = 1.0  # seconds for the rest of a body that nobody wants: closing over it would lose the answer (RFC 9112 §9.6)
_CONTINUE = Response(100, b"Continue", Headers(), 1, Framing.NONE, 0, True, b"")


async def answer_with(
    app: App, leg: ClientLeg, peer: Peer, *, state: Mapping[str, object] | None = None, report: Report = ignore
) -> None:
    """Answer requests until the client has no more, or the connection cannot go on.

    Args:
      app: An ASGI 3 application.
      leg: Where requests come from; left open, unless the app died in the middle of an answer: then the client must
        see the connection break, for the answer is not whole.
      peer: Who asks.
      state: What `lifespan` gave; each request gets its own shallow copy.
      report: Told what the app raised.
    Cancelled: the app is cancelled with it.
    """
    while True:
        try:
            request = await leg.receive_request()
        except ClientError as error:
            await _tell(leg, error, None)
            return
        if request is None:
            return
        if request.upgrade == b"websocket":
            await answer_websocket(app, leg, peer, request, state or {}, report)
            return
        if not await _Exchange(leg, request).answer(app, peer, state or {}, report):
            return


async def _tell(leg: ClientLeg, error: TunnelError, request: Request | None) -> None:
    """Answer with an error, after which the connection ends; nothing where nobody is left to tell."""
    if isinstance(error, ClientGone):
        return
    response, body = error_answer(error, request, close=True)
    try:
        await leg.send_response(response, body, END)
    except ClientError:
        pass  # the client left with its error


class _Exchange:
    """One request and its answer. `receive` and `send` are the app's; they may run at the same time."""

    def __init__(self, leg: ClientLeg, request: Request) -> None:
        self._leg = leg
        self._request = request
        self._body = b""  # has come, and the app has yet to ask for it
        self._body_ended = False
        self._body_told = False  # the app has heard of the end
        self._expects = request.minor == 1 and request.headers.tokens(b"expect") == [b"100-continue"]
        self._start: Event | None = None
        self._response: Response | None = None
        self._left = 0  # bytes of the answer still to come, where a length was promised
        self._done = trio.Event()  # the answer is whole
        self._client_error: ClientError | None = None
        self._refused = False  # the app was told by OSError that nobody listens

    async def answer(self, app: App, peer: Peer, state: Mapping[str, object], report: Report) -> bool:
        """Have the app answer. Returns whether the leg can take another request."""
        failure: Exception | None = None
        try:
            await app(request_scope(self._request, peer, state), self.receive, self.send)
        except Exception as error:
            failure = error
        whole = self._done.is_set()
        if failure is None and not whole and self._client_error is None:
            failure = RuntimeError("the app returned without a whole answer")
        if failure is not None and not self._refused:
            report(failure)
        if whole:
            assert self._response is not None
            if not self._body_ended:
                await self._linger()
            return self._response.keep_alive
        if self._response is not None:
            self._leg.wire.reset()
        elif self._client_error is not None:
            await _tell(self._leg, self._client_error, self._request)
        else:
            what = f"the service failed before it answered: {type(failure).__name__}"
            await _tell(self._leg, UpstreamError(what, status=500), self._request)
        return False

    async def receive(self) -> Event:
        """Give the app the next piece of the body; after it, wait for the client to leave or the answer to be whole."""
        if not self._body_told and self._client_error is None:
            try:
                await self._fill()
            except ClientError as error:
                self._client_error = error
                return {"type": "http.disconnect"}
            body, self._body = self._body, b""
            self._body_told = self._body_ended
            return {"type": "http.request", "body": body, "more_body": not self._body_ended}
        # A client that ends its direction counts as one that left: most servers see it so, and apps rely on it.
        while not self._done.is_set() and self._client_error is None and not self._leg.wire.left():
            with trio.move_on_after(LOOK):
                await self._done.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Event) -> None:
        """Take the app's answer: its head waits for the first piece of body and goes out with it."""
        match event["type"]:
            case "http.response.start" if self._start is None:
                field(event, "status", int, 0)
                self._start = event
            case "http.response.body" if self._start is not None:
                await self._send_body(body_bytes(event), field(event, "more_body", bool, False))
            case kind:
                raise RuntimeError(f"the app sent {kind!r} out of its order")

    async def _fill(self) -> None:
        """Wait for a piece of the body or its end, unless one has come already."""
        self._take()
        if self._body or self._body_ended:
            return
        if self._expects:
            # The client waits for this word before it sends a body (RFC 9110 §10.1.1).
            self._expects = False
            await self._leg.send_response(_CONTINUE, b"", None)
        piece = await self._leg.receive_body()
        if isinstance(piece, End):
            self._body_ended = True
        else:
            self._body += piece

    def _take(self) -> None:
        """Take over what has come of the body. The app may be a reader that never asks."""
        if not self._body_ended:
            body, end = self._leg.ready()
            self._body += body
            self._body_ended = end is not None

    async def _send_body(self, body: bytes, more: bool) -> None:
        if self._done.is_set() or self._client_error is not None:
            # Also for HEAD: a stream asked for by HEAD has been answered, and would go on for ever.
            self._refused = True
            raise ConnectionResetError("nobody is left to listen")
        leg, response = self._leg, self._response
        try:
            if response is None:
                self._take()
                response = self._response = self._head(body, more)
                more = more and response.framing is not Framing.NONE
                body = b"" if response.framing is Framing.NONE else body
                self._count(body, more)
                await leg.send_response(response, body, None if more else END)
            else:
                self._count(body, more)
                if body:
                    await leg.send_body(body)
                if not more:
                    await leg.send_end(Headers())
        except ClientError as error:
            self._client_error = error
            self._refused = True
            raise ConnectionResetError(str(error)) from error
        if not more:
            self._done.set()

    def _count(self, body: bytes, more: bool) -> None:
        """Hold the app to the length that it promised: one byte more would be read as the next answer's first."""
        assert self._response is not None
        if self._response.framing is Framing.LENGTH:
            self._left -= len(body)
            if self._left < 0 or (self._left > 0 and not more):
                raise RuntimeError("the body is not as long as its Content-Length")

    def _head(self, body: bytes, more: bool) -> Response:
        """Make the head of the answer, when its first piece of body is known, and so whether there is another."""
        assert self._start is not None
        status = field(self._start, "status", int, 0)
        given = Headers(header_fields(self._start))
        # The connection is the server's business: framing and keeping alive are not for the app to write.
        headers = given.without(b"transfer-encoding", b"connection")
        keep_alive = self._request.keep_alive and self._body_ended and b"close" not in given.tokens(b"connection")
        framing, self._left, extra = Framing.NONE, 0, []
        if status < 200 or status in (204, 304):
            headers = headers if status == 304 else headers.without(b"content-length")  # RFC 9110 §8.6
        elif self._request.method != b"HEAD":
            length = headers.get(b"content-length")
            if length is not None:
                framing, self._left = Framing.LENGTH, int(length)
            elif not more:
                framing, self._left, extra = Framing.LENGTH, len(body), [(b"content-length", b"%d" % len(body))]
            elif self._request.minor == 1:
                framing, extra = Framing.CHUNKED, [(b"transfer-encoding", b"chunked")]
            else:
                framing, keep_alive = Framing.CLOSE, False
        if b"date" not in headers:
            extra.append((b"date", formatdate(usegmt=True).encode()))  # RFC 9110 §6.6.1
        if not keep_alive:
            extra.append((b"connection", b"close"))
        elif self._request.minor == 0:
            extra.append((b"connection", b"keep-alive"))
        reason = responses.get(status, "").encode()
        return Response(status, reason, headers.plus(extra), 1, framing, self._left, keep_alive, b"")

    async def _linger(self) -> None:
        """Read on for a moment, so that a client still sending its body finds the answer and not a reset."""
        if self._expects:
            return  # it never began
        with trio.move_on_after(LINGER):
            try:
                while not isinstance(await self._leg.receive_body(), End):
                    pass
            except ClientError:
                pass
