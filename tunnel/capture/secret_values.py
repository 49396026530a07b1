"""Secret values: the secrets that a text names: in JSON, forms, queries, multipart, XML, HTML, settings and logs.

A text is not parsed: what passes may be any of these inside another, cut short, or broken. It is read for a name, what parts
it from a value, and the value. Whether the name is a secret's is for `secret_names`. Where the syntax is plain (a query, a
form, a quoted value under a quoted name) any value is hidden; elsewhere ("the password: must be long") only a random one.

A look for the names' last letters before `:` or `=` decides whether there is anything to read. It looks at the text
backwards, since what it may begin with is then one of three characters, and a pattern that begins with few costs a third.
"""

import re
from collections.abc import Iterable, Iterator

from tunnel.capture.breath import FEW, Pause, never
from tunnel.capture.secret_names import PARTED, RANDOM_IN_QUERY, Kind, endings, name_kind
from tunnel.capture.secret_shapes import Span
from tunnel.model.pseudonym import BEGINNING, PSEUDONYM


def _tree(words: Iterable[str]) -> str:
    """Return a pattern of words that branches where they do: as a plain list of alternatives it takes six times as long."""
    letters: dict[str, list[str]] = {}
    for word in words:
        if not word:
            return ""  # a shorter word is enough
        letters.setdefault(word[0], []).append(word[1:])
    branches = [(_APART if letter == PARTED else letter) + _tree(rest) for letter, rest in sorted(letters.items())]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


_APART = "(?:b5%|[^a-z0-9]{0,2})"  # what parts two words of a name, backwards; %5B is a bracket


# Backwards: the mark, quotes and the like and a number, then the name's end; and in queries, some words and two letters.
_HINT = re.compile(
    (
        r"[:=>](?:[\"'\\ \t\r\n\])}0-9>_.\[-]*+(?:d5%(?:[0-9]*b5%)?)?"
        + _tree(word[::-1] for word in endings())
        + r"|(?<==)[0-9_.\[\]-]*+(?:d5%(?:[0-9]*b5%)?)?(?:"
        + _tree(word[::-1] for word in RANDOM_IN_QUERY if len(word) > 1)
        + "|[kt](?![a-z0-9])))"
    ).encode()
)
# A name that is itself a value, beside which the secret stands: in HAR, in HTML, in multipart. Each begins with letters, by
# which it is found fast.
_NAMED, _KEYED = (
    re.compile(begin + rb"\\{0,7}[\"']?\s{0,2}[:=]\s{0,2}\\{0,7}[\"']([\w.\[\]-]{2,80}+)") for begin in (b"ame", b"key")
)
# An element with attributes, as SOAP's <wsse:Password Type="…">.
_ELEMENT = re.compile(rb"<(?:[\w.-]{1,40}:)?([\w.-]{2,60})(?:\s[^<>]{0,300})?>([^<>]{1,16384})<")
OPEN_ELEMENT = re.compile(
    rb"<(?:[\w.-]{1,40}:)?([\w.-]{2,60})(?:\s[^<>]{0,300})?>((?:<!\[CDATA\[)?[^<>]{0,16384}(?:<!?\[?[CDAT]{0,5}\[?)?)\Z"
)
_CDATA = re.compile(rb"<(?:[\w.-]{1,40}:)?([\w.-]{2,60})(?:\s[^<>]{0,300})?><!\[CDATA\[([^\]<>]{1,16384})\]\]>")

