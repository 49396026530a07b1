"""What verifiers make of our certificates: OpenSSL, Python's strict mode and NSS, not our own reading of the RFC."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs import files, limits, profiles
from certs.authority import Authority
from certs.contexts import trusting
from certs.names import parse

LOCAL = ["localhost", "deep.app.localhost", "app.test", "printer.local", "db.internal", "nas.home.arpa"]
LOCAL_ADDRESSES = ["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.31.0.1", "192.168.1.5", "169.254.7.7"]
LOCAL_ADDRESSES += ["::1", "fd00::1", "fe80::1", "100.64.0.1", "100.127.255.254"]
FOREIGN = ["google.com", "mylocalhost", "test.com", "localhost.evil.com", "arpa"]
FOREIGN_ADDRESSES = ["8.8.8.8", "172.32.0.1", "::2", "2001:db8::1", "100.63.255.255", "100.128.0.1"]


def forge(authority: Authority, name: str, now: float) -> x509.Certificate:
    """What a thief of the root's key would sign: no rule of ours is asked."""
    key = profiles.new_key().public_key()
    return profiles.leaf_certificate(key, [parse(name)], root=authority.certificate, root_key=authority.key, now=now)


def openssl_verdict(folder: Path, name: str, now: float, tmp_path: Path) -> str:
    authority = Authority.load_or_make(folder)
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(forge(authority, name, now).public_bytes(Encoding.PEM))
    kind = "-verify_ip" if name in LOCAL_ADDRESSES + FOREIGN_ADDRESSES else "-verify_hostname"
    root = str(files.Layout(folder).root)
    argv = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root, kind, name, str(leaf)]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", LOCAL + LOCAL_ADDRESSES)
def test_openssl_accepts_our_signature_on_a_local_name(folder, clock, tmp_path, name):
    assert limits.permits(parse(name), Authority.load_or_make(folder).der)
    assert openssl_verdict(folder, name, clock(), tmp_path).endswith(": OK\n")


@pytest.mark.parametrize("name", FOREIGN + FOREIGN_ADDRESSES)
def test_openssl_refuses_our_signature_on_any_other_name(folder, clock, tmp_path, name):
    assert not limits.permits(parse(name), Authority.load_or_make(folder).der)
    assert "permitted subtree violation" in openssl_verdict(folder, name, clock(), tmp_path)


@pytest.mark.skipif(not shutil.which("certutil"), reason="needs certutil, from libnss3-tools")
@pytest.mark.parametrize(
    "name, verdict", [("app.test", "certificate is valid"), ("google.com", "not permitted to issue")]
)
def test_nss_holds_to_the_constraints_too(folder, clock, tmp_path, name, verdict):
    authority = Authority.load_or_make(folder)
    (tmp_path / "nssdb").mkdir()
    (tmp_path / "leaf.pem").write_bytes(forge(authority, name, clock()).public_bytes(Encoding.PEM))

    def certutil(*arguments: str) -> str:
        argv = ["certutil", "-d", f"sql:{tmp_path / 'nssdb'}", *arguments]
        done = subprocess.run(argv, capture_output=True, text=True)
        return done.stdout + done.stderr

    certutil("-N", "--empty-password")
    certutil("-A", "-n", "root", "-t", "C,,", "-i", str(files.Layout(folder).root))
    certutil("-A", "-n", "leaf", "-t", ",,", "-i", str(tmp_path / "leaf.pem"))

    assert verdict in certutil("-V", "-n", "leaf", "-u", "V", "-e")


def test_a_root_signs_no_other_authority(folder, clock, tmp_path):
    root = Authority.load_or_make(folder)
    key = profiles.new_key()
    below = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "below")]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(root.certificate.not_valid_before_utc)
        .not_valid_after(root.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(root.key, SHA256())
    )
    leaf = profiles.leaf_certificate(key.public_key(), [parse("a.test")], root=below, root_key=key, now=clock())
    (tmp_path / "below.pem").write_bytes(below.public_bytes(Encoding.PEM))
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))

    argv = ["openssl", "verify", "-CAfile", str(files.Layout(folder).root), "-untrusted", str(tmp_path / "below.pem")]
    done = subprocess.run([*argv, str(tmp_path / "leaf.pem")], capture_output=True, text=True)

    assert "path length constraint exceeded" in done.stderr


def extensions(certificate: x509.Certificate) -> dict[str, bool]:
    return {extension.oid._name: extension.critical for extension in certificate.extensions}


def test_a_root_has_these_extensions_critical_where_the_rfc_says_so(folder):
    assert extensions(Authority.load_or_make(folder).certificate) == {
        "basicConstraints": True,
        "keyUsage": True,
        "nameConstraints": True,
        "subjectKeyIdentifier": False,
        "authorityKeyIdentifier": False,
    }


def test_a_leaf_has_these_extensions_and_a_critical_name_because_its_subject_is_empty(folder, clock):
    leaf = forge(Authority.load_or_make(folder), "a.test", clock())

    assert not list(leaf.subject)
    assert extensions(leaf) == {
        "subjectAltName": True,
        "basicConstraints": True,
        "keyUsage": True,
        "extendedKeyUsage": False,
        "authorityKeyIdentifier": False,
        "subjectKeyIdentifier": False,
    }


def test_a_leaf_lives_a_week_to_the_second_and_is_an_hour_old_at_birth(folder, clock):
    leaf = forge(Authority.load_or_make(folder), "a.test", clock())

    start, end = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    assert start == clock() - 3600
    assert end - start + 1 == 7 * 24 * 3600


def served_with(authority: Authority, name: str, now: float, tmp_path: Path) -> ssl.SSLContext:
    key = profiles.new_key()
    leaf = profiles.leaf_certificate(
        key.public_key(), [parse(name)], root=authority.certificate, root_key=authority.key, now=now
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + leaf.public_bytes(Encoding.PEM)
    (tmp_path / "served.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "served.pem")
    return context


@pytest.mark.parametrize("name", ["app.test", "localhost", "::1"])
def test_pythons_strict_check_accepts_a_local_name(folder, clock, tmp_path, name, handshake):
    server = served_with(Authority.load_or_make(folder), name, clock(), tmp_path)

    assert handshake(server, trusting(folder), name).names == [name]


@pytest.mark.parametrize("name", FOREIGN + FOREIGN_ADDRESSES)
def test_pythons_strict_check_refuses_any_other_name(folder, clock, tmp_path, name, handshake):
    server = served_with(Authority.load_or_make(folder), name, clock(), tmp_path)

    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(server, trusting(folder), name)
