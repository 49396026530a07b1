"""Naming: what devices call themselves, what nobody can, and that no two of a share are called the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel.model.headers import Headers
from tunnel.share.naming import MOST, SOMETHING, Called, Names, called_by

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
SAMSUNG = "Mozilla/5.0 (Linux; Android 13; SM-S911B) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 9 Build/AD1A) Chrome/130.0 Mobile Safari/537.36"
OPPO = "Mozilla/5.0 (Linux; Android 14; CPH2451) Chrome/130.0 Mobile Safari/537.36"
REDUCED = "Mozilla/5.0 (Linux; Android 10; K) Chrome/130.0.0.0 Mobile Safari/537.36"


def called(agent: str, *fields: tuple[bytes, bytes]) -> Called:
    return called_by(Headers([(b"User-Agent", agent.encode("latin-1", "replace")), *fields]))


@pytest.mark.parametrize(
    ("agent", "name", "browser"),
    [
        (IPHONE, "iPhone", "Safari"),
        (EDGE, "Windows", "Edge"),
        (SAMSUNG, "SM-S911B", "Samsung Internet"),
        (PIXEL, "Pixel 9", "Chrome"),
        (OPPO, "Android CPH2451", "Chrome"),
        (REDUCED, "Android", "Chrome"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0", "Mac", "Firefox"),
        ("Mozilla/5.0 (Haiku; rv:133.0) Gecko/20100101 Firefox/133.0", SOMETHING, "Firefox"),
        ("curl/8.5.0", "curl", ""),
        ("python-requests/2.32.3", "requests", ""),
        ("alice", SOMETHING, ""),
        ("", SOMETHING, ""),
    ],
)
def test_devices_have_names_that_people_know_and_their_browsers_beside_them(agent, name, browser):
    assert called(agent) == Called(name, browser)


def test_people_are_told_the_browser_behind_the_name():
    assert called(PIXEL).who == "Pixel 9, Chrome"
    assert called("curl/8.5.0").who == "curl"


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        (b'"Pixel 9 Pro"', "Pixel 9 Pro"),
        (b'"Pixel  9 "', "Pixel 9"),  # what looks the same is the same
        (b'"CPH2451"', "Android CPH2451"),
        (b'"alice"', "Android alice"),
        (b'"Pixel"', "Android Pixel"),
        (b'"Pixel 9 (2)"', "Android"),
        (b'"\x1b[2J"', "Android"),
        (b'"Pixel ' + b"9" * 40 + b'"', "Android"),
        (b'""', "Android"),
        (b"Pixel 9", "Android"),
    ],
)
def test_a_model_that_a_browser_tells_is_taken_if_it_is_plain_and_short(hint, name):
    assert called(REDUCED, (b"Sec-CH-UA-Model", hint)) == Called(name, "Chrome")


def test_a_model_is_a_phones_and_nothing_elses():
    assert called(EDGE, (b"Sec-CH-UA-Model", b'"Pixel 9"')) == Called("Windows", "Edge")
    assert called("curl/8.5.0", (b"Sec-CH-UA-Model", b'"Pixel 9"')) == Called("curl")


@given(
    st.binary(max_size=300).map(lambda b: b.decode("latin-1"))
    | st.text("ab;()/. \x1b\x9bAndroid 14; alice) Chrome/1 Firefox/", max_size=80),
    st.binary(max_size=40),
)
def test_no_name_can_harm_a_terminal_or_be_the_name_of_a_person(agent, model):
    name = called(agent, (b"Sec-CH-UA-Model", model)).name

    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}", name)
    ours = {
        SOMETHING, "iPhone", "iPad", "Android", "Chromebook", "Windows", "Mac", "Linux", "FreeBSD",
        "curl", "Wget", "HTTPie", "requests", "httpx", "urllib", "aiohttp", "Go", "OkHttp", "Node.js", "axios", "Postman",
        "Dart", "Java", "k6",
    }  # fmt: skip
    lines = r"(Pixel|Nexus|Galaxy|Xperia|moto|motorola|Redmi|Xiaomi|POCO|OnePlus|Nokia|HUAWEI|ASUS|Fairphone) .+"
    assert name in ours or re.fullmatch(rf"Android .+|{lines}|(SM|LG|LM)-.+", name)


def test_no_name_is_given_twice_not_even_when_its_device_has_left():
    names = Names()

    assert [names.new(name, set()) for name in ("a", "b", "a", "a")] == ["a", "b", "a (2)", "a (3)"]


def test_a_name_that_another_chose_is_not_given():
    names = Names()
    names.new("a", set())
    names.new("a (2)", set())

    assert [names.new(name, set()) for name in ("a", "a (2)", "a")] == ["a (3)", "a (2) (2)", "a (4)"]


def test_so_many_names_are_remembered_and_of_who_is_in_all():
    names = Names()
    names.new("first", set())
    for number in range(MOST):
        names.new(f"x{number}", {"first"})

    assert names.new("first", {"first"}) == "first (2)"
    assert len(names._given) == MOST
