"""Redact heads: what the way noted of an exchange's heads, with the secrets hidden. Most hold none.

Blocks of fields come again and again, and are remembered as in `http.heads`: of a block without secrets that it has none, of
another what became of it.
"""

from typing import NamedTuple

from tunnel.capture.breath import Breath
from tunnel.capture.pseudonyms import Pseudonyms
from tunnel.capture.redact import found_in, hidden, redact
from tunnel.capture.secret_names import PLAIN_FIELDS, Kind, field_kind
from tunnel.capture.secret_shapes import may_hold
from tunnel.capture.tap import Record
from tunnel.capture.vault import Vault
from tunnel.model.headers import Headers
from tunnel.model.message import Response

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

    def __init__(self, hide: Pseudonyms, vault: Vault, breathe: Breath) -> None:
        self.hide = hide
        self._vault = vault
        self._breathe = breathe
        self._plain: dict[int, Headers] = {}  # by identity; held, so that no other can have the same one
        self._answers: set[bytes] = set()  # heads of answers without a secret
        self._targets: set[bytes] = set()
        self._blocks: dict[bytes, tuple[bytes, tuple[bytes, ...]]] = {}

    def plain(self, record: Record) -> bool:
        """Whether no head of an exchange holds a secret, by what can be told at once. What we send on follows what came."""
        request, response = record.request, record.response
        target, headers = request.target, request.headers
        if len(target) > _SHORT and target not in self._targets and not self._plain_target(target):
            return False
        if self._plain.get(id(headers)) is not headers and not self._plain_request(headers, request.raw):
            return False
        return response is None or response.raw in self._answers or self._plain_answer(response, record.returned)

    def hidden(self, record: Record) -> Hidden:
        """Return the heads of an exchange with the secrets hidden."""
        self._breathe()
        request, response = record.request, record.response
        target, returned = request.target, record.returned
        answer = b"" if response is None else response.raw
        whole = len(target) > _SHORT and target not in self._targets  # the lines that begin the heads hold the target
        raw, sent = self.head(request.raw, whole), self.head(record.sent, whole)
        if whole:
            target = redact(target, self.hide)
        if response is not None and not (answer in self._answers or self._plain_answer(response, returned)):
            same = returned == answer
            answer = self.head(answer)
            returned = answer if same else self.head(returned)
        return Hidden(target, raw, sent, answer, returned)

    def head(self, raw: bytes, whole: bool = True) -> bytes:
        """Return a head, or several behind each other, with the secrets hidden; `whole` if its first line may have some."""
        end = raw.find(b"\r\n") + 2
        if end < 2:
            return redact(raw, self.hide)
        return (redact(raw[:end], self.hide) if whole else raw[:end]) + self.block(raw[end:])

    def block(self, block: bytes) -> bytes:
        """Return field lines with the secrets hidden."""
        known = self._blocks.get(block)
        if known is not None and self._vault.touch(known[1]):
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
        done = redact(raw, self.hide)
        return text if done is raw else done.decode("utf-8", "surrogatepass")

    def _hide_block(self, block: bytes) -> bytes:
        self._breathe()
        lines = block.split(b"\r\n")
        worth = bool(found_in(block, False, False))
        changed = False
        for number, line in enumerate(lines):
            name, colon, value = line.partition(b":")
            kind = field_kind(name.strip().lower()) if colon else Kind.NONE
            if kind is Kind.NONE:
                done = redact(line, self.hide) if worth else line
            else:
                bare = value.lstrip(b" \t")
                done = line[: len(line) - len(bare)] + hidden(bare, kind, self.hide)
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
        if (b"=" in target or b":" in target or may_hold(target)) and found_in(target, False, False):
            return False
        if len(self._targets) >= _TARGETS:
            self._targets.clear()
        self._targets.add(target)
        return True

    def _plain_answer(self, response: Response, returned: bytes) -> bool:
        headers = response.headers
        if headers.names and len(response.reason) < 24:
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
