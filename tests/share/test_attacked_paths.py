"""`--path` under attack: whatever server stands behind, what is let through is a path that was opened, in each reading."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.share.readings import READINGS, Reading, blanks_stripped, windows
from tunnel.errors import UsageError
from tunnel.rules.paths import PathRule, parse_path

RULE = PathRule(("/app", "/api/*"))
OPEN = ("/app", "/api")

# What paths are made of, if one wants them to be misunderstood.
PIECES = (
    "/", "//", "app", "api", "secret", "admin", ".", "..", "...", "%2e", "%2E", "%2e%2e", "%2f", "%2F", "%5c",
    "\\", ";", ";x=y",
    "%3b", "..;", "%00", "%0a", "%20", " ", "%09", "?", "#", "%3f", "%23", "%", "%2", "%zz", "%25", "%252e",
    "%252f", "%25252e",
    "%c0%ae", "%c0%af", "%e0%80%ae", "%ef%bc%8e", "%ef%bc%8f", "%e2%81%84", "%e2%88%95", "%e2%80%a4", "%e2%80%a5",
    "%ef%bf%bd",
    "%u002e", "%u2215", "..%20", "..%00", "..%09", "~", "%7e", ":", "@", "&", "=", "+", "%61pp", "%2fapp", "A",
    "é", "%c3%a9",
    "%85", "%a0", "%c2%a0", "%c2%85", "%e2%80%8b", "%e3%80%80", "%ef%b9%92", "%ef%b9%a8", "%ef%bc%bc", "~1",
    "::$DATA", "*",
)  # fmt: skip
PATHS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join)


def opened(path: str) -> bool:
    return path in OPEN or path.startswith(tuple(f"{base}/" for base in OPEN))


def let_through(target: str) -> bool:
    return not RULE.closed(target.encode())


@settings(max_examples=3000, deadline=None)
@given(PATHS, st.sampled_from(("/app", "/api", "/app/", "/api/x/", "/", "")), st.sampled_from(READINGS))
@example("", "/app/..", READINGS[0])
@example("/%2e%2e/secret", "/app", READINGS[2])
def test_what_is_let_through_is_open_in_every_reading(rest: str, base: str, read: Reading) -> None:
    target = base + rest

    if let_through(target):
        path = target.partition("?")[0]
        assert opened(read(path)), f"{target!r} is let through, and {read.__name__} makes {read(path)!r} of it"


@pytest.mark.parametrize("base", ["/app", "/api/x"])
@pytest.mark.parametrize(
    "way_out",
    [
        "/../secret", "/..", "/%2e%2e/secret", "/.%2e/secret", "/..%2fsecret", "/..%2Fsecret", "/..%5csecret",
        "/..\\secret",
        "/..;/secret", "/..;x=y/secret", "/%2e%2e;/secret", "/..%3b/secret", "/;/../secret", "//../secret",
        "/x//../../secret",
        "/%252e%252e/secret", "/..%252fsecret", "/%25252e%25252e/secret", "/..%00/secret", "/..%20/secret",
        "/..%09/secret",
        "/.. /secret", "/%c0%ae%c0%ae/secret", "/..%c0%afsecret", "/..%ef%bc%8fsecret", "/%ef%bc%8e%ef%bc%8e/secret",
        "/%e2%80%a5/secret", "/%e2%80%a4%e2%80%a4/secret", "/%u002e%u002e/secret", "/..%u2215secret",
        "/.../secret", "/./../secret",
        "/#/../../secret", "/%23/../../secret", "/%3f/../../secret", "/..%ef%bc%bcsecret", "/%", "/..%c2%a0/secret",
        "/%e3%80%80../secret", "/..%20%c2%a0", "/%e2%80%83..%e2%80%83/secret",
    ],
)  # fmt: skip
def test_no_way_out_of_an_open_path_is_known(base: str, way_out: str) -> None:
    assert not let_through(base + way_out)


@pytest.mark.parametrize(
    "target", ["/application", "/app-secret", "/app.", "/app%20", "/APP", "/ap", "/apis/x", "/", "*", ""]
)
def test_what_only_looks_like_an_open_path_is_closed(target: str) -> None:
    assert not let_through(target)


@pytest.mark.parametrize(
    "target",
    [
        "/app", "/app/", "/app?next=/../secret", "/app/a.b/c..d/.env", "/app/%C3%A9t%C3%A9", "/app/a%20b",
        "/api/v1/items?x=%2F..%2F",
        "/app/x:y@z,~'!$&()*+=", "/app/100%25", "/app/...x",
    ],
)  # fmt: skip
def test_ordinary_paths_are_let_through(target: str) -> None:
    assert let_through(target)


@settings(max_examples=500, deadline=None)
@given(PATHS)
def test_a_path_that_is_opened_reads_the_same_wherever_names_may_end_in_dots_and_blanks(text: str) -> None:
    try:
        pattern = parse_path(text)
    except UsageError:
        return
    assert len({read(pattern).rstrip("/") for read in READINGS if read not in (windows, blanks_stripped)}) == 1
