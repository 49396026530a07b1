"""Repairs: an answer's Location, Refresh, Set-Cookie and their like, mended for the client; and what of it goes on.

Input: a line with the client's Host, `+` behind it for TLS; then field lines. Nothing is ever raised; mending twice is
mending once; no field is invented, none gains a line end; each change is told.
"""

from itertools import product

from tests.fuzz.targets.connections import ASKED
from tunnel.errors import UpstreamError
from tunnel.http.heads import read_response, write_response
from tunnel.model.address import Target, split_host
from tunnel.model.headers import Headers
from tunnel.rules.forwarding import returned
from tunnel.rules.repair import Repair

TARGETS = (Target("http", "localhost", 3000), Target("https", "app.test", 443), Target("unix", "", 0, "/run/a.sock"))
WORDS = [
    b"Location: ", b"Refresh: 5; url=", b"Set-Cookie: a=b", b"; Domain=localhost", b"; Secure", b"; SameSite=None",
    b"; Path=/", b"Strict-Transport-Security: max-age=1\r\n", b'Alt-Svc: h3=":443"\r\n',
    b"Access-Control-Allow-Origin: ", b"http://localhost:3000", b"https://app.test", b"//127.0.0.1:3000/", b"[::1]",
    b"__Host-", b"\r\n", b" ; ", b"Connection: ", b"'", b'"', b"\xff",
]  # fmt: skip
SEEDS = [
    b"localhost:62893+\r\nLocation: http://localhost:3000/a?b#c\r\nSet-Cookie: a=b; Domain=localhost; Secure\r\n",
    b"a.localhost\r\nRefresh: 5; url='https://app.test/x'\r\nContent-Location: //app.test\r\n",
    b"app.test+\r\nAccess-Control-Allow-Origin: https://app.test\r\nStrict-Transport-Security: max-age=1\r\n"
    b"Alt-Svc: clear\r\n",
    b"app.test\r\nSet-Cookie: __Host-a=b; Secure; SameSite=None; domain = .app.test;;\r\nSet-Cookie: ;;;\r\nSet-Cookie:\r\n",
    b"box+\r\nSet-Cookie: a=b" + b" " * 200 + b"; Domain=::1\r\nLocation: http://[::1]:3000\r\nLocation: http://[::1\r\n",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    host, _, fields = data.partition(b"\r\n")
    tls, host = host.endswith(b"+"), host.removesuffix(b"+")
    try:
        split_host(host.decode("latin-1"))
        head = b"HTTP/1.1 200 OK\r\n" + fields + (b"\r\n" if fields.endswith(b"\r\n") or not fields else b"\r\n\r\n")
        answer = read_response(head[: head.find(b"\r\n\r\n") + 4], b"GET", header_count=100)
    except (ValueError, UpstreamError):
        return  # rules.access and the leg let none of these so far
    for target, close in product(TARGETS, (False, True)):
        mended, told = Repair(target).answer(answer.headers, host=host, tls=tls)
        assert (mended == answer.headers) == (not told), "a change that is not told, or none that is"
        assert Repair(target).answer(mended, host=host, tls=tls) == (mended, ()), "mended twice"
        left = list(answer.headers.names)
        for name in mended.names:
            left.remove(name)  # raises for an invented one
        gone = returned(answer._replace(headers=mended), ASKED, close=close)
        again = read_response(write_response(gone), b"GET", header_count=200)
        assert again.headers == Headers(gone.headers.fields), "written, it reads otherwise"
        assert again.framing is gone.framing
