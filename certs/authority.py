"""Authority: make or load the root, and issue a leaf for exact names.

Leaves what certificates contain to `profiles.py`, and where they are kept to `files.py`.  Loading this module loads
cryptography; whoever can serve from the cache (`contexts.py`) does not.
"""

import getpass
import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from certs import files, limits, profiles
from certs.errors import CertsError
from certs.names import Name, parse
from certs.pem import fingerprint

Clock = Callable[[], float]
"""Gives seconds since 1970, UTC, as `time.time` does."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server's key and certificate, and when it stops being valid."""

    names: tuple[Name, ...]
    key_pem: bytes = field(repr=False)
    chain_pem: bytes = field(repr=False)
    """The leaf alone: our root signs it directly, and a root that is sent along convinces nobody."""
    expires: int
    """Seconds since 1970, UTC; valid up to and including this second."""

    @property
    def pem(self) -> bytes:
        """Key and certificate in one, as `ssl.SSLContext.load_cert_chain` takes them."""
        return self.key_pem + self.chain_pem


# Whom a certificate may be for. What looks like a host name with a dot in it would be judged as one by OpenSSL, and
# refused under a root that may sign for local names only.
_PERSON = re.compile(r"(?![ ])[^\x00-\x1f\x7f-\x9f/\\,\"]+(?<![ ])")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class Client:
    """A client's key and certificate, and when it stops being valid."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate = field(repr=False)

    @property
    def expires(self) -> int:
        """Seconds since 1970, UTC; valid up to and including this second."""
        return int(self.certificate.not_valid_after_utc.timestamp())

    @property
    def pem(self) -> bytes:
        """Key and certificate in one, as tools take them (`curl --cert`)."""
        return _key_pem(self.key) + self.certificate.public_bytes(Encoding.PEM)

    def p12(self, password: str) -> bytes:
        """Key and certificate as browsers and phones take them (PKCS #12, RFC 7292).

        3DES and SHA-1, since Apple's keychains and Windows before 2019 read nothing newer (`mkcert -pkcs12` does the same):
        what keeps the key is a long random password, not the cipher.
        """
        encryption = (
            PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(100_000)
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(SHA1())
            .build(password.encode())
        )
        return pkcs12.serialize_key_and_certificates(self.name.encode(), self.key, self.certificate, None, encryption)


@dataclass(frozen=True, slots=True)
class Authority:
    """A root that can sign for local names, with its key.

    Made by `load_or_make`.  Holds no open files; loading it again for each leaf is fine, and notices a new root.
    """

    folder: Path
    certificate: x509.Certificate = field(repr=False)
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    fingerprint: str
    """SHA-256 of the certificate, 64 lower-case hex digits: what trust stores show to people."""
    expires: int
    """Seconds since 1970, UTC."""

    @classmethod
    def load_or_make(cls, folder: Path, *, now: Clock = time.time, owner: str | None = None) -> "Authority":
        """The authority of this folder; a new one if there is none yet.

        Two processes that start at once end up with the same root: one file decides, and it can be made only once.

        Args:
          folder: Where it lives, or will; made with mode 0700.
          now: The clock.
          owner: Whose root a new one is; this user at this machine when left out.
        Raises: CertsError, naming the file, when the root is damaged, not private, or too old to sign a leaf.
        """
        layout = files.Layout(folder)
        files.make_folder(folder)
        if (pem := files.read_private(layout.root_key)) is None:
            files.write_once(layout.root_key, _new_root(owner or _this_owner(), now()), mode=files.PRIVATE)
            # Ours or the winner's: what counts is what is there now.
            pem = files.read_private(layout.root_key)
        authority = cls._read(layout, pem or b"")
        authority._check_age(now())
        authority._check_public_copy()
        return authority

    @classmethod
    def _read(cls, layout: files.Layout, pem: bytes) -> "Authority":
        try:
            key = load_pem_private_key(pem, password=None)
            certificate = x509.load_pem_x509_certificate(pem)
            public = certificate.public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise _unfit(layout, "is damaged or incomplete") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or public != key.public_key():
            raise _unfit(layout, "holds a key and a certificate that do not belong together")
        return cls(
            folder=layout.folder,
            certificate=certificate,
            key=key,
            fingerprint=fingerprint(certificate.public_bytes(Encoding.DER)),
            expires=int(certificate.not_valid_after_utc.timestamp()),
        )

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    def _check_age(self, now: float) -> None:
        # No leaf outlives its root: some verifiers ask for it, and nobody could explain a leaf that fails early.
        if now > self.expires - limits.LEAF_LIFETIME:
            last_day = self.certificate.not_valid_after_utc.date()
            raise _unfit(files.Layout(self.folder), f"ends on {last_day}, too soon to sign anything")
        if now < self.certificate.not_valid_before_utc.timestamp():
            raise CertsError(
                f"the root in {self.folder} was made in the future, by this machine's clock",
                "set the clock; timedatectl shows it",
            )

    def _check_public_copy(self) -> None:
        """Put the certificate beside the key, for those who may not read the key."""
        layout = files.Layout(self.folder)
        public = self.certificate.public_bytes(Encoding.PEM)
        copy = files.read(layout.root)
        if copy is None:
            files.write(layout.root, public, mode=files.PUBLIC)
        elif copy != public:
            raise CertsError(
                f"{layout.root} is not the certificate of {layout.root_key.name}",
                f"move it away, and it is written anew: mv '{layout.root}' '{layout.root}.old'",
            )

    def issue(self, names: Sequence[str], *, now: Clock = time.time) -> Leaf:
        """Sign a new key for exactly these names.  Takes one to two milliseconds, and writes no file.

        Args:
          names: One or more, as `certs.names.parse` reads them; said twice is said once.
          now: The clock; the leaf is valid from an hour before, for `limits.LEAF_LIFETIME` in all.
        Raises: CertsError when a name cannot be in a certificate, or is not local: verifiers would refuse it.
        """
        wanted = tuple(dict.fromkeys(parse(name) for name in names))
        if not wanted:
            raise CertsError("a certificate needs a name", "give one, for example app.test")
        for name in wanted:
            if not limits.permits(name, self.der):
                raise CertsError(
                    f"{name} is not a local name, and this root can sign for no other",
                    f"use a name under {', '.join(limits.PERMITTED_DOMAINS)}, or a loopback or private address",
                )
        moment = now()
        self._check_age(moment)
        key = profiles.new_key()
        certificate = profiles.leaf_certificate(
            key.public_key(), wanted, root=self.certificate, root_key=self.key, now=moment
        )
        return Leaf(
            names=wanted,
            key_pem=_key_pem(key),
            chain_pem=certificate.public_bytes(Encoding.PEM),
            expires=int(certificate.not_valid_after_utc.timestamp()),
        )

    def issue_client(self, name: str, *, now: Clock = time.time) -> Client:
        """Sign a new key for a client to show who it is, for `limits.CLIENT_LIFETIME`. Writes no file.

        Args:
          name: What it is called: "alice", "Build server 3".
          now: The clock.
        Raises: CertsError when the name cannot be one.
        """
        if not _PERSON.fullmatch(name) or len(name.encode(errors="replace")) > profiles.LONGEST_COMMON_NAME:
            raise CertsError(
                f"{name!r} cannot be a client's name",
                "use letters, digits and blanks, at most 64: alice, 'Build server 3'",
            )
        if _HOST.fullmatch(name):
            raise CertsError(
                f"{name!r} looks like a host name, and a client has none",
                f"write it without dots: {name.replace('.', '-')}",
            )
        moment = now()
        self._check_age(moment)
        key = profiles.new_key()
        certificate = profiles.client_certificate(
            key.public_key(), name, root=self.certificate, root_key=self.key, now=moment
        )
        return Client(name, key, certificate)


def _new_root(owner: str, now: float) -> bytes:
    key = profiles.new_key()
    certificate = profiles.root_certificate(key, owner=owner, now=now)
    return _key_pem(key) + certificate.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    # No password: whoever could ask for it would have to keep it beside the key.  The file's mode is the lock.
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _this_owner() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"  # A container's numeric user has no name.
    return f"{user}@{platform.node() or 'localhost'}"


def _unfit(layout: files.Layout, why: str) -> CertsError:
    key = layout.root_key
    return CertsError(
        f"the root in {key} {why}",
        layout.retiring,
    )
