"""Naming: what devices call themselves, and what nobody can."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.model.headers import Headers
from tunnel.share.naming import SOMETHING, apart, name_of

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
SAMSUNG = "Mozilla/5.0 (Linux; Android 13; SM-S911B) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36"


def named(agent: str, *fields: tuple[bytes, bytes]) -> str:
    return name_of(Headers([(b"User-Agent", agent.encode("latin-1", "replace")), *fields]))


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (IPHONE, "iPhone, Safari"),
        (EDGE, "Windows, Edge"),
        (SAMSUNG, "SM-S911B, Samsung Internet"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 9 Build/AD1A) Chrome/130.0 Mobile Safari/537.36", "Pixel 9, Chrome"),
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/130.0 Mobile Safari/537.36", "Android, Chrome"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0", "Mac, Firefox"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.32.3", "requests"),
        ("alice", SOMETHING),
        ("", SOMETHING),
    ],
)
def test_devices_have_names_that_people_know(agent, name):
    assert named(agent) == name


def test_a_model_that_a_browser_tells_is_taken():
    reduced = "Mozilla/5.0 (Linux; Android 10; K) Chrome/130.0.0.0 Mobile Safari/537.36"
    assert named(reduced, (b"Sec-CH-UA-Model", b'"Pixel 9 Pro"')) == "Pixel 9 Pro, Chrome"
    assert named(reduced, (b"Sec-CH-UA-Model", b'"\x1b[2J"')) == "Android, Chrome"
    assert named(reduced, (b"Sec-CH-UA-Model", b'""')) == "Android, Chrome"


@given(
    st.binary(max_size=300).map(lambda b: b.decode("latin-1"))
    | st.text("ab;()/. \x1b\x9bAndroid 14; alice) Chrome/1 Firefox/", max_size=80),
    st.binary(max_size=40),
)
def test_no_name_can_harm_a_terminal_or_be_the_name_of_a_person_alone(agent, model):
    name = name_of(Headers([(b"User-Agent", agent.encode("latin-1")), (b"Sec-CH-UA-Model", model)]))

    assert re.fullmatch(r"[A-Za-z0-9 ._+,()-]{1,60}", name)
    known = {
        SOMETHING,
        "curl",
        "Wget",
        "HTTPie",
        "requests",
        "httpx",
        "urllib",
        "aiohttp",
        "Go",
        "OkHttp",
        "Node.js",
        "axios",
    }
    known |= {
        "Postman",
        "Dart",
        "Java",
        "k6",
        "Edge",
        "Opera",
        "Samsung Internet",
        "Vivaldi",
        "DuckDuckGo",
        "Chrome",
        "Firefox",
    }
    assert name in known | {"Chromium", "Safari"} or ", " in name


def test_names_are_told_apart():
    assert apart("a", set()) == "a"
    assert apart("a", {"a"}) == "a (2)"
    assert apart("a", {"a", "a (2)"}) == "a (3)"
