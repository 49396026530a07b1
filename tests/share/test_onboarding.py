"""Onboarding: what a phone gets before it trusts us, byte by byte. How the page looks is for test_onboarding_page."""

import base64
import hashlib
import plistlib
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from certs import pem
from certs.authority import Authority
from certs.files import Layout
from tests.helpers.servers import needed
from tunnel.share import onboarding
from tunnel.share.onboarding import Onboarding, device_of
from tunnel.share.words import fingerprint_pairs, fingerprint_words

URL = "https://192.0.2.20:62893"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148"
PIXEL = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, made as the command makes it."""
    return Authority.load_or_make(tmp_path_factory.mktemp("authority"), owner="me@laptop").folder


@pytest.fixture(scope="module")
def root(folder: Path) -> bytes:
    return pem.certificates(Layout(folder).root.read_bytes())[0]


@pytest.fixture(scope="module")
def given(root: bytes) -> Onboarding:
    return Onboarding(root, url=URL, name="laptop")


def _body(given: Onboarding, path: str) -> bytes:
    answer = given(path)
    assert answer is not None
    return answer[1]


def test_the_certificate_is_the_root_itself_with_the_type_that_phones_act_upon(given: Onboarding, root: bytes) -> None:
    assert given("/.tunnel/root.crt") == ("application/x-x509-ca-cert", root)


def test_what_is_handed_out_holds_no_key(given: Onboarding, folder: Path) -> None:
    key = re.sub(rb"\s", b"", Layout(folder).root_key.read_bytes().split(b"-----")[2])
    for path in ("/", "/.tunnel/root.crt", "/.tunnel/root.mobileconfig", "/.tunnel/trust"):
        body = _body(given, path)
        assert b"PRIVATE" not in body
        assert key[:40] not in re.sub(rb"\s", b"", body)


def test_openssl_reads_the_certificate_as_an_authority(given: Onboarding, tmp_path: Path) -> None:
    path = tmp_path / "root.crt"
    path.write_bytes(_body(given, "/.tunnel/root.crt"))
    argv = [needed("openssl", "openssl"), "x509", "-inform", "der", "-in", str(path), "-noout", "-text"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    assert "CA:TRUE" in told
    assert "me@laptop" in told


def test_the_profile_carries_the_root_as_apple_describes_it(given: Onboarding, root: bytes) -> None:
    kind, body = given("/.tunnel/root.mobileconfig") or ("", b"")
    profile = plistlib.loads(body)
    (payload,) = profile["PayloadContent"]

    assert kind == "application/x-apple-aspen-config"
    assert (profile["PayloadType"], profile["PayloadVersion"]) == ("Configuration", 1)
    assert (payload["PayloadType"], payload["PayloadVersion"]) == ("com.apple.security.root", 1)
    assert payload["PayloadContent"] == root
    assert payload["PayloadIdentifier"].startswith(profile["PayloadIdentifier"] + ".")
    assert payload["PayloadUUID"] != profile["PayloadUUID"]
    assert all(str(uuid.UUID(each["PayloadUUID"])).upper() == each["PayloadUUID"] for each in (profile, payload))
    assert not profile["PayloadRemovalDisallowed"]
    assert fingerprint_pairs(hashlib.sha256(root).hexdigest()) in profile["PayloadDescription"]


def test_the_same_root_replaces_its_profile_and_another_stands_beside_it(root: bytes, tmp_path: Path) -> None:
    other = pem.certificates(Layout(Authority.load_or_make(tmp_path).folder).root.read_bytes())[0]

    def ids(certificate: bytes, url: str) -> set[str]:
        profile = plistlib.loads(_body(Onboarding(certificate, url=url, name="laptop"), "/.tunnel/root.mobileconfig"))
        return {
            each[key] for each in (profile, *profile["PayloadContent"]) for key in ("PayloadUUID", "PayloadIdentifier")
        }

    assert ids(root, URL) == ids(root, "https://192.0.2.99:1")
    assert not ids(root, URL) & ids(other, URL)


@pytest.mark.parametrize(
    "path", ["", "/.tunnel/", "/.tunnel/join", "/root.crt", "/.tunnel/root.crt/", "/.tunnel/ROOT.CRT", "//", "/?x"]
)
def test_nothing_else_is_handed_out(given: Onboarding, path: str) -> None:
    assert given(path) is None


def test_the_page_shows_the_fingerprint_in_words_and_digits_and_leads_on_to_https(
    given: Onboarding, root: bytes
) -> None:
    kind, body = given("/") or ("", b"")
    page = body.decode()
    text = re.sub(r"<[^>]*>", "", page)
    fingerprint = hashlib.sha256(root).hexdigest()

    assert kind == "text/html; charset=utf-8"
    assert all(f"<li>{word}</li>" in page for word in fingerprint_words(fingerprint).split())
    assert fingerprint_pairs(fingerprint) in re.sub(r"(?<=[0-9A-F]{2}) (?=[0-9A-F]{2})", ":", text)
    assert f'href="{URL}/"' in page
    assert 'href="/.tunnel/root.crt"' in page
    assert 'href="/.tunnel/root.mobileconfig"' in page


def test_the_page_runs_nothing_and_asks_nobody_else(given: Onboarding) -> None:
    page = _body(given, "/").decode()

    assert not re.search(r"<script|<form|<iframe|<img|<object|\son\w+=|javascript:|style=", page, re.IGNORECASE)
    assert {link for link in re.findall(r'(?:href|src)="([^"]*)"', page) if not link.startswith("/.tunnel/")} == {
        URL + "/",
        "data:,",
    }


def test_the_policy_allows_the_style_that_stands_in_the_page_and_no_script(given: Onboarding) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", _body(given, "/").decode(), re.DOTALL)
    made = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{made}';" in onboarding.POLICY
    assert "default-src 'none'" in onboarding.POLICY
    assert "script" not in onboarding.POLICY
    assert "frame-ancestors 'none'" in onboarding.POLICY


@pytest.mark.parametrize("name", ['<img src="x">', "a\x1b[31mb\x00c", "x" * 500, "", "\u202eevil"])
def test_a_machines_name_can_break_neither_the_page_nor_the_profile(root: bytes, name: str) -> None:
    given = Onboarding(root, url=URL, name=name)
    page = _body(given, "/").decode()

    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert plistlib.loads(_body(given, "/.tunnel/root.mobileconfig"))["PayloadVersion"] == 1


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (IPHONE, "apple"),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X)", "apple"),
        (PIXEL, "android"),
        (WINDOWS, "computer"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "computer"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0)", "computer"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_the_steps_for_the_device_that_asks_are_open(given: Onboarding, agent: str, device: str) -> None:
    answer = given("/", agent)
    assert answer is not None
    opened = re.findall(r"<details[^>]* open>\s*<summary>([^<,]*)", answer[1].decode())

    assert device_of(agent) == device
    assert opened == {"apple": ["iPhone"], "android": ["Android"], "computer": ["Computer"], "": []}[device]