_NAME = re.compile(
    rb"(?<![\w.%%$\[\]-])([\w.%%$\[\]-]{1,80}+)(\\{0,15}[\"'])?[ \t\r\n]{0,8}(=>|[=:])[ \t\r\n]{0,8}(\\{0,15}[\"'])?"
    % ()
)
_PARTS = re.compile(rb"[\s;=,]+")
_LINE = re.compile(rb"[^\r\n\"'\\]*+")
_SHORT = re.compile(rb"[^\s\"'(){}$\\]{0,4096}+")
_IN_QUERY = re.compile(rb"[^&\s\"'<>#\\]*+")
_UNQUOTED = re.compile(rb"[^\s\"'<>,;)}\]\\&]*+")
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*+(?![\w%])")
_PART = re.compile(rb"[\"']?(?:;[^\r\n]{0,200})?\r?\n(?:[\w-]{1,40}:[^\r\n]{0,200}\r?\n){0,6}\r?\n")
_ITEM = re.compile(rb"[\s,]*+(\\{0,15}[\"'])")
_NO_SECRET = re.compile(
    rb"(?i:null|true|false|none|nil|undefined|string|\[object object\]|n/?a)|[*x.\xe2\x80\xa2-]{3,}+|[*x]"
    rb"|\$\{[^}]*\}|\{\{[^}]*\}\}|%[A-Z_]+%|\$[A-Z_]+|<[\w -]+>|\[?(?i:redacted|filtered|hidden|masked|removed)\]?"
)
NEAR = 96  # bytes between a name that is a value and the value beside it

Found = tuple[Span, Kind]


def may_name(text: bytes) -> bool:
    """Whether it is worth reading names: seldom true of a text that names no secret, never false of one that does."""
    lower = text.lower()
    return (
        _HINT.search(lower[::-1]) is not None
        or (b"</" in lower and (b"pass" in lower or b"token" in lower or b"secret" in lower or b"key" in lower))
        or (b"name" in lower and _names_secret(_NAMED, text))
        or (b'"key"' in lower and _names_secret(_KEYED, text))
        or b'type="pass' in lower
    )


def _names_secret(pattern: re.Pattern[bytes], text: bytes) -> bool:
    return any(name_kind(found[1], False) is not Kind.NONE for found in pattern.finditer(text))


def named(text: bytes, form: bool, cut: bool, pause: Pause = never) -> Iterator[Found]:
    """Return the secrets that a text names, with how each is hidden; in the order in which they begin, for the most part.

    A value that the text's end cuts short ends there.

    Args:
      text: Where to look.
      form: It is a form (application/x-www-form-urlencoded), so its first name needs no `?` before it.
      cut: More follows, so what a secret's name has at the end of the text may become one.
      pause: Called every few names.
    """
    beside: Kind = Kind.NONE  # how the value is hidden that stands beside a name which is itself a value
    beside_end = 0
    done = 0
    for count, found in enumerate(_NAME.finditer(text)):
        if not count & FEW:
            pause()
        if found.start() < done:
            continue
        name, closing, mark, opening = found.groups()
        at = found.end()
        query = mark == b"=" and not opening and _in_query(text, found.start(), form)
        if name.startswith(b"u0026"):
            name, query = name[5:], True  # an ampersand as some write it in JSON
        kind = name_kind(name, query)
        if kind is Kind.NONE:
            lower = name.lower()
            if opening and lower in (b"name", b"key", b"type", b"property", b"id"):
                end = _closed(text, at, opening)
                beside_kind = name_kind(text[at : min(end, at + 80)], False)
                if beside_kind is not Kind.NONE and (lower in (b"name", b"key") or beside_kind is Kind.VALUE):
                    beside, beside_end = beside_kind, end
                    if mark == b"=" and lower == b"name" and (part := _PART.match(text, end)):
                        stop = text.find(b"\r\n--", part.end())
                        stop = len(text) if stop < 0 else stop
                        if b"filename" not in text[end : part.end()] and stop > part.end():
                            yield Span(part.end(), stop), beside
                            beside, done = Kind.NONE, stop
            elif opening and beside is not Kind.NONE and lower in (b"value", b"content"):
                between = text[beside_end : found.start()]
                if len(between) < NEAR and b">" not in between and b"}" not in between:
                    kind, beside = beside, Kind.NONE
            if kind is Kind.NONE:
                continue
        plain = query or (
            opening is not None and (closing is not None or (mark == b"=" and _in_element(text, found.start())))
        )
        if opening and kind in (Kind.RANDOM, Kind.DIGITS):
            end = _end_of(_SHORT, text, at)
        elif opening:
            end = _closed(text, at, opening)
        elif query:
            end = _end_of(_IN_QUERY, text, at)
        elif closing and mark != b"=":
            if text[at : at + 1] == b"[":
                for item in _items(text, at + 1):
                    done = item.end
                    if _is_secret(text[item.start : item.end], kind, True) or (cut and item.end == len(text)):
                        yield item, kind
                continue
            number = _NUMBER.match(text, at)
            if number is None:
                if cut and text[at:] == b"-":
                    yield Span(at, len(text), closing), kind
                continue
            done = number.end()
            if kind is Kind.DIGITS or (kind is Kind.VALUE and _is_password(name)):
                yield Span(at, done, closing), kind
            continue
        elif kind in (Kind.CREDENTIALS, Kind.COOKIES, Kind.SET_COOKIE):
            end = done = _end_of(_LINE, text, at)
            plain = mark == b":" and any(looks_random(part, 10) for part in _PARTS.split(text[at:end]))
        else:
            end = _end_of(_UNQUOTED, text, at)
        if _is_secret(text[at:end], kind, plain) or (cut and end == len(text)):
            yield Span(at, end), kind
            done = end
    if b"</" in text:
        for pattern in (_ELEMENT, _CDATA):
            for element in pattern.finditer(text):
                pause()
                kind = name_kind(element[1], False)
                value = element[2].strip()
                if kind in (Kind.VALUE, Kind.DIGITS) and _is_secret(value, kind, True):
                    start = element.start(2) + element[2].index(value)
                    yield Span(start, start + len(value)), kind


