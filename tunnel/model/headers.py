"""Header fields: an ordered list of (name, value) pairs of bytes, case kept (RFC 9110 §5).

Names compare without case, order among equal names is kept, nothing is ever joined or split here.
Whether a name or value may be sent at all is for the reader (`http.heads`) to judge.
"""

from collections.abc import Iterable, Iterator, Sequence

Field = tuple[bytes, bytes]
_ALIKE = bytes(sign if chr(sign).isascii() and chr(sign).isalnum() else ord("-") for sign in range(256))


def loosely(name: bytes) -> bytes:
    """Return a field's name, in lower case, as a server may take it: each sign but letters and digits as `-`.

    CGI and its like make `_` of `-`, so `x_a` is `x-a` to them; PHP makes `_` of `.` too, and old Apaches of all others.
    """
    return name.translate(_ALIKE)


class Headers:
    """Fields of one message, immutable.

    `names` holds each field's name in lower case, at the field's own position: a look-up is then one search in a list,
    which on the way of every request is several times cheaper than lower-casing again. The hash and the lines are made
    once, since the same fields go by again and again: rules remember what they decided by them.
    """

    __slots__ = ("_hash", "_lines", "fields", "names")

    fields: Sequence[Field]
    names: Sequence[bytes]

    def __init__(self, fields: Sequence[Field] = (), names: Sequence[bytes] | None = None) -> None:
        self.fields = fields
        self.names = [name.lower() for name, _ in fields] if names is None else names
        self._hash: int | None = None
        self._lines: bytes | None = None

    @property
    def lines(self) -> bytes:
        """The fields as they are written into a head: one line each, CRLF included (RFC 9112 §5)."""
        if self._lines is None:
            self._lines = b"".join([b"%b: %b\r\n" % field for field in self.fields])
        return self._lines

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of a field, or None. `name` is in lower case."""
        return self.fields[self.names.index(name)][1] if name in self.names else None

    def all(self, name: bytes) -> list[bytes]:
        """Return every value of a field in order. `name` is in lower case."""
        return [value for lower, (_, value) in zip(self.names, self.fields, strict=True) if lower == name]

    def tokens(self, name: bytes) -> list[bytes]:
        """Return the comma-separated members of a list field, in lower case (RFC 9110 §5.6.1)."""
        return [token.strip().lower() for value in self.all(name) for token in value.split(b",") if token.strip()]

    def without(self, *names: bytes) -> "Headers":
        """Return these fields less the named ones. `names` are in lower case."""
        kept = [(n, f) for n, f in zip(self.names, self.fields, strict=True) if n not in names]
        return Headers([f for _, f in kept], [n for n, _ in kept])

    def plus(self, extra: Iterable[Field]) -> "Headers":
        """Return these fields with more behind them."""
        return Headers([*self.fields, *extra])

    def __contains__(self, name: bytes) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Headers) and list(self.fields) == list(other.fields))

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self.fields))
        return self._hash

    def __repr__(self) -> str:
        return f"Headers({list(self.fields)!r})"
