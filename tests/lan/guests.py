"""Guests: devices on the other host that were let in to a share, under each of its rules.

A device is what a browser is: it has an address, trusts the authority, and keeps the cookies that it is given.
"""

import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.lan.network import PHONE, SERVER
from tests.lan.shares import PASSWORD, TOKEN, Shared
from tests.lan.talk import Answer, talk
from tests.share.attacks import at, get

PIXEL = (
    b"Accept: text/html",
    b"User-Agent: Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/150.0 Mobile Safari/537.36",
)


class Device:
    """A browser on the other host.

    Args:
      source: Its address.
      fields: What it says of itself with each request.
    """

    def __init__(self, share: Shared, source: str, fields: tuple[bytes, ...] = PIXEL) -> None:
        self.share = share
        self.source = source
        self.cookies: dict[str, str] = {}
        self._fields = fields

    def request(self, target: bytes, *fields: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
        """Return a request as it sends it: with its cookies."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items()).encode()
        lines = [*self._fields, *fields, *([b"Cookie: " + cookies] if cookies else [])]
        if body:
            lines.append(b"Content-Length: %d" % len(body))
        return get(target, *lines).replace(b"GET ", method + b" ", 1) + body

    def addressed(self, target: bytes, *fields: bytes) -> bytes:
        """Return such a request with its Host filled in, for a connection that is held."""
        return at(self.share.authority, self.request(target, *fields))

    def ask(self, target: bytes, *fields: bytes, method: bytes = b"GET", body: bytes = b"") -> Answer:
        """Ask for something; keep the cookies that come with the answer."""
        return self.send(self.request(target, *fields, method=method, body=body))

    def send(self, request: bytes) -> Answer:
        """Send bytes; keep the cookies that come with the answer."""
        answer = self.share.ask(request, self.source)
        for name, value in answer.cookies().items():
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer

    def follow(self, answer: Answer) -> Answer:
        """Go where an answer sends a browser, until one sends it nowhere."""
        while answer.status in (301, 302, 303, 307, 308):
            answer = self.ask(target_of(answer.all("location")[0]))
        return answer

    def knock(self, link: str) -> Answer:
        """Open a link; return the page that waits for an answer, or says why there is none."""
        return self.follow(self.ask(target_of(link)))

    def join(self) -> None:
        """Open the link that is shown now, be let in at the server's other terminal, and look at the service."""
        assert self.knock(self.share.link).status == 200
        self.share.order("allow")
        assert self.follow(self.ask(b"/.tunnel/wait?held")).status == 200


def target_of(link: str) -> bytes:
    """Return what a link asks for, at the host that it names."""
    parts = urlsplit(link)
    return (parts.path + (f"?{parts.query}" if parts.query else "")).encode()


@dataclass(frozen=True)
class LetIn:
    """Somebody who was let in, at PHONE.

    Attributes:
      fields: What it shows with each request.
      secrets: What of it the service must never see.
      context: With a certificate of its own, where that is what it shows.
    """

    share: Shared
    fields: tuple[bytes, ...] = ()
    secrets: tuple[bytes, ...] = ()
    context: ssl.SSLContext | None = field(default=None, repr=False)
    source: str = PHONE

    def request(self, target: bytes, *fields: bytes) -> bytes:
        return get(target, *self.fields, *fields)

    def send(self, request: bytes, *, tls: bool = True) -> Answer:
        """Send bytes on a connection of its own."""
        sock = self.share.hosts.visitor.connect(SERVER, self.share.port, source=self.source)
        context = (self.context or self.share.context()) if tls else None
        with talk(sock, context, SERVER) as connection:
            return connection.ask(at(self.share.authority, request))

    def ask(self, target: bytes, *fields: bytes) -> Answer:
        """Ask the service for something."""
        return self.send(self.request(target, *fields))


def let_in(share: Shared, rule: str) -> LetIn:
    """Come in by a share's rule."""
    match rule:
        case "pairing":
            device = Device(share, PHONE)
            device.join()
            [(name, value)] = device.cookies.items()
            return LetIn(share, (f"Cookie: {name}={value}".encode(),), (value.encode(),))
        case "password":
            shown = b64encode(f"me:{PASSWORD}".encode())
            return LetIn(share, (b"Authorization: Basic " + shown,), (shown, b"Basic"))
        case "token":
            return LetIn(share, (b"Authorization: Bearer " + TOKEN.encode(),), (TOKEN.encode(), b"Bearer"))
        case _:
            share.run("cert", "--client", "guest", "--output", str(share.folder))
            context = share.context()
            context.load_cert_chain(share.folder / "guest.pem")
            return LetIn(share, context=context)
