"""Shown: bodies and heads as text for a terminal: never an exception, and nothing in it can command the terminal.

Input: a line with the Content-Type, then the body; the whole is shown as a head, too.
"""

import re

from tunnel.capture.heads import changes, fields_of, lines_of
from tunnel.capture.present import present
from tunnel.cli.lines import json_text, safe

COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
WORDS = [
    b"application/json", b"text/html; charset=", b"utf-16", b"idna", b"punycode", b"hex", b"unicode_escape",
    b"undefined", b"utf-7", b"application/x-www-form-urlencoded", b"\n", b"%ff", b"a=b&", b'{"a":', b"[", b"\x1b[31m",
    b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\xff\xfe", b'"\\ud800"', b"1e999",
]  # fmt: skip
SEEDS = [
    b'application/json\n{"a": [1, 2.50, "\\u001b\\ud800"]}', b"application/json\n" + b"[" * 2000,
    b"\n\x00\x01\xff" * 20, b"text/plain; charset=utf-16\n\xff\xfeh\x00i\x00\x00",
    b'text/html; charset="x\\"y"\n<b>\x1b[31m', b"text/plain; charset=idna\nxn--",
    b"application/x-www-form-urlencoded\na=b&c=%ff&d", b"text/plain; charset=hex\n00",
    b"text/plain; charset=undefined\nx", b"text/plain; charset=unicode_escape\n\\ud800\\u202e",
    b"text/plain; charset=utf-7\n+2AA-", b"text/plain; charset=utf-8\n\xe2\x80\xae",
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    kind, _, body = data.partition(b"\n")
    shown = present(body, kind.decode("latin-1"))
    assert len(shown.text) <= 40 * len(body) + 1000
    for text in (shown.text, *shown.notes, *lines_of(data)):
        assert not COMMANDS.search(safe(text, lines=True))
        assert safe(text).isprintable() or not COMMANDS.search(safe(text))
    fields_of(data)
    came, went = data[: len(data) // 2], data[len(data) // 2 :]
    told = changes(came, went)
    assert sorted(text for mark, text in told if mark != "+") == sorted(lines_of(came))
    assert not COMMANDS.search(json_text({"head": data.decode("latin-1")}))
