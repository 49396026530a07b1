"""Attacks: what somebody who was not let in may send, byte by byte, in the hope that something of it reaches the service.

None of these carries a credential. HOST stands for the share's own authority, which an attacker knows. The same lists are
used in memory (tests/share) and from another host (tests/lan).
"""

HOST = b"{host}"


def at(authority: str, request: bytes) -> bytes:
    """Return a request for the share that is reached at this authority."""
    return request.replace(HOST, authority.encode())


def get(target: bytes, *fields: bytes) -> bytes:
    """Return a GET with these field lines."""
    return b"".join(line + b"\r\n" for line in (b"GET %b HTTP/1.1" % target, b"Host: " + HOST, *fields, b""))


SECRET = b"/secret"

# Ways to write a path so that a guard may read one of its own pages, and the service another path.
PATHS = {
    name: get(target)
    for name, target in {
        "plain": SECRET,
        "root": b"/",
        "dots": b"/.tunnel/../secret",
        "encoded dots": b"/.tunnel/%2e%2e/secret",
        "half encoded dots": b"/.tunnel/.%2e/secret",
        "dots encoded twice": b"/.tunnel/%252e%252e/secret",
        "dots beyond the root": b"/../../secret",
        "encoded slash": b"/.tunnel/..%2fsecret",
        "encoded slash in capitals": b"/.tunnel/..%2Fsecret",
        "slash encoded twice": b"/.tunnel/..%252fsecret",
        "backslash": b"/.tunnel/..\\secret",
        "encoded backslash": b"/.tunnel/..%5csecret",
        "two slashes": b"//secret",
        "three slashes": b"///secret",
        "two slashes after the prefix": b"/.tunnel//../secret",
        "two slashes like a host": b"//evil.example/secret",
        "semicolon": b"/.tunnel/..;/secret",
        "semicolon with words": b"/.tunnel/;x=y/../secret",
        "semicolon first": b"/;/.tunnel/../secret",
        "encoded semicolon": b"/.tunnel/..%3b/secret",
        "NUL": b"/.tunnel/root.crt%00/../../secret",
        "line end": b"/.tunnel/root.crt%0d%0aHost:%20evil/../../secret",
        "overlong dots": b"/.tunnel/%c0%ae%c0%ae/secret",
        "overlong slash": b"/.tunnel/..%c0%afsecret",
        "full-width dots": b"/.tunnel/%ef%bc%8e%ef%bc%8e/secret",
        "encoded letter": b"/%73ecret",
        "encoded prefix": b"/%2etunnel/../secret",
        "prefix in capitals": b"/.TUNNEL/../secret",
        "prefix without its slash": b"/.tunnel",
        "a page and a way out of it": b"/.tunnel/login/../../secret",
        "the root and a way out of it": b"/.tunnel/root.crt/../../secret",
        "the root and a parameter": b"/.tunnel/root.crt;/../../secret",
        "the root as a suffix": b"/secret/.tunnel/root.crt",
        "a page in the query": b"/secret?/.tunnel/login",
        "a page as a fragment": b"/secret#/.tunnel/login",
        "a broken escape": b"/%zz/secret",
        "dot segments at the end": b"/secret/.",
        "a favicon": b"/favicon.ico",
        "a well-known path": b"/.well-known/acme-challenge/x",
        "robots": b"/robots.txt",
        "absolute": b"https://" + HOST + SECRET,
        "absolute, plain": b"http://" + HOST + SECRET,
        "absolute in capitals": b"HTTPS://" + HOST + SECRET,
        "absolute without a path": b"https://" + HOST,
        "absolute with a user": b"https://user@" + HOST + SECRET,
        "absolute of a page": b"https://" + HOST + b"/.tunnel/../secret",
        "absolute of the service": b"http://127.0.0.1:3000/secret",
        "absolute of another scheme": b"file:///etc/passwd",
        "absolute of a stranger": b"http://evil.example/secret",
    }.items()
}

