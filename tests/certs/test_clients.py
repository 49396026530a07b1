"""Client certificates: who shows one of ours is known by name, and nothing else passes for one."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import pkcs12

from certs import files, limits
from certs.authority import Authority, Client
from certs.contexts import ServerContexts, trusting
from certs.errors import CertsError

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def contexts(folder: Path) -> ServerContexts:
    return ServerContexts(folder, serves=lambda name: True, clients=True)


def showing(folder: Path, pem: bytes | None, tmp_path: Path, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Return a client's context that shows this certificate."""
    context = trusting(folder)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if pem is not None:
        path = tmp_path / "client.pem"
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return context


def name_in(shown: object) -> str:
    assert isinstance(shown, dict)
    return dict(pair for part in shown["subject"] for pair in part)["commonName"]


@pytest.mark.parametrize("name", ["alice", "Build server 3", "grüße", "alice@office", "a" * 64])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_is_known_by_its_name(folder, handshake, tmp_path, name, version):
    served = contexts(folder)
    pem = Authority.load_or_make(folder).issue_client(name).pem

    talk = handshake(served.base, showing(folder, pem, tmp_path, version), "localhost")

    assert name_in(talk.server.getpeercert()) == name


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_is_still_the_same_clients(folder, handshake, tmp_path, version):
    served = contexts(folder)
    context = showing(folder, Authority.load_or_make(folder).issue_client("alice").pem, tmp_path, version)
    first = handshake(served.base, context, "localhost")

    again = handshake(served.base, context, "localhost", first.client.session)

    assert again.client.session_reused
    assert name_in(again.server.getpeercert()) == "alice"


def test_who_shows_none_is_let_into_the_handshake_and_named_nothing(folder, handshake, tmp_path):
    talk = handshake(contexts(folder).base, showing(folder, None, tmp_path), "localhost")

    assert not talk.server.getpeercert()


def test_who_was_not_asked_shows_nothing(folder, handshake, tmp_path):
    served = ServerContexts(folder, serves=lambda name: True)
    pem = Authority.load_or_make(folder).issue_client("alice").pem

    assert handshake(served.base, showing(folder, pem, tmp_path), "localhost").server.getpeercert() is None


def refused(folder: Path, handshake: object, pem: bytes, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLError):
        handshake(contexts(folder).base, showing(folder, pem, tmp_path), "localhost")  # type: ignore[operator]


def test_a_servers_certificate_is_no_clients(folder, handshake, tmp_path):
    refused(folder, handshake, Authority.load_or_make(folder).issue(["localhost"]).pem, tmp_path)


def test_another_authoritys_certificate_is_none_of_ours(folder, handshake, tmp_path):
    refused(folder, handshake, Authority.load_or_make(tmp_path / "another").issue_client("alice").pem, tmp_path)
    foreign = trustme.CA().issue_cert("alice@office").private_key_and_cert_chain_pem.bytes()
    refused(folder, handshake, foreign, tmp_path)


def test_an_old_certificate_is_refused(folder, clock, handshake, tmp_path):
    authority = Authority.load_or_make(folder, now=lambda: clock() - limits.CLIENT_LIFETIME - 10)
    pem = authority.issue_client("alice", now=lambda: clock() - limits.CLIENT_LIFETIME - 5).pem
    refused(folder, handshake, pem, tmp_path)


def test_no_server_can_use_it(folder, handshake, tmp_path):
    path = tmp_path / "server.pem"
    path.write_bytes(Authority.load_or_make(folder).issue_client("localhost").pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)

    with pytest.raises(ssl.SSLError, match=r"purpose|unsupported|mismatch|not valid"):
        handshake(server, trusting(folder), "localhost")


def test_it_lasts_as_long_as_it_should(folder, clock):
    client = Authority.load_or_make(folder, now=clock).issue_client("alice", now=clock)

    assert client.expires == clock() - limits.BACKDATED + limits.CLIENT_LIFETIME - 1
    assert "PRIVATE" not in repr(client)


@pytest.mark.parametrize(
    "name", ["", " alice", "alice ", "a" * 65, "a\nb", "a/b", "a\\b", 'a"b', "\x1b[2J", "ü" * 33, "a,b"]
)
def test_what_is_no_name_is_refused_with_the_cure(folder, name):
    with pytest.raises(CertsError, match="cannot be a client's name"):
        Authority.load_or_make(folder).issue_client(name)


def test_a_name_that_looks_like_a_hosts_is_refused_before_openssl_refuses_it_under_our_root(folder):
    with pytest.raises(CertsError) as raised:
        Authority.load_or_make(folder).issue_client("alice.smith")

    assert "alice-smith" in raised.value.hint


def opened(client: Client, password: str) -> tuple[object, object]:
    key, certificate, _ = pkcs12.load_key_and_certificates(client.p12(password), password.encode())
    return key, certificate


def test_the_file_for_phones_opens_with_its_password_alone(folder):
    client = Authority.load_or_make(folder).issue_client("alice")
    key, certificate = opened(client, "k7qd-m2xw")

    assert certificate == client.certificate
    assert key.public_key() == client.key.public_key()  # type: ignore[attr-defined]
    with pytest.raises(ValueError):
        pkcs12.load_key_and_certificates(client.p12("k7qd-m2xw"), b"wrong")


@pytest.mark.skipif(not shutil.which("pk12util"), reason="NSS's pk12util is not here: apt install libnss3-tools")
def test_firefox_and_chromium_can_take_it(folder, tmp_path):
    client = Authority.load_or_make(folder).issue_client("alice")
    path = tmp_path / "alice.p12"
    path.write_bytes(client.p12("k7qd-m2xw"))
    database = f"sql:{tmp_path}"
    subprocess.run(["certutil", "-d", database, "-N", "--empty-password"], check=True)
    argv = ["pk12util", "-d", database, "-i", str(path), "-W", "k7qd-m2xw", "-K", ""]

    done = subprocess.run(argv, capture_output=True, text=True)

    assert "IMPORT SUCCESSFUL" in done.stdout, done.stdout + done.stderr


def test_openssl_takes_it_for_a_client_and_for_nothing_else(folder, tmp_path):
    client = Authority.load_or_make(folder).issue_client("alice")
    path = tmp_path / "alice.pem"
    path.write_bytes(client.pem)
    root = str(files.Layout(folder).root)

    def verdict(purpose: str) -> str:
        argv = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", root, str(path)]
        done = subprocess.run(argv, capture_output=True, text=True)
        return done.stdout + done.stderr

    assert verdict("sslclient").endswith(": OK\n")
    for purpose in ("sslserver", "smimesign", "crlsign"):
        assert "OK" not in verdict(purpose)
