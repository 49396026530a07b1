"""Heads: recorded heads taken apart again, for people. What may pass is judged by `http.heads`; this is lenient."""

import re
from collections import Counter
from functools import lru_cache

from tunnel.model.headers import Headers
from tunnel.model.own import MARK

_MARK = MARK.lower()
_NUMBER = re.compile(rb"[1-9][0-9]{0,9}")
MOST_PARENT = 2**31 - 1  # the highest number that an exchange can have (`store_write.MOST_EXCHANGES`)


def lines_of(head: bytes) -> list[str]:
    """Return a head's lines, the start line first, without their ends."""
    return head.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n") if head else []


def fields_of(head: bytes) -> Headers:
    """Return a head's fields; a line without a colon is left out."""
    found = []
    for text in lines_of(head)[1:]:
        name, colon, value = text.partition(":")
        if colon:
            found.append((name.encode("latin-1"), value.strip(" \t").encode("latin-1")))
    return Headers(found)


@lru_cache(maxsize=1024)
def media_type(content_type: bytes) -> str:
    """Return the type that a Content-Type names, in lower case and without its parameters."""
    return content_type.partition(b";")[0].strip(b" \t").lower().decode("latin-1")


def media_type_of(head: bytes) -> str:
    """Return the type that a head's first Content-Type names, or an empty string: `media_type`, for the many of a list."""
    lower = head.lower()
    at = lower.find(b"\ncontent-type:")
    if at < 0:
        return ""
    end = lower.find(b"\n", at + 1)
    return media_type(lower[at + 14 : end if end >= 0 else None].removesuffix(b"\r"))


def parent_of(headers: Headers) -> int:
    """Return the exchange that a request says it repeats, or 0. Anybody can send the mark: what is no number is nothing."""
    if _MARK not in headers.names:
        return 0
    marks = headers.all(_MARK)
    if len(marks) > 1 or not _NUMBER.fullmatch(marks[0]):
        return 0
    number = int(marks[0])
    return number if number <= MOST_PARENT else 0


def changes(came: bytes, went: bytes) -> list[tuple[str, str]]:
    """Return what one head became: each line with " " if it went on as it came, "-" if it did not, "+" if it was added.

    The order is that of the head as it came, added lines behind the lines that they follow. A field that only moved is
    no change: order matters among equal names alone (RFC 9110 §5.3), and there it is kept.
    """
    before, after = lines_of(came), lines_of(went)
    kept = Counter(before) & Counter(after)
    added = Counter(after) - kept
    found: list[tuple[str, str]] = []
    for text in before:
        if kept[text] > 0:
            kept[text] -= 1
            found.append((" ", text))
        else:
            found.append(("-", text))
    new = []
    for text in after:
        if added[text] > 0:
            added[text] -= 1
            new.append(("+", text))
    if before and new and found[0][0] == "-":
        # A start line that changed stands beside what it was.
        found.insert(1, new.pop(0))
    return found + new