def looks_random(value: bytes, least: int) -> bool:
    """Whether a value is long enough, of one piece, and has both letters and digits."""
    return (
        len(value) >= least
        and not any(byte in b" \t\r\n(){}$" for byte in value)
        and any(48 <= byte < 58 for byte in value)
        and any(byte >= 65 for byte in value)
    )


def _is_secret(value: bytes, kind: Kind, plain: bool) -> bool:
    if not value or _NO_SECRET.fullmatch(value):
        return False
    if BEGINNING in value:
        if PSEUDONYM.fullmatch(value):
            return False  # it is hidden already; or it came so, and is found by its look
        if not (plain and kind is Kind.VALUE) and PSEUDONYM.search(value):
            return False  # it looks random since a part of it was hidden already
    match kind:
        case Kind.RANDOM:
            return looks_random(value, 16)
        case Kind.DIGITS:
            return 3 <= len(value) <= 64 and any(48 <= byte < 58 for byte in value)
        case Kind.VALUE:
            return plain or looks_random(value, 6) or (len(value) >= 24 and value.isalnum())
        case _:
            return plain


def _is_password(name: bytes) -> bool:
    lower = name.lower()
    return b"pass" in lower or b"pwd" in lower


def _in_query(text: bytes, start: int, form: bool) -> bool:
    before = text[start - 1 : start] if start else b""
    if not before:
        return form
    if before in (b"?", b"&"):
        return text[start - 2 : start] != b"&&"
    return before == b";" and text[start - 5 : start] == b"&amp;"


def _in_element(text: bytes, start: int) -> bool:
    """Whether an attribute stands here: what is open before it is a tag."""
    opened = text.rfind(b"<", max(0, start - 300), start)
    return opened >= 0 and text.find(b">", opened, start) < 0


def _closed(text: bytes, at: int, opening: bytes) -> int:
    """Return where a quoted value ends: before the next quote as deep as the one that opened it, or at the text's end.

    In JSON a quote has 0 backslashes before it, in JSON within JSON 1, then 3, then 7. One of the value itself has more.
    """
    depth, quote = len(opening) - 1, opening[-1:]
    found = text.find(quote, at)
    while found >= 0:
        slash = found
        while slash > at and text[slash - 1] == 0x5C:
            slash -= 1
        if (found - slash) % (2 * (depth + 1)) == depth:
            return found - depth
        found = text.find(quote, found + 1)
    return len(text)


def _items(text: bytes, at: int) -> Iterator[Span]:
    """Return the strings of a list, as far as it holds nothing else."""
    while item := _ITEM.match(text, at):
        end = _closed(text, item.end(), item[1])
        yield Span(item.end(), end)
        at = end + len(item[1])


def _end_of(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
