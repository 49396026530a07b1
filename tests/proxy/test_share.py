"""A share's front: each request is asked about, what is let in goes on without what let it in, the rest never goes."""

from collections.abc import Callable

import pytest

from tests.helpers.waiting import until
from tests.helpers.way import Serve, Talk, answering, front
from tunnel.model.message import Request
from tunnel.model.peer import Peer
from tunnel.model.share import Access, Admitted, Ours, Refused
from tunnel.proxy.server import Server

pytestmark = pytest.mark.anyio
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PAGE = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nlogin"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
Verdict = Admitted | Ours | Refused


class Porter:
    """A gate that decides as a test says, and counts."""

    def __init__(self, decide: Callable[[Request], Verdict]) -> None:
        self._decide = decide
        self.asked: list[bytes] = []
        self.counted: list[int] = []

    async def admit(self, peer: Peer, request: Request) -> Admitted | Ours:
        self.asked.append(request.target)
        verdict = self._decide(request)
        if isinstance(verdict, Refused):
            raise verdict
        return verdict

    def passed(self, device: int) -> None:
        self.counted.append(device)


def welcome(request: Request) -> Admitted:
    headers = request.headers.without(b"authorization")
    return Admitted(request._replace(headers=headers), 7, "Pixel 9", "anna <Grüße>", Access.PAIRING)


def turned_away(request: Request) -> Refused:
    return Refused("no", status=405, device="Pixel 9", fields=((b"Allow", b"GET"),))


def paged(request: Request) -> Ours:
    return Ours.PAGES


async def test_what_is_let_in_goes_on_without_what_let_it_in_and_says_who_it_is():
    heads: list[bytes] = []
    gate = Porter(welcome)
    async with front(answering(OK, heads), gate=gate) as share:
        talk = share.connect()
        await talk.say(
            b"GET /x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ours\r\nX-Forwarded-User: root\r\n"
            b"X_Forwarded_User: root\r\nCookie: a=1; __Host-tunnel-share-12ab=secret; b=2\r\n\r\n"
        )
        answer = await talk.hear_head()
        await until(lambda: bool(share.notes.records))

    assert answer.startswith(b"HTTP/1.1 200")
    assert heads[0].count(b"User:") == 1
    assert b"X-Forwarded-User: anna <Gr%C3%BC%C3%9Fe>\r\n" in heads[0]
    assert b"Cookie: a=1; b=2\r\n" in heads[0]
    assert b"secret" not in heads[0] and b"ours" not in heads[0]
    record = share.notes.records[0]
    assert (record.device, record.rule, record.error) == ("Pixel 9", "pairing", None)
    assert gate.counted == [7]


async def test_what_is_refused_reaches_no_upstream_and_is_recorded_with_the_device_and_the_reason():
    heads: list[bytes] = []
    gate = Porter(turned_away)
    async with front(answering(OK, heads), gate=gate) as share:
        talk = share.connect()
        await talk.say(b"DELETE /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await talk.hear_head()
        await until(lambda: bool(share.notes.records))

    assert answer.startswith(b"HTTP/1.1 405") and b"\r\nAllow: GET\r\n" in answer
    assert heads == [] and gate.counted == []
    record = share.notes.records[0]
    assert (record.device, record.rule, record.upstream) == ("Pixel 9", "pairing", "")
    assert record.error is not None and (record.error.what, record.error.fault.value) == ("no", "client")


async def test_the_shares_pages_get_its_cookies_and_their_bodies_are_not_recorded():
    heads: list[bytes] = []
    served: list[bytes] = []
    async with front(answering(OK, served), gate=Porter(paged), pages=answering_a_form(heads)) as share:
        talk = share.connect()
        await talk.say(
            b"POST /.tunnel/login HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-tunnel-share-12ab=c\r\n"
            b"X-Forwarded-For: 1.2.3.4\r\nContent-Length: 11\r\n\r\npassword=ab"
        )
        answer = await talk.hear_until(b"login")
        await until(lambda: bool(share.notes.records))

    assert answer.startswith(b"HTTP/1.1 401")
    assert served == []
    assert b"__Host-tunnel-share-12ab=c" in heads[0] and b"X-Forwarded-For: 127.0.0.1\r\n" in heads[0]
    assert b"1.2.3.4" not in heads[0]
    record = share.notes.records[0]
    assert (record.request_body.size, record.request_body.kept) == (11, 0)
    assert (record.response_body.size, record.response_body.kept) == (5, 0)
    assert record.request_body.pieces is None and record.response_body.pieces is None
    assert (record.device, record.rule) == ("", "pairing")
    assert record.error is not None and record.error.fault.value == "client"


async def test_nobody_upgrades_to_the_shares_pages():
    heads: list[bytes] = []
    async with front(answering(OK), gate=Porter(paged), pages=answering(OK, heads)) as share:
        talk = share.connect()
        await talk.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await talk.hear_head()

    assert b"pgrade" not in heads[0]


@pytest.mark.parametrize("target", [b"/", b"/?from=qr", b"/.tunnel/root.crt", b"/.tunnel/root.mobileconfig"])
async def test_unencrypted_the_root_is_handed_out_to_whoever_asks_and_no_cookie_is_heard(target: bytes):
    heads: list[bytes] = []
    gate = Porter(welcome)
    async with front(answering(OK, []), gate=gate, pages=answering(OK, heads)) as share:
        talk = share.connect(tls=False)
        await talk.say(
            b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-tunnel-share-1=c\r\n"
            b"Authorization: Bearer t\r\n\r\n"
        )
        assert (await talk.hear_head()).startswith(b"HTTP/1.1 200")

    assert gate.asked == []
    assert b"Cookie" not in heads[0] and b"Authorization" not in heads[0]
    assert b"X-Forwarded-Proto: http\r\n" in heads[0]


@pytest.mark.parametrize(
    ("line", "location"),
    [
        (b"GET /app?x=1", b"https://localhost:9/app?x=1"),
        (b"POST /", b"https://localhost:9/"),
        (b"GET /.tunnel/join?token=secret", b"https://localhost:9/.tunnel/join"),
        (b"GET /.tunnel/root.crt/..", b"https://localhost:9/.tunnel/root.crt/.."),
    ],
)
async def test_unencrypted_all_else_is_sent_on_to_https_and_a_token_is_not_repeated(line: bytes, location: bytes):
    heads: list[bytes] = []
    async with front(answering(OK, heads), gate=Porter(welcome), pages=answering(OK, heads)) as share:
        talk = share.connect(tls=False)
        await talk.say(line + b" HTTP/1.1\r\nHost: localhost:9\r\n\r\n")
        answer = await talk.hear_head()

    assert answer.startswith(b"HTTP/1.1 308") and b"\r\nLocation: " + location + b"\r\n" in answer
    assert heads == []


def naively(heads: list[bytes], *, closes: bool) -> Serve:
    """Return an upstream that leaves bodies unread, as http.server's do: what stands there is the next request to it.

    Args:
      closes: Whether it hears Connection: close.
    """

    async def serve(talk: Talk) -> None:
        while head := await talk.hear_head():
            heads.append(head)
            await talk.say(OK)
            if closes and b"\r\nConnection: close\r\n" in head:
                return

    return serve


SMUGGLED = b"GET /secret HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-User: admin\r\n\r\n"


@pytest.mark.parametrize("method", [b"GET", b"OPTIONS", b"POST", b"DELETE"])
@pytest.mark.parametrize("framed", ["by length", "in chunks"])
async def test_a_body_that_the_service_leaves_unread_is_no_request_to_it(method: bytes, framed: str):
    """Nobody has judged it, and it may say that it comes from anybody."""
    heads: list[bytes] = []
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    body = (
        b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED)
        if framed == "by length"
        else b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    )
    async with front(naively(heads, closes=True), gate=Porter(welcome)) as share:
        talk = share.connect()
        await talk.say(method + b" /app HTTP/1.1\r\nHost: localhost\r\n" + body)
        await talk.hear_until(b"ok")
        await talk.say(b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await talk.hear_until(b"ok")).startswith(b"HTTP/1.1 200")

    assert [head.split(b" ")[1] for head in heads] == [b"/app", b"/next"]
    assert b"Connection" not in heads[1]


