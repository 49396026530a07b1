"""What a root and a leaf contain: key kind, usages, constraints, identifiers, each with its source.

Leaves lifetimes and permitted names to `limits.py`, storage to `files.py`, and who asks for what to `authority.py`.
Sources: RFC 5280 is the format; "BR" are the CA/B Forum Baseline Requirements 2.x, which bind public authorities only
but say what browsers are used to.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.limits import BACKDATED, CLIENT_LIFETIME, LEAF_LIFETIME, PERMITTED_DOMAINS, PERMITTED_NETWORKS, ROOT_LIFETIME
from certs.names import DnsName, Name

ORGANIZATION = "Local development authority"

# RFC 5280 appendix A.1, ub-common-name.  Counted in bytes to be on the safe side, as cryptography does.
LONGEST_COMMON_NAME = 64


def new_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key, for roots and leaves alike.

    Every TLS client has P-256 (RFC 8446 §9.1 makes it mandatory), and it is made in well under a millisecond, where an
    RSA key takes a hundred: leaves are made during a handshake, with the client waiting.
    """
    return ec.generate_private_key(ec.SECP256R1())


def root_certificate(key: ec.EllipticCurvePrivateKey, *, owner: str, now: float) -> x509.Certificate:
    """A self-signed root that can sign leaves for local names and nothing else.

    Args:
      key: The root's key; it signs its own certificate.
      owner: Whose root this is, "user@host": people see it in trust stores, and tell two machines apart by it.
      now: Seconds since 1970, UTC.
    """
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Six digits of the key: two roots of one person must not have one name, or verifiers pick the wrong one.
    # iOS lists a root under "Certificate Trust Settings" only when it has a common name (mkcert, cert.go newCA).
    short_owner = owner.encode(errors="replace")[: LONGEST_COMMON_NAME - 7].decode(errors="ignore")
    common_name = f"{short_owner} {identifier.digest.hex()[:6]}"
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    builder = _builder(subject, subject, key.public_key(), now, ROOT_LIFETIME)
    # RFC 5280 §4.2.1.9: critical.  Path length 0: this root signs leaves, never another authority.
    # (BR §7.1.2.1.4 would leave it out, since public roots sign authorities only.)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    # RFC 5280 §4.2.1.3, BR §7.1.2.10.7: what an authority does, and not digitalSignature, which serves connections.
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    # RFC 5280 §4.2.1.10: critical.  §6.1 leaves it open whether a trust anchor's own constraints bind; OpenSSL, Go,
    # NSS, Java and Chrome (since 112, "Chrome Root Store FAQ") all hold to them.
    # pkilint calls "localhost", "test" … "invalid domain name syntax": it expects two labels, RFC 1034 §3.5 does not.
    builder = builder.add_extension(_constraints(), critical=True)
    builder = builder.add_extension(identifier, critical=False)
    # Optional on a root (RFC 5280 §4.2.1.1), recommended by BR §7.1.2.1.2; Python 3.13's strict check asks for both.
    builder = builder.add_extension(_issuer_identifier(identifier), critical=False)
    return builder.sign(key, SHA256())


def leaf_certificate(
    public_key: ec.EllipticCurvePublicKey,
    names: Sequence[Name],
    *,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    now: float,
) -> x509.Certificate:
    """A short-lived certificate for a server that answers to exactly these names.

    Args:
      public_key: The server's.
      names: At least one; all go into the subjectAltName in this order.
      root: Who signs, with `root_key`.
      now: Seconds since 1970, UTC.
    """
    # The subject is empty: names in it are ignored by browsers since 2017 (Chrome 58; Apple, "Requirements for trusted
    # certificates"), and 64 characters would not hold every host name.  Caddy's local leaves are the same.
    builder = _builder(x509.Name([]), root.subject, public_key, now, LEAF_LIFETIME)
    # RFC 5280 §4.2.1.6: critical if and only if the subject is empty.
    builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=True)
    # RFC 5280 §4.2.1.9, BR §7.1.2.7.8: may be left out, but some verifiers want to be told that this is no authority.
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    # BR §7.1.2.7.11: an elliptic-curve key signs the handshake and does nothing else.
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    # BR §7.1.2.7.10; macOS refuses server certificates without it (Apple, same page).
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    issuer = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(_issuer_identifier(issuer), critical=False)
    # RFC 5280 §4.2.1.2: SHOULD, also for leaves.  (BR §7.1.2.7.6 would rather save its 31 bytes.)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    return builder.sign(root_key, SHA256())


def client_certificate(
    public_key: ec.EllipticCurvePublicKey,
    name: str,
    *,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    now: float,
) -> x509.Certificate:
    """A certificate by which a client shows who it is, and nothing else: no server can use it.

    Args:
      public_key: The client's.
      name: What it is called; its common name, and no host name.
      root: Who signs, with `root_key`.
      now: Seconds since 1970, UTC.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, root.subject, public_key, now, CLIENT_LIFETIME)
    # No subjectAltName: the root may sign for local names only (RFC 5280 §4.2.1.10), and a person has none of these.
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    # RFC 5280 §4.2.1.12: clientAuth and not serverAuth; critical, since all that it is for is to keep the two apart.
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
    issuer = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(_issuer_identifier(issuer), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    return builder.sign(root_key, SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: float, lifetime: int
) -> x509.CertificateBuilder:
    start = int(now) - BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        # BR §7.1: more than 64 bits from a good generator.  Two certificates of one issuer with one number are refused
        # by Firefox (SEC_ERROR_REUSED_ISSUER_AND_SERIAL).
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        # Both ends count (RFC 5280 §4.1.2.5), so the last second is one before the lifetime is over.
        .not_valid_after(datetime.fromtimestamp(start + lifetime - 1, UTC))
    )


def _constraints() -> x509.NameConstraints:
    domains = [x509.DNSName(domain) for domain in PERMITTED_DOMAINS]
    networks = [x509.IPAddress(network) for network in PERMITTED_NETWORKS]
    return x509.NameConstraints(permitted_subtrees=[*domains, *networks], excluded_subtrees=None)


def _general_name(name: Name) -> x509.GeneralName:
    return x509.DNSName(name.text) if isinstance(name, DnsName) else x509.IPAddress(name.address)


def _issuer_identifier(issuer: x509.SubjectKeyIdentifier) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
