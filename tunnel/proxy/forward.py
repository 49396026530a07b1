"""Forward: the life of one exchange, top to bottom.

Most exchanges are small and whole: the request is here when it is read, the answer comes, both leave in one send, all in
one task. That is the main lane. A second task appears only while a request's body is still coming, since an upstream may
answer before it has read it; and for an upgraded connection, where both directions run at once.
"""

from dataclasses import dataclass
from time import perf_counter

import trio

from tunnel.capture.tap import Record
from tunnel.errors import ClientError, ClientGone, TunnelError, UpstreamError, one_error
from tunnel.http.answers import error_answer, redirect_answer, to_guests
from tunnel.http.direct import pass_rest
from tunnel.http.http1 import Http1Client, Http1Upstream
from tunnel.http.pool import Pool
from tunnel.model.config import Mode
from tunnel.model.headers import Headers
from tunnel.model.message import END, End, Framing, Request, Response
from tunnel.model.peer import Peer
from tunnel.net.relay import relay
from tunnel.net.wire import Wire
from tunnel.proxy.way import Guard, Way
from tunnel.rules.forwarding import returned, told

# RFC 9110 §9.2.2: these may be sent twice without harm.
_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))
_KEPT = 64 * 1024  # bytes of a body that came behind its head, for another try
# Times such a request is sent while connections break off before an answer begins: one may have been stale, and a server
# that restarts may end one that it served and one that was in its queue. Whoever dies of all four dies of the request.
_TRIES = 4
_MOST_INFORMATIONAL = 32  # 1xx heads that are recorded; all are passed on
_MOST_TOLD = 16  # hosts that one connection has named; a browser names one


class Caller:
    """One client connection as its exchanges see it: the leg, the facts, and what the sweep must know of the exchange.

    Attributes:
      client: The leg towards it.
      peer: Its facts.
      told: What upstreams are told of it, by the Host it used; of a few.
      record: The running exchange's, else None.
      upstream: The wire an answer is awaited on, else None. Breaking it off ends the exchange.
      endless: The running exchange does not end by itself: an upgrade, an event stream.
      closing: The front is stopping: no exchange after this one.
      left: The client went away while its answer was awaited.
      device: Of a share: whose the last request was that went on; 0 before there is one.
      revoked: That device is let in no more.
    """

    __slots__ = (
        "client", "closing", "device", "endless", "left", "peer", "record", "revoked", "told", "upstream",
    )  # fmt: skip

    def __init__(self, client: Http1Client, peer: Peer) -> None:
        self.client = client
        self.peer = peer
        self.told: dict[bytes, Headers] = {}
        self.record: Record | None = None
        self.upstream: Wire | None = None
        self.endless = False
        self.closing = False
        self.left = False
        self.device = 0
        self.revoked = False


async def exchange(caller: Caller, request: Request, way: Way) -> bool:
    """Answer one request. Returns whether the client's connection can carry another; raises only what is a bug."""
    record = caller.record = way.recorder.open(caller.peer, request, perf_counter())
    try:
        if way.guard is not None:
            return await _guarded(caller, record, request, way, way.guard)
        host = way.hosts.check(request.headers, caller.peer)
        if way.mode is Mode.HTTPS and caller.peer.tls is None:
            response, body = redirect_answer(b"https://" + host + request.target, request)
            return await _answer_ourselves(caller, record, response, body)
        fields = caller.told.get(host)
        if fields is None:
            if len(caller.told) >= _MOST_TOLD:
                caller.told.clear()
            fields = caller.told[host] = told(caller.peer, host)
        return await _carry(caller, record, request, way.forwarding.fields(request, fields), host, way, way.pool)
    except TunnelError as error:
        error = _whose(error, caller).alone()
        if not (caller.endless and isinstance(error, ClientGone)):  # who closes an endless answer has had enough of it
            record.error = error
        return await _refuse(caller, record, request, error if way.guard is None else to_guests(error))
    except trio.Cancelled:
        record.error = record.error or _stopped()
        raise
    finally:
        caller.record = caller.upstream = None
        caller.endless = False
        record.ended = perf_counter()
        way.recorder.close(record)


async def _guarded(caller: Caller, record: Record, request: Request, way: Way, guard: Guard) -> bool:
    """Answer a request to a share: what its gate lets in goes on, its own pages answer what needs a page.

    Asked for each request, never for a connection: who is let in may be revoked, and time ends.
    """
    from tunnel.model.share import PAGES, PLAIN, Admitted, Refused  # there already: no other front imports it

    record.rule = guard.rule.value
    peer = caller.peer
    host = way.hosts.check(request.headers, peer)
    if peer.tls is None:
        if request.method not in (b"GET", b"HEAD") or request.target.partition(b"?")[0] not in PLAIN:
            # What came unencrypted in a query of ours may have been a token: it is not said again.
            target = request.target.partition(b"?")[0] if request.target.startswith(PAGES) else request.target
            response, body = redirect_answer(b"https://" + host + target, request)
            return await _answer_ourselves(caller, record, response, body)
        # Whatever it is that came unencrypted, anybody may have read it, and nobody is let in by it.
        return await _pages(
            caller, record, request._replace(headers=request.headers.without(b"cookie", b"authorization")), host, way
        )
    try:
        admitted = await guard.gate.admit(peer, request)
    except Refused as error:
        record.device = error.device
        raise
    if not isinstance(admitted, Admitted):
        return await _pages(caller, record, request, host, way)
    record.device, record.rule, caller.device = admitted.name, admitted.rule.value, admitted.device
    guard.gate.passed(admitted.device)
    fields = way.forwarding.fields(admitted.request, told(peer, host, admitted.user))
    # Some servers leave a body unread, and take it for the next request on that connection: one that nobody has judged.
    alone = request.framing is Framing.CHUNKED or request.length > 0
    if alone:
        fields = fields.plus([(b"Connection", b"close")])
    return await _carry(caller, record, admitted.request, fields, host, way, way.pool, alone=alone)


