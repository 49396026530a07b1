"""Redact: a text with its secrets hidden. What a secret is, is for `secret_shapes` and `secret_values`; pure but for `hide`.

A text may come in pieces. Then what may be the beginning of a secret is held back until more has come, and the last bytes
that went out are remembered, since what is a secret may depend on the name before it.
"""

import re
from collections.abc import Callable
from typing import Protocol

from tunnel.capture.secret_names import Kind, name_kind
from tunnel.capture.secret_shapes import (
    JWT,
    MOST_SECRET,
    OPEN_USERINFO,
    PSEUDONYM,
    may_hold,
    open_pem,
    open_shape,
    shapes,
)
from tunnel.capture.secret_values import OPEN_ELEMENT, Found, may_name, named

SLICE = 8 * 1024  # bytes looked at in one go: less than half a millisecond of Python's lock
BEFORE = 768  # bytes remembered: a name, a part's head, what stands beside
_COOKIE = re.compile(rb"([^=;,\s]+)(\s*=\s*\"?)([^;\"]*)")
_CREDENTIALS = re.compile(rb"([A-Za-z][\w-]{0,40})( +|%20|\+)(.+)", re.DOTALL)
_REST = re.compile(rb"[^\s\"'<>]*+")


class Hide(Protocol):
    """Gives a secret its pseudonym, and remembers which is whose."""

    def __call__(self, secret: bytes, bare: bool = False) -> bytes:
        """Return the pseudonym of `secret`; `bare` if it stands for a number, and so in quotes of its own."""
        ...


# Several in a row come where two readings of a text overlap: a quoted value with a tag in it.
_HIDDEN = re.compile(rb"(?:%b)+" % PSEUDONYM.pattern)


def hidden(value: bytes, kind: Kind, hide: Hide) -> bytes:
    """Return a secret value without its secret.

    What is a pseudonym already stays one. Of a JWT header and claims stay. Empty stays empty.
    """
    match kind:
        case Kind.CREDENTIALS:
            if found := _CREDENTIALS.fullmatch(value):
                return found[1] + found[2] + hidden(found[3], Kind.VALUE, hide)
        case Kind.COOKIES:
            return _COOKIE.sub(lambda pair: pair[1] + pair[2] + hidden(pair[3], Kind.VALUE, hide), value)
        case Kind.SET_COOKIE:
            return _COOKIE.sub(lambda pair: pair[1] + pair[2] + hidden(pair[3], Kind.VALUE, hide), value, count=1)
        case _:
            pass
    kept = value.rstrip()
    if not kept or _HIDDEN.fullmatch(kept):
        return value
    if found := JWT.match(kept):
        return kept[: found.start(1)] + hidden(found[1], Kind.VALUE, hide) + value[len(kept) :]
    return hide(kept) + value[len(kept) :]


def redact(text: bytes, hide: Hide, *, form: bool = False, cut: bool = False) -> bytes:
    """Return a short text without its secrets; the text itself where there are none. Of any length: `Redaction`.

    Args:
      text: All of it.
      hide: Is given each secret.
      form: It is a form's (application/x-www-form-urlencoded).
      cut: More of it passed than there is, so its end may be the beginning of a secret.
    """
    found = found_in(text, form, cut)
    return replaced(text, 0, found, hide) if found else text


def replaced(text: bytes, begin: int, found: list[Found], hide: Hide) -> bytes:
    """Return a text from `begin` on with what was found in it hidden; the text itself where that changes nothing."""
    if not found:
        return text[begin:] if begin else text
    parts = []
    at = begin
    for span, kind in found:
        start = max(span.start, at)
        if start >= span.end:
            continue  # within one that is hidden already
        secret = text[start : span.end]
        put = b'"%b"' % hide(secret, bare=True) if span.bare else hidden(secret, kind, hide)
        if put != secret:
            parts += [text[at:start], put]
            at = span.end
    if not parts:
        return text[begin:] if begin else text
    return b"".join([*parts, text[at:]])


def found_in(text: bytes, form: bool, cut: bool, more: bool = False) -> list[Found]:
    """Return the secrets of a text by where they begin, the longer one first; with `more`, what may become one too."""
    found: list[Found] = []
    if may_name(text):
        found += named(text, form, cut or more)
    if cut or may_hold(text):
        found += [(span, Kind.VALUE) for span in shapes(text, cut)]
    if len(found) > 1:
        found.sort(key=lambda item: (item[0].start, -item[0].end))
    return found


class Redaction:
    """One text that comes in pieces, on its way to where it is kept."""

    __slots__ = ("_before", "_cut", "_form", "_held", "_hide", "_rest")

    def __init__(self, hide: Hide, *, form: bool = False) -> None:
        self._hide = hide
        self._form = form
        self._before = b""  # the last that went out, as it came
        self._held = b""
        self._rest = False  # a secret too long to be held has begun, and goes on

    @property
    def held(self) -> int:
        """Bytes that have come and not gone out."""
        return len(self._held)

    def feed(self, data: bytes, *, last: bool, cut: bool = False, pause: Callable[[], None] | None = None) -> bytes:
        """Take what has come, and return what may be kept.

        Args:
          data: The next bytes.
          last: Nothing follows.
          cut: With `last`: what follows was not recorded.
          pause: Called between two slices.
        """
        parts = []
        for at in range(0, max(len(data), 1), SLICE):
            end = at + SLICE
            parts.append(self._step(data[at:end], last and end >= len(data), cut))
            if pause is not None and end < len(data):
                pause()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _step(self, data: bytes, last: bool, cut: bool) -> bytes:
        if self._rest:
            gone = _REST.match(data)
            assert gone is not None, "it matches nothing at least"
            data = data[gone.end() :]
            self._rest = not data
        begin = len(self._before)
        text = b"".join((self._before, self._held, data)) if begin or self._held else data
        form = self._form
        if last:
            self._before = self._held = b""
            return replaced(text, begin, found_in(text, form, cut), self._hide)
        found = found_in(text, form, False, more=True)
        hold = _hold(text, begin, found)
        if len(text) - hold > MOST_SECRET:  # no secret is so long: the rest of what may be one is not kept at all
            found = found_in(text, form, True)
            self._rest = any(span.end == len(text) for span, _ in found)
            hold = len(text)
        out = replaced(text[:hold], begin, [item for item in found if item[0].end <= hold], self._hide)
        self._before, self._held = text[max(0, hold - BEFORE) : hold], text[hold:]
        return out


def _hold(text: bytes, begin: int, found: list[Found]) -> int:
    """Return up to where a text can go out, when more will follow: behind it, a secret may have begun."""
    hold = open_shape(text)
    if userinfo := OPEN_USERINFO.search(text, max(0, len(text) - 400)):
        hold = min(hold, userinfo.start())
    if b"-----BEGIN " in text and (pem := open_pem(text)) >= 0:
        hold = min(hold, pem)
    if (element := text.rfind(b">", begin)) >= 0 or b">" in text:
        hold = min(hold, _open_element(text, element if element >= 0 else text.rfind(b">")))
    for span, _ in found:
        if span.end >= hold:
            hold = min(hold, span.start)
    return max(hold, begin)


def _open_element(text: bytes, bracket: int) -> int:
    """Return where the text of an element begins that names a secret and has not ended; the text's end if there is none."""
    before = text.rfind(b"<", max(0, bracket - 400), bracket)
    opened = OPEN_ELEMENT.match(text, before) if before >= 0 else None
    return opened.start(2) if opened and name_kind(opened[1], False) is not Kind.NONE else len(text)
