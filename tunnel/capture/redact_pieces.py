"""Redact pieces: a text that comes in pieces, with its secrets hidden on its way to where it is kept.

What may be the beginning of a secret is held back until more has come, and the last bytes that came are remembered, since
what is a secret may depend on the name before it.
"""

import re
from collections.abc import Iterator
from operator import itemgetter

from tunnel.capture.breath import Pause, never
from tunnel.capture.redact_spans import Hide, blotted, came, found_in, replaced
from tunnel.capture.secret_names import Kind, name_kind
from tunnel.capture.secret_shapes import MOST_SECRET, OPEN_USERINFO, Span, open_pem, open_shape
from tunnel.capture.secret_values import OPEN_ELEMENT, Found
from tunnel.model.pseudonym import BEGINNING, LONGEST, open_pseudonym, places

SLICE = 8 * 1024  # bytes looked at in one go
BEFORE = 768  # bytes remembered: a name, a part's head, what stands beside
_REST = re.compile(rb"[^\s\"'<>]*+")


class Redaction:
    """One text that comes in pieces, on its way to where it is kept."""

    __slots__ = ("_before", "_form", "_fresh", "_held", "_hide", "_rest", "_size")

    def __init__(self, hide: Hide, *, form: bool = False, fresh: bool = False, size: int = SLICE) -> None:
        """Begin one; the words are those of `redact.redact`."""
        self._hide = hide
        self._form = form
        self._fresh = fresh
        self._size = size
        self._before = b""  # the last that went out, as it came
        self._held = b""
        self._rest = False  # a secret too long to be held has begun, and goes on

    @property
    def held(self) -> int:
        """Bytes that have come and not gone out."""
        return len(self._held)

    def feed(self, data: bytes, *, last: bool, cut: bool = False, pause: Pause = never) -> bytes:
        """Take what has come, and return what may be kept.

        Args:
          data: The next bytes.
          last: Nothing follows.
          cut: With `last`: what follows was not recorded.
          pause: Called every few steps.
        """
        parts = []
        for at in range(0, max(len(data), 1), self._size):
            end = at + self._size
            parts.append(self._step(data[at:end], last and end >= len(data), cut, pause))
            if end < len(data):
                pause()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _step(self, data: bytes, last: bool, cut: bool, pause: Pause) -> bytes:
        if self._rest:
            data = self._held + data
            rest = _REST.match(data)
            assert rest is not None, "it matches nothing at least"
            goes_on = rest.end() == len(data) and not last
            end = open_pseudonym(data) if goes_on and not self._fresh else rest.end()
            self._rest, self._held = goes_on, data[end:] if goes_on else b""
            gone = blotted(data[:end], self._hide, fresh=self._fresh)
            return gone if goes_on else gone + self._step(data[end:], last, cut, pause)
        begin = len(self._before)
        text = b"".join((self._before, self._held, data)) if begin or self._held else data
        form, fresh = self._form, self._fresh
        if last:
            self._before = self._held = b""
            found = found_in(text, form, cut, fresh=fresh, pause=pause)
            return replaced(text, begin, found, self._hide, fresh=fresh, pause=pause)
        found = found_in(text, form, False, more=True, fresh=fresh, pause=pause)
        hold = _hold(text, begin, found)
        if len(text) - hold > MOST_SECRET:  # no secret is so long: it is hidden in parts
            found = found_in(text, form, True, fresh=fresh, pause=pause)
            self._rest = any(span.end == len(text) for span, _ in found)
            hold = open_pseudonym(text)
        out = replaced(text[:hold], begin, _up_to(hold, found), self._hide, fresh=fresh, pause=pause)
        self._before, self._held = text[max(0, hold - BEFORE) : hold], text[hold:]
        return out


def _hold(text: bytes, begin: int, found: list[Found]) -> int:
    """Return up to where a text can go out, when more will follow: behind it, a secret or a pseudonym may have begun."""
    hold = min(open_shape(text), open_pseudonym(text))
    if userinfo := OPEN_USERINFO.search(text, max(0, len(text) - 400)):
        hold = min(hold, userinfo.start())
    if b"-----BEGIN " in text and (pem := open_pem(text)) >= 0:
        hold = min(hold, pem)
    if (element := text.rfind(b">", begin)) >= 0 or b">" in text:
        hold = min(hold, _open_element(text, element if element >= 0 else text.rfind(b">")))
    # The last ones first: one that is held may lie across another that ends within it.
    for start, end in sorted(((span.start, span.end) for span, _ in found), key=itemgetter(1), reverse=True):
        if end < hold:
            break
        hold = min(hold, start)
    if BEGINNING in text[max(0, hold - LONGEST) : hold + LONGEST]:
        hold = next((start for start, end, _ in places(text) if start < hold < end), hold)
    return max(hold, begin)


def _up_to(hold: int, found: list[Found]) -> Iterator[Found]:
    """Return what was found before a place, as far as it lies before it."""
    for span, kind in found:
        if span.end <= hold:
            yield span, kind
        elif span.start < hold:
            yield Span(span.start, hold), kind


def _open_element(text: bytes, bracket: int) -> int:
    """Return where the text of an element begins that names a secret and has not ended; the text's end if there is none."""
    before = text.rfind(b"<", max(0, bracket - 400), bracket)
    opened = OPEN_ELEMENT.match(text, before) if before >= 0 else None
    return opened.start(2) if opened and name_kind(opened[1], False) is not Kind.NONE else len(text)


class Escape:
    """What is not looked into, an image, on its way: nothing is hidden but what would be taken for a pseudonym of ours."""

    __slots__ = ("_held", "_hide")

    def __init__(self, hide: Hide) -> None:
        self._hide = hide
        self._held = b""

    @property
    def held(self) -> int:
        """Bytes that have come and not gone out."""
        return len(self._held)

    def feed(self, data: bytes, *, last: bool) -> bytes:
        """Take what has come, and return what may be kept."""
        text = self._held + data if self._held else data
        hold = len(text) if last else open_pseudonym(text)
        self._held = text[hold:]
        text = text[:hold]
        return replaced(text, 0, came(text), self._hide, fresh=True)