async def _pages(caller: Caller, record: Record, request: Request, host: bytes, way: Way) -> bool:
    """Have a share's own pages answer. What passes there is a password or a token, so no body is recorded."""
    assert way.guard is not None, "only a share has pages"
    caller.device = 0  # whoever leaves is to be told so, on the very connection that is a device's no more
    record.request_body.cap = record.response_body.cap = 0
    request = request._replace(upgrade=b"")
    caller.endless = request.method == b"GET"  # a device may wait for long to be let in: nobody waits for it
    fields = way.guard.forwarding.fields(request, told(caller.peer, host))
    answered = await _carry(caller, record, request, fields, host, way, way.guard.pages)
    if record.response is not None and record.response.status in (401, 403, 429):
        record.error = ClientError(f"it was not let in (this share asks for: {way.guard.rule.value})")
    return answered


@dataclass(slots=True)
class Exchange:
    """One exchange on its way: both ends and what was noted.

    Attributes:
      request: As it came.
      fields: With which it goes upstream.
      body: What of the request's body has come, for another try; None when that is more than is kept.
      end: The end of it, once it has come.
      leg: Towards the upstream; another one in another try.
      sent: All of the request has gone upstream.
    """

    caller: Caller
    record: Record
    request: Request
    fields: Headers
    host: bytes
    way: Way
    body: bytes | None
    end: End | None
    leg: Http1Upstream
    sent: bool = True


async def _carry(
    caller: Caller,
    record: Record,
    request: Request,
    fields: Headers,
    host: bytes,
    way: Way,
    pool: Pool,
    *,
    alone: bool = False,
) -> bool:
    """Carry a request over a connection of the pool; over fresh ones while those break off and it may be sent again.

    Dialling waits for a server that restarts (`--wait`), so the tries here need no pauses.

    Args:
      alone: No other request comes behind it on its connection.
    """
    body, end = caller.client.ready()
    leg = await pool.take()
    this = Exchange(caller, record, request, fields, host, way, body, end, leg)
    tries = _TRIES
    while True:
        try:
            return await _converse(this)
        except UpstreamError as error:
            tries -= 1
            # What was sent once is sent again only while all of it is here: a body that was longer went by, and is gone.
            repeatable = this.body is not None and request.method in _IDEMPOTENT
            if caller.left or not (tries and error.unanswered and repeatable):
                error.hint += _why_not_again(this, repeatable) if error.unanswered else ""
                raise
        finally:
            if alone:
                pool.drop(this.leg)
            else:
                pool.put(this.leg, trio.current_time())
        this.leg = await pool.take(fresh=True)


def _why_not_again(this: Exchange, repeatable: bool) -> str:
    """Say, behind the hint of an error, what became of a request that nobody answered."""
    method = this.request.method.decode("latin-1")
    if repeatable:
        return f"; {_TRIES} connections broke off over this request"
    if this.body is None and this.request.method in _IDEMPOTENT:
        return f"; its body was longer than {_KEPT // 1024} KiB, so it was not kept to be sent again"
    return f"; {method} is never sent twice: it may have been carried out"


async def _converse(this: Exchange) -> bool:
    """Send the request and pass the answer back, one after the other where the request is whole, else both at once."""
    record, leg = this.record, this.leg
    this.caller.upstream = leg.wire
    record.upstream, record.reused, record.connected = leg.address, leg.reused, perf_counter()
    body, this.sent = this.body or b"", this.end is not None
    record.sent = await leg.send_request(this.request, this.fields, body, this.end)
    if body and not record.request_body.size:
        record.request_body.add(body)
    if this.end is not None:  # the main lane
        record.request_trailers = this.end.trailers
        return await _answer(this)
    keep = False
    with one_error():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_upload, this)
            keep = await _answer(this)
            nursery.cancel_scope.cancel()
    return keep and this.sent


