"""Forms: the login page of a share as somebody opened it, and what they send from it."""

import html
import re
from urllib.parse import quote

from tests.lan.guests import Device
from tests.lan.shares import Shared
from tests.lan.talk import Answer

TOKEN_IN_FORM = re.compile(r'name="token" value="([0-9a-f]+)"')
_HIDDEN = re.compile(r'name="to" value="([^"]*)"')
_KIND = b"Content-Type: application/x-www-form-urlencoded"


class Form:
    """An open login page.

    Args:
      source: The address of the device.
      to: Where its link says that one wants to go.

    Attributes:
      hidden: Where the page says so.
      token: That it guards itself with.
    """

    def __init__(self, share: Shared, source: str, to: str = "/") -> None:
        self.device = Device(share, source)
        self.page = self.device.ask(b"/.tunnel/login?to=" + quote(to, safe="").encode())
        text = self.page.body.decode()
        token, hidden = TOKEN_IN_FORM.search(text), _HIDDEN.search(text)
        assert token and hidden, self.page
        self.token, self.hidden = token[1], html.unescape(hidden[1])
        self._origin = f"https://{share.authority}"

    def request(
        self, password: str, to: str = "/", *fields: bytes, origin: str | None = None, token: str | None = None
    ) -> bytes:
        """Return what is sent, from the page itself unless another origin or token is named."""
        said = {"password": password, "to": to, "token": self.token if token is None else token}
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in said.items()).encode()
        origin = self._origin if origin is None else origin
        named = (b"Origin: " + origin.encode(),) if origin else ()
        return self.device.request(b"/.tunnel/login", _KIND, *named, *fields, method=b"POST", body=body)

    def send(self, *said: str | bytes, origin: str | None = None, token: str | None = None) -> Answer:
        """Send it; keep the cookies that come."""
        return self.device.send(self.request(*said, origin=origin, token=token))  # type: ignore[arg-type]
