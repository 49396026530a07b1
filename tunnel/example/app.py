"""The example service: its paths, and the page that explains them. An ASGI app in this process, on trio.

Bodies that flow are in `example.flows`, the items in `example.items`. Nothing is read from disk once the app is made, and
nothing is kept but a hundred small items in memory.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tunnel.example.flows import CutShort, Events, large, slow, upload
from tunnel.example.items import Items

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_PAGE_HEADERS = {
    # The page needs nothing from anywhere else. `'self'` does not cover WebSockets in every browser.
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def example_app(*, tick: float = 1.0) -> Starlette:
    """Return a new example service with no items in it.

    Args:
      tick: Seconds between the events of `/events`.
    """
    items = Items()
    return Starlette(
        routes=[
            Route("/", _page_file("page.html"), methods=["GET"]),
            Route("/page.css", _page_file("page.css"), methods=["GET"]),
            Route("/page.js", _page_file("page.js"), methods=["GET"]),
            Route("/api/items", items.all, methods=["GET"]),
            Route("/api/items", items.add, methods=["POST"]),
            Route("/api/items/{number:int}", items.one, methods=["GET"]),
            Route("/api/items/{number:int}", items.put, methods=["PUT"]),
            Route("/api/items/{number:int}", items.remove, methods=["DELETE"]),
            Route("/events", Events(tick), methods=["GET"]),
            WebSocketRoute("/ws", echo),
            Route("/upload", upload, methods=["POST", "PUT"]),
            Route("/slow", slow),
            Route("/large", large),
            Route("/fail/500", fail),
            Route("/fail/cut", CutShort(), methods=["GET"]),
            Route("/redirect", redirect),
            Route("/cookies", cookies),
            Route("/gzip", packed),
            Route("/headers", headers, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        ]
    )


def _page_file(name: str) -> Response:
    """Return the answer that holds a file of the page; it serves every request, being an ASGI app itself."""
    path = Path(__file__).parent / "page" / name
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=_PAGE_HEADERS)


async def echo(socket: WebSocket) -> None:
    """Say every message back, text as text and binary as binary."""
    await socket.accept()
    while (message := await socket.receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


async def fail(request: Request) -> Response:
    """Fail in the orderly way."""
    return JSONResponse({"error": "this path always fails"}, 500)


async def redirect(request: Request) -> Response:
    """Redirect to this service's own address, as apps do that do not know what stands in front of them."""
    host, port = request.scope["server"] or ("localhost", None)
    host = f"[{host}]" if ":" in host else host
    return RedirectResponse(f"http://{host}:{port}/headers" if port else f"http://{host}/headers", 302)


async def cookies(request: Request) -> Response:
    """Set a cookie of each kind, and tell which came back."""
    response = JSONResponse(
        {"received": request.cookies, "set": ["session", "remembered", "anywhere", "__Host-locked"]}
    )
    response.set_cookie("session", "until-the-browser-closes")
    response.set_cookie("remembered", "for-an-hour", max_age=3600, httponly=True, samesite="strict")
    response.set_cookie("anywhere", "on-other-sites-too", secure=True, samesite="none")
    response.set_cookie("__Host-locked", "to-this-host", secure=True, httponly=True, path="/")
    response.delete_cookie("gone")
    return response


async def packed(request: Request) -> Response:
    """Answer compressed, to those who can read it (RFC 9110 §12.5.3)."""
    text = b'{"text": "' + b"the same words again and again, " * 200 + b'"}\n'
    named = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        named["Content-Encoding"] = "gzip"
        text = gzip.compress(text, mtime=0)
    return Response(text, media_type="application/json", headers=named)


async def headers(request: Request) -> Response:
    """Tell the request as it arrived here: what tunnel added can be seen beside what the client sent."""
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    told: Mapping[str, object] = {
        "method": request.method,
        "target": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "scheme": request.url.scheme,
        "headers": joined,
    }
    return JSONResponse(told)
