"""HAR entries in the manner of each program that writes them: what they name differently, leave out and put in."""

from typing import Any

Entry = dict[str, Any]

CHROMIUM: Entry = {
    "_connectionId": "41",
    "_initiator": {"type": "parser", "url": "https://app.test/"},
    "_priority": "High",
    "_resourceType": "fetch",
    "cache": {},
    "connection": "443",
    "pageref": "page_1",
    "request": {
        "method": "POST",
        "url": "https://app.test/api/items?q=1",
        "httpVersion": "h2",
        "headers": [
            {"name": ":authority", "value": "app.test"},
            {"name": ":method", "value": "POST"},
            {"name": "accept", "value": "*/*"},
            {"name": "content-type", "value": "application/json"},
        ],
        "queryString": [{"name": "q", "value": "1"}],
        "cookies": [],
        "headersSize": -1,
        "bodySize": 15,
        "postData": {"mimeType": "application/json", "text": '{"name":"lämp"}'},
    },
    "response": {
        "status": 201,
        "statusText": "",
        "httpVersion": "h2",
        "headers": [
            {"name": "content-encoding", "value": "br"},
            {"name": "content-type", "value": "application/json"},
            {"name": "set-cookie", "value": "a=1\nb=2"},
        ],
        "cookies": [],
        "content": {"size": 8, "mimeType": "application/json", "text": '{"id":1}'},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
        "_transferSize": 120,
        "_error": None,
        "_fetchedViaServiceWorker": False,
    },
    "serverIPAddress": "[::1]",
    "startedDateTime": "2026-03-02T10:11:12.345Z",
    "time": 30.5,
    "timings": {
        "blocked": 1.5, "dns": -1, "ssl": -1, "connect": -1, "send": 0.5, "wait": 20, "receive": 8.5,
        "_blocked_queueing": 1.2, "_workerStart": -1,
    },
}  # fmt: skip

CHROMIUM_SOCKET: Entry = {
    "_resourceType": "websocket",
    "_webSocketMessages": [
        {"type": "send", "time": 1772446272.5, "opcode": 1, "data": "hello"},
        {"type": "receive", "time": 1772446272.75, "opcode": 2, "data": "AP8="},
    ],
    "request": {
        "method": "GET",
        "url": "wss://app.test:8443/ws",
        "httpVersion": "http/1.1",
        "headers": [{"name": "Host", "value": "app.test:8443"}, {"name": "Upgrade", "value": "websocket"}],
        "queryString": [],
        "cookies": [],
        "headersSize": 400,
        "bodySize": 0,
    },
    "response": {
        "status": 101,
        "statusText": "Switching Protocols",
        "httpVersion": "http/1.1",
        "headers": [{"name": "Upgrade", "value": "websocket"}],
        "cookies": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": 129,
        "bodySize": 0,
        "_error": None,
    },
    "cache": {},
    "startedDateTime": "2026-03-02T10:11:12.000Z",
    "time": 2000,
    "timings": {"blocked": -1, "dns": -1, "ssl": -1, "connect": -1, "send": 0, "wait": 10, "receive": 1990},
}

CHROMIUM_FAILED: Entry = {
    "request": {
        "method": "GET", "url": "http://localhost:9/", "httpVersion": "", "headers": [], "queryString": [], "cookies": [],
    },
    "response": {
        "status": 0, "statusText": "", "httpVersion": "", "headers": [], "cookies": [], "redirectURL": "",
        "content": {"size": 0, "mimeType": "x-unknown"}, "headersSize": -1, "bodySize": -1,
        "_error": "net::ERR_CONNECTION_REFUSED",
    },
    "startedDateTime": "2026-03-02T10:11:12.345Z",
    "time": 2,
    "timings": {"blocked": -1, "dns": -1, "connect": -1, "send": 0, "wait": 0, "receive": 2},
}  # fmt: skip

FIREFOX: Entry = {
    "startedDateTime": "2026-03-02T12:11:12.345+02:00",
    "request": {
        "bodySize": 7,
        "method": "POST",
        "url": "http://app.test/form",
        "httpVersion": "HTTP/1.1",
        "headers": [
            {"name": "Host", "value": "app.test"},
            {"name": "Content-Type", "value": "application/x-www-form-urlencoded"},
        ],
        "cookies": [],
        "queryString": [],
        "headersSize": 300,
        "postData": {
            "mimeType": "application/x-www-form-urlencoded",
            "params": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
            "text": "a=1&b=2",
        },
    },
    "response": {
        "status": 200,
        "statusText": "OK",
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": "Content-Type", "value": "image/png"}],
        "cookies": [],
        "content": {"mimeType": "image/png", "size": 4, "encoding": "base64", "text": "iVBORw=="},
        "redirectURL": "",
        "headersSize": 100,
        "bodySize": 104,
    },
    "cache": {},
    "timings": {"blocked": 1, "dns": 2, "connect": 3, "ssl": 0, "send": 0, "wait": 4, "receive": 5},
    "time": 15,
    "_securityState": "insecure",
    "serverIPAddress": "127.0.0.1",
    "connection": "80",
}

