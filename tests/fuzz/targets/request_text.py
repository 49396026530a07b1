"""Request text: what a person left in an editor is read, or refused by its line. What was read, written, reads the same.

Input: the text.
"""

from tunnel.errors import UsageError
from tunnel.model.headers import Headers
from tunnel.model.replay import Draft
from tunnel.rules.request_text import read_text, write_text

WORDS = [
    b"GET", b" ", b"/", b"\n", b"\r\n", b"\n\n", b": ", b"# ", b"HTTP/1.1", b"Host", b"Content-Length", b"\x00", b"\xff",
    b"\xef\xbb\xbf", b"\t", b"(3 bytes that are no text",
]  # fmt: skip
SEEDS = [
    b"GET / HTTP/1.1\nHost: a\n\nbody\n", b"# x\n\nPOST /a?b\r\nA: b\r\n\r\n\r\n", b"", b"GET", b"GET /\nA", b"GET /\n\n",
    b"\xef\xbb\xbfPUT *\nA:\xff\n\n\x00",
]  # fmt: skip
WAS = Draft(b"GET", b"/", Headers(), b"\x00\x01\x02")


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    try:
        found = read_text(data, WAS)
    except UsageError:
        return
    if found is not None and found.method != b"#":
        assert read_text(write_text(found, "about"), found) == found
