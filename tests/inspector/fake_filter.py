"""A fake of the filter language: as much of it as the page's tests need."""

import re
from typing import Any

Shape = dict[str, Any]
FIELDS = [
    {"name": name, "type": type, "unit": unit, "help": help, "example": example, "values": values}
    for name, type, unit, help, example, values in (
        ("id", "number", "", "the number of the exchange", "id > 1200", []),
        ("status", "number", "", "the status of the answer", "status >= 500", []),
        ("method", "text", "", "the request's method", "method = POST", ["GET", "POST", "PUT"]),
        ("path", "text", "", "the target up to its question mark", 'path ~ "^/api/"', []),
        ("duration", "duration", "us, ms, s, m, h", "from head to the last byte", "duration > 200ms", []),
        ("type", "choice", "", "what kind of exchange", "type = ws", ["http", "ws", "json"]),
        ("replay", "number", "", "the exchange that this one repeats", "replay = 42", []),
        ("header.NAME", "text", "", "a field of a head", "header.accept = x", []),
        ("device", "text", "", "the device that was let in", 'device = "Pixel 9"', []),
        ("tls", "flag", "", "whether it was encrypted", "tls = no", []),
    )
]
TERM = re.compile(r'\s*(?:(\w+)\s*(>=|<=|!=|=|~|>|<)\s*("[^"]*"|\S+)|(\S+))\s*(?:and\b|$)')


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, error: str, hint: str = "", column: int | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.told = {"error": error, "hint": hint, "column": column}


def terms(filter: str) -> list[tuple[str, str, str]]:
    """Read a filter: as much of the language as the page's tests need."""
    found, at = [], 0
    known = [field["name"] for field in FIELDS]
    while at < len(filter.rstrip()):
        match = TERM.match(filter, at)
        if not match:
            raise Refused(400, "this is not understood", "", at)
        name, operator, value, word = match.groups()
        if word is not None:
            if filter[match.end(4) :].lstrip()[:1] in ("=", "<", ">", "~"):
                raise Refused(400, f"there is no field {word}", "", match.start(4))
            found.append(("", "", word))
        elif name not in known:
            hint = "did you mean status?" if name.startswith("stat") else ""
            raise Refused(400, f"there is no field {name}", hint, match.start(1))
        else:
            found.append((name, operator, value.strip('"')))
        at = match.end()
    return found


def matches(wanted: list[tuple[str, str, str]], line: Shape) -> bool:
    for name, operator, value in wanted:
        given = {
            "path": line["target"],
            "": line["target"],
            "type": "ws" if line["upgrade"] else "http",
            "replay": line["parent"],
        }.get(name, line.get(name))
        if given is None:
            return False
        match operator:
            case "":
                fits = value in line["target"]
            case "~":
                fits = re.search(value, str(given)) is not None
            case "=":
                fits = str(given) == value
            case "!=":
                fits = str(given) != value
            case _:
                number = float(re.sub(r"[a-z]+$", "", value) or 0)
                fits = {">": given > number, ">=": given >= number, "<": given < number, "<=": given <= number}[
                    operator
                ]
        if not fits:
            return False
    return True
