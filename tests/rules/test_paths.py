"""Paths: whatever spelling, a path that was not opened is never let through, and none of our own goes to the service."""

import posixpath
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunnel.errors import UsageError
from tunnel.rules.paths import PathRule, leads_to_pages, parse_path, read_path

Reader = Callable[[str], str]


def normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def tomcat(path: str) -> str:
    return normal(unquote(re.sub(r";[^/]*", "", path)))


def spring(path: str) -> str:
    return normal(re.sub(r";[^/]*", "", unquote(path)))


def iis(path: str) -> str:
    return normal("/".join(s.rstrip(". ") or s for s in unquote(path).replace("\\", "/").split("/")))


def best_fit(path: str) -> str:
    return normal(unicodedata.normalize("NFKC", unquote(path)).replace("\\", "/"))


READERS: tuple[Reader, ...] = (
    lambda path: path,  # routes on what was written
    normal,
    lambda path: normal(unquote(path)),
    lambda path: normal(unquote(unquote(path))),
    lambda path: normal(unquote(path).partition("?")[0].partition("#")[0]),
    lambda path: normal(unquote(path).partition("\0")[0]),
    lambda path: normal(re.sub("//+", "/", unquote(path))),
    lambda path: "/" + unquote(path).lstrip("/").partition("/")[2] if unquote(path).startswith("//") else unquote(path),
    tomcat,
    spring,
    iis,
    best_fit,
    lambda path: normal("/".join(segment.strip() for segment in unquote(path).split("/"))),
)
PIECES = (
    "/", "app", "admin", ".", "..", "%2e", "%2F", "%5c", "\\", ";", "..;", "%3b", "%00", "%20", "?", "%3f", "%23", "%",
    "%25", "%252e", "%252f", "%c0%ae", "%ef%bc%8e", "%ef%bc%8f", "%e2%88%95", "%61",
    "%u002e", "x", "é", "%C3%A9", "*", ".css", "\t", " ",
    "%c2%a0", "%e3%80%80", "%e2%80%8b",
)  # fmt: skip
SPELLINGS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(("/", "/app", "/app/", "/x/app", "")), SPELLINGS)
def test_whatever_spelling_a_path_outside_is_never_admitted(start, rest):
    target = (start + rest).encode()
    if PathRule((parse_path("/app"),)).closed(target):
        return
    path = target.decode().partition("?")[0]
    for reader in READERS:
        read = reader(path)
        assert read == "/app" or read.startswith("/app/"), f"{target!r} is read as {read!r}"


@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(("/", "/a/")), SPELLINGS)
def test_whatever_spelling_a_suffix_is_a_suffix_for_everybody(start, rest):
    path = start + rest
    if PathRule((parse_path("/*.css"),)).closed(path.encode()):
        return
    for reader in READERS:
        assert reader(path.partition("?")[0]).endswith(".css"), path


@settings(max_examples=2000, deadline=None)
@given(st.lists(st.sampled_from((*PIECES, ".tunnel", ".TUNNEL", "%2etunnel", "/.tunnel/")), max_size=7).map("".join))
def test_whatever_spelling_a_page_of_ours_is_known_as_one(rest):
    target = "/" + rest
    path = target.partition("?")[0]
    ours = [reader(path).lower() for reader in READERS]

    if any(read == "/.tunnel" or read.startswith("/.tunnel/") for read in ours):
        assert leads_to_pages(target.encode())


@pytest.mark.parametrize(
    "target", ["/", "/app", "/tunnel", "/100%25", "/a%2fb", "/search?q=/.tunnel/", "*", "/%E2%82%AC"]
)
def test_ordinary_paths_are_no_pages_of_ours(target):
    assert not leads_to_pages(target.encode())


def test_without_patterns_every_path_is_open():
    assert PathRule(()).closed(b"/..;/%00//") == ""


@pytest.mark.parametrize(
    ("pattern", "open_", "closed"),
    [
        ("/app", ["/app", "/app/", "/app/x/y", "/app?x"], ["/", "/application", "/APP", "/xapp", "/app2/x"]),
        ("/app/", ["/app", "/app/x"], ["/application"]),
        ("/api/*", ["/api/x", "/api/x/y", "/api/"], ["/api", "/apix"]),
        ("/*/public", ["/a/public", "/a/b/public"], ["/public", "/a/public/x"]),
        ("/café", ["/caf%C3%A9", "/café/x"], ["/cafe", "/caf%E9"]),
        ("/my app", ["/my%20app"], ["/my+app"]),
        ("/", ["/", "/anything"], ["*", "//x", "/../x"]),
    ],
)  # fmt: skip
def test_a_pattern_means_what_it_says(pattern, open_, closed):
    rule = PathRule((parse_path(pattern),))

    assert [target for target in open_ if rule.closed(target.encode())] == []
    assert [target for target in closed if not rule.closed(target.encode("latin-1"))] == []


@settings(max_examples=1000, deadline=None)
@given(st.text("/ab*", max_size=7), st.text("/ab", max_size=12))
def test_a_star_stands_for_anything(text, path):
    try:
        pattern, read = parse_path(f"/*{text}"), read_path(f"/{path}".encode())
    except (UsageError, ValueError):
        return
    wanted = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), read, re.DOTALL)

    assert bool(wanted) is not bool(PathRule((pattern,)).closed(read.encode()))


def test_the_longest_path_is_judged_at_once_whatever_the_pattern():
    """Tried place by place, as a regular expression would, this takes hours, and the front stands still meanwhile."""
    rule = PathRule((parse_path("/*/*/*/*/*/edit"),))

    assert rule.closed(b"/x" * 8192)
    assert not rule.closed(b"/x" * 8189 + b"/edit")


@pytest.mark.parametrize(
    "text", ["", "app", "/a/../b", "//a", "/a;b", "/a?b", "/%2e", "/a%2fb", "https://a/b", "/\udc80"]
)
def test_a_pattern_that_could_be_read_in_two_ways_is_refused(text):
    with pytest.raises(UsageError, match="cannot be shared"):
        parse_path(text)


@settings(max_examples=500)
@given(st.text(max_size=12).map(lambda text: "/" + text))
def test_what_was_read_once_reads_the_same_again(text):
    try:
        path = read_path(text.encode(errors="replace"))
    except ValueError:
        return
    assert posixpath.normpath(path) == (path.rstrip("/") or "/")
