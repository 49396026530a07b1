"""Request text: a request as lines that a person edits, and back. Which editor, and what becomes of it, is for `cli`.

    # a comment, at the top alone
    POST /api/items
    Host: localhost:62893
    Content-Type: application/json

    {"name": "x"}

Reading what was written gives the same request. One line feed behind a body is the editor's, not the body's: most add one.
"""

import re

from tunnel.errors import UsageError
from tunnel.model.headers import Field, Headers
from tunnel.model.replay import Draft
from tunnel.rules.replaying import check_field, check_method, check_target

_VERSION = re.compile(rb"HTTP/[0-9.]+")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_COMMENT = b"# "  # no request begins so: its first word would be `#`, and no service has such a method


def write_text(draft: Draft, about: str) -> bytes:
    """Return a request as text.

    Args:
      draft: What is to be edited.
      about: A line that says what it is; a comment.
    """
    lines = [
        _COMMENT + about.encode(),
        _COMMENT + b"Save and close to send it; empty the file to send nothing. The length is made from the body.",
        draft.method + b" " + draft.target,
        *(b"%b: %b" % field for field in draft.headers),
    ]
    body = draft.body if _is_text(draft.body) else _instead(draft.body)
    return b"\n".join(lines) + b"\n\n" + (body + b"\n" if body else b"")


def read_text(text: bytes, was: Draft) -> Draft | None:
    """Return what a text says; None if it says nothing, so that nothing is to be sent.

    Args:
      text: As the editor left it; line ends may be CRLF.
      was: What was written. A body that is no text was not shown, and stays unless another one was put in its place.

    Raises:
      UsageError: A line is not understood; it is named.
    """
    lines = text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    at = 0
    while at < len(lines) and (lines[at].startswith(_COMMENT) or not lines[at].strip()):
        at += 1
    if at == len(lines):
        return None
    method, target = _request_line(lines[at], at + 1)
    fields: list[Field] = []
    for number, line in enumerate(lines[at + 1 :], at + 2):
        if not line.strip():
            body = b"\n".join(lines[number:])
            break
        fields.append(_field(line.removesuffix(b"\r"), number))
    else:
        body = b""
    body = body.removesuffix(b"\n")
    if not _is_text(was.body) and body.strip() == _instead(was.body):
        body = was.body
    return Draft(method, target, Headers(fields), body)


def _request_line(line: bytes, number: int) -> tuple[bytes, bytes]:
    words = line.split()
    if len(words) == 3 and _VERSION.fullmatch(words[2]):
        words.pop()  # a habit; what is sent is ours to say
    if len(words) != 2:
        raise _wrong(number, "it should be a method and a path, like: GET /api/items", line)
    try:
        check_method(words[0])
        check_target(words[1])
    except UsageError as error:
        raise _wrong(number, error.what, line, error.hint) from error
    return words[0], words[1]


def _field(line: bytes, number: int) -> Field:
    name, colon, value = line.partition(b":")
    if not colon:
        raise _wrong(number, "it should be a field, like `Accept: text/html`, or empty before the body", line)
    value = value.strip(b" \t")
    try:
        check_field(name, value)
    except UsageError as error:
        raise _wrong(number, error.what, line) from error
    return name, value


def _wrong(number: int, why: str, line: bytes, hint: str = "") -> UsageError:
    shown = line.rstrip()[:60].decode("utf-8", "backslashreplace")
    return UsageError(f"line {number} of the edited request is not understood: {why}", hint=hint or f"it says: {shown}")


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return not _NO_TEXT.search(body)


def _instead(body: bytes) -> bytes:
    return b"(%d bytes that are no text stand here, and are sent as they are unless this line is replaced)" % len(body)
