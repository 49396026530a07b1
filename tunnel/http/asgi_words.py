"""ASGI 3's words: the types of an app and its events, and the scope that a request becomes. No I/O.

Source: the ASGI specification 3.0, HTTP & WebSocket sub-specification 2.5 (https://asgi.readthedocs.io/).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from tunnel.model.headers import Field
from tunnel.model.message import Request
from tunnel.model.peer import Peer

Event = MutableMapping[str, object]
Scope = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Report = Callable[[Exception], None]
"""Is told what an app raised: nobody here prints."""

# Since 2.4 a `send` to a client that left raises OSError, so that a stream ends by itself.
VERSIONS = {"version": "3.0", "spec_version": "2.5"}

T = TypeVar("T")


def ignore(error: Exception) -> None:
    """A `Report` that nobody reads."""


def field(event: Event, name: str, kind: type[T], default: T) -> T:
    """Return a field of an app's event, or the default where it is absent or None.

    Raises:
      TypeError: It is of another kind; the app is at fault.
    """
    value = event.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise TypeError(f"{event['type']}: {name} is {type(value).__name__}, not {kind.__name__}")
    return value


def body_bytes(event: Event) -> bytes:
    """Return the body of an app's event; empty where it has none."""
    value = event.get("body", b"")
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"{event['type']}: body is {type(value).__name__}, not bytes")
    return bytes(value)


def header_fields(event: Event) -> list[Field]:
    """Return the header fields of an app's event; none where it has none.

    Raises:
      TypeError: They are not pairs of bytes.
      ValueError: A name or a value has a line break in it, and would write fields of its own.
    """
    fields = []
    given = event.get("headers") or ()
    if not isinstance(given, Iterable):
        raise TypeError(f"{event['type']}: headers are not iterable")
    for name, value in given:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise TypeError(f"{event['type']}: a header field is not a pair of bytes")
        if any(letter in name + value for letter in b"\r\n\0"):
            raise ValueError(f"{event['type']}: the header field {name!r} has a line break or a NUL in it")
        fields.append((name, value))
    return fields


def request_scope(request: Request, peer: Peer, state: Mapping[str, object]) -> Scope:
    """Return the scope of an http request or, where it asks for the upgrade, of a websocket."""
    websocket = request.upgrade == b"websocket"
    scheme = ("ws" if websocket else "http") + ("s" if peer.tls else "")
    path, _, query = request.target.partition(b"?")
    scope: Scope = {
        "type": "websocket" if websocket else "http",
        "asgi": dict(VERSIONS),
        "http_version": f"1.{request.minor}",
        "scheme": scheme,
        "path": unquote_to_bytes(path).decode(errors="replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name, value) for name, (_, value) in zip(request.headers.names, request.headers, strict=True)],
        "client": (peer.address, peer.port),
        "server": (peer.listener, peer.listener_port),
        "state": dict(state),
        "extensions": {},
    }
    if websocket:
        offered = b",".join(request.headers.all(b"sec-websocket-protocol")).decode("latin-1").split(",")
        scope["subprotocols"] = [name.strip() for name in offered if name.strip()]
    else:
        scope["method"] = request.method.decode("ascii")
    return scope
