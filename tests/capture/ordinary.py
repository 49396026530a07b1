"""Ordinary: traffic without a secret, as services send it. What is replaced in it is a false positive."""

import hashlib
import json

_HASH = hashlib.sha256(b"a file").hexdigest()
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"

HEADS = [
    b"GET /static/js/main.4f3c2b1a.chunk.js HTTP/1.1\r\nHost: app.test\r\nAccept: */*\r\nAccept-Encoding: gzip, br\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"
    b'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    b"Referer: https://app.test/items?page=2&code=US&state=open&key=name\r\nIf-None-Match: \"5d41402abc4b2a76\"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\nETag: \"" + _HASH.encode() + b"\"\r\n"
    b"Content-Security-Policy: default-src 'self'; script-src 'nonce-r4nd0m'\r\nIdempotency-Key: " + UUID.encode() + b"\r\n"
    b"X-Request-Id: " + UUID.encode() + b"\r\nLink: </a.css>; rel=preload; as=style\r\nVary: Authorization, Cookie\r\n"
    b'WWW-Authenticate: Bearer realm="example", error="invalid_token"\r\n'
    b'Access-Control-Allow-Headers: X-Api-Key, Authorization\r\n\r\n',
]  # fmt: skip
TARGETS = [
    b"/", b"/items?page=2&per_page=50&sort=-created_at", b"/search?q=password+reset&lang=en", b"/u/" + UUID.encode(),
    b"/static/" + _HASH.encode() + b".js", b"/tokens/list", b"/auth/callback?error=access_denied", b"/api/keys?state=active",
    b"/cb?code=404&state=open", b"/@vite/client", b"/node_modules/.vite/deps/react-dom_client.js?v=3f2a91bc",
    b"/maps?key=name&sig=no", b"/reset-password", b"/a:b/c=d", b"/i18n/en.json?t=1732180000000",
]  # fmt: skip
_JSON = [
    {"id": UUID, "key": "ABC-1", "code": "NOT_FOUND", "name": "token", "type": "password", "title": "Forgot your password?"},
    {"token_type": "bearer", "expires_in": 3600, "max_tokens": 100, "usage": {"prompt_tokens": 12, "completion_tokens": 7}},
    {"author": "A. Key", "monkey": "see", "keyboard": "qwerty", "passenger": 1, "pinned": True, "pin": "left"},
    {"tokens": ["hello", "world"], "password": None, "secret": "", "has_secret": True, "token": 17, "keys": ["a", "b"]},
    {"password": {"type": "string", "minLength": 8}, "apiKey": {"in": "header", "name": "X-Api-Key"}},
    {"etag": _HASH, "sha256": _HASH, "commit": _HASH[:40], "url": "https://app.test/a?b=c#d", "email": "bob@app.test"},
    {"errors": [{"field": "password", "message": "must be at least 8 characters"}], "status": 422, "session": "closed"},
    {"created_at": "2026-11-21T09:20:00.000Z", "avatar": "https://cdn.app.test/u/" + _HASH + ".png", "auth": "none"},
    {"data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="},
    {"password": "********", "api_key": "${API_KEY}", "token": "{{token}}", "secret": "<your secret>"},
]  # fmt: skip
BODIES: list[tuple[str, bytes]] = [("application/json", json.dumps(body).encode()) for body in _JSON] + [
    ("text/html", b'<form action="/login"><label for="password">Password</label><input type="password" name="password" '
     b'autocomplete="current-password">'
     b'<input name="q" value="key=value"><a href="/reset?lang=en&page=2">Forgot password?</a>'
     b'<script nonce="r4nd0m">var token = getToken(); if (password == "") fail();</script></form>'),
    ("text/css", b".token.keyword{color:#07a}.token:hover{opacity:.5}#password:focus{outline:0}.sk-fading-circle{w:1}"),
    ("application/javascript", b'const token=e.token,password=form.password.value;if(key==="Enter")n.auth=o;'
     b'export default{apiKey:process.env.API_KEY,secret:config.secret,token:null};t.code="KeyA";s.session=r;'
     b'function pass(e){return e.password?{password:e.password}:{}}var pwd=i.pwd||"";l.passwordConfirmation=t("confirm");'),
    ("text/plain", b"The password: must be long. Your token: see below. Authorization: Basic authentication is used here.\n"
     b"Basic Configuration and Bearer authentication of http://localhost:3000/ on 2026-11-21 09:20:00 key=value\n"),
    ("text/markdown", b"## API key\n\nSet `API_KEY` to your key. `password: string`, `token?: string`.\n"),
    ("application/x-www-form-urlencoded", b"name=Bob&email=bob%40app.test&state=CA&code=42&key=name&remember=on"),
    ("text/event-stream", b'id: 1\nevent: tick\ndata: {"n":1,"key":"a"}\n\nid: 2\ndata: {"state":"open"}\n\n'),
    ("application/xml", b'<?xml version="1.0"?><user id="1"><name>Bob</name><keyCode>13</keyCode><password/></user>'),
    ("text/yaml", b"services:\n  db:\n    image: postgres:16\n    secrets: [a]\n"),
    ("application/graphql", b"query($token: String!) { me(token: $token) { id key password { set } } }"),
    ("image/png", bytes(range(256)) * 8),
    ("application/octet-stream", bytes(range(255, -1, -1)) * 8),
]  # fmt: skip
