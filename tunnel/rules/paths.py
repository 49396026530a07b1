"""Paths: which paths of a service a share opens. A path that can be read in two ways is none of them.

Servers read paths differently: `..;` is `..` to Tomcat, `%2F` ends a segment for some, `\\` is a slash to IIS, some
decode twice, some merge `//`. Whoever normalises and then compares has to guess right. So nothing is guessed: what some
server might read otherwise than it is written is refused, and what is left reads the same everywhere.
"""

import re
import unicodedata
from collections.abc import Iterable
from unicodedata import category
from urllib.parse import unquote_to_bytes

from tunnel.errors import UsageError

_OWN = ".tunnel"
_ENDS_SEGMENT = re.compile(r"[;?#\x00]")
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# RFC 3986 §2.3: letters, digits and these mean themselves, and nobody has to write them so.
_NEEDLESS = re.compile(rb"%(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|2[DdEe]|5[Ff])")
_ESCAPED_SLASH = re.compile(rb"%2[Ff]|%5[Cc]")
_TWICE = re.compile(r"%[0-9A-Fa-f]{2}|%[uU]")
# Control bytes; what ends a path, a segment or its parameters for somebody; letters that some systems take for `/` and `\`
# when they look for the nearest one they know ("best fit"), besides those that Unicode itself calls compatible.
_AMBIGUOUS = re.compile("[\x00-\x1f\x7f-\x9f\\\\;?#\u2028\u2029\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufffd]")
_STRUCTURE = "/\\.;?#%"
_DECODED = 5  # times a path is decoded to find what somebody may make of it


class PathRule:
    """Says which paths are open.

    Args:
      patterns: As `parse_path` returned them; with none every path is open.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._below = tuple(p.rstrip("/") for p in patterns if "*" not in p)
        self._like = tuple(p.split("*") for p in patterns if "*" in p)

    def closed(self, target: bytes) -> str:
        """Return why a request's target is not open; nothing if it is.

        Args:
          target: In origin form, or `*`.
        """
        if not self._below and not self._like:
            return ""
        try:
            path = read_path(target.partition(b"?")[0])
        except ValueError as error:
            return f"its path could be read in two ways: {error}"
        if any(path == base or path.startswith(base + "/") for base in self._below):
            return ""
        return (
            "" if any(_is_like(path, like) for like in self._like) else "its path is not one of those that are shared"
        )


def read_path(path: bytes) -> str:
    """Return a path, decoded, that every server reads as it is written.

    Raises:
      ValueError: Servers may differ over it; says over what.
    """
    if not path.startswith(b"/"):
        raise ValueError("it does not begin with a slash")
    if _ESCAPED_SLASH.search(path):
        raise ValueError("a slash in it is escaped")
    if _NO_ESCAPE.search(path):
        raise ValueError("a percent sign in it escapes nothing")
    if _NEEDLESS.search(path):
        raise ValueError("a letter in it is escaped that needs no escape")
    try:
        text = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if found := _AMBIGUOUS.search(text):
        raise ValueError(f"it has {found[0]!r} in it")
    if _TWICE.search(text):
        raise ValueError("it is escaped twice")
    if not text.isascii() and _structure(unicodedata.normalize("NFKC", text)) != _structure(text):
        raise ValueError("a letter in it looks like a slash or a dot")
    first, *segments = text.split("/")
    if first or "" in segments[:-1]:
        raise ValueError("it has two slashes in a row")
    if any(_is_dots(segment) for segment in segments):
        raise ValueError("it has a segment of dots")
    return text


def parse_path(text: str) -> str:
    """Read a path that is to be open: "/app" and all below it, or a pattern, whose `*` stands for anything: "/api/*".

    Raises:
      UsageError: It is no path, or one that could be read in two ways.
    """
    try:
        return read_path(text.encode())
    except (ValueError, UnicodeEncodeError) as error:
        why = str(error) if not isinstance(error, UnicodeEncodeError) else "it is no text"
        raise UsageError(
            f"the path {text!r} cannot be shared: {why}", hint="write it from the root: --path /app or --path '/api/*'"
        ) from None


def leads_to_pages(target: bytes) -> bool:
    """Whether some server might read a target as a path of the share's own pages, however it is spelled.

    A segment of their name is enough, wherever it stands: for some `//` begins a host, and `..` leads back.
    """
    path = target.partition(b"?")[0]
    if b"%" not in path and b".tunnel" not in path.lower() and path.isascii():
        return False
    for _ in range(_DECODED):
        if _has_our_segment(path):
            return True
        before, path = path, unquote_to_bytes(path)
        if path == before:
            return False
    return True  # whoever escapes a path so often has something to hide


def _has_our_segment(path: bytes) -> bool:
    text = unicodedata.normalize("NFKC", path.decode(errors="replace")).replace("\\", "/").lower()
    return any(_ENDS_SEGMENT.split(segment)[0].strip().rstrip(". ") == _OWN for segment in text.split("/"))


def _is_dots(segment: str) -> bool:
    """Whether there is nothing in a segment but dots and what is not seen: who strips the one finds the other."""
    return bool(segment) and all(each == "." or each.isspace() or category(each) == "Cf" for each in segment)


def _structure(text: str) -> str:
    return "".join(letter for letter in text if letter in _STRUCTURE)


def _is_like(path: str, pieces: list[str]) -> bool:
    """Whether a path has these pieces in this order, with anything between them; in time that grows as the path does.

    Each is looked for behind the one before it, and nothing is tried twice: a piece that is found sooner leaves more
    room for the next. A regular expression tries each place anew, for each `*`.
    """
    first, *inner, last = pieces
    end = len(path) - len(last)
    if end < len(first) or not path.startswith(first) or not path.endswith(last):
        return False
    at = len(first)
    for piece in inner:
        found = path.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