async def test_no_answer_to_one_device_is_anothers_where_the_service_answers_a_body_too():
    heads: list[bytes] = []
    async with front(naively(heads, closes=False), gate=Porter(welcome)) as share:
        one, other = share.connect(), share.connect()
        await one.say(b"POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED))
        await one.say(SMUGGLED)
        await one.hear_until(b"ok")
        await other.say(b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await other.hear_until(b"ok")
        await until(lambda: len(share.notes.records) == 2)

    assert not share.notes.records[1].reused


async def test_where_the_service_is_and_what_its_owner_has_to_do_is_no_guests_business():
    async def gone(talk: Talk) -> None:
        await talk.hear_head()

    async with front(gone, gate=Porter(welcome)) as share:
        talk = share.connect()
        await talk.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await talk.hear_all()

    assert answer.startswith(b"HTTP/1.1 502") and b"whoever shares it" in answer
    assert b"127.0.0.1" not in answer and b"3000" not in answer
    error = share.notes.records[0].error
    assert error is not None and "127.0.0.1:3000" in error.what


async def test_each_request_of_a_connection_is_asked_about():
    gate = Porter(lambda request: welcome(request) if request.target == b"/a" else turned_away(request))
    heads: list[bytes] = []
    async with front(answering(OK, heads), gate=gate) as share:
        talk = share.connect()
        await talk.say(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await talk.hear_until(b"ok")
        await talk.say(b"GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await talk.hear_head()

    assert answer.startswith(b"HTTP/1.1 405")
    assert len(heads) == 1


async def test_a_device_that_is_revoked_loses_its_open_connections_and_no_other_does():
    def by_target(request: Request) -> Admitted:
        return Admitted(request, int(request.target[1:]), "d", "d", Access.PAIRING)

    async def upgrade(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(SWITCHED)
        while heard := await talk.wire.receive():
            await talk.say(heard)

    async with front(upgrade, gate=Porter(by_target)) as share:
        server = Server(share.way, [], count=None)  # type: ignore[arg-type]  # it serves nobody: its callers are ours
        one, other = share.connect(), share.connect()
        for number, talk in ((1, one), (2, other)):
            await talk.say(
                b"GET /%d HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n" % number
            )
            assert (await talk.hear_head()).startswith(b"HTTP/1.1 101")
        server.callers.update(share.callers)

        server.cut_off(1)

        assert await one.hear_all() == b""
        await other.say(b"still here")
        assert await other.hear(10) == b"still here"
        await until(lambda: bool(share.notes.records))

    assert [record.device for record in share.notes.records[:1]] == ["d"]
    assert "revoked" in str(share.notes.records[0].error)


def answering_a_form(heads: list[bytes]) -> Callable[[Talk], object]:
    async def serve(talk: Talk) -> None:
        heads.append(await talk.hear_head())
        await talk.hear(11)
        await talk.say(PAGE)

    return serve
