"""Redact heads: what the way noted of an exchange's heads, with the secrets hidden. Most hold none.

Blocks of fields come again and again, and are remembered as in `http.heads`: of a block without secrets that it has none, of
another what became of it. The parts of a first line and each field line are texts of their own: what is hidden of one
changes nothing in how another is read.
"""

from typing import NamedTuple

from tunnel.capture.breath import Breath
from tunnel.capture.pseudonyms import Pseudonyms
from tunnel.capture.redact import redact, settled
from tunnel.capture.redact_spans import Hide, blotted, found_in, hidden
from tunnel.capture.secret_names import PLAIN_FIELDS, Kind, field_kind
from tunnel.capture.secret_shapes import may_hold
from tunnel.capture.tap import Record
from tunnel.capture.vault import Vault
from tunnel.model.headers import Headers
from tunnel.model.message import Response
from tunnel.model.pseudonym import BEGINNING

_REMEMBERED = 256  # blocks, of up to `_LARGEST` bytes: 1 MiB of memory at most
_LARGEST = 4096
_TARGETS = 1024  # targets without a secret
_SHORT = 12  # bytes: a target of no more holds no secret worth the name


class Hidden(NamedTuple):
    """The heads of an exchange as they are kept; as `Record` has them."""

    target: bytes
    raw: bytes
    sent: bytes
    answer: bytes
    returned: bytes


