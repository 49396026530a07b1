"""Certificates in PEM text (RFC 7468), as the bytes inside, and the fingerprint by which people know one.

Leaves what the bytes mean to cryptography and OpenSSL.  Here because a start that signs nothing, and a look into a
trust store, need no more than this and can do without either.
"""

import hashlib
import re
from base64 import b64decode

# RFC 7468 §2: white space inside is ignored, text between certificates too (bundles have comments there).
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")


def certificates(text: bytes) -> list[bytes]:
    """The certificates in PEM text, each as DER, in their order.  Damaged ones are left out."""
    found = []
    for match in CERTIFICATE.finditer(text):
        try:
            found.append(b64decode(match[1]))
        except ValueError:
            pass  # Not a whole number of groups: cut off or edited.
    return found


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate: 64 lower-case hex digits."""
    return hashlib.sha256(der).hexdigest()
