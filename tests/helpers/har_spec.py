"""HAR 1.2 as its specification has it (http://www.softwareishard.com/blog/har-12-spec/): what a file must hold, and may.

Written from the text of the specification, member by member, and stricter than a schema: a member of another name must begin
with an underscore, text and times must be what they claim to be, and the sum of the timings must be the time.
"""

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Check = Callable[[Any, str], None]
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# What browsers write beyond the specification, under names of their own.
_TOLERATED = {"cookie": {"sameSite"}}


def text(value: Any, at: str) -> None:
    assert isinstance(value, str), at


def number(value: Any, at: str) -> None:
    assert isinstance(value, int | float), at
    assert not isinstance(value, bool), at


def flag(value: Any, at: str) -> None:
    assert isinstance(value, bool), at


def date(value: Any, at: str) -> None:
    assert _DATE.fullmatch(value), f"{at}: {value}"


def url(value: Any, at: str) -> None:
    assert re.fullmatch(r"[\x21-\x7e]+", value), f"{at}: {value}"
    assert urlsplit(value).scheme in ("http", "https", "ws", "wss"), f"{at}: {value}"


def taken(value: Any, at: str) -> None:
    number(value, at)
    assert value >= 0, at


def perhaps(value: Any, at: str) -> None:
    number(value, at)
    assert value >= 0 or value == -1, at


def some(check: Check) -> Check:
    def each(value: Any, at: str) -> None:
        assert isinstance(value, list), at
        for place, item in enumerate(value):
            check(item, f"{at}[{place}]")

    return each


def thing(name: str, needed: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    def members(value: Any, at: str) -> None:
        assert isinstance(value, dict), at
        assert needed.keys() <= value.keys(), f"{at}: {needed.keys() - value.keys()} missing"
        known = needed | (optional or {}) | {"comment": text}
        for key, member in value.items():
            if key in known:
                known[key](member, f"{at}.{key}")
            else:
                assert key.startswith("_") or key in _TOLERATED.get(name, ()), f"{at}.{key} is none of HAR's"

    return members


named = thing("named", {"name": text, "value": text})
cookie = thing(
    "cookie",
    {"name": text, "value": text},
    {"path": text, "domain": text, "expires": date, "httpOnly": flag, "secure": flag},
)
param = thing("param", {"name": text}, {"value": text, "fileName": text, "contentType": text})
post_data = thing("postData", {"mimeType": text, "params": some(param), "text": text})
content = thing("content", {"size": taken, "mimeType": text}, {"compression": number, "text": text, "encoding": text})
request = thing(
    "request",
    {
        "method": text, "url": url, "httpVersion": text, "cookies": some(cookie), "headers": some(named),
        "queryString": some(named), "headersSize": perhaps, "bodySize": perhaps,
    },
    {"postData": post_data},
)  # fmt: skip
response = thing(
    "response",
    {
        "status": taken, "statusText": text, "httpVersion": text, "cookies": some(cookie), "headers": some(named),
        "content": content, "redirectURL": text, "headersSize": perhaps, "bodySize": perhaps,
    },
)  # fmt: skip
timings = thing(
    "timings",
    {"send": taken, "wait": taken, "receive": taken},
    {"blocked": perhaps, "dns": perhaps, "connect": perhaps, "ssl": perhaps},
)
entry = thing(
    "entry",
    {
        "startedDateTime": date, "time": taken, "request": request, "response": response, "cache": thing("cache", {}),
        "timings": timings,
    },
    {"pageref": text, "serverIPAddress": text, "connection": text},
)  # fmt: skip
creator = thing("creator", {"name": text, "version": text})
log = thing(
    "log",
    {"version": text, "creator": creator, "entries": some(entry)},
    {"browser": creator, "pages": some(thing("page", {}))},
)


def check(har: Any) -> None:
    """Fail where a HAR file, parsed, is not what the specification says."""
    thing("file", {"log": log})(har, "")
    assert har["log"]["version"] == "1.2"
    for number_, one in enumerate(har["log"]["entries"]):
        check_entry(one, f".log.entries[{number_}]")


def check_entry(one: Any, at: str = "entry") -> None:
    """Fail where one entry is not what the specification says."""
    entry(one, at)
    phases = [value for key, value in one["timings"].items() if value >= 0 and key != "ssl" and key[0] != "_"]
    assert abs(one["time"] - sum(phases)) < 0.01, f"{at}.time"
    if one["response"]["content"].get("encoding") == "base64":
        base64.b64decode(one["response"]["content"]["text"], validate=True)
