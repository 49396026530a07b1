"""Naming: what a device is called, by its own words: "Pixel 9" and its browser "Chrome"; "curl"; how it is asked for them.

Its words are a stranger's, and the service is told the name. Only what is known by name is taken from them, and a model in
plain letters, which stands behind a word of ours or is of a line that we know: so nobody can call itself after a person
whom the service knows.
"""

import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from tunnel.model.headers import Field, Headers
from tunnel.model.share import who

SOMETHING = "a device"
# The first that is found. Chromium's family names itself after others, so the special come before the common.
_BROWSERS = (
    ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("Edg/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"), ("DuckDuckGo/", "DuckDuckGo"), ("CriOS/", "Chrome"), ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"), ("HeadlessChrome/", "Chrome"), ("Chromium/", "Chromium"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
_TOOLS = (
    ("curl/", "curl"), ("Wget/", "Wget"), ("HTTPie/", "HTTPie"), ("python-requests/", "requests"),
    ("python-httpx/", "httpx"), ("Python-urllib/", "urllib"), ("aiohttp/", "aiohttp"), ("Go-http-client/", "Go"),
    ("okhttp/", "OkHttp"), ("node", "Node.js"), ("undici", "Node.js"), ("axios/", "axios"), ("PostmanRuntime/", "Postman"),
    ("Dart/", "Dart"), ("Java/", "Java"), ("Apache-HttpClient/", "Java"), ("k6/", "k6"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "Chromebook"), ("Windows", "Windows"),
    ("Macintosh", "Mac"), ("Linux", "Linux"), ("FreeBSD", "FreeBSD"),
)  # fmt: skip
_MODEL = re.compile(r"Android [0-9.]+; ([A-Za-z0-9][A-Za-z0-9 ._+-]{0,30}?)(?: Build/[^;)]*)?[;)]")
_HINTED = re.compile(r'"([A-Za-z0-9][A-Za-z0-9 ._+-]{0,30})"')
_UNSAID = ("K", "wv")  # Chrome's word for any model since 110 (User-Agent reduction), and a view inside an app
# How models begin that people know without "Android" before them. Each ends so that it is no word, and no name, by itself.
_LINES = (
    "Pixel ", "Nexus ", "Galaxy ", "SM-", "Xperia ", "moto ", "motorola ", "Redmi ", "Xiaomi ", "POCO ", "OnePlus ",
    "Nokia ", "HUAWEI ", "ASUS ", "LG-", "LM-", "Fairphone ",
)  # fmt: skip
_LONGEST = 512  # letters of a User-Agent that are looked at
# Chromium on Android calls every device "K" and tells its model to whoever asks (RFC 8942 §3.1). It is asked before it is
# named, and asked no more once it is in, by the empty list: a browser holds to the last one that it got from a host. So the
# service never gets the field for our sake, and gets it as ever if it asks for it itself, which it could not if the field
# were taken out of requests. Critical-CH would have the browser drop the answer and ask again, which a redirect does as
# well; and what it asks again with, it keeps for the next hop, which with --yes is the service.
TELL_MODEL: Field = (b"accept-ch", b"Sec-CH-UA-Model")
TELL_NOTHING: Field = (b"accept-ch", b"")
MOST = 4096  # names of one share that are remembered


@dataclass(frozen=True, slots=True)
class Called:
    """What a device is called: its name, and the browser that stands beside it for people; empty where that is none."""

    name: str
    browser: str = ""

    @property
    def who(self) -> str:
        """Both, for people."""
        return who(self.name, self.browser)


class Names:
    """The names that one share has given. None is given twice, not even when its device has left: the record keeps it."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, int] = OrderedDict()  # with how many asked for it; who asked last stands last

    def new(self, name: str, there: Collection[str]) -> str:
        """Return a name for a device that was not here before: with a number behind it if need be.

        Args:
          there: The names of all that are in, for none of these is ever forgotten.
        """
        count = self._given.pop(name, 0) + 1
        while (given := f"{name} ({count})" if count > 1 else name) in self._given or given in there:
            count += 1
        self._given[name] = count
        self._given.setdefault(given, 1)
        while len(self._given) > MOST:
            self._given.popitem(last=False)
        return given


def called_by(headers: Headers) -> Called:
    """Return what to call whoever sent these fields. Known words, plain letters, at most 40 of them in a name."""
    agent = (headers.get(b"user-agent") or b"").decode("latin-1")[:_LONGEST]
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    if not browser:
        return Called(next((name for mark, name in _TOOLS if agent.startswith(mark)), SOMETHING))
    system = next((name for mark, name in _SYSTEMS if mark in agent), SOMETHING)
    if system != "Android":
        return Called(system, browser)
    found = _HINTED.fullmatch((headers.get(b"sec-ch-ua-model") or b"").decode("latin-1")) or _MODEL.search(agent)
    model = " ".join(found[1].split()) if found else ""
    if not model or model in _UNSAID:
        return Called(system, browser)
    return Called(model if model.startswith(_LINES) else f"{system} {model}", browser)


def hides_its_model(headers: Headers) -> bool:
    """Whether a browser that would tell its model has not: one of Chromium's family on Android, over HTTPS."""
    return headers.get(b"sec-ch-ua-platform") == b'"Android"' and headers.get(b"sec-ch-ua-model") is None
