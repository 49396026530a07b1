"""Redact spans: what readings find in one text, and the text with pseudonyms in its place. Pure but for `hide`.

All readings look at the same text, what they find is put together where it overlaps, and each such part becomes one
pseudonym. A pseudonym that is there is final: no part of one is ever hidden.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from tunnel.capture.breath import FEW, Pause, never
from tunnel.capture.secret_names import Kind
from tunnel.capture.secret_shapes import JWT, Span, may_hold, shapes
from tunnel.capture.secret_values import Found, may_name, named
from tunnel.model.pseudonym import BEGINNING, PSEUDONYM, masked, places

_COOKIE = re.compile(rb"([^=;,\s]+)(\s*=\s*\"?)([^;\"]*)")
_CREDENTIALS = re.compile(rb"([A-Za-z][\w-]{0,40})( +|%20|\+)(.+)", re.DOTALL)
_SPACE = b" \t\n\r\x0b\x0c"
_PARTED = frozenset((Kind.CREDENTIALS, Kind.COOKIES, Kind.SET_COOKIE))


class Hide(Protocol):
    """Gives a secret its pseudonym, and remembers which is whose."""

    def __call__(self, secret: bytes, bare: bool = False) -> bytes:
        """Return the pseudonym of `secret`; `bare` if it is a number, which is then put in quotation marks."""
        ...


def found_in(
    text: bytes, form: bool, cut: bool, *, more: bool = False, fresh: bool = False, pause: Pause = never
) -> list[Found]:
    """Return the secrets of a text, in no order; with `more`, what may become one too."""
    found: list[Found] = []
    if may_name(text):
        found += named(text, form, cut or more, pause)
        pause()
    looks = text if fresh else masked(text)  # a pseudonym has the length of a key, and is none
    if cut or may_hold(looks):
        found += [(span, Kind.VALUE) for span in shapes(looks, cut, pause)]
        pause()
    if fresh:
        found += came(text)
    return found


def came(text: bytes) -> list[Found]:
    """Return what looks like pseudonyms, without the quotation marks of numbers: JSON stays JSON."""
    if BEGINNING not in text:
        return []
    return [(Span(*one.span()), Kind.VALUE) for one in PSEUDONYM.finditer(text)]


def replaced(
    text: bytes, begin: int, found: Iterable[Found], hide: Hide, *, fresh: bool = False, pause: Pause = never
) -> bytes:
    """Return a text from `begin` on with what was found in it hidden; the text itself where that changes nothing."""
    spans: list[Span] = []
    for span, kind in found:
        if kind in _PARTED:
            spans += _parts(text, span, kind)
        elif one := _value(text, span):
            spans.append(one)
    if len(spans) > 1:
        pause()
        spans = _outermost(spans)
    if spans and not fresh and BEGINNING in text:
        spans = [*_without(spans, places(text))]
        pause()
    parts = []
    at = begin
    for count, (start, end, quote) in enumerate(spans):
        if not count & FEW:
            pause()
        if start < at:
            if end <= at:
                continue
            start, quote = at, b""
        secret = text[start:end]
        if secret.isspace():
            continue
        parts.append(text[at:start])
        parts.append(b"%b%b%b" % (quote, hide(secret, True), quote) if quote else hide(secret))
        at = end
    if not parts:
        return text[begin:] if begin else text
    parts.append(text[at:])
    return b"".join(parts)


def _parts(text: bytes, span: Span, kind: Kind) -> Iterator[Span]:
    """Return what is secret of credentials, which is not the scheme, or of cookies, which are not their names."""
    if kind is Kind.CREDENTIALS:
        found = _CREDENTIALS.fullmatch(text, span.start, span.end)
        values = [Span(found.start(3), span.end) if found else span]
    elif kind is Kind.COOKIES:
        values = [Span(*pair.span(3)) for pair in _COOKIE.finditer(text, span.start, span.end)]
    else:
        pair = _COOKIE.search(text, span.start, span.end)
        values = [Span(*pair.span(3))] if pair else []
    return filter(None, (_value(text, value) for value in values))


def _value(text: bytes, span: Span) -> Span | None:
    """Return what of a value is secret: not the white space behind it, and of a JWT not header and claims."""
    start, end, quote = span
    if start < end and text[end - 1] not in _SPACE and text[start] != 0x65:  # no e: the common one
        return span
    while end > start and text[end - 1] in _SPACE:
        end -= 1
    if text.startswith(b"eyJ", start, end) and (found := JWT.match(text, start, end)):
        start = found.start(1)
    return Span(start, end, quote) if end > start else None


def _outermost(spans: list[Span]) -> list[Span]:
    """Return spans in their order, with those made one that overlap."""
    spans.sort()
    found = [spans[0]]
    for span in spans[1:]:
        last = found[-1]
        if span.start >= last.end:
            found.append(span)
        elif span.end > last.end:
            # Of two that begin together, the longer; of two that overlap, both. Neither is a number then.
            found[-1] = span if span.start == last.start else Span(last.start, span.end)
        elif span.start == last.start and span.end == last.end and span.quote:
            found[-1] = span
    return found


def _without(spans: list[Span], gaps: list[tuple[int, int, bytes]]) -> Iterator[Span]:
    """Return what of spans lies outside of gaps; both are in order, and none overlaps its like."""
    at = 0
    for span in spans:
        start, end, quote = span
        while at < len(gaps) and gaps[at][1] <= start:
            at += 1
        here = at
        while here < len(gaps) and gaps[here][0] < end:
            if gaps[here][0] > start:
                yield Span(start, gaps[here][0])
            start, quote = gaps[here][1], b""
            here += 1
        if start < end:
            yield Span(start, end, quote)


def hidden(value: bytes, kind: Kind, hide: Hide, *, fresh: bool = False) -> bytes:
    """Return a secret value without its secret, which may be all of it or a part (`Kind`)."""
    found = [(Span(0, len(value)), kind)]
    return replaced(value, 0, [*found, *came(value)] if fresh else found, hide, fresh=fresh)


def blotted(text: bytes, hide: Hide, *, fresh: bool = False) -> bytes:
    """Return a text of which nothing is left but pseudonyms (and white space between them)."""
    return replaced(text, 0, [(Span(0, len(text)), Kind.VALUE)], hide, fresh=fresh)
