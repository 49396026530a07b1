"""Secrets in somebody else's recording: hidden before they touch the disk, as those of our own traffic are.

Pseudonyms that are there already, of a recording that tunnel made, stay what they are.
"""

import dataclasses
from pathlib import Path

from tunnel.capture.breath import Breath
from tunnel.capture.decode import decode
from tunnel.capture.har import Imported
from tunnel.capture.heads import fields_of, lines_of
from tunnel.capture.pseudonyms import Pseudonyms, load_or_make
from tunnel.capture.recode import recode
from tunnel.capture.redact import redact
from tunnel.capture.redact_bodies import manner_of
from tunnel.capture.redact_heads import Heads
from tunnel.capture.store_schema import FILE, trouble
from tunnel.capture.vault import Vault
from tunnel.model.exchange import Body, Exchange, Failure


class HarSecrets:
    """Hides what is secret in imported exchanges; what `importing.import_har` takes as its `change`."""

    def __init__(self, folder: Path) -> None:
        """Load the store's key.

        Args:
          folder: Where the store lives.
        Raises: TunnelError, it can be neither read nor made.
        """
        vault = Vault()
        try:
            self._hide = Pseudonyms(load_or_make(folder), vault)
        except OSError as error:
            raise trouble(folder / FILE, error) from error
        self._heads = Heads(self._hide, vault, Breath())

    def __call__(self, imported: Imported) -> Imported:
        """Return an exchange without its secrets."""
        self._hide.found = set()
        exchange, request, response, messages, moments = imported
        request_head = self._head(exchange.request_head)
        failure = exchange.failure
        hidden = dataclasses.replace(
            exchange,
            target=lines_of(request_head)[0].partition(" ")[2].partition(" ")[0],
            request_head=request_head,
            sent_head=self._head(exchange.sent_head),
            informational=self._head(exchange.informational),
            response_head=self._head(exchange.response_head),
            returned_head=self._head(exchange.returned_head),
            request_trailers=self._block(exchange.request_trailers),
            response_trailers=self._block(exchange.response_trailers),
            failure=failure and Failure(self._heads.text(failure.what), self._heads.text(failure.hint), failure.fault),
            repairs=tuple(map(self._heads.text, exchange.repairs)),
        )
        request = self._body(request, exchange.request, exchange.request_head)
        stored, response = response, self._body(response, exchange.response, exchange.response_head)
        told = tuple(
            dataclasses.replace(message, payload=self._text(message.payload, cut=len(message.payload) < message.size))
            for message in messages
        )
        return Imported(self._counted(hidden), request, response, told, moments if response == stored else ())

    def _counted(self, exchange: Exchange) -> Exchange:
        return dataclasses.replace(exchange, redacted=exchange.redacted + len(self._hide.found))

    def _head(self, head: bytes) -> bytes:
        return self._heads.head(head) if head else head

    def _block(self, block: bytes | None) -> bytes | None:
        return self._heads.block(block) if block else block

    def _body(self, body: bytes, said: Body, head: bytes) -> bytes:
        if not body:
            return body
        manner = manner_of(fields_of(head))
        if manner.binary and b"\0" in body[:1024]:
            return body
        decoded = decode(body, manner.codings)
        if decoded.body == body:
            return self._text(body, form=manner.form, cut=not said.whole)
        done = self._text(decoded.body, form=manner.form, cut=not said.whole or bool(decoded.notes))
        return body if done == decoded.body and not decoded.notes else recode(done, manner.codings)

    def _text(self, text: bytes, *, form: bool = False, cut: bool = False) -> bytes:
        return redact(text, self._hide, form=form, cut=cut)
