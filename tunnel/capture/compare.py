"""Compare: what differs between two exchanges, as rows, and what of it is only noise. How that looks is for others.

Heads are compared by field name, where the order of equal names counts and that of different ones does not (RFC 9110 §5.3);
JSON by path, forms by field, text by line, anything else by its hash and the first byte that differs. Bodies are compared
decoded. All of it is bounded: two recordings of a mebibyte each must not take minutes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tunnel.capture import compare_bodies
from tunnel.capture.compare_noise import is_noise
from tunnel.capture.decode import decode
from tunnel.capture.heads import fields_of, lines_of
from tunnel.model.exchange import Exchange, RecordedMessage
from tunnel.model.headers import Headers

MOST_MESSAGES = 500
MOST_VALUE = 2000  # characters of a value that are told
Bodies = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that both exchanges were asked about; a difference unless `same`.

    Attributes:
      where: "outcome", "request.head", "request.body", "response.head", "response.body", "messages" or "timings".
      name: Of what: a field's name, a path of JSON ("$.items[0].name"), "line 12".
      left: What the left one has, None where it has nothing of that name; `right` likewise.
      noise: It differs as any two exchanges do: a date, a number that was made for this one, a duration.
    """

    where: str
    name: str
    left: str | None
    right: str | None
    same: bool
    noise: bool


def compare(
    left: Exchange,
    right: Exchange,
    left_bodies: Bodies = (b"", b""),
    right_bodies: Bodies = (b"", b""),
    left_messages: Iterable[RecordedMessage] = (),
    right_messages: Iterable[RecordedMessage] = (),
) -> list[Difference]:
    """Return what two exchanges have in common and what not, in the order in which it happened.

    Args:
      left: One of them; `right` the other.
      left_bodies: What was kept of the left one's request and response, content-coded as it passed; `right_bodies` likewise.
      left_messages: Of an upgraded connection, oldest first; `right_messages` likewise.
    """
    return [
        *_outcome(left, right),
        *_request_line(left, right),
        *_fields("request.head", fields_of(left.request_head), fields_of(right.request_head)),
        *_bodies("request.body", left.request_head, right.request_head, left_bodies[0], right_bodies[0]),
        *_status(left, right),
        *_fields("response.head", fields_of(left.returned_head), fields_of(right.returned_head)),
        *_bodies("response.body", left.response_head, right.response_head, left_bodies[1], right_bodies[1]),
        *_messages(left_messages, right_messages),
        *_timings(left, right),
    ]


def row(where: str, name: str, left: str | None, right: str | None, *, noise: bool = False) -> Difference:
    """Return a row; values that are too long are told by their beginning and their hash.

    Args:
      noise: It is, if it differs at all; else name and values are asked.
    """
    same = left == right
    noise = not same and (noise or is_noise(name, left, right))
    return Difference(where, name, _short(left), _short(right), same, noise)


def _outcome(left: Exchange, right: Exchange) -> Iterator[Difference]:
    yield row("outcome", "state", left.state.value, right.state.value)
    if left.failure or right.failure:
        yield row("outcome", "error", *(None if each.failure is None else each.failure.what for each in (left, right)))
        yield row(
            "outcome", "fault", *(None if each.failure is None else each.failure.fault.value for each in (left, right))
        )
    if left.upgrade or right.upgrade:
        yield row("outcome", "upgrade", left.upgrade or None, right.upgrade or None)


def _request_line(left: Exchange, right: Exchange) -> Iterator[Difference]:
    where = "request.head"
    yield row(where, "method", left.method, right.method)
    (path, _, query), (other_path, _, other_query) = left.target.partition("?"), right.target.partition("?")
    yield row(where, "path", path, other_path)
    for name, one, other in compare_bodies.by_name(compare_bodies.pairs(query), compare_bodies.pairs(other_query)):
        yield row(where, f"?{name}", one, other)


def _status(left: Exchange, right: Exchange) -> Iterator[Difference]:
    if left.status or right.status:
        yield row("response.head", "status", *(_status_words(each) for each in (left, right)))


