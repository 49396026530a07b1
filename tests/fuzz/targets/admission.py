"""Admission: whatever head comes to a share's gate is refused, answered by its pages, or goes on as its rules say.

Input: a request's head. Nothing outside `/app` goes on, no method that changes anything, and no credential of the gate.
"""

from ipaddress import ip_network

from tunnel.errors import TunnelError
from tunnel.http.heads import read_request
from tunnel.model.peer import Peer, Tls
from tunnel.model.share import Access, Admitted, Ours, Share
from tunnel.share.gate import Gate

WORDS = [
    b"GET ", b"HEAD ", b"OPTIONS ", b"POST ", b"/app", b"/.tunnel/", b"/", b"..", b"%2e", b"%2f", b"%25", b";", b"\\", b"?",
    b"#", b" HTTP/1.1\r\n", b"Host: a\r\n", b"Cookie: ", b"__Host-tunnel-share-", b"Authorization: Bearer ",
    b"a-token-of-some-length", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"X-Original-URL: ",
    b"X-HTTP-Method-Override: ", b"User-Agent: ", b"\r\n",
    b"%c0%ae", "．".encode(), b"%5c", b"https://a",
]  # fmt: skip
SEEDS = [
    b"GET /app HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a-token-of-some-length\r\n\r\n",
    b"GET /app/x?y HTTP/1.1\r\nHost: a\r\nauthorization: bearer a-token-of-some-length\r\n"
    b"Cookie: a=b; __Host-tunnel-share-0=c\r\nCookie: __Host-tunnel-share-1-ask=d\r\n\r\n",
    b"GET /.tunnel/join?token=x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /app/%2e%2e/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a-token-of-some-length\r\n\r\n",
    b"POST /app HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a-token-of-some-length\r\nContent-Length: 1\r\n\r\n",
]
_TOKEN = "a-token-of-some-length"
_PEER = Peer("192.0.2.7", 50_000, "192.0.2.1", 4443, Tls("TLSv1.3", "", "", ""), 0.0, 0.0)
_SHARE = Share(
    address="192.0.2.1", interface="wlan0", network=ip_network("192.0.2.0/24"), access=Access.TOKEN, token=_TOKEN,
    read_only=True, paths=("/app",),
)  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    try:
        request = read_request(data, target_size=1000, header_count=50)
    except TunnelError:
        return
    gate = Gate(_SHARE, port=4443, told=lambda happening: None, closed=lambda number: None, now=lambda: 1e9)
    try:
        gate.admit(_PEER, request).send(None)
        raise AssertionError("nothing here has to be waited for")
    except TunnelError as error:
        assert 400 <= error.status < 500
        return
    except StopIteration as done:
        admitted = done.value
    if isinstance(admitted, Ours):
        return
    assert isinstance(admitted, Admitted)
    path = admitted.request.target.partition(b"?")[0]
    assert path == b"/app" or path.startswith(b"/app/")
    assert b".." not in path.split(b"/")
    assert not any(mark in path for mark in (b"\\", b";", b"//", b"%2f", b"%2F", b"%2e", b"%2E"))
    assert request.method in (b"GET", b"HEAD", b"OPTIONS")
    assert _TOKEN.encode() not in b"".join(admitted.request.headers.all(b"authorization"))
    assert not any(b"__Host-tunnel-share-" in pair for pair in admitted.request.headers.all(b"cookie"))
