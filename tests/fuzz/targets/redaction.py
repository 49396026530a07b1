"""Redaction: any text with its secrets hidden: what was hidden comes back, twice is once, and what JSON was, it is.

So for texts, forms, heads, and bodies looked at in slices. With what passed just now (`fresh`) everything comes back, also
where it had pseudonyms in it; elsewhere those that are there are ours, and final.

Input: a letter (f: a form, c: cut short, h: a head; any other: a text), a size of pieces, the text.
"""

import json
from collections.abc import Callable

from tunnel.capture.breath import Breath
from tunnel.capture.pseudonyms import Pseudonyms
from tunnel.capture.redact import redact
from tunnel.capture.redact_heads import Heads
from tunnel.capture.redact_pieces import Escape, Redaction
from tunnel.capture.vault import Vault
from tunnel.model.pseudonym import PSEUDONYM

EXAMPLES = 300
WORDS = [
    b'"password":"', b"token=", b"&api_key=", b"eyJhbGciOiJIUzI1NiJ9.", b"eyJzdWIiOiIxIn0.", b"ghp_" + b"a1B2" * 9,
    b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"://a:b@", b"Bearer ", b"Basic ", b'name="', b'" value="',
    b"<password>", b"</password>", b'\\"', b"\\n", b"redacted-0123456789abcdef", b"\r\n", b"Cookie: ", b"Set-Cookie: ",
    b"Authorization: ", b'{"pin":12', b"[", b"]", b"%5B", b"u0026", b"AKIAABCDEFGHIJKLMNOP", b"8Q~", b"<![CDATA[", b"key",
    b'"redacted-number-0123456789abcdef"', b"redacted-", b'\\"pin\\":12',
]  # fmt: skip
SEEDS = [
    b't\x03{"password":"hunter2","a":[1,{"apiKey":"x","pin":1234}],"log":"a\\nghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2"}',
    b"f\x02user%5Bpassword%5D=hunter2&b=c&token=abc",
    b"h\x05GET /?code=SplxlOBeZQQYbYS6WxSbIA HTTP/1.1\r\nCookie: a=b; c=d\r\n\r\n",
    b"c\x07see eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", b"t\x01https://bob:hunter2@host/x?key=abcdefabcdef1234567",
    b"t\x09-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----\n",
    b't\x04--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--x--',
    b'h\x00HTTP/1.1 200 OK\r\nSet-Cookie: sid=abc; Path=/\r\nX-Api-Key: abc\r\n\r\n',
    b"t\x06<x:Password Type='a'>hunter2</x:Password>",
    b't\x02<input name="csrf_token" value="abc">', b't\x05{"name":"token","value":"abc"}', b"t\x03" + b"A1b2" * 40,
    b't\x06{"a":"{\\"pin\\":1234}","b":"redacted-0123456789abcdef","pin":"redacted-number-0123456789abcdef"}',
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    letter, size, text = data[:1], max(1, data[1] if len(data) > 1 else 1), data[2:]
    vault = Vault()
    hide = Pseudonyms(b"k" * 32, vault)
    if letter == b"h":
        again = Heads(hide, vault, Breath())
        _holds(text, Heads(hide, vault, Breath(), fresh=True).head(text), again.head, vault)
        _holds(text, again.head(text), Heads(hide, vault, Breath()).head, None if PSEUDONYM.search(text) else vault)
        return
    form, cut = letter == b"f", letter == b"c"
    for slice in (8192, 32 + size):  # whole; and as long bodies are looked at

        def settle(text: bytes, *, fresh: bool = False, slice: int = slice) -> bytes:
            return redact(text, hide, form=form, cut=cut, fresh=fresh, size=slice)

        _holds(text, settle(text, fresh=True), settle, vault)
        _holds(text, settle(text), settle, None if PSEUDONYM.search(text) else vault)
    for fresh in (True, False):
        redaction = Redaction(hide, form=form, fresh=fresh)
        pieces = [redaction.feed(text[at : at + size], last=False) for at in range(0, len(text), size)]
        out = b"".join([*pieces, redaction.feed(b"", last=True, cut=cut)])
        if fresh or not PSEUDONYM.search(text):
            assert vault.reveal(out) == (text, 0)
        if _is_json(text) and not cut:
            assert _is_json(out)
    escape = Escape(hide)
    pieces = [escape.feed(text[at : at + size], last=False) for at in range(0, len(text), size)]
    assert vault.reveal(b"".join([*pieces, escape.feed(b"", last=True)])) == (text, 0)


def _holds(text: bytes, once: bytes, again: Callable[[bytes], bytes], vault: Vault | None) -> None:
    """Raise unless twice is once, JSON stays JSON, and, where there is a vault, everything comes back from it."""
    assert again(once) == once
    if vault is not None:
        assert vault.reveal(once) == (text, 0)
    if _is_json(text):
        assert _is_json(once)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
