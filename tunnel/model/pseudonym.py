"""Pseudonym: how what stands for a secret looks. What it is made of is for `capture.pseudonyms`.

    redacted-2f1c9a0b7d3e4f56             for a text
    "redacted-number-2f1c9a0b7d3e4f56"    for a number of JSON: quoted, so that JSON stays JSON; as deeply as it lies

A pseudonym is one piece, its quotation marks included: nothing is put into it, and nothing takes a part of it away.
"""

import re

BEGINNING = b"redacted-"
PSEUDONYM = re.compile(rb"redacted-(?:number-)?[0-9a-f]{16}")
_QUOTE = re.compile(rb"\\{0,15}[\"']")
# What may become one, where more of a text follows.
_OPEN = re.compile(
    rb"r(?:e(?:d(?:a(?:c(?:t(?:e(?:d(?:-(?:[0-9a-f]{0,15}|n|nu|num|numb|numbe|number|number-[0-9a-f]{0,16}\\{0,15})"
    rb")?)?)?)?)?)?)?)?\Z"
)
LONGEST = len(BEGINNING) + len("number-") + 16 + 2 * 16  # bytes, with quotation marks in texts within texts


def pseudonym(digits: str, *, number: bool = False) -> bytes:
    """Return a pseudonym of 16 hexadecimal digits; a number's without its quotation marks."""
    return b"redacted-number-" + digits.encode() if number else b"redacted-" + digits.encode()


def places(text: bytes) -> list[tuple[int, int, bytes]]:
    """Return the pseudonyms in a text: where each begins and ends, quotation marks included, and its name, without."""
    found = []
    for one in PSEUDONYM.finditer(text):
        start, end = one.span()
        if text[start + len(BEGINNING)] == 0x6E and (quote := _QUOTE.match(text, end)):  # an n: a number
            size = quote.end() - end
            if text[start - size : start] == quote[0]:
                start, end = start - size, end + size
        found.append((start, end, one[0]))
    return found


def masked(text: bytes) -> bytes:
    """Return a text of the same length in which spaces stand for pseudonyms."""
    return PSEUDONYM.sub(_spaces, text) if BEGINNING in text else text


def _spaces(found: re.Match[bytes]) -> bytes:
    return b" " * (found.end() - found.start())


def open_pseudonym(text: bytes) -> int:
    """Return where a pseudonym may begin that the text's end cuts short; the text's end if none does."""
    found = _OPEN.search(text, max(0, len(text) - LONGEST))
    return found.start() if found else len(text)
