"""Redact bodies: bodies and messages with their secrets hidden, on their way from the gathering to the store.

A body that is here whole is looked at in one go. One that still comes is looked at as it comes, and what may be the
beginning of a secret is held back until more has come. A coded body (gzip and the like) is decoded to look at it; where it
holds a secret, what is stored is coded anew, so that it still is what its head says. Sizes are those of what passed.
"""

import dataclasses
from dataclasses import dataclass, field
from functools import lru_cache

from tunnel.capture.breath import Breath
from tunnel.capture.decode import MOST, decode, decoder
from tunnel.capture.gathering import SMALL, Batch, Piece
from tunnel.capture.pseudonyms import Pseudonyms
from tunnel.capture.recode import encoder, recode
from tunnel.capture.redact import redact
from tunnel.capture.redact_pieces import Escape, Redaction
from tunnel.capture.tap import Record
from tunnel.model.headers import Headers
from tunnel.model.stream import Message
from tunnel.model.summary import State

_REMEMBERED = 512  # small bodies that hold no secret: half a MiB at most
_MOST_KINDS = 256
_BINARY = (b"image/", b"audio/", b"video/", b"font/", b"application/wasm", b"application/zip", b"application/pdf")
_MANY = 256  # exchanges between two looks at the clock


@dataclass(frozen=True, slots=True)
class Manner:
    """How a body is to be read: as a form, undoing these codings, or not at all."""

    form: bool = False
    codings: tuple[bytes, ...] = ()
    binary: bool = False


_PLAIN = Manner()


@dataclass(slots=True)
class Coming:
    """One exchange that is written while it runs."""

    record: Record
    bodies: list["Passage | None"] = field(default_factory=lambda: [None, None])
    raw: list[Redaction | None] = field(default_factory=lambda: [None, None])  # an upgraded protocol nobody reads
    found: set[bytes] = field(default_factory=set)


