"""Connections: the HTTP/1 legs on whatever comes, in whatever pieces: the same messages, the same end, small memory.

Input: `C` for what a client sends, another byte for what an upstream sends; then the bytes, after which the peer closes.
Whatever is understood must have been understood alike by h11, one message after the other. An error is a TunnelError.
"""

import math
from collections.abc import Sequence

from tests.fuzz.splits import now, splits
from tests.fuzz.targets import answers, requests
from tests.http.readings import check_answer, check_request
from tunnel.errors import ClientGone, TunnelError
from tunnel.http.http1 import Http1Client, Http1Leg, Http1Upstream
from tunnel.model.config import Limits
from tunnel.model.headers import Headers
from tunnel.model.message import End, Framing, Request

LIMITS = Limits(head_size=1000, target_size=300, header_count=20, body_size=1000)
ASKED = Request(b"GET", b"/", Headers([(b"Host", b"a")]), 1, Framing.NONE, 0, True, b"", b"")
WORDS = [
    *requests.WORDS, *answers.WORDS,
]  # fmt: skip
SEEDS = [
    *(b"C" + seed for seed in requests.SEEDS[:20]), *(b"U" + seed[1:] for seed in answers.SEEDS),
    b"C\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    *(b"CGET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * size + b"\r\n\r\n" for size in range(966, 972)),
    b"CGET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 960 + b"\r\n\r\n",
    b"UHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
]  # fmt: skip


class Script:
    """A wire whose peer says its pieces and closes, and takes all that is sent."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.deadline = math.inf
        self._pieces = list(reversed(pieces))

    async def receive(self, most: int = 65536, *, later: bool = False) -> bytes:
        return self._pieces.pop() if self._pieces else b""

    def try_send(self, data: bytes, *, whole: bool = False) -> int:
        return len(data)


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    listen = _client if data[:1] == b"C" else _upstream
    stories = [listen(pieces) for pieces in splits(data[1:])]

    assert all(story == stories[0] for story in stories), "it depends on how the bytes are cut"
    # The same by the judge, who reads from where the message before has ended.
    rest: bytes | None = data[1:]
    for step in stories[0]:
        if step[0] == "message":
            assert rest is not None, "h11 refused the message before"
            rest = check_request(rest.lstrip(b"\r\n")) if data[:1] == b"C" else check_answer(rest)


def _client(pieces: Sequence[bytes]) -> list[tuple[object, ...]]:
    leg = Http1Client(Script(pieces), LIMITS, lambda: 0.0)  # type: ignore[arg-type]
    story: list[tuple[object, ...]] = []
    try:
        while (request := now(leg.receive_request())) is not None:
            story.append(("message", request.method, request.target, request.headers, *_body(leg)))
    except TunnelError as error:
        story.append(("left" if isinstance(error, ClientGone) else "refused",))
        assert 400 <= error.status <= 505
    return story


def _upstream(pieces: Sequence[bytes]) -> list[tuple[object, ...]]:
    leg = Http1Upstream(Script(pieces), LIMITS, lambda: 0.0, "127.0.0.1:3000")  # type: ignore[arg-type]
    story: list[tuple[object, ...]] = []
    try:
        now(leg.send_request(ASKED, ASKED.headers, b"", End()))
        answer = None
        while answer is None or (answer.status < 200 and answer.status != 101):
            answer = now(leg.receive_response())
            story.append(("message", answer.status, answer.reason, answer.headers, *_body(leg)))
    except TunnelError as error:
        story.append(("broken",))
        assert error.status == 502
    return story


def _body(leg: Http1Leg) -> tuple[bytes, End]:
    """Return a body and its end."""
    body, end = leg.ready()
    while end is None:
        piece = now(leg.receive_body())
        if isinstance(piece, End):
            end = piece
        else:
            body += piece
    return body, end
