"""Shell: bytes as a word of a POSIX shell's command (POSIX.1-2017, Shell Command Language §2.2), safe to read and to paste.

Quotes keep every byte but NUL. But a command is pasted into a terminal, which obeys control characters, and is written as
UTF-8: so what is neither is written in octal, and printf says it. `$'…'` would be shorter, and is not POSIX.1-2017.
"""

import base64
import re

_BARE = re.compile(r"[A-Za-z0-9_./:=@%+,-]+")
# What may not be pasted: controls but tab and line feed, and what shows as something else or not at all.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_MOST_WORD = (
    64 * 1024
)  # bytes: Linux takes no argument of more than 128 KiB, and a shell may need more than one byte for one
_LINE = 76  # characters of base64


def word(data: bytes) -> str:
    """Return bytes without NUL as one word."""
    text = _readable(data)
    if text is None:
        octal = "".join(_octal(byte) for byte in data)
        return f"\"$(printf '{octal}')\""
    if _BARE.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def piped(data: bytes) -> str:
    """Return a command that prints bytes which cannot stand in a word; empty for those that can."""
    text = _readable(data)
    if text is None:
        return f"echo '{_lines(base64.b64encode(data).decode())}' | base64 --decode"
    if len(data) > _MOST_WORD:
        return f"printf %s {word(data)}"  # the shell's own printf, to which no limit applies
    return ""


def _readable(data: bytes) -> str | None:
    """Return bytes as text that can be shown and pasted, or None."""
    try:
        text = data.decode()
    except ValueError:
        return None
    return None if _UNSAFE.search(text) else text


def _octal(byte: int) -> str:
    char = chr(byte)
    if char == "%":
        return "%%"
    return char if 0x20 <= byte < 0x7F and char not in "'\\!" else f"\\{byte:03o}"


def _lines(text: str) -> str:
    return "\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
