"""Words: a filter's text cut into words, quoted text and signs, each with its column. What they mean is for `query_parse`.

A word ends where a sign begins. A value, which is what stands behind an operator, is less narrow: `query = a=b` is one.
"""

import re
from dataclasses import dataclass

from tunnel.errors import UsageError

SIGNS = frozenset({"=", "==", "!=", "<", "<=", ">", ">=", "~", "!~"})
# What people write who come from elsewhere, and what it is here.
_MEANT = {"=>": ">=", "=<": "<=", "<>": "!=", "===": "=", "!==": "!=", "=~": "~", "~=": "~", "~~": "~", "=!": "!=",
          "<=>": "=", ":=": "="}  # fmt: skip
_SPACE = re.compile(r"\s*")
_SIGN = re.compile(r"[=!<>~]+")
_WORD = re.compile(r"""[^\s()"'=!<>~,][^\s()"=!<>~,]*""")
_VALUE = re.compile(r"""[^\s()"',][^\s()"]*""")
_LISTED = re.compile(r"""[^\s()"',][^\s()",]*""")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


class QueryError(UsageError):
    """A filter that cannot be read.

    Attributes:
      column: Where in its text, 0-based.
      nearest: What was probably meant, or empty.
    """

    def __init__(self, what: str, column: int, *, hint: str = "", nearest: str = "") -> None:
        if nearest and not hint:
            hint = f"did you mean {nearest}?"
        super().__init__(what, hint=hint or 'a filter is like: status >= 500 and path ~ "^/api"')
        self.column = column
        self.nearest = nearest


@dataclass(frozen=True, slots=True)
class Token:
    """One piece.

    Attributes:
      kind: "word", "text" (it was quoted), "sign" (of comparison, or `!`), "(", ")", "," or "end".
      text: What it says, escapes resolved.
      column: Where it begins; `end` where it ends.
      exact: Nothing was resolved in it, so that a place in `text` is a place in the filter.
    """

    kind: str
    text: str
    column: int
    end: int
    exact: bool = True


class Words:
    """Gives one piece after the other."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._at = 0

    def peek(self) -> Token:
        """Return the next piece and leave it there."""
        return self._read(_WORD)

    def take(self) -> Token:
        """Return the next piece and go on behind it."""
        token = self._read(_WORD)
        self._at = token.end
        return token

    def value(self, *, listed: bool = False) -> Token:
        """Take the next piece as a value: a word in which signs may stand, and commas too if it is not in a list.

        Raises: QueryError, a word goes on with what has to be quoted.
        """
        token = self._read(_LISTED if listed else _VALUE)
        behind = self.text[token.end : token.end + 1]
        if token.kind in ("word", "text") and behind and behind in "(\"'":
            raise QueryError(
                f"this value has a {behind} in it and needs quotes", token.column, hint='like "^/api(/|$)"'
            )
        self._at = token.end
        return token

    def back(self, token: Token) -> None:
        """Stand before a piece again."""
        self._at = token.column

    def _read(self, word: re.Pattern[str]) -> Token:
        space = _SPACE.match(self.text, self._at)
        at = space.end() if space else self._at
        if at >= len(self.text):
            return Token("end", "", at, at)
        char = self.text[at]
        if char in "(),":
            return Token(char, char, at, at + 1)
        if char in "\"'":
            return self._quoted(at)
        match = word.match(self.text, at)
        if match and (word is not _WORD or not _SIGN.match(char)):
            return Token("word", match[0], at, match.end())
        return self._sign(at)

    def _sign(self, at: int) -> Token:
        match = _SIGN.match(self.text, at)
        assert match, "all else is a word, a quote or a parenthesis"
        sign = match[0]
        if sign in SIGNS:
            return Token("sign", sign, at, match.end())
        if sign[0] == "!" and at + 1 == match.end():
            return Token("sign", "!", at, at + 1)
        # A value may begin with a sign only in quotes. The longest operator that stands here tells where it would begin.
        known = next((sign[:end] for end in (2, 1) if sign[:end] in SIGNS), "")
        hint = f'a value that begins with a sign needs quotes: {known} "{sign[len(known) :]}…"' if known else ""
        meant = _MEANT.get(sign, "")
        raise QueryError(f"there is no operator {sign}", at, nearest=meant, hint="" if meant else hint)

    def _quoted(self, at: int) -> Token:
        quote, end = self.text[at], at + 1
        while True:
            if end >= len(self.text):
                raise QueryError(f"the quote that begins here has no end: {quote} is missing", at)
            if self.text[end] == quote:
                break
            end += 2 if self.text[end] == "\\" else 1
        inside = self.text[at + 1 : end]
        said = _ESCAPE.sub(_escaped, inside)
        return Token("text", said, at, end + 1, said == inside)


def _escaped(match: re.Match[str]) -> str:
    """Return what an escape stands for. One that is none stays as it is, so that "\\d" may stand in a pattern."""
    what = match[1]
    if len(what) == 5:
        char = chr(int(what[1:], 16))
        return "\ufffd" if "\ud800" <= char <= "\udfff" else char
    return _ESCAPES.get(what, match[0])
