"""Made shares, as the API tells of them, and what becomes of one that is steered."""

import time
from typing import Any

from tests.inspector.made_exchanges import HOSTILE

Shape = dict[str, Any]
SECOND = 1_000_000


def share(**given: Any) -> Shape:
    """Return a share by pairing: two devices, two that want in, and what led there."""
    now = time.time_ns() // 1000
    began = now - 18 * 60 * SECOND
    return {
        "port": 62893,
        "pid": 4711,
        "url": "https://192.0.2.10:62893",
        "target": "http://localhost:3000",
        "access": "pairing",
        "rules": ["read-only", "only /app", "only from 192.0.2.0/24"],
        "began": began,
        "ends": began + 3600 * SECOND,
        "left": 42 * 60 * SECOND,
        "link": "https://192.0.2.10:62893/.tunnel/join?token=cGxlYXNlLWRvLW5vdC1jb3B5LW1l",
        "devices": [
            device(1, "Pixel 9", "192.0.2.7", browser="Chrome", requests=212),
            device(2, "iPad", "192.0.2.31", browser="Safari", requests=1),
        ],
        "questions": [
            question(3, "Galaxy S25", "192.0.2.44", "42", browser="Firefox"),
            question(4, HOSTILE, "192.0.2.45", "07"),
        ],
        "heard": [
            heard("asked", "Pixel 9, Chrome at 192.0.2.7 wants in", began + SECOND),
            heard("admitted", "Pixel 9, Chrome at 192.0.2.7 was let in", began + 9 * SECOND),
            heard("refused", "192.0.2.99 has no way in: GET /admin", began + 60 * SECOND),
        ],
        **given,
    }


def device(number: int, name: str, address: str, *, browser: str = "", requests: int = 0) -> Shape:
    """Return a device that was let in a while ago."""
    now = time.time_ns() // 1000
    return {
        "number": number,
        "name": name,
        "browser": browser,
        "address": address,
        "rule": "pairing",
        "since": now - 900 * SECOND,
        "seen": now - 2 * SECOND,
        "requests": requests,
    }


def question(number: int, name: str, address: str, code: str, *, browser: str = "") -> Shape:
    """Return somebody who wants in."""
    at = time.time_ns() // 1000
    return {"number": number, "name": name, "browser": browser, "address": address, "at": at, "code": code}


def heard(what: str, sentence: str, at: int) -> Shape:
    """Return a happening."""
    return {"at": at, "what": what, "device": 0, "name": "", "address": "192.0.2.7", "sentence": sentence}


def steered(share: Shape, words: list[str], given: Shape) -> Shape:
    """Do to a share what was ordered; return it."""
    match words:
        case ["questions", number]:
            (who,) = [one for one in share["questions"] if one["number"] == int(number)]
            share["questions"] = [one for one in share["questions"] if one is not who]
            if given["allow"]:
                share["devices"] = [
                    *share["devices"],
                    device(int(number), who["name"], who["address"], browser=who["browser"]),
                ]
        case ["devices", number, "revoke"]:
            share["devices"] = [one for one in share["devices"] if one["number"] != int(number)]
        case ["extend"]:
            share["left"] += given["seconds"] * SECOND
            share["ends"] += given["seconds"] * SECOND
    return share
