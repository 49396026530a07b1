"""`--mtls` under attack: certificates that look like one of a guest, and are not."""

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.files import Layout
from tests.lan.guests import LetIn, let_in
from tests.lan.network import SERVER, Network
from tests.lan.service import SECRET, Service
from tests.lan.shares import RULES, Shared

pytestmark = pytest.mark.lan
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def share(hosts: Network, counted: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("share")
    with Shared(hosts, counted.port, folder, *RULES["certificate"](folder)) as running:
        yield running


@pytest.fixture(scope="module")
def guest(share: Shared) -> LetIn:
    return let_in(share, "certificate")


def made(
    folder: Path, signer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None, usage: x509.ObjectIdentifier, ended: bool
) -> Path:
    """Make a certificate for "guest" and its key, in one file; its own signer unless one is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "guest")])
    issuer, with_key = signer or (name, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(issuer).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 3 * DAY).not_valid_after(NOW - DAY if ended else NOW + DAY)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(with_key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "shown.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def authority(share: Shared) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
    """Return the share's own root and its key, as nobody else has it: to make what it would never make."""
    layout = Layout(share.folder / "authority")
    root = x509.load_pem_x509_certificate(layout.root.read_bytes())
    key = serialization.load_pem_private_key(layout.root_key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return root.subject, key


def is_out(share: Shared, file: Path | None, service: Service) -> bool:
    """Whether nothing is had with a certificate: refused in the handshake, or by the gate."""
    context = share.context()
    if file is not None:
        context.load_cert_chain(file)
    service.forget()
    try:
        answer = LetIn(share, context=context).ask(b"/secret")
    except (ssl.SSLError, ConnectionError):
        return service.connections == 0
    return answer.status in (0, 401, 403) and service.connections == 0


def test_a_certificate_of_ours_lets_in_and_says_who_it_is(guest: LetIn, service: Service) -> None:
    assert guest.ask(b"/mine", b"X-Forwarded-User: admin").body == SECRET

    [head] = service.heads
    assert b"X-Forwarded-User: guest\r\n" in head
    assert b"admin" not in head


def test_none_lets_nobody_in(share: Shared, service: Service) -> None:
    assert is_out(share, None, service)


def test_one_of_another_authority_lets_nobody_in(share: Shared, service: Service, tmp_path: Path) -> None:
    other = trustme.CA(key_type=trustme.KeyType.ECDSA)
    leaf = other.issue_cert("guest", common_name="guest", key_type=trustme.KeyType.ECDSA)
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "other.pem")

    assert is_out(share, tmp_path / "other.pem", service)


def test_one_of_its_own_making_lets_nobody_in(share: Shared, service: Service, tmp_path: Path) -> None:
    assert is_out(share, made(tmp_path, None, ExtendedKeyUsageOID.CLIENT_AUTH, ended=False), service)


def test_one_whose_authority_only_has_our_name_lets_nobody_in(share: Shared, service: Service, tmp_path: Path) -> None:
    name, _ = authority(share)
    forged = (name, ec.generate_private_key(ec.SECP256R1()))

    assert is_out(share, made(tmp_path, forged, ExtendedKeyUsageOID.CLIENT_AUTH, ended=False), service)


def test_one_that_has_ended_lets_nobody_in(share: Shared, service: Service, tmp_path: Path) -> None:
    assert is_out(share, made(tmp_path, authority(share), ExtendedKeyUsageOID.CLIENT_AUTH, ended=True), service)


def test_one_for_servers_lets_nobody_in(share: Shared, service: Service, tmp_path: Path) -> None:
    """What any front of ours serves with is signed by the same authority."""
    assert is_out(share, made(tmp_path, authority(share), ExtendedKeyUsageOID.SERVER_AUTH, ended=False), service)


def test_one_that_was_revoked_lets_nobody_in_not_even_by_a_session_of_before(
    hosts: Network, share: Shared, guest: LetIn, service: Service
) -> None:
    assert guest.context is not None
    share.run("cert", "--client", "lost", "--output", str(share.folder))
    context = share.context()
    context.load_cert_chain(share.folder / "lost.pem")
    lost = LetIn(share, context=context)
    with (
        hosts.visitor.connect(SERVER, share.port) as plain,
        context.wrap_socket(plain, server_hostname=SERVER) as first,
    ):
        first.sendall(b"GET /x HTTP/1.1\r\nHost: %b\r\n\r\n" % share.authority.encode())
        assert SECRET in first.recv(65536)
        session = first.session
    [number] = [device["number"] for device in share.standing()["devices"] if device["name"] == "lost"]
    share.order("revoke", str(number))
    service.forget()

    assert lost.ask(b"/again").status == 403
    with (
        hosts.visitor.connect(SERVER, share.port) as plain,
        context.wrap_socket(plain, server_hostname=SERVER, session=session) as resumed,
    ):
        resumed.sendall(b"GET /x HTTP/1.1\r\nHost: %b\r\n\r\n" % share.authority.encode())
        assert resumed.recv(65536).startswith(b"HTTP/1.1 403 ")
    assert service.connections == 0
    assert guest.ask(b"/still").body == SECRET
