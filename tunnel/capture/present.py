"""Present: a decoded body as text for people: JSON indented, forms by line, text by its charset, the rest as hex.

Nothing here is made safe for a terminal: that is for whoever writes to one. Nothing raises on what strangers sent.
"""

import codecs
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

HEX_MOST = 4096  # bytes shown as hex: 256 lines
_PARAMETER = re.compile(r';\s*([!#$%&\'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))')
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # controls that no text holds; escape stays, terminals write it
_TEXT_TYPES = ("text/", "application/javascript", "application/ecmascript", "application/xml", "application/graphql")


@dataclass(frozen=True, slots=True)
class Presented:
    """A body as text.

    Attributes:
      kind: "empty", "json", "form", "text" or "hex".
      text: Lines, ended by line feeds.
      notes: What a reader should know: what was not as announced, what was left out.
    """

    kind: str
    text: str
    notes: tuple[str, ...] = ()


def present(body: bytes, content_type: str = "") -> Presented:
    """Return a body as text.

    Args:
      body: Decoded (see `capture.decode`); it may be only the first part.
      content_type: The field's value, or empty, in which case the bytes themselves are asked.
    """
    if not body:
        return Presented("empty", "")
    kind, charset = media_type(content_type)
    if kind == "application/json" or kind.endswith("+json") or (not kind and body[:1] in b"{["):
        shown = _json(body)
        if shown is not None:
            return shown
    if kind == "application/x-www-form-urlencoded":
        return _form(body)
    return _text(body, kind, charset) or Presented("hex", hex_view(body), _left_out(body))


def as_text(body: bytes, content_type: str = "") -> str | None:
    """Return the characters of a body that is text, as it was sent; None for any other."""
    shown = _text(body, *media_type(content_type))
    return None if shown is None else shown.text


def media_type(content_type: str) -> tuple[str, str]:
    """Return the type in lower case without its parameters, and the charset parameter or an empty string."""
    kind = content_type.partition(";")[0].strip().lower()
    for name, quoted, plain in _PARAMETER.findall(content_type):
        if name.lower() == "charset":
            return kind, (re.sub(r"\\(.)", r"\1", quoted) or plain).lower()
    return kind, ""


def hex_view(data: bytes, most: int = HEX_MOST) -> str:
    """Return lines of offset, sixteen bytes in hex, and what of them is ASCII, as hexdump -C has it."""
    lines = []
    for at in range(0, min(len(data), most), 16):
        row = data[at : min(at + 16, most)]
        left, right = row[:8].hex(" "), row[8:].hex(" ")
        ascii = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{at:08x}  {left:<23}  {right:<23}  |{ascii}|")
    return "\n".join(lines) + "\n" if lines else ""


def _json(body: bytes) -> Presented | None:
    """Indent JSON token by token: numbers, escapes and repeated keys stay as they were sent."""
    import msgspec  # not needed by those who only record

    try:
        text = msgspec.json.format(body.removeprefix(codecs.BOM_UTF8), indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # cut short, or several documents in a row: shown as the text it is
    return Presented("json", text + "\n")


def _form(body: bytes) -> Presented:
    """Show the fields of a form (https://url.spec.whatwg.org/#urlencoded-parsing), one a line."""
    text = body.decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=10_000)
    except ValueError:
        return Presented("form", text, ("more than 10,000 fields: shown as they passed",))
    width = min(max((len(name) for name, _ in pairs), default=0), 32)
    return Presented("form", "".join(f"{name:<{width}} = {value}\n" for name, value in pairs))


def _text(body: bytes, kind: str, charset: str) -> Presented | None:
    """Decode text, or return None for what is none."""
    notes: tuple[str, ...] = ()
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if body.startswith(mark):
            charset = "utf-8-sig" if name == "utf-8" else name
    if charset and not is_charset(charset):
        notes, charset = (f"the charset {charset!r} is not known here",), ""
    if not charset and _BINARY.search(body):
        return None
    try:
        # Not final: a body that was cut may end within a character.
        text = codecs.getincrementaldecoder(charset or "utf-8")("strict").decode(body)
    except UnicodeError:
        if not charset and not kind.startswith(_TEXT_TYPES):
            return None
        # WHATWG's reading of unlabelled and of "latin-1" text alike; it leaves five bytes without a meaning.
        try:
            text = body.decode(charset or "windows-1252", "replace")
        except UnicodeError:  # Python's own oddities ("idna", "undefined") take no such wish
            text = body.decode("latin-1")
        notes = (*notes, f"not all of it is valid {charset or 'utf-8'}")
    return Presented("text", text, notes)


# Text to Python, and no charset that IANA registers: their decoders warn, and guess.
_PYTHONS_OWN = {"unicode-escape", "raw-unicode-escape", "punycode", "idna", "undefined", "mbcs", "oem"}


def is_charset(name: str) -> bool:
    """Whether a name is a charset that bodies may be read in."""
    try:
        # Python has codecs that are no charsets ("hex", "zip"), and a body is not to be run through one of those.
        codec = codecs.lookup(name)
        return codec._is_text_encoding and codec.incrementaldecoder is not None and codec.name not in _PYTHONS_OWN
    except (LookupError, ValueError):
        return False


def _left_out(body: bytes) -> tuple[str, ...]:
    return (f"{len(body) - HEX_MOST} more bytes are not shown",) if len(body) > HEX_MOST else ()
