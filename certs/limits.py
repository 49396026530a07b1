"""How far our authority reaches: for which names, and for how long.  Plain numbers, each with its source.

Leaves the making of certificates to `profiles.py`.  Kept apart from it because whoever serves from the cache asks
these questions on every handshake, and must not pay for importing cryptography.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network

from certs.names import DnsName, Name

HOURS = 3600  # seconds
DAYS = 24 * HOURS

# Clocks of phones, virtual machines and woken laptops are wrong by minutes; a certificate that starts "now" is not yet
# valid for them.  Let's Encrypt backdates by an hour for the same reason.
BACKDATED = 1 * HOURS

# Counted from the backdated start, both ends included (RFC 5280 §4.1.2.5): exactly seven days.  CA/B Forum Baseline
# Requirements §1.6.1, "Short-lived Subscriber Certificate": at most 7 days since 2026-03-15; such a certificate needs
# no revocation service, and we have none.  Far below what Apple ("Requirements for trusted certificates in iOS 13 and
# macOS 10.15": 825 days, local roots too) and the shrinking public limits (ballot SC-081: 47 days in 2029) ask.
LEAF_LIFETIME = 7 * DAYS

# Renewed with a third of the life left, the share that ACME clients use (certbot's 30 of 90 days): two days and more of
# a laptop asleep or a disk full before anyone sees an expired certificate.
LEAF_RENEWED = LEAF_LIFETIME // 3

# A client's certificate lies in a phone or a keychain, where a person put it by hand, so a week would be too short; and
# it cannot be revoked beyond the share that it was used at, so a year would be too long.
CLIENT_LIFETIME = 90 * DAYS

# Ten years, as mkcert's (cert.go newCA): trusting a root is a person's work and should not come round often.  Within
# the 8 to 25 years of Baseline Requirements §7.1.2.1.1, should a linter ask.
ROOT_LIFETIME = 3650 * DAYS

# Names that no public authority may sign, so that ours takes nothing from anybody:
PERMITTED_DOMAINS = (
    "localhost",  # RFC 6761 §6.3.  A constraint covers the name and all names under it (RFC 5280 §4.2.1.10)
    "test",  # RFC 6761 §6.2
    "local",  # RFC 6762 §3: names on the link, by multicast DNS
    "internal",  # ICANN board resolution 2024.07.29.06: reserved for private use
    "home.arpa",  # RFC 8375 §4: home networks
)
PERMITTED_NETWORKS: tuple[IPv4Network | IPv6Network, ...] = (
    ip_network("127.0.0.0/8"),  # loopback: RFC 1122 §3.2.1.3
    ip_network("::1/128"),  # loopback: RFC 4291 §2.5.3
    ip_network("10.0.0.0/8"),  # private: RFC 1918 §3, this and the next two
    ip_network("172.16.0.0/12"),
    ip_network("192.168.0.0/16"),
    ip_network("169.254.0.0/16"),  # link-local: RFC 3927 §2.1
    ip_network("fc00::/7"),  # unique local: RFC 4193 §3.1
    ip_network("fe80::/10"),  # link-local: RFC 4291 §2.5.6
    # Shared address space: RFC 6598 §7.  A provider's customers among each other, and VPNs that join machines.
    ip_network("100.64.0.0/10"),
)


def permits(name: Name, root: bytes) -> bool:
    """Whether a root's name constraints let it sign for this name.

    Verifiers decide for themselves from the root (RFC 5280 §4.2.1.10); this is the same rule, asked before signing.  An
    address that is not among a root's constraints spoils a leaf for all other names in it too.

    Args:
      root: The certificate, DER: a network that was added here since it was made is none of its own.
    """
    if isinstance(name, DnsName):
        return any(name.text == domain or name.text.endswith("." + domain) for domain in PERMITTED_DOMAINS)
    return any(name.address in network and _constraint(network) in root for network in PERMITTED_NETWORKS)


def _constraint(network: IPv4Network | IPv6Network) -> bytes:
    """A network as it stands in a certificate: address and mask, after a tag and their length (RFC 5280 §4.2.1.10)."""
    octets = network.network_address.packed + network.netmask.packed
    return bytes((0x87, len(octets))) + octets
