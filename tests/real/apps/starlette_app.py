"""A Starlette app on uvicorn: an event stream that is told when to go on, a WebSocket, uploads and downloads."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

words: defaultdict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)  # by who waits for them
received = 0  # bytes of the upload that is running, or of the last
streaming = 0  # event streams whose client is there


async def events(request: Request) -> Response:
    """Send an event for each word that /say is told for this stream; nothing comes by itself."""
    mine = words[request.query_params["name"]]

    async def told() -> AsyncIterator[str]:
        global streaming
        streaming += 1
        try:
            while True:
                yield f"data: {await mine.get()}\n\n"
        finally:
            streaming -= 1

    return StreamingResponse(told(), media_type="text/event-stream")


async def say(request: Request) -> Response:
    await words[request.query_params["to"]].put(request.query_params["word"])
    return Response(status_code=204)


async def upload(request: Request) -> Response:
    global received
    received = 0
    digest = hashlib.sha256()
    async for piece in request.stream():
        received += len(piece)
        digest.update(piece)
    return JSONResponse({"size": received, "sha256": digest.hexdigest()})


async def state(request: Request) -> Response:
    return JSONResponse({"received": received, "streaming": streaming})


async def download(request: Request) -> Response:
    size = int(request.query_params["mb"]) * 1024 * 1024
    piece = bytes(range(256)) * 256

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    return StreamingResponse(pieces(), headers={"Content-Length": str(size)})


async def form(request: Request) -> Response:
    async with request.form() as sent:
        file = sent["file"]
        assert not isinstance(file, str)
        return JSONResponse({"name": file.filename, "size": len(await file.read()), "note": sent["note"]})


async def seen(request: Request) -> Response:
    return JSONResponse({"url": str(request.url), "client": request.client and request.client.host})


async def elsewhere(request: Request) -> Response:
    """Redirect to this app's own address, as it sees itself."""
    host, port = request.scope["server"]
    return RedirectResponse(f"http://{host}:{port}/seen", 302)


async def slow(request: Request) -> Response:
    """Answer when /say has told a word for it."""
    return Response(await words[request.query_params["name"]].get())


async def echo(socket: WebSocket) -> None:
    """Say each message back as it came. The text "leave" is answered with a close of our own."""
    asked = socket.scope["subprotocols"]
    await socket.accept(subprotocol=asked[0] if asked else None)
    while (message := await socket.receive())["type"] == "websocket.receive":
        if message.get("text") == "leave":
            await socket.close(4001, "as you wish")
            return
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


async def closed(socket: WebSocket) -> None:
    await socket.close()  # before it was accepted: HTTP 403


app = Starlette(
    routes=[
        Route("/events", events),
        Route("/say", say, methods=["POST"]),
        Route("/upload", upload, methods=["POST", "PUT"]),
        Route("/state", state),
        Route("/download", download),
        Route("/form", form, methods=["POST"]),
        Route("/seen", seen),
        Route("/elsewhere", elsewhere),
        Route("/slow", slow),
        WebSocketRoute("/ws", echo),
        WebSocketRoute("/closed", closed),
    ]
)
