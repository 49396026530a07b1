"""Heads: recorded heads taken apart again, for people. What may pass is judged by `http.heads`; this is lenient."""

from collections import Counter

from tunnel.model.headers import Headers


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
