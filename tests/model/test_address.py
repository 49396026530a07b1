"""Addresses: what is understood, what is refused with a sentence, and that what is printed is read back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunnel.errors import UsageError
from tunnel.model.address import DEFAULT_PORT, Listen, Target, is_loopback, parse_listen, parse_target, split_host

BOTH = ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("text", "target", "shown"),
    [
        ("3000", Target("http", "localhost", 3000), "http://localhost:3000"),
        ("1", Target("http", "localhost", 1), "http://localhost:1"),
        ("80", Target("http", "localhost", 80), "http://localhost"),
        ("app:3000", Target("http", "app", 3000), "http://app:3000"),
        ("APP.test:3000", Target("http", "app.test", 3000), "http://app.test:3000"),
        ("127.0.0.1:3000", Target("http", "127.0.0.1", 3000), "http://127.0.0.1:3000"),
        ("[::1]:3000", Target("http", "::1", 3000), "http://[::1]:3000"),
        ("[0:0:0:0:0:0:0:1]:3000", Target("http", "::1", 3000), "http://[::1]:3000"),
        ("http://app", Target("http", "app", 80), "http://app"),
        ("http://app/", Target("http", "app", 80), "http://app"),
        ("http://3000", Target("http", "localhost", 3000), "http://localhost:3000"),
        ("https://app.test", Target("https", "app.test", 443), "https://app.test"),
        ("https://app.test:8443/", Target("https", "app.test", 8443), "https://app.test:8443"),
        ("https://[fe80::1]", Target("https", "fe80::1", 443), "https://[fe80::1]"),
        ("https+insecure://app", Target("https+insecure", "app", 443), "https+insecure://app"),
        ("http://app.:443", Target("http", "app", 443), "http://app:443"),
        ("unix:/run/app.sock", Target("unix", "", 0, "/run/app.sock"), "unix:/run/app.sock"),
        ("unix:///run/app.sock", Target("unix", "", 0, "/run/app.sock"), "unix:/run/app.sock"),
        ("my_app:3000", Target("http", "my_app", 3000), "http://my_app:3000"),
    ],
)
def test_a_target_is_read_as_people_type_it(text: str, target: Target, shown: str) -> None:
    assert parse_target(text) == target
    assert str(target) == shown
    assert parse_target(shown) == target


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a port"),
        ("app", "the port is missing"),
        ("0", "0 is not a port"),
        ("65536", "65536 is not a port"),
        ("9" * 5000, "is not a port"),
        ("app:0", "0 is not a port"),
        ("app:65536", "not a port"),
        ("-1", "not a host name"),
        ("ftp://app", "scheme 'ftp'"),
        ("HTTP://app", "scheme 'HTTP'"),
        ("http://app/path", "without a path"),
        ("http://app?x", "not a port"),
        ("http://user@app", "not a port"),
        ("http://", "not a port"),
        ("unix:app.sock", "absolute path"),
        ("unix:", "absolute path"),
        ("::1:3000", "not a port"),
        ("[::1", "not a port"),
        ("[::g]:80", "not a port"),
        ("a b:80", "not a port"),
        ("-app:80", "not a host name"),
        ("höst:80", "not a host name"),
        ("a*b:80", "not a host name"),
        ("3000:80", "not a host name"),
        ("app:3000\n", "not a port"),
    ],
)
def test_what_is_no_target_is_refused_with_the_value_and_the_forms(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        parse_target(text)

    assert repr(text)[:20] in caught.value.what
    assert "3000" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("target", "tls"), [("http://a", False), ("https://a", True), ("https+insecure://a", True), ("unix:/a", False)]
)
def test_tls_is_a_matter_of_the_scheme(target: str, tls: bool) -> None:
    assert parse_target(target).tls is tls


def test_a_unix_sockets_authority_is_localhost() -> None:
    assert parse_target("unix:/a").authority == "localhost"


LABEL = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,5}[a-z0-9_])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=3).map(".".join).filter(lambda name: not name.isdecimal())
HOST = st.one_of(NAME, st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str))
TARGET = st.one_of(
    st.builds(Target, st.sampled_from(["http", "https", "https+insecure"]), HOST, st.integers(1, 65535)),
    st.builds(
        lambda path: Target("unix", "", 0, "/" + path),
        st.from_regex(r"[a-zA-Z0-9 ._-][a-zA-Z0-9/ ._-]*", fullmatch=True),
    ),
)


@given(TARGET)
@example(Target("http", "::1", 80))
@example(Target("https", "a", 80))
def test_a_printed_target_is_read_back(target: Target) -> None:
    assert parse_target(str(target)) == target


@given(st.one_of(st.text(), st.text("0123456789:/.[]ahtpsunix+@?#-_ \n", max_size=20)))
@example("0:0")
@example("\u0663")
def test_any_text_is_a_target_that_prints_and_reads_back_or_a_usage_error(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError:
        return
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("0", Listen(BOTH, 0, named=True)),
        ("8443", Listen(BOTH, 8443, named=True)),
        ("127.0.0.1:0", Listen(("127.0.0.1",), 0, named=True)),
        ("127.9.9.9:8443", Listen(("127.9.9.9",), 8443, named=True)),
        ("[::1]:8443", Listen(("::1",), 8443, named=True)),
        ("localhost:8443", Listen(BOTH, 8443, named=True)),
        ("LOCALHOST:8443", Listen(BOTH, 8443, named=True)),
    ],
)
def test_a_listener_is_read_as_people_type_it(text: str, listen: Listen) -> None:
    assert parse_listen(text) == listen


def test_what_is_said_of_a_listener_names_the_flag_that_was_given() -> None:
    with pytest.raises(UsageError, match=r"^--inspector 0\.0\.0\.0:80: ") as caught:
        parse_listen("0.0.0.0:80", "--inspector")

    assert "use --inspector 127.0.0.1:80" in caught.value.hint


def test_a_listener_nobody_named_may_give_way() -> None:
    assert Listen() == Listen(BOTH, DEFAULT_PORT, named=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.168.1.5", "[fe80::1]", "example.com", "127.0.0.1.nip.io"])
def test_listening_where_others_can_reach_is_refused_with_a_way_to_ask_for_it(host: str) -> None:
    with pytest.raises(UsageError, match="loopback only") as caught:
        parse_listen(f"{host}:8443")

    assert "tunnel share" in caught.value.hint
    assert "127.0.0.1:8443" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", "localhost", "127.0.0.1:65536", "65536", "9" * 5000, "-1", "app.localhost:80", "::1:80", ":80"],
)
def test_what_is_no_listener_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot listen on"):
        parse_listen(text)


@given(st.text(max_size=20))
def test_any_text_is_a_listener_or_a_usage_error(text: str) -> None:
    try:
        listen = parse_listen(text)
    except UsageError:
        return
    assert all(map(is_loopback, listen.hosts))


@pytest.mark.parametrize(
    ("authority", "split"),
    [
        ("localhost", ("localhost", None)),
        ("LocalHost:80", ("localhost", 80)),
        ("app.test.:80", ("app.test", 80)),
        ("[::1]", ("::1", None)),
        ("[::0001]:443", ("::1", 443)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("a-b_c.d:0", ("a-b_c.d", 0)),
        (".", (".", None)),
    ],
)
def test_an_authority_is_split_into_host_and_port(authority: str, split: tuple[str, int | None]) -> None:
    assert split_host(authority) == split


@pytest.mark.parametrize(
    "authority",
    [
        "",
        ":80",
        "a:",
        "a:65536",
        "a:-1",
        "a:٣",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "u@a",
        "a\\b",
        "[a",
        "a]",
        "[]",
        "[1.2.3.4]",
        "::1",
        "[::1]x",
        "a:80:80",
        "a\n",
        "a:80\n",
        'a"b',
        "a\x00b",
        "a\x7fb",
    ],
)
def test_what_is_no_authority_is_refused(authority: str) -> None:
    with pytest.raises(ValueError, match=r"not a|'"):
        split_host(authority)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("notlocalhost", False),
        ("localhost.", False),
        ("0.0.0.0", False),
        ("::", False),
        ("127.1", False),
        ("2130706433", False),
        ("0x7f.0.0.1", False),
        ("192.168.0.1", False),
        ("", False),
    ],
)
def test_only_this_machines_own_names_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_unix_path_with_too_many_slashes_has_one_spelling() -> None:
    assert parse_target("unix:////run/a.sock") == parse_target("unix:/run/a.sock")
    assert parse_target(str(parse_target("unix:////run/a.sock"))).path == "/run/a.sock"


def test_a_name_that_ends_in_two_dots_is_no_host() -> None:
    with pytest.raises(UsageError, match="is not a host name"):
        parse_target("http://app..")