class Bodies:
    """Hides what is secret in the bodies and messages of batches. Used by the writer's thread alone."""

    def __init__(self, hide: Pseudonyms, breathe: Breath) -> None:
        self._hide = hide
        self._breathe = breathe
        self._clean: dict[bytes, None] = {}
        self._manners: dict[
            int, tuple[Headers, Manner]
        ] = {}  # by identity; held, so that no other can have the same one
        self._plain: set[int] = set()  # of these, the plain ones
        self._coming: dict[int, Coming] = {}

    def begin_again(self) -> None:
        """Know that all that was written has gone: what is held back would follow nothing."""
        for coming in self._coming.values():
            for passage in coming.bodies:
                if passage is not None and passage.pieces:
                    passage.over = True

    def hide(self, batch: Batch) -> None:
        """Replace every secret in a batch's bodies and messages. To be called once for each batch."""
        found: dict[int, set[bytes]] = {}
        bodies: list[Piece] = []
        for record, response, piece, data, at in batch.bodies:
            if record.live:
                bodies += self._piece(record, response, data, at, last=False)
            else:
                bodies.append((record, response, piece, self._whole(record, response, data, found), at))
        messages = [self._message(item) for item in batch.messages]
        clean, plain = self._clean, self._plain
        for number, entry in enumerate(batch.records):
            record, _, _, _, asked, answered, _ = entry
            if answered is not None and not (
                answered in clean and (answer := record.response) is not None and id(answer.headers) in plain
            ):
                answered = self._small(record, True, answered, found)
            if asked is not None and not (asked in clean and id(record.request.headers) in plain):
                asked = self._small(record, False, asked, found)
            if answered is not entry.response_body or asked is not entry.request_body:
                entry = batch.records[number] = entry._replace(request_body=asked, response_body=answered)
            if self._coming and (coming := self._coming.get(id(record))) is not None:
                count = entry.messages
                if entry.state is not State.RUNNING:
                    for response in (False, True):
                        if record.live:
                            bodies += self._piece(record, response, b"", None, last=True)
                        count += self._rest(coming, response, count, messages)
                    del self._coming[id(record)]
                held = [passage.held if passage is not None else 0 for passage in coming.bodies]
                kept = (entry.kept[0] - held[0], entry.kept[1] - held[1])
                secrets = coming.found | found.get(id(record), set())
                batch.records[number] = entry._replace(kept=kept, messages=count, found=secrets)
            elif found and id(record) in found:
                batch.records[number] = entry._replace(found=found[id(record)])
            if not number % _MANY:
                self._breathe()
        batch.bodies, batch.messages = bodies, messages

    # Whole bodies

    def _small(self, record: Record, response: bool, body: bytes, found: dict[int, set[bytes]]) -> bytes:
        plain = self._manner(record, response) is _PLAIN
        if plain and body in self._clean:
            return body
        done = self._whole(record, response, body, found)
        if plain and done is body:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean[body] = None
        return done

    def _whole(self, record: Record, response: bool, body: bytes, found: dict[int, set[bytes]]) -> bytes:
        """Return a body that is here whole, or cut short for good."""
        self._breathe()
        tap = record.response_body if response else record.request_body
        manner = self._manner(record, response)
        self._hide.found = set()
        try:
            done = self._hidden(body, manner, tap.kept < tap.size)
        except Exception:
            tap.lost = True  # what cannot be looked at is not stored
            done = b""
        if self._hide.found:
            found.setdefault(id(record), set()).update(self._hide.found)
        return done

    def _hidden(self, body: bytes, manner: Manner, cut: bool) -> bytes:
        if manner.binary and b"\0" in body[:SMALL]:
            return Escape(self._hide).feed(body, last=True)
        if not manner.codings:
            return self._text(body, manner.form, cut)
        decoded = decode(body, manner.codings)
        if decoded.body is body or not decoded.body:  # a coding that is unknown, or not there at all
            return self._text(body, manner.form, cut)
        done = self._text(decoded.body, manner.form, cut or bool(decoded.notes))
        # Only so much is decoded: what lies behind was not looked at, and is not stored.
        return body if done is decoded.body and len(done) < MOST else recode(done, manner.codings)

    def _text(self, text: bytes, form: bool, cut: bool) -> bytes:
        return redact(text, self._hide, form=form, cut=cut, fresh=True, pause=self._breathe)

    # What still comes

    def _piece(self, record: Record, response: bool, data: bytes, at: float | None, *, last: bool) -> list[Piece]:
        coming = self._coming_of(record)
        passage = coming.bodies[response]
        if passage is None:
            if not data:
                return []
            manner = self._manner(record, response)
            passage = coming.bodies[response] = Passage(manner, data, self._hide, self._breathe)
        self._hide.found = coming.found
        tap = record.response_body if response else record.request_body
        done = passage.feed(data, last=last, cut=tap.kept < tap.size)
        if passage.over:
            tap.lost = True
        passage.at = passage.at if at is None else at  # what was held back has the time of what it goes out with
        if not done:
            return []
        passage.pieces += 1
        return [(record, response, passage.pieces - 1, done, passage.at)]

    def _message(self, item: tuple[Record, int, Message]) -> tuple[Record, int, Message]:
        record, number, message = item
        payload = message.payload
        if not payload:
            return item
        self._breathe()
        coming = self._coming_of(record)
        self._hide.found = coming.found
        if message.kind != "bytes":
            done = self._text(payload, False, len(payload) < message.size)
        else:  # pieces of a stream: a secret may lie across two of them
            redaction = coming.raw[not message.from_client]
            if redaction is None:
                redaction = coming.raw[not message.from_client] = Redaction(self._hide, fresh=True)
            done = redaction.feed(payload, last=False, pause=self._breathe)
        return item if done is payload else (record, number, dataclasses.replace(message, payload=done))

    def _coming_of(self, record: Record) -> Coming:
        coming = self._coming.get(id(record))
        if coming is None:
            coming = self._coming[id(record)] = Coming(record)
        return coming

    def _rest(self, coming: Coming, response: bool, number: int, messages: list[tuple[Record, int, Message]]) -> int:
        """Add what was held back of an upgraded connection that nobody reads; return how many messages that made."""
        redaction, record = coming.raw[response], coming.record
        if redaction is None or not redaction.held:
            return 0
        self._hide.found = coming.found
        rest = redaction.feed(b"", last=True, cut=True)
        for at in range(len(messages) - 1, -1, -1):
            whose, its, message = messages[at]
            if whose is record and message.from_client is not response:
                messages[at] = whose, its, dataclasses.replace(message, payload=message.payload + rest)
                return 0
        messages.append((record, number, Message(not response, "bytes", record.ended or record.started, 0, rest)))
        return 1

    # How a body is to be read

    def _manner(self, record: Record, response: bool) -> Manner:
        message = record.response if response else record.request
        if message is None:
            return _PLAIN
        headers = message.headers
        known = self._manners.get(id(headers))
        if known is not None and known[0] is headers:
            return known[1]
        manner = manner_of(headers)
        if len(self._manners) >= _MOST_KINDS:
            self._plain.clear()
            self._manners.clear()
        self._manners[id(headers)] = headers, manner
        if manner is _PLAIN:
            self._plain.add(id(headers))
        return manner


