"""Exchanges as they are read back from a store, made by hand: one that went well, with what a test changes in it."""

from typing import Any

from tunnel.model.exchange import Body, Exchange, State, Timings

# No exchange by itself: one that lives as long as this module would be counted where a test looks for what was left over.
_PLAIN: dict[str, Any] = {
    "id": 12,
    "revision": 40,
    "state": State.DONE,
    "started": 1_700_000_000_000_000,
    "timings": Timings(-900, -500, 100, 2_000, 3_000),
    "address": "127.0.0.1",
    "port": 50_123,
    "listener": "127.0.0.1",
    "listener_port": 62893,
    "tls": None,
    "caller": "curl",
    "caller_pid": 4711,
    "method": "GET",
    "target": "/",
    "host": "localhost:62893",
    "status": 200,
    "upgrade": "",
    "upstream": "127.0.0.1:3000",
    "reused": False,
    "request": Body(0, 0, False),
    "response": Body(0, 0, False),
    "messages": 0,
    "failure": None,
    "repairs": (),
    "parent": 0,
    "source": "",
    "redacted": 0,
    "device": "",
    "rule": "",
    "request_head": b"",
    "sent_head": b"",
    "informational": b"",
    "response_head": b"",
    "returned_head": b"",
    "request_trailers": b"",
    "response_trailers": b"",
}


def exchange(**changes: Any) -> Exchange:
    """Return an exchange, a GET / that was answered with 200 unless said otherwise."""
    return Exchange(**{**_PLAIN, **changes})
