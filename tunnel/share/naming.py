"""Naming: what a device is called, by its own words: "Pixel 9, Chrome", "curl". Pure.

Its words are a stranger's. Only what is known by name is taken from them, and a model in plain letters, which is never
the whole name: so nobody can call itself after a person whom the service knows.
"""

import re

from tunnel.model.headers import Headers

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
_LONGEST = 512  # letters of a User-Agent that are looked at


def name_of(headers: Headers) -> str:
    """Return what to call whoever sent these fields. Known words, plain letters, at most 60 of them."""
    agent = (headers.get(b"user-agent") or b"").decode("latin-1")[:_LONGEST]
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    if not browser:
        return next((name for mark, name in _TOOLS if agent.startswith(mark)), SOMETHING)
    model = _HINTED.fullmatch((headers.get(b"sec-ch-ua-model") or b"").decode("latin-1")) or _MODEL.search(agent)
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if model and model[1] not in _UNSAID:
        system = model[1].strip()
    return f"{system}, {browser}" if system else browser


def apart(name: str, taken: set[str]) -> str:
    """Return a name that nobody has yet: with a number behind it if need be."""
    if name not in taken:
        return name
    return next(f"{name} ({n})" for n in range(2, len(taken) + 3) if f"{name} ({n})" not in taken)