def manner_of(headers: Headers) -> Manner:
    """Return how the body behind these fields is to be read."""
    form, binary = _kind_of(headers.get(b"content-type") or b"")
    codings: tuple[bytes, ...] = ()
    if b"content-encoding" in headers.names:
        codings = tuple(coding for coding in headers.tokens(b"content-encoding") if coding != b"identity")
    return Manner(form, codings, binary) if form or codings or binary else _PLAIN


@lru_cache(maxsize=256)
def _kind_of(content_type: bytes) -> tuple[bool, bool]:
    kind = content_type.lower()
    return kind.startswith(b"application/x-www-form-urlencoded"), kind.startswith(_BINARY) and b"svg" not in kind


class Passage:
    """One body that is stored while it still comes.

    Attributes:
      at: When the last piece came, where that was noted.
      pieces: How many were stored.
      over: Nothing more of it can be stored.
    """

    __slots__ = (
        "_breathe", "_decoder", "_encoder", "_escape", "_first", "_redaction", "_room", "at", "over", "pieces",
    )  # fmt: skip

    def __init__(self, manner: Manner, first: bytes, hide: Pseudonyms, breathe: Breath) -> None:
        self.at: float | None = None
        self.pieces = 0
        self.over = len(manner.codings) > 1  # nobody sends that; it would have to wait in memory
        self._escape = Escape(hide) if manner.binary and b"\0" in first[:SMALL] else None
        self._redaction = Redaction(hide, form=manner.form, fresh=True)
        self._breathe = breathe
        self._room = MOST
        self._decoder = self._encoder = None
        self._first = False
        if len(manner.codings) == 1:
            try:
                self._decoder, self._encoder = decoder(manner.codings[0], first), encoder(manner.codings[0])
            except (KeyError, ImportError):
                pass  # it is looked at as it is
            self._first = True

    @property
    def held(self) -> int:
        """Bytes that have come and are not stored yet, where they are stored as they come."""
        if self._escape is not None:
            return self._escape.held
        return self._redaction.held if self._decoder is None else 0

    def feed(self, data: bytes, *, last: bool, cut: bool) -> bytes:
        """Take what has come, and return what is to be stored."""
        if self.over:
            return b""
        if self._escape is not None:
            return self._escape.feed(data, last=last)
        if self._decoder is None or self._encoder is None:
            return self._redaction.feed(data, last=last, cut=cut, pause=self._breathe)
        text = self._decoded(data)
        if text is None:  # it is not coded at all
            self._decoder = self._encoder = None
            return self._redaction.feed(data, last=last, cut=cut, pause=self._breathe)
        out = self._redaction.feed(text, last=last, cut=True, pause=self._breathe)
        return self._encoder.feed(out, last=last) if out or (last and self.pieces) else b""

    def _decoded(self, data: bytes) -> bytes | None:
        assert self._decoder is not None
        parts = []
        try:
            while self._room > 0:
                part = self._decoder.feed(data, self._room)
                data = b""
                if not part:
                    break
                parts.append(part)
                self._room -= len(part)
        except ValueError:
            if self._first:
                return None
            self._room = 0
        self._first = False
        return b"".join(parts)
