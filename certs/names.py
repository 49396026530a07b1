"""Names a certificate can carry: "app.test", "127.0.0.1" and "::1" become typed identities, in one spelling each.

Pure: no files, no network, no look-up.  Which of these names our authority may sign is in `limits.py`.

One spelling matters because names are compared as text, by us (which leaf is cached?) and by every verifier:
lower case, no dot at the end, non-ASCII letters as A-labels ("xn--…"), addresses as `ipaddress` prints them.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from certs.errors import CertsError

# RFC 1035 §2.3.4: 63 octets a label, 255 on the wire, which is 253 written.  The underscore is no letter of a
# host name, but Docker Compose and others make such names, and every verifier compares them as they are
# (Go, crypto/x509 validHostname: "commonly found in deployments outside the WebPKI").
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
LONGEST_NAME = 253

# A name that ends in a number is an address to browsers, whatever we think ("127.1", "0x7f.1"): WHATWG URL, "ends in
# a number checker".
ENDS_IN_A_NUMBER = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)$", re.ASCII)

# IDNA 2003, which Python has, and IDNA 2008, which browsers use, encode these four to different names
# (UTS #46 §7, table "deviations"): sharp s, final sigma, zero width non-joiner and joiner.
DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")


@dataclass(frozen=True, slots=True)
class DnsName:
    """A host name: lower case, A-labels, no dot at the end.  Made by `parse`."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class IpAddress:
    """An address literal, as in https://127.0.0.1 or https://[::1].  Never with a zone ("%eth0").  Made by `parse`."""

    address: IPv4Address | IPv6Address

    def __str__(self) -> str:
        return str(self.address)


Name = DnsName | IpAddress


def parse(text: str) -> Name:
    """Read one name, as a person types it or a client sends it in SNI.

    Args:
      text: A host name in any case, with or without a dot at the end, in any script; or an IPv4 or IPv6 address, which
        may stand in brackets and have a zone.  No scheme, port, path or wildcard.
    Returns: The name in its one spelling, so that `parse(str(parse(text))) == parse(text)`.
    Raises: CertsError, saying which part cannot be in a certificate.
    """
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    return _address(bare) or _host(bare)


def _address(text: str) -> IpAddress | None:
    # A certificate carries 4 or 16 octets (RFC 5280 §4.2.1.6) and no zone, which means something on one machine only.
    address, _, _ = text.partition("%")
    try:
        found = ip_address(address)
    except ValueError:
        return None
    # A socket open to both families reports 127.0.0.1 as ::ffff:127.0.0.1; the person typed the former.
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return IpAddress(mapped or found)


def _host(text: str) -> DnsName:
    if "*" in text:
        raise CertsError(
            f"{text!r} is a wildcard, which browsers refuse under single-label domains such as localhost",
            "name each host: a certificate for an exact name costs a millisecond",
        )
    if "/" in text or ":" in text or "@" in text:
        raise CertsError(
            f"{text!r} is not a bare name", "leave out scheme, port and path: app.test, not https://app.test:443"
        )
    name = _ascii(text).lower().removesuffix(".")
    if len(name) > LONGEST_NAME:
        raise CertsError(f"{text[:40]!r}… is {len(name)} characters long", f"a host name has at most {LONGEST_NAME}")
    for label in name.split("."):
        if not LABEL.fullmatch(label):
            raise CertsError(
                f"{text!r} is not a host name: {label!r} cannot stand between its dots",
                "use 1 to 63 letters, digits and inner hyphens between dots, for example my-app.test",
            )
    if ENDS_IN_A_NUMBER.search(name):
        raise CertsError(f"{text!r} ends in a number but is not an address", "write all four numbers: 127.0.0.1")
    return DnsName(name)


def _ascii(text: str) -> str:
    """The A-label form.  ASCII passes as it is, so that the codec's tables are loaded only for those who need them."""
    if text.isascii():
        return text
    if DEVIATIONS & set(text):
        raise CertsError(
            f"{text!r} has a letter that browsers and Python encode differently", "write the name in its xn-- form"
        )
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise CertsError(f"{text!r} is not a host name ({error})", "write the name in its xn-- form") from error
