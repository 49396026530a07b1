"""Events: a decoded body taken apart that is a stream of them: an event stream, JSON lines, a JSON text sequence. Pure.

When each of them came is for `capture.moments`, which is asked for where it ended.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

MOST_EVENTS = 5000
EVENT_STREAM = "text/event-stream"
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines",
          "application/stream+json")  # fmt: skip
_SEQUENCE = "application/json-seq"
_LINE_END = re.compile(rb"\r\n?|\n")
_FIELD = re.compile(r"(id|event|data)(?:: ?(.*))?", re.DOTALL)
_RECORD = re.compile(rb"\x1e([^\x1e]*)")


class Event(NamedTuple):
    """One event.

    Attributes:
      id: The last that was said, or empty.
      name: Its type, "message" unless it says another; empty where there are no types.
      data: Its text.
      end: Bytes of the body up to the one with which it was whole.
    """

    id: str
    name: str
    data: str
    end: int


def events_of(body: bytes, kind: str) -> list[Event] | None:
    """Return the events of a body, `MOST_EVENTS` at most, or None where its type is none that has any.

    Args:
      body: Decoded; it may be only the first part.
      kind: The media type, in lower case.
    """
    if kind == EVENT_STREAM:
        found = _event_stream(body)
    elif kind in _LINES:
        found = _json_lines(body)
    elif kind == _SEQUENCE:
        found = _json_sequence(body)
    else:
        return None
    return list(islice(found, MOST_EVENTS))


def _event_stream(body: bytes) -> Iterator[Event]:
    """Read as browsers do (https://html.spec.whatwg.org/#event-stream-interpretation)."""
    data: list[str] = []
    name = last = ""
    begin = len(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else 0
    for line_end in _LINE_END.finditer(body, begin):
        line, begin = body[begin : line_end.start()], line_end.end()
        if not line:
            if data:
                # The first byte of a line's end is enough: who reads CRLF does not wait for its second.
                yield Event(last, name or "message", "\n".join(data), line_end.start() + 1)
            data, name = [], ""
        elif field := _FIELD.fullmatch(line.decode("utf-8", "replace")):
            value = field[2] or ""
            match field[1]:
                case "data":
                    data.append(value)
                case "event":
                    name = value
                case _:
                    last = value if "\0" not in value else last


def _json_lines(body: bytes) -> Iterator[Event]:
    """Take each line that is not empty; the last one needs no end."""
    begin = 0
    while begin < len(body):
        end = body.find(b"\n", begin) + 1 or len(body)
        if line := body[begin:end].strip():
            yield Event("", "", line.decode("utf-8", "replace"), end)
        begin = end


def _json_sequence(body: bytes) -> Iterator[Event]:
    """Take what stands between two record separators (RFC 7464)."""
    for match in _RECORD.finditer(body):
        if text := match[1].strip():
            end = match.start(1) + len(match[1].rstrip()) + 1  # with the line feed behind it
            yield Event("", "", text.decode("utf-8", "replace"), min(end, match.end()))