# Fields with which other proxies can be talked into something.
FIELDS = {
    name: get(SECRET, *fields)
    for name, fields in {
        "it was here before": (b"X-Forwarded-For: 127.0.0.1", b"X-Real-IP: 127.0.0.1", b"Forwarded: for=127.0.0.1"),
        "it is somebody": (b"X-Forwarded-User: admin", b"Remote-User: admin", b"X-Remote-User: admin"),
        "another address, for old servers": (b"X-Original-URL: /.tunnel/root.crt", b"X-Rewrite-URL: /.tunnel/root.crt"),
        "another host": (b"X-Forwarded-Host: localhost", b"X-Host: localhost"),
        "a method within": (b"X-HTTP-Method-Override: GET", b"X-Method-Override: GET"),
        "cookie named away": (b"Connection: close, cookie",),
        "host named away": (b"Connection: host, x-forwarded-for",),
        "an empty cookie": (b"Cookie: ",),
        "a cookie without a value": (b"Cookie: __Host-tunnel-share=", b"Cookie: __Host-tunnel-share-1="),
        "a cookie of its own making": (b"Cookie: __Host-tunnel-share-62893=" + b"A" * 43,),
        "a cookie of the inspector": (b"Cookie: tunnel-inspector-62894=" + b"0" * 64,),
        "a cookie as large as may be": (b"Cookie: " + b"a=b; " * 8000,),
        "a cookie of bytes": (b"Cookie: __Host-tunnel-share-1=\xff\xfe\x80; \x9b=\x9b",),
        "an empty bearer": (b"Authorization: Bearer ",),
        "a bearer of nothing": (b"Authorization: Bearer",),
        "two credentials": (b"Authorization: Bearer null", b"Authorization: Basic Og=="),
        "an empty password": (b"Authorization: Basic Og==",),
        "a password that is not Base64": (b"Authorization: Basic !!!",),
        "a password of bytes": (b"Authorization: Basic //79/A==",),
        "a password of another scheme": (b"Authorization: Digest username=admin",),
        "the replay's mark": (b"X-Tunnel-Replay: 1", b"X-Tunnel-Replayed: 1"),
        "Via of ours": (b"Via: 1.1 tunnel-00000000",),
        "a page's wish": (b"Accept: text/html", b"Sec-Fetch-Mode: navigate"),
        "a preflight's origin": (b"Origin: https://evil.example", b"Access-Control-Request-Method: GET"),
    }.items()
}


def _head(line: bytes, *fields: bytes, end: bytes = b"\r\n") -> bytes:
    return end.join((line, b"Host: " + HOST, *fields, b"", b""))


_INNER = get(SECRET, b"X-Smuggled: yes")

