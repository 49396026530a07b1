"""Repair: what names the upstream is made true of the front, each repair is told, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.servers import within
from tunnel.model.address import parse_target
from tunnel.model.headers import Headers
from tunnel.rules.repair import Repair

HOST = b"localhost:62893"
FRONT = b"https://localhost:62893"


def repaired(
    name: bytes, value: bytes, *, target: str = "3000", host: bytes = HOST, tls: bool = True
) -> tuple[list[bytes], tuple[str, ...]]:
    headers, told = Repair(parse_target(target)).answer(Headers([(b"X", b"1"), (name, value)]), host=host, tls=tls)
    assert headers.get(b"x") == b"1"
    return headers.all(name.lower()), told


@pytest.mark.parametrize(
    ("value", "mended"),
    [
        (b"http://localhost:3000/a?b#c", FRONT + b"/a?b#c"),
        (b"http://127.0.0.1:3000/", FRONT + b"/"),
        (b"http://[::1]:3000", FRONT),
        (b"http://0.0.0.0:3000/x", FRONT + b"/x"),
        (b"HTTP://LocalHost:3000/x", FRONT + b"/x"),
        (b"http://localhost.:3000/x", FRONT + b"/x"),
        (b"https://localhost:3000/x", FRONT + b"/x"),
        (b"//localhost:3000/x", FRONT + b"/x"),
        (b"http://localhost:3000?next=http://localhost:3000/", FRONT + b"?next=http://localhost:3000/"),
    ],
)
@pytest.mark.parametrize("name", [b"Location", b"Content-Location"])
def test_a_url_that_names_the_upstream_is_pointed_at_the_front(name: bytes, value: bytes, mended: bytes) -> None:
    assert repaired(name, value) == ([mended], (f"{name.decode()} named the upstream's own address",))


@pytest.mark.parametrize(
    "value",
    [
        b"/path", b"path", b"?x", b"#x", b"", b"https://example.com/", b"http://localhost/", b"http://localhost:3001/",
        b"https://localhost/", b"http://localhost:62893/", b"http://localhost:3000@evil.example/",
        b"http://localhost:3000\\@evil.example/", b"http://evil.example/?http://localhost:3000/",
        b"//evil.example:3000/",
        b"http://app.localhost:3000/", b"http://localhost:3000.evil.example/", b"http://localhost:03000x/",
        b"ftp://localhost:3000/",
        b"javascript:http://localhost:3000/", b"http:///localhost:3000/", b"http:/localhost:3000",
        b"/redirect?to=//localhost:3000",
        b"http://\xff:3000/", b"http://[::1/", b"///localhost:3000/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [b"Location", b"Content-Location", b"Access-Control-Allow-Origin"])
def test_any_other_url_is_left_alone(name: bytes, value: bytes) -> None:
    assert repaired(name, value) == ([value], ())


@pytest.mark.parametrize(
    ("target", "value", "mended"),
    [
        ("http://app.test", b"http://app.test/x", FRONT + b"/x"),
        ("http://app.test", b"http://app.test:80/x", FRONT + b"/x"),
        ("http://app.test", b"http://app.test:81/x", b"http://app.test:81/x"),
        ("http://app.test", b"http://localhost/x", b"http://localhost/x"),
        ("https://app.test", b"https://app.test/x", FRONT + b"/x"),
        ("https://app.test", b"//app.test/x", FRONT + b"/x"),
        ("https://app.test", b"http://app.test/x", b"http://app.test/x"),
        ("unix:/a.sock", b"http://localhost/x", FRONT + b"/x"),
        ("unix:/a.sock", b"http://localhost:3000/x", b"http://localhost:3000/x"),
    ],
)
def test_what_names_the_upstream_depends_on_the_target(target: str, value: bytes, mended: bytes) -> None:
    assert repaired(b"Location", value, target=target)[0] == [mended]


def test_a_plain_front_is_named_plainly() -> None:
    assert repaired(b"Location", b"http://localhost:3000/", tls=False)[0] == [b"http://localhost:62893/"]


def test_a_cross_origin_permission_for_the_upstream_is_one_for_the_front() -> None:
    assert repaired(b"Access-Control-Allow-Origin", b"http://localhost:3000")[0] == [FRONT]
    assert repaired(b"Access-Control-Allow-Origin", b"*") == ([b"*"], ())


@pytest.mark.parametrize(
    ("value", "mended"),
    [
        (b"0; url=http://localhost:3000/x", b"0; url=" + FRONT + b"/x"),
        (b"5;URL='http://localhost:3000/x'", b"5;URL='" + FRONT + b"/x'"),
        (b"0.5, url = http://localhost:3000", b"0.5, url = " + FRONT),
        (b"0; url=/x", b"0; url=/x"),
        (b"5", b"5"),
        (
            b"0; url=https://example.com/?u=http://localhost:3000/",
            b"0; url=https://example.com/?u=http://localhost:3000/",
        ),
    ],
)
def test_a_refresh_is_a_redirect_too(value: bytes, mended: bytes) -> None:
    assert repaired(b"Refresh", value)[0] == [mended]


@pytest.mark.parametrize(
    ("value", "mended", "said"),
    [
        (b"a=b; Path=/; HttpOnly", b"a=b; Path=/; HttpOnly", ""),
        (b"a=b; Domain=app.test; Path=/", b"a=b; Path=/", "Domain"),
        (b"a=b;domain=.APP.test;path=/", b"a=b; path=/", "Domain"),
        (b"a=b; Domain=example.com", b"a=b; Domain=example.com", ""),
        (b"a=b; Secure", b"a=b; Secure", ""),
        (b"a=b; SameSite=None; Secure", b"a=b; SameSite=None; Secure", ""),
        (b"a=b;Path=/ ;  Secure", b"a=b;Path=/ ;  Secure", ""),
        (b"", b"", ""),
    ],
)
def test_a_cookie_of_the_upstreams_domain_becomes_the_fronts(value: bytes, mended: bytes, said: str) -> None:
    cookies, told = repaired(b"Set-Cookie", value, target="https://app.test")

    assert cookies == [mended]
    assert (said in told[0]) if said else not told


@pytest.mark.parametrize(
    ("host", "domain", "kept"),
    [
        (b"app.test:62893", b"app.test", True),
        (b"www.app.test", b"app.test", True),
        (b"localhost", b"app.test", False),
        (b"xapp.test", b"app.test", False),
    ],
)
def test_a_domain_that_covers_the_clients_host_stays(host: bytes, domain: bytes, kept: bool) -> None:
    value = b"a=b; Domain=" + domain

    assert repaired(b"Set-Cookie", value, target="https://app.test", host=host)[0] == [value if kept else b"a=b"]


@pytest.mark.parametrize(
    ("value", "mended"),
    [
        (b"a=b; Secure; Path=/", b"a=b; Path=/"),
        (b"a=b; secure; SameSite=None", b"a=b"),
        (b"a=b; SameSite=Lax; Secure", b"a=b; SameSite=Lax"),
        (b"__Secure-a=b; Secure", b"__Secure-a=b; Secure"),
        (b"__Host-a=b; Secure; Path=/", b"__Host-a=b; Secure; Path=/"),
    ],
)
def test_a_secure_cookie_is_kept_honest_on_a_plain_way(value: bytes, mended: bytes) -> None:
    """Dropped only where the upstream's way is TLS and the client's is plain, and no prefix of the name demands it."""
    assert repaired(b"Set-Cookie", value, target="https://app.test", tls=False)[0] == [mended]
    assert repaired(b"Set-Cookie", value, target="https://app.test", tls=True)[0] == [value]
    assert repaired(b"Set-Cookie", value, target="http://app.test", tls=False)[0] == [value]


@pytest.mark.parametrize(
    ("host", "gone"),
    [(b"localhost:1", True), (b"127.0.0.1", True), (b"[::1]:1", True), (b"a.localhost", True), (b"app.test", False)],
)
@pytest.mark.parametrize(("name", "value"), [(b"Strict-Transport-Security", b"max-age=1"), (b"Alt-Svc", b'h3=":443"')])
def test_policies_that_would_outlive_us_are_kept_off_loopback_names(
    host: bytes, gone: bool, name: bytes, value: bytes
) -> None:
    values, told = repaired(name, value, host=host)

    assert values == ([] if gone else [value])
    assert bool(told) is gone


def test_each_repair_is_told_and_order_is_kept() -> None:
    fields = [
        (b"Location", b"http://localhost:3000/"), (b"X", b"1"), (b"Set-Cookie",
        b"a=b"), (b"Alt-Svc", b"x"), (b"set-cookie", b"c=d"),
    ]  # fmt: skip

    headers, told = Repair(parse_target("3000")).answer(Headers(fields), host=HOST, tls=True)

    assert list(headers) == [
        (b"Location", FRONT + b"/"),
        (b"X", b"1"),
        (b"Set-Cookie", b"a=b"),
        (b"set-cookie", b"c=d"),
    ]
    assert [sentence.split()[0] for sentence in told] == ["Location", "Alt-Svc"]


def test_an_answer_with_nothing_to_mend_is_the_same_object() -> None:
    headers = Headers([(b"X", b"1"), (b"Location", b"/x")])

    assert Repair(parse_target("3000")).answer(headers, host=HOST, tls=True)[0] is headers


FOREIGN = st.builds(
    lambda scheme, host, rest: scheme + host + rest,
    st.sampled_from([b"http://", b"https://", b"//", b"HTTP://", b"", b"/", b"http:"]),
    st.one_of(
        st.sampled_from(
            [
                b"example.com",
                b"localhost:3001",
                b"u@localhost:3000",
                b"localhost:3000@e",
                b"localhost:3000.e",
                b"e:3000",
            ]
        ),
        st.binary(max_size=12),
    ),
    st.sampled_from(
        [b"", b"/", b"/localhost:3000", b"?//localhost:3000/", b"#http://localhost:3000", b"@localhost:3000/", b"\\x"]
    ),
)


@given(FOREIGN, st.sampled_from([b"Location", b"Refresh", b"Set-Cookie", b"Access-Control-Allow-Origin"]))
def test_a_foreign_url_is_never_touched(url: bytes, name: bytes) -> None:
    if b"localhost:3000" in url.split(b"/", 3)[2:3]:
        return  # it does name the upstream
    value = b"0; url=" + url if name == b"Refresh" else b"a=" + url.replace(b";", b"") if name == b"Set-Cookie" else url

    assert repaired(name, value) == ([value], ())


def test_a_cookie_full_of_spaces_holds_nobody_up() -> None:
    value = b"a" + b" " * 1_000_000 + b"b; Domain=localhost"

    with within(10):  # it takes milliseconds; a search that begins anew at each space took ten minutes
        assert repaired(b"Set-Cookie", value, host=b"app.test")[0] == [value.removesuffix(b"; Domain=localhost")]


def test_a_mended_cookie_has_no_empty_attributes() -> None:
    assert repaired(b"Set-Cookie", b"a=b;; Domain=localhost; Path=/ ;;", host=b"app.test")[0] == [b"a=b; Path=/"]


@pytest.mark.parametrize("name", [b"Strict-Transport-Security", b"Alt-Svc"])
def test_a_policy_outlives_no_share_whatever_its_name(name: bytes) -> None:
    """A device would refuse plain HTTP, and any other certificate, on this machine's `.local` name for a year."""
    fields = Headers([(name, b"max-age=31536000")])

    shared = Repair(parse_target("3000"), passing=True).answer(fields, host=b"anna.local:62893", tls=True)

    assert list(shared[0]) == [] and "outlive this share" in shared[1][0]
    assert Repair(parse_target("3000")).answer(fields, host=b"anna.test", tls=True) == (fields, ())