CHARLES: Entry = {
    "startedDateTime": "2026-03-02T10:11:12.345+00:00",
    "time": 12,
    "request": {
        "method": "GET",
        "url": "https://app.test/page",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "Host", "value": "app.test"}],
        "queryString": [],
        "headersSize": 90,
        "bodySize": 0,
    },
    "response": {
        "_charlesStatus": "COMPLETE",
        "status": 200,
        "statusText": "OK",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "Content-Type", "value": "text/html; charset=windows-1251"}],
        "content": {"size": 6, "mimeType": "text/html; charset=windows-1251", "text": "привет"},
        "redirectURL": None,
        "headersSize": 0,
        "bodySize": 6,
    },
    "serverIPAddress": "127.0.0.1",
    "cache": {},
    "timings": {"dns": -1, "connect": 5, "ssl": 3, "send": 0, "wait": 5, "receive": 2},
}

PROXYMAN: Entry = {
    "_id": "88",
    "_name": "",
    "_isHTTPS": True,
    "_clientName": "Chrome",
    "comment": "",
    "startedDateTime": "2026-03-02T10:11:12.345678Z",
    "time": 9.25,
    "request": {
        "method": "PUT",
        "url": "https://app.test/upload",
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": "Content-Length", "value": "3"}, {"name": "Host", "value": "app.test"}],
        "postData": {"mimeType": "application/octet-stream", "text": "AAH/", "encoding": "base64", "params": []},
        "bodySize": 3,
    },
    "response": {
        "status": 204, "statusText": "No Content", "httpVersion": "HTTP/1.1", "headers": [],
        "content": {"size": 0, "mimeType": ""}, "bodySize": 0,
    },
    "timings": {"send": -1, "wait": -1, "receive": -1},
}  # fmt: skip

MITMPROXY: Entry = {
    "startedDateTime": "2026-03-02T10:11:12.345000+00:00",
    "time": 40.0,
    "request": {
        "method": "GET",
        "url": "http://127.0.0.1:3000/old",
        "httpVersion": "HTTP/1.0",
        "cookies": [],
        "headers": [{"name": "Host", "value": "127.0.0.1:3000"}],
        "queryString": [],
        "headersSize": 60,
        "bodySize": 0,
    },
    "response": {
        "status": 200,
        "statusText": "OK",
        "httpVersion": "HTTP/1.0",
        "cookies": [],
        "headers": [],
        "content": {"size": 2, "compression": 0, "mimeType": "", "text": "ok"},
        "redirectURL": "",
        "headersSize": 20,
        "bodySize": 2,
    },
    "cache": {},
    "timings": {"connect": 10.0, "ssl": -1.0, "send": 5.0, "receive": 5.0, "wait": 20.0},
    "serverIPAddress": "127.0.0.1",
}

INSOMNIA: Entry = {
    "startedDateTime": "2026-03-02T10:11:12.345Z",
    "time": 0,
    "comment": "My request",
    "request": {
        "method": "GET",
        "url": "http://localhost:3000/never-sent",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "queryString": [],
        "postData": {"mimeType": "", "text": ""},
        "headersSize": -1,
        "bodySize": -1,
    },
    "response": {
        "status": 0, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "headers": [],
        "content": {"size": 0, "mimeType": "text/plain", "text": ""}, "redirectURL": "", "headersSize": -1, "bodySize": -1,
    },
    "cache": {},
    "timings": {"blocked": -1, "dns": -1, "connect": -1, "send": 0, "wait": 0, "receive": 0, "ssl": -1},
}  # fmt: skip

ALL = {
    "chromium": CHROMIUM, "chromium_socket": CHROMIUM_SOCKET, "chromium_failed": CHROMIUM_FAILED, "firefox": FIREFOX,
    "charles": CHARLES, "proxyman": PROXYMAN, "mitmproxy": MITMPROXY, "insomnia": INSOMNIA,
}  # fmt: skip
