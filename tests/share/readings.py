"""Readings: what servers make of a request's path, as each kind is known to. Whoever judges a path must be right for all."""

import posixpath
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

Reading = Callable[[str], str]


def _normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _decoded(path: str, times: int = 1, encoding: str = "utf-8") -> str:
    for _ in range(times):
        path = unquote(path, encoding, errors="replace")
    return path


def as_written(path: str) -> str:
    return path


def dots_removed(path: str) -> str:
    """RFC 3986 §5.2.4: dot segments are resolved, nothing is decoded."""
    return _normal(path)


def decoded_and_normalised(path: str) -> str:
    """nginx, Apache, most file servers: decode once, merge slashes, resolve dots."""
    return _normal(_decoded(path))


def decoded_twice(path: str) -> str:
    """A proxy that decodes in front of a server that does so too."""
    return _normal(_decoded(path, 2))


def latin_1(path: str) -> str:
    """WSGI and PHP: bytes are letters."""
    return _normal(_decoded(path, encoding="latin-1"))


def parameters_dropped(path: str) -> str:
    """Tomcat, Jetty: `;` begins parameters of a segment, dropped before dots are resolved."""
    return _normal(_decoded("/".join(segment.partition(";")[0] for segment in path.split("/"))))


def parameters_dropped_when_decoded(path: str) -> str:
    """Spring, once: decode, then drop."""
    return _normal("/".join(segment.partition(";")[0] for segment in _decoded(path).split("/")))


def cut_at_semicolon(path: str) -> str:
    """urllib.parse.urlparse: parameters of the last segment."""
    return _normal(_decoded(path.partition(";")[0]))


def cut_at_nul(path: str) -> str:
    """C: a string ends there."""
    return _normal(_decoded(path).partition("\0")[0])


def cut_at_fragment(path: str) -> str:
    """Whoever parses a target as a URL."""
    return _normal(_decoded(path.partition("#")[0]))


def cut_at_question_when_decoded(path: str) -> str:
    """Whoever decodes first and parses then."""
    return _normal(_decoded(path).partition("?")[0].partition("#")[0])


def backslashes(path: str) -> str:
    """IIS, .NET on Windows, WHATWG's URLs: `\\` is a slash."""
    return _normal(_decoded(path).replace("\\", "/"))


def windows(path: str) -> str:
    """A file system that drops dots and blanks at the end of a name."""
    segments = _decoded(path).replace("\\", "/").split("/")
    return _normal("/".join(s if s in (".", "..") else s.rstrip(". ") or ("." if s else "") for s in segments))


def blanks_stripped(path: str) -> str:
    """Whoever strips a segment of white space before it looks for dots."""
    return _normal("/".join(segment.strip() for segment in _decoded(path).split("/")))


def nearest_letters(path: str) -> str:
    """Best fit, and Unicode's compatible letters: a full-width dot is a dot."""
    return _normal(unicodedata.normalize("NFKC", _decoded(path)).replace("\\", "/"))


def like_a_host(path: str) -> str:
    """Whoever takes a target for a URL reference: `//host/path`."""
    return _normal(_decoded("/" + path[2:].partition("/")[2])) if path.startswith("//") else _normal(_decoded(path))


READINGS: tuple[Reading, ...] = (
    as_written, dots_removed, decoded_and_normalised, decoded_twice, latin_1, parameters_dropped,
    parameters_dropped_when_decoded, cut_at_semicolon, cut_at_nul, cut_at_fragment, cut_at_question_when_decoded,
    backslashes, windows, blanks_stripped, nearest_letters, like_a_host,
)  # fmt: skip