def _status_words(exchange: Exchange) -> str | None:
    lines = lines_of(exchange.returned_head)
    return lines[0].partition(" ")[2] if lines else str(exchange.status or "") or None


def _fields(where: str, left: Headers, right: Headers) -> Iterator[Difference]:
    one, other = ([(_text(name), _text(value)) for name, value in each] for each in (left, right))
    for name, value, other_value in compare_bodies.by_name(one, other, case=False):
        yield row(where, name, value, other_value)


def _bodies(where: str, left_head: bytes, right_head: bytes, left: bytes, right: bytes) -> Iterator[Difference]:
    if not left and not right:
        return
    kinds, decoded = [], []
    for head, body in ((left_head, left), (right_head, right)):
        fields = fields_of(head)
        kinds.append(_text(fields.get(b"content-type") or b""))
        decoded.append(decode(body, fields.tokens(b"content-encoding")).body)
    one, other = decoded
    if one == other:
        said = _size(one)
        yield Difference(where, "body", said, said, True, False)
    if not one or not other:
        yield row(where, "body", _size(one) if one else None, _size(other) if other else None)
        return
    found = compare_bodies.parts(one, other, kinds[0], kinds[1])
    if found is None:
        if one != other:
            yield _binary(where, one, other)
        return
    for name, value, other_value in found:
        yield row(where, name, value, other_value)


def _binary(where: str, left: bytes, right: bytes) -> Difference:
    """Return one row: sizes, hashes, and where the first byte differs."""
    at = compare_bodies.first_difference(left, right)
    one, other = (f"{_size(each)}, SHA-256 {hashlib.sha256(each).hexdigest()[:16]}" for each in (left, right))
    return Difference(where, f"bytes from {at}", one, other, False, False)


def _messages(left: Iterable[RecordedMessage], right: Iterable[RecordedMessage]) -> Iterator[Difference]:
    """Compare messages one by one in their order, each direction for itself: which comes first is chance."""
    (ours, theirs), (other_ours, other_theirs) = _by_direction(left), _by_direction(right)
    for side, one, other in (("sent", ours, other_ours), ("received", theirs, other_theirs)):
        for number in range(min(max(len(one), len(other)), MOST_MESSAGES)):
            pair = (_message(each[number]) if number < len(each) else None for each in (one, other))
            yield row("messages", f"{side} {number + 1}", *pair)
        if max(len(one), len(other)) > MOST_MESSAGES:
            yield row("messages", f"{side}, in all", str(len(one)), str(len(other)))


def _by_direction(messages: Iterable[RecordedMessage]) -> tuple[Sequence[RecordedMessage], Sequence[RecordedMessage]]:
    sent: list[RecordedMessage] = []
    received: list[RecordedMessage] = []
    for message in messages:
        (sent if message.from_client else received).append(message)
    return sent, received


def _message(message: RecordedMessage) -> str:
    if message.kind == "text":
        return message.payload.decode("utf-8", "replace")
    return f"{message.kind}, {_size(message.payload)} {message.payload[:32].hex(' ')}".rstrip()


def _timings(left: Exchange, right: Exchange) -> Iterator[Difference]:
    """Return the phases; no two exchanges take equally long, so these differ as noise."""
    one, other = left.timings, right.timings
    for name, taken, other_taken in (
        ("connect", one.connect, other.connect),
        ("wait", one.wait, other.wait),
        ("receive", one.receive, other.receive),
        ("in all", one.ended, other.ended),
    ):
        if taken is not None or other_taken is not None:
            yield row("timings", name, _ms(taken), _ms(other_taken), noise=True)


def _ms(micros: int | None) -> str | None:
    return None if micros is None else f"{micros / 1000:.1f} ms"


def _size(body: bytes) -> str:
    return f"{len(body)} bytes"


def _short(value: str | None) -> str | None:
    if value is None or len(value) <= MOST_VALUE:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{value[:MOST_VALUE]}… ({len(value)} characters, SHA-256 {digest})"


def _text(value: bytes) -> str:
    return value.decode("latin-1")
