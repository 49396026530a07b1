"""Redaction: any text with its secrets hidden: nothing is lost, also by a second time, and what JSON was, it is.

Twice is once for JSON. It should be for any text, and is not yet: where two readings overlap, a tag across the
quotes of a value, a pseudonym takes a quotation mark with it, and what is left reads as something else.

Input: a letter (f: a form, c: cut short, h: a head; any other: a text), a size of pieces, the text.
"""

import json

from tunnel.capture.breath import Breath
from tunnel.capture.pseudonyms import Pseudonyms
from tunnel.capture.redact import Redaction, redact
from tunnel.capture.redact_heads import Heads
from tunnel.capture.secret_shapes import PSEUDONYM
from tunnel.capture.vault import Vault

EXAMPLES = 300
WORDS = [
    b'"password":"', b"token=", b"&api_key=", b"eyJhbGciOiJIUzI1NiJ9.", b"eyJzdWIiOiIxIn0.", b"ghp_" + b"a1B2" * 9,
    b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"://a:b@", b"Bearer ", b"Basic ", b'name="', b'" value="',
    b"<password>", b"</password>", b'\\"', b"\\n", b"redacted-0123456789abcdef", b"\r\n", b"Cookie: ", b"Set-Cookie: ",
    b"Authorization: ", b'{"pin":12', b"[", b"]", b"%5B", b"u0026", b"AKIAABCDEFGHIJKLMNOP", b"8Q~", b"<![CDATA[", b"key",
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
]  # fmt: skip


def check(data: bytes) -> None:
    """Raise where the law is broken."""
    letter, size, text = data[:1], max(1, data[1] if len(data) > 1 else 1), data[2:]
    vault = Vault()
    hide = Pseudonyms(b"k" * 32, vault)
    if letter == b"h":
        heads = Heads(hide, vault, Breath())
        once = heads.head(text)
        _comes_back(text, once, vault)
        _comes_back(text, heads.head(once), vault)
        return
    once = redact(text, hide, form=letter == b"f", cut=letter == b"c")
    _comes_back(text, once, vault)
    if letter == b"c":
        return
    again = redact(once, hide, form=letter == b"f")
    _comes_back(text, again, vault)
    if _is_json(text):
        assert _is_json(once)
        assert again == once
    redaction = Redaction(hide, form=letter == b"f")
    pieces = [redaction.feed(text[at : at + size], last=False) for at in range(0, len(text), size)]
    cut = b"".join([*pieces, redaction.feed(b"", last=True)])
    _comes_back(text, cut, vault)
    if _is_json(text):
        assert _is_json(cut)


def _comes_back(text: bytes, out: bytes, vault: Vault) -> None:
    if not PSEUDONYM.search(text):
        real, missing = vault.reveal(out)
        while PSEUDONYM.search(real) and not missing:  # of a pseudonym that was hidden with what stands beside it
            real, missing = vault.reveal(real)
        assert (real, missing) == (text, 0)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