# Messages with two readings: what one reader takes for a body is a request for the next.
SMUGGLING = {
    "a length and chunks": _head(b"POST /a HTTP/1.1", b"Content-Length: 6", b"Transfer-Encoding: chunked")
    + b"0\r\n\r\n" + _INNER,
    "chunks and a length": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding: chunked", b"Content-Length: 6")
    + b"0\r\n\r\n" + _INNER,
    "two lengths": _head(b"POST /a HTTP/1.1", b"Content-Length: 0", b"Content-Length: %d" % len(_INNER)) + _INNER,
    "a list of lengths": _head(b"POST /a HTTP/1.1", b"Content-Length: 0, %d" % len(_INNER)) + _INNER,
    "a length with a sign": _head(b"POST /a HTTP/1.1", b"Content-Length: +%d" % len(_INNER)) + _INNER,
    "a space before a colon": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding : chunked", b"Content-Length: 0") + _INNER,
    "another coding": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding: xchunked") + _INNER,
    "two codings": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n" + _INNER,
    "a coding after a tab": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding:\tchunked", b"Content-Length: 3")
    + b"0\r\n\r\n" + _INNER,
    "a chunk of a strange size": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding: chunked") + b"0x0\r\n\r\n" + _INNER,
    "a chunk that ends in LF": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding: chunked") + b"0\n\n" + _INNER,
    "a trailer with a credential": _head(b"POST /a HTTP/1.1", b"Transfer-Encoding: chunked", b"Trailer: Cookie")
    + b"0\r\nCookie: a=b\r\nAuthorization: Bearer x\r\n\r\n" + _INNER,
    "a body that is a request": _head(b"POST /a HTTP/1.1", b"Content-Length: %d" % len(_INNER)) + _INNER,
    "a body to a page": _head(b"POST /.tunnel/login HTTP/1.1", b"Content-Length: %d" % len(_INNER)) + _INNER,
    "a body that a page does not want": _head(b"GET /.tunnel/login HTTP/1.1", b"Content-Length: %d" % len(_INNER))
    + _INNER,
    "pipelined": get(b"/.tunnel/login") + _INNER,
    "pipelined after a HEAD": _head(b"HEAD /.tunnel/login HTTP/1.1") + _INNER,
    "pipelined after the root": get(b"/.tunnel/root.crt") + _INNER,
    "a field folded": get(b"/a", b"X: y", b" Cookie: a=b"),
    "bare LF": _head(b"GET /a HTTP/1.1", end=b"\n") + _INNER,
    "a bare CR in a field": get(b"/a", b"X: y\rCookie: a=b"),
    "a NUL in a field": get(b"/a", b"X: y\0z"),
    "two hosts": get(b"/a", b"Host: localhost"),
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "HTTP/1.0 without a host": b"GET /secret HTTP/1.0\r\n\r\n",
    "HTTP/0.9": b"GET /secret\r\n",
    "HTTP/2 by surprise": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "HTTP/2 by an upgrade": get(SECRET, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: "),
    "an empty line first": b"\r\n\r\n" + get(SECRET),
    "a method of another's": _head(b"CONNECT 127.0.0.1:22 HTTP/1.1"),
    "a method that echoes": _head(b"TRACE /secret HTTP/1.1"),
    "a method in small letters": _head(b"get /secret HTTP/1.1"),
    "a method of its own": _head(b"XYZZY /secret HTTP/1.1"),
    "everything": _head(b"OPTIONS * HTTP/1.1"),
    "a body announced": _head(b"POST /secret HTTP/1.1", b"Content-Length: 5", b"Expect: 100-continue"),
    "a preflight": _head(b"OPTIONS /secret HTTP/1.1", b"Origin: https://evil.example",
    b"Access-Control-Request-Method: PUT"),
}  # fmt: skip

_KEY = (b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", b"Sec-WebSocket-Version: 13")
UPGRADES = {
    "a WebSocket": get(b"/socket", b"Connection: Upgrade", b"Upgrade: websocket", *_KEY),
    "a WebSocket at a page": get(b"/.tunnel/wait", b"Connection: Upgrade", b"Upgrade: websocket", *_KEY),
    "a WebSocket at the root": get(b"/.tunnel/root.crt", b"Connection: Upgrade", b"Upgrade: websocket", *_KEY),
    "a WebSocket of a stranger's page": get(
        b"/socket", b"Connection: Upgrade", b"Upgrade: websocket", b"Origin: https://evil.example", *_KEY
    ),
    "frames that do not wait": get(b"/socket", b"Connection: Upgrade", b"Upgrade: websocket", *_KEY)
    + b"\x81\x80\0\0\0\0",
    "an unknown protocol": get(b"/", b"Connection: Upgrade", b"Upgrade: raw") + b"bytes",
    "an upgrade of 1.0": b"GET /socket HTTP/1.0\r\nHost: "
    + HOST
    + b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
}

# Hosts that are not the share's: what a browser sends whose page's name was bound anew to our address (DNS rebinding).
STRANGE_HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "{address}.evil.example:{port}",
    "evil.example:80#@{address}:{port}",
    "localhost",
    "localhost:{port}",
    "127.0.0.1:{port}",
    "[::1]:{port}",
    "service.localhost:{port}",
    "0.0.0.0:{port}",
    "[::]:{port}",
    "[::ffff:{address}]:{port}",
    "{number}:{port}",
    "0x{hex}:{port}",
    "{address}:1",
    "{address},evil.example",
    "user@{address}:{port}",
    "127.0.0.1:{service}",
    "local:{port}",
    ".local:{port}",
    "stranger.local:{port}",
    "",
)

WITHOUT_A_CREDENTIAL = {
    f"{kind}: {name}": request
    for kind, requests in {"path": PATHS, "field": FIELDS, "framing": SMUGGLING, "upgrade": UPGRADES}.items()
    for name, request in requests.items()
}