class Heads:
    """Hides what is secret in heads. Used by the writer's thread alone."""

    def __init__(self, hide: Pseudonyms, vault: Vault, breathe: Breath, *, fresh: bool = False) -> None:
        """Begin.

        Args:
          hide: Gives pseudonyms.
          vault: Where it puts them.
          breathe: Called between two heads.
          fresh: What is to come passed just now, so no pseudonym in it is ours.
        """
        self.hide = hide
        self._fresh = fresh
        self.vault = vault
        self._breathe = breathe
        self._plain: dict[int, Headers] = {}  # by identity; held, so that no other can have the same one
        self._known: dict[int, Response] = {}  # likewise, answers: many within a second are one object (`http.heads`)
        self._answers: set[bytes] = set()  # heads of answers without a secret
        self._targets: set[bytes] = set()
        self._blocks: dict[bytes, tuple[bytes, tuple[bytes, ...]]] = {}

    def plain(self, record: Record) -> bool:
        """Whether no head of an exchange holds a secret, by what can be told at once. What we send on follows what came."""
        request, response = record.request, record.response
        target, headers = request.target, request.headers
        if len(target) > _SHORT and target not in self._targets and not self._plain_target(target):
            return False
        if len(request.method) > _SHORT:
            return False
        if self._plain.get(id(headers)) is not headers and not self._plain_request(headers, request.raw):
            return False
        return (
            response is None
            or self._known.get(id(response)) is response
            or response.raw in self._answers
            or self._plain_answer(response, record.returned)
        )

    def hidden(self, record: Record) -> Hidden:
        """Return the heads of an exchange with the secrets hidden."""
        self._breathe()
        request, response = record.request, record.response
        target, returned = request.target, record.returned
        answer = b"" if response is None else response.raw
        # The lines that begin the heads hold the target.
        whole = (len(target) > _SHORT and target not in self._targets) or len(request.method) > _SHORT
        raw, sent = self.head(request.raw, whole), self.head(record.sent, whole)
        if whole:
            target = self._text(target)
        if response is not None and not (answer in self._answers or self._plain_answer(response, returned)):
            same = returned == answer
            answer = self.head(answer)
            returned = answer if same else self.head(returned)
        return Hidden(target, raw, sent, answer, returned)

    def head(self, raw: bytes, whole: bool = True) -> bytes:
        """Return a head, or several behind each other, with the secrets hidden; `whole` if its first line may have some."""
        end = raw.find(b"\r\n")
        if end < 0:
            return self._text(raw)
        return (self._first_line(raw[:end]) if whole else raw[:end]) + b"\r\n" + self.block(raw[end + 2 :])

    def block(self, block: bytes) -> bytes:
        """Return field lines with the secrets hidden."""
        known = self._blocks.get(block)
        if known is not None and self.vault.touch(known[1]):
            self.hide.found.update(known[1])
            return known[0]
        before, self.hide.found = self.hide.found, set()
        done = self._hide_block(block)
        if len(block) <= _LARGEST:
            if len(self._blocks) >= _REMEMBERED:
                self._blocks.clear()
            self._blocks[block] = done, tuple(self.hide.found)
        before |= self.hide.found
        self.hide.found = before
        return done

    def text(self, text: str) -> str:
        """Return a sentence with the secrets hidden: an error may quote what was asked for."""
        raw = text.encode("utf-8", "surrogatepass")
        done = self._text(raw)
        return text if done is raw else done.decode("utf-8", "surrogatepass")

    def _first_line(self, line: bytes) -> bytes:
        done = self._line(line, fresh=self._fresh)
        return line if done == line else settled(done, self._line, self.hide)

    def _line(self, line: bytes, *, fresh: bool = False) -> bytes:
        """Return a first line, its parts each read by itself: method, target, version; version, status, reason."""
        parts = line.split(b" ", 2)
        if len(parts) < 3 or not (parts[0].startswith(b"HTTP/") or parts[2].startswith(b"HTTP/")):
            return redact(line, self.hide, fresh=fresh)
        return b" ".join([part if len(part) <= _SHORT else redact(part, self.hide, fresh=fresh) for part in parts])

    def _text(self, text: bytes) -> bytes:
        return redact(text, self.hide, fresh=self._fresh)

    def _hide_block(self, block: bytes) -> bytes:
        self._breathe()
        done = self._lines(block, fresh=self._fresh)
        return block if done is block else settled(done, self._lines, self.hide, _blotted_lines)

    def _lines(self, block: bytes, *, fresh: bool = False) -> bytes:
        lines = block.split(b"\r\n")
        worth = bool(found_in(block, False, False, fresh=fresh))
        changed = False
        for number, line in enumerate(lines):
            name, colon, value = line.partition(b":")
            kind = field_kind(name.strip().lower()) if colon else Kind.NONE
            if kind is Kind.NONE:
                done = redact(line, self.hide, fresh=fresh) if worth else line
            else:
                bare = value.lstrip(b" \t")
                begin = line[: len(line) - len(bare)]
                begin = redact(begin, self.hide, fresh=fresh) if worth and len(begin) > _SHORT else begin
                done = begin + hidden(bare, kind, self.hide, fresh=fresh)
            if done != line:
                lines[number], changed = done, True
        return b"\r\n".join(lines) if changed else block

    def _plain_request(self, headers: Headers, raw: bytes) -> bool:
        block = raw[raw.find(b"\r\n") + 2 :]
        if self.block(block) != block:
            return False
        if len(self._plain) >= _REMEMBERED:
            self._plain.clear()
        self._plain[id(headers)] = headers
        return True

    def _plain_target(self, target: bytes) -> bool:
        if (b"=" in target or b":" in target or may_hold(target)) and found_in(target, False, False, fresh=self._fresh):
            return False
        if len(self._targets) >= _TARGETS:
            self._targets.clear()
        self._targets.add(target)
        return True

    def _plain_answer(self, response: Response, returned: bytes) -> bool:
        if not self._has_none(response, returned):
            return False
        if response.raw:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[id(response)] = response
        return True

    def _has_none(self, response: Response, returned: bytes) -> bool:
        headers = response.headers
        if headers.names and len(response.reason) < 24 and BEGINNING not in response.raw:
            if PLAIN_FIELDS.issuperset(headers.names):
                return True
            others = [(n, f) for n, f in zip(headers.names, headers.fields, strict=True) if n not in PLAIN_FIELDS]
            if any(field_kind(name) is not Kind.NONE for name, _ in others):
                return False
            return not found_in(b"\r\n".join([b"%b: %b" % field for _, field in others]), False, False)
        raw = response.raw or returned  # what we answer ourselves never came
        if self.head(raw) != raw:
            return False
        if response.raw and len(raw) <= _LARGEST:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers.add(raw)
        return True


def _blotted_lines(block: bytes, hide: Hide) -> bytes:
    return b"\r\n".join([blotted(line, hide) for line in block.split(b"\r\n")])
