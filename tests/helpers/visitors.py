"""Visitors: who comes to a share, and the gate that they come to, with a clock that the test moves.

A request goes the way that it goes in a front: read by our reader, judged by the gate, and answered by the share's
pages if the gate says so. What the gate admits went on to the service; a test counts these.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import trio

from tunnel.errors import TunnelError
from tunnel.http.answers import error_answer
from tunnel.http.asgi_words import Event, request_scope
from tunnel.http.heads import read_request
from tunnel.model.headers import Field, Headers
from tunnel.model.message import Request
from tunnel.model.peer import Peer, Tls
from tunnel.model.share import Access, Admitted, Happening, Ours, Refused, Share
from tunnel.share.gate import Gate

HOST = "192.0.2.1:4443"
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 9) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
TLS = Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "", "http/1.1")
START = 1_700_000_000.0


def share(access: Access = Access.PAIRING, **changes: Any) -> Share:
    """Return a share of an hour."""
    known: dict[str, Any] = {"address": "192.0.2.1", "interface": "wlan0", "network": ip_network("192.0.2.0/24")}
    return Share(access=access, **(known | changes))


class Door:
    """A gate, and all that a test sees of it.

    Attributes:
      passed: What went on to the service.
      told: What a person heard.
      closed: The devices that were cut off.
      time: The clock.
    """

    def __init__(self, share: Share, **options: Any) -> None:
        self.time = START
        self.told: list[Happening] = []
        self.closed: list[int] = []
        self.passed: list[Admitted] = []
        self.gate = Gate(
            share, port=4443, told=self.told.append, closed=self.closed.append, now=lambda: self.time, **options
        )

    @property
    def token(self) -> str:
        """The pairing token that the QR code holds now."""
        return self.gate.link.partition("?token=")[2]

    def heard(self, what: str) -> list[str]:
        """Return the sentences that a person heard of one kind."""
        return [happening.sentence for happening in self.told if happening.what == what]

    def visitor(self, address: str = "192.0.2.7", agent: str = PHONE, **options: Any) -> "Visitor":
        return Visitor(self, address, agent, **options)


@dataclass
class Reply:
    """What came back.

    Attributes:
      admitted: What went on to the service; None if we answered.
    """

    status: int
    fields: list[Field] = field(default_factory=list)
    body: str = ""
    admitted: Admitted | None = None

    def get(self, name: str) -> str:
        return next((v.decode("latin-1") for n, v in self.fields if n.lower() == name.encode()), "")

    def hidden(self, name: str) -> str:
        """Return the value of a hidden field of the page's form."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.body)
        return found[1] if found else ""


class Visitor:
    """A browser, or a tool (`agent="curl/8.5.0"`), at an address. Keeps cookies as a browser does.

    Args:
      tls: What its handshake agreed.
    """

    def __init__(self, door: Door, address: str, agent: str, *, tls: Tls | None = TLS) -> None:
        self.door = door
        self.peer = Peer(address, 50_000, "192.0.2.1", 4443, tls, 0.0, 0.0)
        self.agent = agent
        self.cookies: dict[str, str] = {}

    @property
    def browses(self) -> bool:
        return self.agent.startswith("Mozilla")

    async def get(self, target: str, fields: Mapping[str, str] | None = None, *, follow: bool = False) -> Reply:
        """Open a page; with `follow` go where it leads."""
        known = {"Accept": "text/html"} if self.browses else {"Accept": "*/*"}
        if self.browses:
            known |= {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        reply = await self.send("GET", target, known | dict(fields or {}))
        for _ in range(5):
            if not follow or reply.status not in (301, 302, 303, 307, 308):
                break
            reply = await self.send("GET", reply.get("location"), known)
        return reply

    async def post(self, target: str, form: Mapping[str, str], fields: Mapping[str, str] | None = None) -> Reply:
        """Send a form, as the page that it is on would."""
        known = {
            "Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin", "Accept": "text/html",
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        return await self.send("POST", target, known | dict(fields or {}), urlencode(form).encode())

    async def send(self, method: str, target: str, fields: Mapping[str, str | None], body: bytes = b"") -> Reply:
        lines = {"Host": HOST, "User-Agent": self.agent, **fields}
        if self.cookies and "Cookie" not in lines:
            lines["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            lines["Content-Length"] = str(len(body))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items() if v is not None)
        return await self.raw(head.encode("latin-1") + b"\r\n", body)

    async def raw(self, head: bytes, body: bytes = b"") -> Reply:
        request = read_request(head, target_size=16_384, header_count=200)
        try:
            verdict = await self.door.gate.admit(self.peer, request)
        except TunnelError as error:
            response, text = error_answer(error, request, close=False)
            assert isinstance(error, Refused)
            return Reply(response.status, list(response.headers), text.decode())
        if isinstance(verdict, Admitted):
            self.door.gate.passed(verdict.device)
            self.door.passed.append(verdict)
            return Reply(200, admitted=verdict)
        assert verdict is Ours.PAGES
        reply = await self.pages(request, body)
        self._keep(reply)
        return reply

    async def pages(self, request: Request, body: bytes) -> Reply:
        """Ask the share's pages, as the way does."""
        host = request.headers.get(b"host") or b""
        ours = [
            (b"X-Forwarded-For", self.peer.address.encode()), (b"X-Forwarded-Host", host),
            (b"X-Forwarded-Proto", b"https" if self.peer.tls else b"http"),
        ]  # fmt: skip
        kept = [
            f for n, f in zip(request.headers.names, request.headers, strict=True) if not n.startswith(b"x-forwarded")
        ]
        scope = request_scope(request._replace(headers=Headers([*kept, *ours])), self.peer, {})
        reply = Reply(0)

        async def receive() -> Event:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event: Event) -> None:
            if event["type"] == "http.response.start":
                reply.status, reply.fields = event["status"], event["headers"]  # type: ignore[assignment]
            else:
                reply.body += event["body"].decode()  # type: ignore[attr-defined]

        with trio.fail_after(60):
            await self.door.gate.app(scope, receive, send)
        return reply

    def _keep(self, reply: Reply) -> None:
        for name, value in reply.fields:
            if name == b"set-cookie":
                for key, morsel in SimpleCookie(value.decode()).items():
                    if morsel["max-age"] == "0":
                        self.cookies.pop(key, None)
                    else:
                        self.cookies[key] = morsel.value