async def _upload(this: Exchange) -> None:
    """Pass on what of a request's body is still coming."""
    client, leg, tap = this.caller.client, this.leg, this.record.request_body
    most = this.way.limits.body_size
    while True:
        piece = await client.receive_body()
        try:
            if isinstance(piece, End):
                this.end = piece
                await leg.send_end(piece.trailers)
                this.record.request_trailers = piece.trailers
                this.sent = True
                return
            if most and tap.size + len(piece) > most:
                raise ClientError(f"the request's body is larger than {most} bytes", status=413)
            if this.body is not None:
                this.body = this.body + piece if len(this.body) + len(piece) <= _KEPT else None
            tap.add(piece)
            await leg.send_body(piece)
            if tap.full and this.body is None:
                await pass_rest(client, leg, tap.count)
        except UpstreamError:
            return  # it may have answered and closed (413, 401): whoever awaits the answer will tell


async def _answer(this: Exchange) -> bool:
    """Pass the answer back, each piece as it comes. Returns whether the client's connection can carry another exchange."""
    caller, record, request, leg, way = this.caller, this.record, this.request, this.leg, this.way
    client = caller.client
    response = await leg.receive_response()
    while response.status < 200 and response.status != 101:
        if len(record.informational) < _MOST_INFORMATIONAL:
            record.informational += (response,)
        if request.minor == 1:  # RFC 9110 §15.2: never to a 1.0 client
            await client.send_response(returned(response, request, close=False), b"", None)
        await trio.lowlevel.checkpoint()  # there may be hundreds in one piece
        response = await leg.receive_response()
    record.first = leg.first_byte
    record.response = response
    if response.status == 101:
        return await _upgraded(this, response)
    headers, record.repairs = way.repair.answer(response.headers, host=this.host, tls=caller.peer.tls is not None)
    if record.repairs:
        response = response._replace(headers=headers)
    close = caller.closing or not (request.keep_alive and this.sent)
    answer = returned(response, request, close=close)
    body, end = leg.ready()
    record.returned = await client.send_response(answer, body, end)
    if end is None:
        caller.endless = (headers.get(b"content-type") or b"").startswith(b"text/event-stream")
        end = await _download(client, leg, record, body)
    elif body:
        record.response_body.add(body)
    record.response_trailers = end.trailers
    return answer.keep_alive


async def _download(client: Http1Client, leg: Http1Upstream, record: Record, begin: bytes) -> End:
    """Pass back what of an answer's body is still coming; `begin` has gone with the head."""
    tap = record.response_body
    if begin:
        record.timed(begin, perf_counter())
    while not isinstance(piece := await leg.receive_body(), End):
        came = perf_counter()
        await client.send_body(piece)
        record.timed(piece, came)
        if tap.full:
            await pass_rest(leg, client, tap.count)
    await client.send_end(piece.trailers)
    return piece


async def _upgraded(this: Exchange, response: Response) -> bool:
    """Carry bytes both ways, once the upstream has agreed to another protocol (RFC 9110 §7.8)."""
    caller, record, request = this.caller, this.record, this.request
    if not request.upgrade:
        raise UpstreamError("the upstream switched to another protocol, which nobody had asked for")
    record.returned = await caller.client.send_response(returned(response, request, close=False), b"", None)
    from tunnel.http.websocket import watch_upgrade  # with wsproto: a front that upgrades nothing starts without it

    record.watch = watch_upgrade(
        (response.headers.get(b"upgrade") or b"").lower(), response.headers.get(b"sec-websocket-extensions") or b""
    )
    caller.endless = True
    this.way.recorder.show(record)

    def seen(from_client: bool, piece: bytes) -> None:
        record.passed(from_client, perf_counter(), piece)

    client, upstream = caller.client, this.leg
    asked, answered = client.release(), upstream.release()
    if asked:
        await upstream.wire.send(asked)
        seen(True, asked)
    if answered:
        await client.wire.send(answered)
        seen(False, answered)
    await relay(client.wire, upstream.wire, seen)
    return False


async def _refuse(caller: Caller, record: Record, request: Request, error: TunnelError) -> bool:
    """Tell the client of an error, if there is still a way to; else end its answer so that it shows."""
    if record.returned:
        if request.minor == 0:
            caller.client.wire.reset()  # for a 1.0 client an end of the connection may be the end of an answer
        caller.client.close()
        return False
    if isinstance(error, ClientGone):
        return False
    close = not caller.client.ended() or caller.closing or not request.keep_alive
    response, body = error_answer(error, request, close=close)
    return await _answer_ourselves(caller, record, response, body)


async def _answer_ourselves(caller: Caller, record: Record, response: Response, body: bytes) -> bool:
    record.response = response
    try:
        record.returned = await caller.client.send_response(response, body, END)
    except ClientError as error:
        record.error = record.error or error.alone()
        return False
    if body:
        record.response_body.add(body)
    # No upstream was waited for, and the next request may be here: without this, thousands would be answered in one go.
    await trio.lowlevel.cancel_shielded_checkpoint()
    return response.keep_alive


def _whose(error: TunnelError, caller: Caller) -> TunnelError:
    """An exchange broken off because its client left, or is let in no more, is the client's; one that we stopped is ours."""
    if caller.revoked:
        return ClientError("the device was revoked", status=403)
    if caller.left:
        return ClientGone("the client left before its answer was whole")
    return _stopped() if caller.closing and caller.endless else error


def _stopped() -> TunnelError:
    return TunnelError("the tunnel was stopped", status=502)
