"""Addresses: Host fields, request targets' authorities, targets and listeners as users type them, names for certificates.

Input: the text, one byte a character, or UTF-8 where it is that. Each is refused by its own error alone; what is accepted
has one spelling, which reads the same again, and nothing in it can break out of where it is written to.
"""

import re

from certs.errors import CertsError
from certs.names import parse
from tunnel.errors import ClientError, UsageError
from tunnel.model.address import is_loopback, parse_listen, parse_target, split_host
from tunnel.model.headers import Headers
from tunnel.model.peer import Peer
from tunnel.rules.access import HostRule
from tunnel.rules.forwarding import told

PEER = Peer("::1", 50000, "::1", 62893, None, 0.0, 0.0)
OURS = HostRule((".app.test", "box"))
UNSAFE = re.compile(rb'[\x00-\x20\x7f",;\\@/?#]')
WORDS = [
    b"localhost", b".localhost", b"127.0.0.1", b"[::1]", b"[::ffff:127.0.0.1]", b":80", b":65536", b"http://",
    b"https://", b"https+insecure://", b"unix:", b"unix:///run/a", b"app.test", b"xn--", b"%", b"@", b"[", b"]",
    b"..", b"0x7f.1", b"127.1", b"%eth0", "ß".encode(), "１".encode(), "．".encode(), b"*",
]  # fmt: skip
SEEDS = [
    *WORDS, b"localhost:62893", b"a.localhost.", b"[::1]:8443", b"127.0.0.1:0", b"app.test:443", b"user@localhost",
    b"localhost:", b"https://app.test/", b"unix:relative", b"127.0.0.1.evil.example", b"localhost#.evil.example",
    b"[::1%25lo]", b"\xffhost",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    _host(data)
    for encoding in ("latin-1", "utf-8"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        _typed(text)
        _name(text)


def _host(value: bytes) -> None:
    headers = Headers([(b"Host", value)])
    try:
        first = OURS.check(headers, PEER)
    except ClientError as error:
        assert error.status in (400, 421)
        assert len(error.what) < 500
        return
    assert first == value == OURS.check(headers, PEER) == HostRule((".app.test", "box")).check(headers, PEER)
    assert not UNSAFE.search(value), "it would break out of a field"
    host, _ = split_host(value.decode("latin-1"))
    assert split_host(f"[{host}]" if ":" in host else host) == (host, None)
    assert is_loopback(host) or host == "box" or host.endswith(".app.test")
    assert all(b"\r" not in field and b"\n" not in field for _, field in told(PEER, value))


def _typed(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError:
        pass
    else:
        assert parse_target(str(target)) == target
    try:
        listen = parse_listen(text)
    except UsageError:
        pass
    else:
        assert all(map(is_loopback, listen.hosts))
        assert 0 <= listen.port <= 65535


def _name(text: str) -> None:
    try:
        name = parse(text)
    except CertsError:
        return
    assert parse(str(name)) == name
    assert str(name).isascii()
    assert len(str(name)) <= 253
