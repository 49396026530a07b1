"""Body text: what of a recorded body can be searched: its first mebibyte, decoded, where it is text. Pure.

The filter's predicate, its SQL and the search index all take the text from here, so that they cannot differ.
"""

from tunnel.capture.decode import decode
from tunnel.capture.heads import fields_of
from tunnel.capture.present import as_text
from tunnel.model.config import MIB

SEARCHED = MIB  # bytes of a decoded body; what lies behind is shown, and not searched


def body_text(head: bytes, body: bytes) -> str:
    """Return a body's text, as it is searched; empty where it is none, as of images.

    Args:
      head: Of its message, as it came: says how the body is coded.
      body: As it passed, or its first part.
    """
    if not body:
        return ""
    fields = fields_of(head)
    decoded = decode(body, fields.tokens(b"content-encoding"), most=SEARCHED).body[:SEARCHED]
    return as_text(decoded, (fields.get(b"content-type") or b"").decode("latin-1")) or ""


def folded(text: str) -> str:
    """Return text as it is compared in bodies: without regard to case, in every language.

    The last three characters are no characters: SQLite's search takes each for the replacement character, and NUL for
    the end of the text. So that both say the same, they are that here too.
    """
    return text.casefold().replace("\0", "\ufffd").replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
